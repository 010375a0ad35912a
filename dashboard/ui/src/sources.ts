/**
 * Sources in words: what one does, what it reads, what its last message asks for, and how fast it is. The server tells
 * totals only, so rates and last records are what was seen to change since the page was opened.
 *
 * Limits: what comes out of logs or from other machines is cut and made plain (plain.ts) before it is shown.
 */
import { ACTIVITY_WORDS, type Activity, CATCHING_UP_BYTES_MIN } from './activity';
import type { AuditAnswer, RejectedRow, SourceActivity, SourceAudit, SourceRow } from './api/types';
import { formatBytes, formatCompact, formatCount, formatDuration, plural } from './format';

/** Rates are averages over this long. */
const RATE_WINDOW_MS = 60_000;
/** Two observations nearer than this say nothing about a rate. */
const RATE_MS_MIN = 1_000;
/** The names of a list that are written out. */
const NAMED_MAX = 2;

const texts = (value: unknown): string[] => (Array.isArray(value) ? value : [value]).filter((item): item is string => typeof item === 'string' && item !== '');

/** "a, b and 3 more" */
function listed(names: string[]): string {
  const shown = names.slice(0, NAMED_MAX);
  return names.length > shown.length ? `${shown.join(', ')} and ${formatCount(names.length - shown.length)} more` : shown.join(', ');
}

/** The files behind the partitions of a file source; a file that was replaced has several. */
export function filesRead(audit: SourceAudit | undefined): string[] {
  return [...new Set(Object.keys(audit?.offset ?? {}).map((partition) => partition.replace(/#\d+$/, '')))];
}

/** What a source reads. The options of one from the graph file are not told: then it is what it was seen to read. */
export function readsWords(row: SourceRow, audit: SourceAudit | undefined): string {
  const options = row.options ?? {};
  const at = texts(options.url)[0] ?? texts(options.host)[0];
  switch (row.type) {
    case 'file': {
      const files = filesRead(audit);
      return listed(texts(options.include)) || listed(files) || 'the files that the graph file names; none was read yet';
    }
    case 'http':
    case 'otlp': {
      const what = row.type === 'otlp' ? 'OpenTelemetry logs that are sent' : 'what is sent';
      const listen = texts(options.listen)[0] ?? (row.options ? LISTEN_DEFAULT[row.type] : undefined);
      return listen === undefined ? `${what} to it` : `${what} to ${listen}`;
    }
    case 'journald':
      return 'the journal of the system';
    case 'elasticsearch':
      return row.options ? `indices ${texts(options.index)[0] ?? '?'} of ${at ?? '?'}` : 'the indices that the graph file names';
    case 'postgres': {
      const what = texts(options.table)[0] === undefined ? 'a query' : `table ${texts(options.table)[0]}`;
      return row.options ? `${what} of ${at ?? '?'}` : 'the table that the graph file names';
    }
    case 'stdin':
      return 'standard input';
    case 'synthetic':
      return 'logs that it makes up';
    default:
      return 'what the graph file says';
  }
}

export const LISTEN_DEFAULT = { http: '127.0.0.1:8741', otlp: '127.0.0.1:4318' } as const;

/** What a message asks a person to do; the first that fits, so the more particular ones stand first. */
const ADVICE: [RegExp, string][] = [
  [/outside (of what|the folders)/i, 'Name the folder under `server.source_roots` of the graph file, or read from a folder that is named there.'],
  [/permission denied/i, 'Let the user that runs seismolog read it, and enter the folders above it.'],
  [/no file matches/i, 'Nothing has to be done if the file is still to come. If it is there, compare its path with `include`.'],
  [/no such file|does not exist|not found/i, 'Compare the name with what is there.'],
  [/address already in use/i, 'Another program or another source listens there: end that one, or add this source with another `listen`.'],
  [/too many open files/i, 'Raise the limit of open files for seismolog, or read fewer files with it.'],
  [/certificate|\btls\b|handshake/i, 'Check `ca_file`, and that the certificate has the name under which the server is called.'],
  [/\b40[13]\b|authentication|unauthori[sz]ed|password|log ?in\b/i, 'Check the `user` and the file with its password or key; both are read again at the next attempt.'],
  [/could not reach|refused|timed? ?out|unreachable|resolve|dns|reset/i, 'Check that the server runs, and that this machine reaches it under that address.'],
  [/no space|disk/i, 'Make room on the disk.'],
];

/** What to do about the last message of a source; null when there is nothing to do, or the message says it itself. */
export function adviceFor(row: SourceRow): string | null {
  const { message, state, origin } = row;
  if (message === null && state !== 'stopped') return null;
  const known = /hint:/i.test(message ?? '') ? '' : (ADVICE.find(([pattern]) => pattern.test(message ?? ''))?.[1] ?? '');
  const then: Partial<Record<SourceActivity, string>> = {
    backoff: known === '' ? 'It is tried again by itself.' : 'Then it goes on by itself.',
    stopped: `Then ${origin === 'added' ? 'remove it and add it again' : 'start seismolog again'}: it goes on where it was.`,
  };
  const lead = known === '' && state === 'stopped' ? 'Mend the cause.' : known;
  return [lead, then[state] ?? ''].filter(Boolean).join(' ') || null;
}

/** What cannot be done with a source, and where it can be; null when everything can. */
export function limitsOf(row: SourceRow): string | null {
  const ended = row.state === 'finished' || row.state === 'stopped';
  const pause = ended ? 'It has ended and cannot be paused.' : '';
  const file = row.origin === 'file' ? `It is in the graph file: its options are changed there, and only there it is removed${ended ? '.' : '; here it can be paused.'}` : '';
  return [file, pause].filter(Boolean).join(' ') || null;
}

/** Records of one source that could not be used. */
export interface Failures {
  rows: RejectedRow[];
  count: number;
  /** Their part of everything read, from 0 to 1; null when nothing was read. */
  share: number | null;
}

export function failuresOf(id: string, rejected: RejectedRow[], audit: SourceAudit | undefined): Failures {
  const rows = rejected.filter((row) => row.source === id);
  const count = rows.reduce((sum, row) => sum + row.count, 0);
  const read = audit?.read ?? 0;
  return { rows, count, share: read > 0 ? Math.min(1, count / read) : null };
}

/** A part of a whole: 0 %, < 0.1 %, 2.3 %, 34 %. */
export function formatShare(share: number): string {
  const percent = share * 100;
  if (percent > 0 && percent < 0.1) return '< 0.1 %';
  if (percent > 99.9 && percent < 100) return '> 99.9 %';
  return `${percent < 10 ? Math.round(percent * 10) / 10 : Math.round(percent)} %`;
}

/** "7 sources: 4 running, 1 paused" */
export function summary(activities: Activity[]): string {
  const order = Object.keys(ACTIVITY_WORDS) as Activity[];
  const parts = order
    .map((activity) => [activities.filter((other) => other === activity).length, ACTIVITY_WORDS[activity]] as const)
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${formatCount(count)} ${word}`);
  return `${plural(activities.length, 'source')}: ${parts.join(', ')}`;
}

/** Sources that are counted and not there any more: those that were removed. */
export function removedIds(rows: SourceRow[], audit: AuditAnswer | null): string[] {
  const there = new Set(rows.map((row) => row.id));
  return Object.entries(audit?.sources ?? {}).flatMap(([id, { read }]) => (!there.has(id) && read > 0 ? [id] : []));
}

/** What was read, and what waits, at one instant. */
export interface Observation {
  atMs: number;
  sources: Record<string, Pick<SourceAudit, 'read' | 'lag_bytes'>>;
}

/** The observations of the last minute, and when each source was last seen to have read something. */
export interface Watch {
  sinceMs: number;
  observations: Observation[];
  grew: Record<string, number>;
}

/** Adds an observation; one that is older than the last is from before and says nothing new. */
export function watched(watch: Watch | null, observation: Observation): Watch {
  const last = watch?.observations.at(-1);
  if (!watch || !last) return { sinceMs: observation.atMs, observations: [observation], grew: {} };
  if (observation.atMs <= last.atMs) return watch;
  const grew = { ...watch.grew };
  for (const [id, now] of Object.entries(observation.sources)) {
    if (now.read > (last.sources[id]?.read ?? 0)) grew[id] = observation.atMs;
  }
  const recent = watch.observations.filter(({ atMs }) => observation.atMs - atMs <= RATE_WINDOW_MS);
  return { ...watch, observations: [...recent, observation], grew };
}

/** A source that has read nothing yet is not in the audit. */
const NOTHING = { read: 0, lag_bytes: 0 };

/** Change per second of one number of a source over the watched minute; null while there is too little to tell. */
function changePerSecond(watch: Watch | null, id: string, number: (of: Observation['sources'][string]) => number | null): number | null {
  const [first, last] = [watch?.observations[0], watch?.observations.at(-1)];
  if (!first || !last || last.atMs - first.atMs < RATE_MS_MIN) return null;
  const [from, to] = [number(first.sources[id] ?? NOTHING), number(last.sources[id] ?? NOTHING)];
  return from === null || to === null ? null : (to - from) / ((last.atMs - first.atMs) / 1_000);
}

/** Records per second; null while there is too little to tell. */
export function rateOf(watch: Watch | null, id: string): number | null {
  const rate = changePerSecond(watch, id, ({ read }) => read);
  return rate === null ? null : Math.max(0, rate);
}

/** A rate people can say: 120/s, 3.1/s, 12/min, 0/s. */
export function formatRate(perSecond: number): string {
  if (perSecond === 0) return '0/s';
  return perSecond >= 1 ? `${formatCompact(perSecond)}/s` : `${Math.max(1, Math.round(perSecond * 60))}/min`;
}

/** "12 s ago", or for how long nothing came while somebody watched. */
export function lastRecordWords(watch: Watch | null, id: string, nowMs: number): string {
  if (!watch) return '';
  const grew = watch.grew[id];
  if (grew !== undefined) return nowMs - grew < 10_000 ? 'just now' : `${formatDuration(nowMs - grew)} ago`;
  const watchedMs = Math.max(nowMs, watch.observations.at(-1)?.atMs ?? 0) - watch.sinceMs;
  return watchedMs < RATE_MS_MIN ? '' : `none seen for ${formatDuration(watchedMs)}`;
}

/** How far behind a source is; only files tell it. */
export function behindWords(row: SourceRow, audit: SourceAudit | undefined, watch: Watch | null): { size: string; rest: string } {
  const lag = audit?.lag_bytes ?? null;
  if (row.type !== 'file' || lag === null) return { size: '–', rest: '' };
  const perSecond = changePerSecond(watch, row.id, ({ lag_bytes }) => lag_bytes);
  if (lag < CATCHING_UP_BYTES_MIN || perSecond === null) return { size: formatBytes(lag), rest: '' };
  if (perSecond >= 0) return { size: formatBytes(lag), rest: 'not getting less' };
  return { size: formatBytes(lag), rest: `at this pace ${formatDuration((lag / -perSecond) * 1_000)} more` };
}
