/**
 * What a source is doing, and the words for it. Apart from sources.ts because the overview, which is loaded first, needs
 * no more than this.
 */
import type { SourceActivity, SourceAudit, SourceRow } from './api/types';

/** A running source that is further behind than its reader takes in a few gulps is catching up. */
export const CATCHING_UP_BYTES_MIN = 1_048_576;

export type Activity = SourceActivity | 'catching';

/** What a source is doing, with the one thing that only its lag tells. */
export function activityOf(row: SourceRow, audit: SourceAudit | undefined): Activity {
  return row.state === 'running' && (audit?.lag_bytes ?? 0) >= CATCHING_UP_BYTES_MIN ? 'catching' : row.state;
}

export const ACTIVITY_WORDS: Record<Activity, string> = {
  running: 'running',
  catching: 'catching up',
  paused: 'paused',
  backoff: 'failing',
  finished: 'finished',
  stopped: 'stopped',
};

/** What stands behind the word, for people who have not seen it before. */
export const ACTIVITY_MEANINGS: Record<Activity, string> = {
  running: 'It reads, or waits for more.',
  catching: 'It reads what was written before, and is not at the end yet.',
  paused: 'Somebody paused it. Its place is kept.',
  backoff: 'It failed and is tried again by itself, with longer and longer pauses. Nothing else waits for it.',
  finished: 'It has read everything there will ever be.',
  stopped: 'It failed in a way that trying again cannot mend.',
};
