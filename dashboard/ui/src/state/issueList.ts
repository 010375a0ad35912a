/**
 * The pages of the issue list, as one list: follows cursors until enough issues are there.
 *
 * Limits: `ISSUES_SHOWN_MAX` issues; who looks further filters instead.
 */
import { fetchIssues, type IssuesQuery } from '../api/client';
import type { IssuesAnswer } from '../api/types';

export const PAGE_ISSUES = 50;
export const ISSUES_SHOWN_MAX = 500;

type Fetch = (query: IssuesQuery, signal: AbortSignal) => Promise<IssuesAnswer>;

/** Fetches the first `wanted` issues. An issue that moves between two pages meanwhile is listed once. */
export async function fetchIssueList(
  query: IssuesQuery,
  wanted: number,
  signal: AbortSignal,
  fetchPage: Fetch = fetchIssues,
): Promise<IssuesAnswer> {
  const first = await fetchPage({ ...query, limit: PAGE_ISSUES }, signal);
  const issues = new Map(first.issues.map((issue) => [issue.id, issue]));
  let next = first.next;
  let asked = PAGE_ISSUES;
  while (next !== null && asked < Math.min(wanted, ISSUES_SHOWN_MAX)) {
    const page = await fetchPage({ ...query, limit: PAGE_ISSUES, cursor: next }, signal);
    for (const issue of page.issues) if (!issues.has(issue.id)) issues.set(issue.id, issue);
    next = page.next;
    asked += PAGE_ISSUES;
  }
  return { ...first, issues: [...issues.values()], next };
}
