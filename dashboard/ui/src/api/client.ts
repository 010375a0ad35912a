/**
 * Typed requests to the server. Every failure becomes a `Problem` that says what failed and what to do; nothing else is
 * thrown except the abort of a request that is no longer wanted.
 *
 * Not here: when to ask again (state/resource.svelte.ts) and live updates (live.ts).
 */
import type {
  ActivityAnswer,
  AlertAnswer,
  AlertsAnswer,
  AuditAnswer,
  DecisionAnswer,
  GraphAnswer,
  Grouped,
  GroupingsAnswer,
  IssueAnswer,
  IssueDecided,
  IssuesAnswer,
  IssuesDecided,
  MeaningAnswer,
  NewSource,
  ProblemBody,
  ReadyAnswer,
  RejectedAnswer,
  SearchAnswer,
  SourceChanged,
  SourcesAnswer,
  SourceTested,
  TimelineAnswer,
  ValuesAnswer,
  VersionAnswer,
} from './types';

/** A request waits this long before it counts as failed. */
const REQUEST_MS_MAX = 20_000;

/** Why a request has no answer. `status` is 0 when the server could not be reached. */
export class Problem extends Error {
  override name = 'Problem';
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
  ) {
    super(`${title}: ${detail}`);
  }
}

export type Parameters = Record<string, string | number | null | undefined>;

/** Appends what is set; empty values are left out so that the server's defaults apply. */
export function withParameters(path: string, parameters: Parameters): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** Turns an answer that is not a success into a problem, whatever its body looks like. */
export async function problemFrom(response: Response): Promise<Problem> {
  const fallback = `The server answered ${response.status}${response.statusText ? ` ${response.statusText}` : ''}.`;
  try {
    const body = (await response.json()) as Partial<ProblemBody> | null;
    const title = typeof body?.title === 'string' && body.title !== '' ? body.title : 'The request failed';
    const detail = typeof body?.detail === 'string' && body.detail !== '' ? body.detail : fallback;
    return new Problem(response.status, title, detail);
  } catch {
    return new Problem(response.status, 'The request failed', fallback);
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

function unreachable(error: unknown): Problem {
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return new Problem(0, 'The server is slow', `No answer within ${REQUEST_MS_MAX / 1000} seconds. Try a shorter range.`);
  }
  return new Problem(0, 'The server cannot be reached', 'Check that seismolog is running. The page retries by itself.');
}

async function getJson<T>(
  path: string,
  parameters: Parameters,
  signal: AbortSignal,
  accepted: readonly number[] = [],
): Promise<T> {
  let response: Response;
  try {
    response = await fetch(withParameters(path, parameters), {
      headers: { accept: 'application/json' },
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS_MAX)]),
    });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw unreachable(error);
  }
  if (!response.ok && !accepted.includes(response.status)) throw await problemFrom(response);
  return readJson(path, response);
}

async function readJson<T>(path: string, response: Response): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new Problem(response.status, 'The answer cannot be read', `${path} did not answer with JSON.`);
  }
}

async function sendJson<T>(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(REQUEST_MS_MAX),
    });
  } catch (error) {
    throw unreachable(error);
  }
  if (!response.ok) throw await problemFrom(response);
  return readJson(path, response);
}

export interface IssuesQuery {
  from: string;
  to: string;
  points?: number;
  order?: string;
  severity?: string;
  q?: string;
  service?: string;
  tag?: string;
  limit?: number;
  cursor?: string | null;
}

export interface TimelineQuery {
  from: string;
  to: string;
  slice: number;
}

export function fetchIssues(query: IssuesQuery, signal: AbortSignal): Promise<IssuesAnswer> {
  return getJson('/api/v1/issues', { ...query }, signal);
}

export function fetchIssue(id: string, query: { from: string; to: string }, signal: AbortSignal): Promise<IssueAnswer> {
  return getJson(`/api/v1/issues/${encodeURIComponent(id)}`, query, signal);
}

/** What somebody does about issues; an `ignore` without an end is for good. */
export type TriageDeed =
  | { what: 'resolve' }
  | { what: 'reopen' }
  | { what: 'ignore'; for?: string; until?: string }
  | { what: 'assign'; to: string | null }
  | { what: 'comment' };

/** Who decides, and what they say; both may be empty. */
export interface Said {
  by: string;
  comment?: string;
}

function spoken({ by, comment = '' }: Said): Partial<Said> {
  return { ...(by.trim() === '' ? {} : { by: by.trim() }), ...(comment.trim() === '' ? {} : { comment: comment.trim() }) };
}

export function decideIssue(id: string, { what, ...how }: TriageDeed, said: Said): Promise<IssueDecided> {
  return sendJson('POST', `/api/v1/issues/${encodeURIComponent(id)}/${what}`, { ...how, ...spoken(said) });
}

/** Decides about all of them, or about none. */
export function decideIssues(issues: string[], deed: Exclude<TriageDeed, { what: 'comment' }>, said: Said): Promise<IssuesDecided> {
  return sendJson('POST', '/api/v1/issues/decide', { issues, ...deed, ...spoken(said) });
}

export function mergeIssues(id: string, others: string[], said: Said): Promise<Grouped> {
  return sendJson('POST', `/api/v1/issues/${encodeURIComponent(id)}/merge`, { with: others, ...spoken(said) });
}

export function splitIssue(id: string, fingerprints: string[], said: Said): Promise<Grouped> {
  return sendJson('POST', `/api/v1/issues/${encodeURIComponent(id)}/split`, { fingerprints, ...spoken(said) });
}

/** What happened to an issue and to what was merged into it, the latest first. */
export function fetchActivity(id: string, page: { limit: number; skip: number }, signal: AbortSignal): Promise<ActivityAnswer> {
  return getJson(`/api/v1/issues/${encodeURIComponent(id)}/activity`, page, signal);
}

/** What people said about grouping and holds. */
export function fetchGroupings(signal: AbortSignal): Promise<GroupingsAnswer> {
  return getJson('/api/v1/groupings', {}, signal);
}

/** Takes back what somebody said about grouping. */
export function ungroup(id: string, said: Said): Promise<{ durable: boolean }> {
  return sendJson('DELETE', `/api/v1/groupings/${encodeURIComponent(id)}`, spoken(said));
}

/** What varies among the kept samples of an issue. */
export function fetchValues(id: string, signal: AbortSignal): Promise<ValuesAnswer> {
  return getJson(`/api/v1/issues/${encodeURIComponent(id)}/values`, {}, signal);
}

/** What an issue means: its patterns, and which issues are possibly related. */
export function fetchMeaning(id: string, query: { from: string; to: string }, signal: AbortSignal): Promise<MeaningAnswer> {
  return getJson(`/api/v1/issues/${encodeURIComponent(id)}/meaning`, query, signal);
}

/** Issues of all time by words and by meaning. */
export function fetchSearch(q: string, limit: number, signal: AbortSignal): Promise<SearchAnswer> {
  return getJson('/api/v1/search', { q, limit }, signal);
}

/** The counts of one issue, or of everything when `issue` is null. */
export function fetchTimeline(
  issue: string | null,
  query: TimelineQuery,
  signal: AbortSignal,
): Promise<TimelineAnswer> {
  const path = issue === null ? '/api/v1/timeline' : `/api/v1/issues/${encodeURIComponent(issue)}/timeline`;
  return getJson(path, { ...query }, signal);
}

export function fetchAlerts(limit: number, signal: AbortSignal): Promise<AlertsAnswer> {
  return getJson('/api/v1/alerts', { limit }, signal);
}

/** One alert with its curve and the others of its incident. */
export function fetchAlert(key: string, signal: AbortSignal): Promise<AlertAnswer> {
  return getJson(`/api/v1/alerts/${encodeURIComponent(key)}`, {}, signal);
}

export type Decision = 'acknowledge' | 'snooze' | 'resolve';

/** Tells the engine what somebody decided about the incident of an alert; `forHow` is how long a snooze lasts. */
export function decideAlert(key: string, decision: Decision, said: Said, forHow?: string): Promise<DecisionAnswer> {
  const body = { ...(forHow === undefined ? {} : { for: forHow }), ...spoken(said) };
  return sendJson('POST', `/api/v1/alerts/${encodeURIComponent(key)}/${decision}`, body);
}

export function fetchSources(signal: AbortSignal): Promise<SourcesAnswer> {
  return getJson('/api/v1/sources', {}, signal);
}

/** Looks at what a source would read, without adding it. */
export function testSource(source: NewSource): Promise<SourceTested> {
  return sendJson('POST', '/api/v1/sources/test', source);
}

export function addSource(source: NewSource): Promise<SourceChanged> {
  return sendJson('POST', '/api/v1/sources', source);
}

export function pauseSource(id: string, paused: boolean): Promise<SourceChanged> {
  return sendJson('PATCH', `/api/v1/sources/${encodeURIComponent(id)}`, { paused });
}

/** Removes a source that was added; what was counted from it stays. */
export function removeSource(id: string): Promise<SourceChanged> {
  return sendJson('DELETE', `/api/v1/sources/${encodeURIComponent(id)}`);
}

export function fetchGraph(signal: AbortSignal): Promise<GraphAnswer> {
  return getJson('/api/v1/graph', {}, signal);
}

export function fetchAudit(signal: AbortSignal): Promise<AuditAnswer> {
  return getJson('/api/v1/audit', {}, signal);
}

export function fetchRejected(signal: AbortSignal): Promise<RejectedAnswer> {
  return getJson('/api/v1/rejected', {}, signal);
}

/** A server that is not ready answers 503 with the reasons; that is an answer, not a failure. */
export function fetchReady(signal: AbortSignal): Promise<ReadyAnswer> {
  return getJson('/readyz', {}, signal, [503]);
}

export function fetchVersion(signal: AbortSignal): Promise<VersionAnswer> {
  return getJson('/version', {}, signal);
}

/** Exchanges a token for the session cookie; throws the server's problem when it is refused. */
export async function signIn(token: string): Promise<void> {
  let response: Response;
  try {
    response = await fetch(withParameters('/login', { token }), { redirect: 'manual' });
  } catch (error) {
    throw unreachable(error);
  }
  // The server sets the cookie and redirects; the browser hides everything else about that answer.
  if (response.type !== 'opaqueredirect' && !response.ok) throw await problemFrom(response);
}
