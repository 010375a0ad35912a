/**
 * The pages of what happened to an issue, as one list.
 *
 * Limits: `ACTIVITY_SHOWN_MAX` entries. Pages count what the server counts, which tells some things once that it keeps twice.
 */
import { fetchActivity } from '../api/client';
import type { ActivityAnswer } from '../api/types';

export const PAGE_ACTIVITY = 10;
export const ACTIVITY_SHOWN_MAX = 500;
/** The server's own limit of a page. */
const PAGE_MAX = 200;

type Fetch = typeof fetchActivity;

export async function fetchActivityList(id: string, wanted: number, signal: AbortSignal, fetchPage: Fetch = fetchActivity): Promise<ActivityAnswer> {
  const all: ActivityAnswer = { activity: [], more: true };
  for (let skip = 0; all.more && skip < Math.min(wanted, ACTIVITY_SHOWN_MAX); ) {
    const limit = Math.min(PAGE_MAX, wanted - skip, ACTIVITY_SHOWN_MAX - skip);
    const page = await fetchPage(id, { limit, skip }, signal);
    all.activity.push(...page.activity);
    all.more = page.more;
    skip += limit;
  }
  return all;
}
