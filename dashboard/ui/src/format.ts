/**
 * Numbers, times and plain sentences: everything a person reads is worded here, so that it is worded once and tested.
 *
 * Instants are milliseconds since 1970. A zone is either UTC or the reader's own; a clock time in UTC always says so.
 */
import type { Alert, AlertKind, AuditAnswer, Issue } from './api/types';

export type Zone = 'utc' | 'local';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const pad = (value: number) => String(value).padStart(2, '0');

/** An exact count: 1,234,567. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** A count for an axis: 950, 1.2k, 34k, 5.6M. */
export function formatCompact(count: number): string {
  if (Math.abs(count) < 1_000) return String(Math.round(count * 10) / 10);
  const units = ['k', 'M', 'G', 'T'];
  let value = count;
  let unit = '';
  for (const next of units) {
    if (Math.abs(value) < 999.5) break;
    value /= 1_000;
    unit = next;
  }
  return `${Math.abs(value) < 10 ? Math.round(value * 10) / 10 : Math.round(value)}${unit}`;
}

/** A size: 0 B, 512 B, 1.5 KiB, 20 MiB. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  const shown = unit === 0 || value >= 10 ? Math.round(value) : Math.round(value * 10) / 10;
  return `${shown} ${units[unit]}`;
}

/** A length of time in at most two units: 45 s, 5 min, 2 h 5 min, 3 d 4 h. */
export function formatDuration(durationMs: number): string {
  const duration = Math.max(0, durationMs);
  if (duration < MINUTE_MS) return `${Math.floor(duration / SECOND_MS)} s`;
  if (duration < HOUR_MS) return `${Math.floor(duration / MINUTE_MS)} min`;
  const [unitMs, unit, restMs, rest] = duration < DAY_MS ? [HOUR_MS, 'h', MINUTE_MS, 'min'] : [DAY_MS, 'd', HOUR_MS, 'h'];
  const whole = Math.floor(duration / unitMs);
  const left = Math.floor((duration % unitMs) / restMs);
  return left === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${left} ${rest}`;
}

/** How long ago, in one unit: just now, 3 min ago, 5 h ago, 2 d ago; an instant to come is "in 3 min". */
export function formatRelative(instantMs: number, nowMs: number): string {
  const distance = Math.abs(nowMs - instantMs);
  if (distance < 10 * SECOND_MS) return 'just now';
  const text =
    distance < MINUTE_MS
      ? `${Math.floor(distance / SECOND_MS)} s`
      : distance < HOUR_MS
        ? `${Math.floor(distance / MINUTE_MS)} min`
        : distance < DAY_MS
          ? `${Math.floor(distance / HOUR_MS)} h`
          : distance < 730 * DAY_MS
            ? `${Math.floor(distance / DAY_MS)} d`
            : `${Math.floor(distance / (365.25 * DAY_MS))} y`;
  return instantMs > nowMs ? `in ${text}` : `${text} ago`;
}

interface ClockParts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

function clockParts(instantMs: number, zone: Zone): ClockParts {
  const date = new Date(instantMs);
  return zone === 'utc'
    ? {
        year: date.getUTCFullYear(),
        month: date.getUTCMonth(),
        day: date.getUTCDate(),
        hour: date.getUTCHours(),
        minute: date.getUTCMinutes(),
        second: date.getUTCSeconds(),
      }
    : {
        year: date.getFullYear(),
        month: date.getMonth(),
        day: date.getDate(),
        hour: date.getHours(),
        minute: date.getMinutes(),
        second: date.getSeconds(),
      };
}

const zoneSuffix = (zone: Zone) => (zone === 'utc' ? ' UTC' : '');

/** The full instant: 2026-11-21 14:05:09 UTC. */
export function formatInstant(instantMs: number, zone: Zone): string {
  if (Number.isNaN(instantMs)) return '–';
  const at = clockParts(instantMs, zone);
  const day = `${at.year}-${pad(at.month + 1)}-${pad(at.day)}`;
  return `${day} ${pad(at.hour)}:${pad(at.minute)}:${pad(at.second)}${zoneSuffix(zone)}`;
}

/** A day as people say it: Nov 21. */
export function formatDay(instantMs: number, zone: Zone): string {
  const at = clockParts(instantMs, zone);
  return `${MONTHS[at.month]} ${at.day}`;
}

/** A clock time for a sentence: 14:05 UTC, with the day when it is not the day of `nowMs`. */
export function formatClock(instantMs: number, nowMs: number, zone: Zone): string {
  const at = clockParts(instantMs, zone);
  const now = clockParts(nowMs, zone);
  const time = `${pad(at.hour)}:${pad(at.minute)}${zoneSuffix(zone)}`;
  if (at.year === now.year && at.month === now.month && at.day === now.day) return time;
  const year = at.year === now.year ? '' : ` ${at.year}`;
  return `${formatDay(instantMs, zone)}${year}, ${time}`;
}

/** Both ends of a range, the day only once when it is the same: Nov 21 14:05 – 15:00. */
export function formatRange(fromMs: number, toMs: number, zone: Zone): string {
  const clock = (instantMs: number) => {
    const at = clockParts(instantMs, zone);
    return `${pad(at.hour)}:${pad(at.minute)}`;
  };
  const years = clockParts(fromMs, zone).year !== clockParts(toMs, zone).year;
  const day = (instantMs: number) =>
    `${formatDay(instantMs, zone)}${years ? ` ${clockParts(instantMs, zone).year}` : ''}`;
  const end = day(fromMs) === day(toMs) ? clock(toMs) : `${day(toMs)} ${clock(toMs)}`;
  return `${day(fromMs)} ${clock(fromMs)} – ${end}${zoneSuffix(zone)}`;
}

/** Labels of a time axis: the clock, and the day below it at the first label and wherever it changes. */
export function formatAxis(instantsMs: number[], stepMs: number, zone: Zone): string[] {
  let shownDay = '';
  return instantsMs.map((instantMs) => {
    const at = clockParts(instantMs, zone);
    const day = formatDay(instantMs, zone);
    if (stepMs >= DAY_MS) return day;
    const clock = `${pad(at.hour)}:${pad(at.minute)}`;
    if (day === shownDay) return clock;
    shownDay = day;
    return `${clock}\n${day}`;
  });
}

/** A ratio people can say: 3.2×, 38×, 1,200×. */
export function formatRatio(ratio: number): string {
  if (!Number.isFinite(ratio)) return '∞×';
  return ratio < 10 ? `${Math.round(ratio * 10) / 10}×` : `${formatCount(ratio)}×`;
}

/** An expected rate: 0.04, 3.1, 120. */
export function formatExpected(expected: number): string {
  if (expected >= 10) return formatCount(expected);
  return String(expected >= 1 ? Math.round(expected * 10) / 10 : Number(expected.toPrecision(2)));
}

/** Why records could not be used, for people. */
export function rejectedSentence(reason: string): string {
  const known: Record<string, string> = {
    absurd_time: 'their time lies before 1990, or more than a day after they were received',
    format_mismatch: 'they do not have the format that their parse operator expects',
  };
  return Object.hasOwn(known, reason) ? known[reason]! : reason;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** What kind of news an alert is, in words. */
export const KIND_WORDS: Record<AlertKind, string> = {
  spike: 'spike',
  new_burst: 'new burst',
  first_seen: 'first seen',
  regression: 'regression',
  gone_quiet: 'gone quiet',
  step: 'step after a deploy',
};

/** What convinced, where it was not one message by itself. */
export const LEVEL_WORDS: Record<Alert['level'], string> = {
  fingerprint: '',
  issue: 'messages of the issue together',
  service: 'whole service',
};

/** Where an alert stands, in words. */
export function stateWords(alert: Alert, nowMs: number, zone: Zone): string {
  if (alert.state === 'snoozed' && alert.until !== null) return `snoozed until ${formatClock(Date.parse(alert.until), nowMs, zone)}`;
  return alert.state === 'retracted' ? 'taken back' : alert.state;
}

function rateWords({ kind, peak }: Alert): string {
  const rate = peak.expected < 0.01 ? 'almost never seen before' : `${formatRatio(peak.ratio)} its usual rate`;
  const known: Partial<Record<AlertKind, string>> = {
    step: `${rate} after a deploy`,
    new_burst: 'in numbers, and hardly ever seen before',
    first_seen: 'never seen before',
    regression: 'back after two weeks or more',
    gone_quiet: 'gone quiet',
  };
  return known[kind] ?? rate;
}

/** "38× its usual rate since 14:05 UTC", or what there is to say of another kind or when nothing was expected. */
export function spikeSentence(alert: Alert, nowMs: number, zone: Zone): string {
  const start = formatClock(Date.parse(alert.start), nowMs, zone);
  const end = formatClock(Date.parse(alert.end), nowMs, zone);
  const when = alert.firing ? `since ${start}` : `from ${start} to ${end}`;
  return `${rateWords(alert)} ${when}`;
}

/** The numbers behind an alert, for people who want to check it. */
export function evidenceSentence(alert: Alert, nowMs: number, zone: Zone): string {
  const { peak } = alert;
  const slice = formatDuration(alert.bucket_seconds * SECOND_MS);
  const at = formatClock(Date.parse(peak.start), nowMs, zone);
  return `At its peak ${plural(peak.observed, 'event')} in ${slice} from ${at}; ${formatExpected(peak.expected)} expected.`;
}

/** "First seen 12 min ago, 431 events since". */
export function newSentence(issue: Issue, nowMs: number): string {
  return `first seen ${formatRelative(Date.parse(issue.first_seen), nowMs)}, ${plural(issue.total, 'event')} since`;
}

export interface Term {
  count: number;
  label: string;
  /** What a reader sees when pointing at the term. */
  explanation: string;
}

/** The right side of the conservation identity; terms that are zero are left out, `counted` never. */
export function conservationTerms(audit: AuditAnswer): Term[] {
  const rejected = Object.values(audit.rejected).reduce((sum, count) => sum + count, 0);
  const reasons = Object.entries(audit.rejected)
    .map(([reason, count]) => `${reason}: ${formatCount(count)}`)
    .join(', ');
  const filters = Object.entries(audit.filtered_by)
    .map(([filter, count]) => `${filter}: ${formatCount(count)}`)
    .join(', ');
  const terms: Term[] = [
    { count: audit.counted, label: 'counted', explanation: 'in the counts of an issue' },
    { count: audit.filtered, label: 'filtered', explanation: filters || 'dropped by a filter of the graph' },
    { count: audit.sampled, label: 'sampled', explanation: 'left out by sampling' },
    { count: rejected, label: 'rejected', explanation: reasons || 'could not be used' },
    { count: audit.open, label: 'open', explanation: 'read, not yet committed' },
  ];
  return terms.filter((term) => term.label === 'counted' || term.count > 0);
}

/** What is missing or too much in the identity; 0 when the terms add up. */
export function conservationGap(audit: AuditAnswer): number {
  return audit.read - conservationTerms(audit).reduce((sum, term) => sum + term.count, 0);
}
