/** Wording: numbers, durations, relative times and the plain sentences. */
import { describe, expect, test } from 'vitest';
import type { Alert, AuditAnswer, Issue } from '../src/api/types';
import * as format from '../src/format';

const NOW = Date.parse('2026-11-21T14:30:00Z');
const ago = (seconds: number) => NOW - seconds * 1_000;

describe('numbers', () => {
  test.each([[0, '0'], [999, '999'], [1_234_567, '1,234,567'], [9_007_199_254_740_991, '9,007,199,254,740,991']])(
    'the exact count %i reads %s', (count, text) => expect(format.formatCount(count)).toBe(text));
  test.each([[0, '0'], [950, '950'], [1_200, '1.2k'], [34_000, '34k'], [999_600, '1M'], [5_600_000, '5.6M'], [2e12, '2T'], [0.5, '0.5']])(
    'on an axis %d reads %s', (count, text) => expect(format.formatCompact(count)).toBe(text));
  test.each([[0, '0 B'], [1_023, '1023 B'], [1_536, '1.5 KiB'], [20 * 1_024 ** 2, '20 MiB'], [5_000 * 1_024 ** 4, '5000 TiB']])(
    '%d bytes read %s', (bytes, text) => expect(format.formatBytes(bytes)).toBe(text));
  test.each([[3.24, '3.2×'], [38.2, '38×'], [1_200, '1,200×'], [Infinity, '∞×']])(
    'the ratio %d reads %s', (ratio, text) => expect(format.formatRatio(ratio)).toBe(text));
  test.each([[0.0412, '0.041'], [3.14, '3.1'], [120.4, '120'], [0, '0']])(
    'the expectation %d reads %s', (expected, text) => expect(format.formatExpected(expected)).toBe(text));
  test('one is singular and everything else plural', () => {
    expect(format.plural(1, 'event')).toBe('1 event');
    expect(format.plural(0, 'event')).toBe('0 events');
    expect(format.plural(1_500, 'entry', 'entries')).toBe('1,500 entries');
  });
});

describe('times', () => {
  test.each([[-5, '0 s'], [45, '45 s'], [300, '5 min'], [7_500, '2 h 5 min'], [7_200, '2 h'], [273_600, '3 d 4 h']])(
    'a duration of %d s reads %s', (seconds, text) => expect(format.formatDuration(seconds * 1_000)).toBe(text));
  test.each([[2, 'just now'], [45, '45 s ago'], [200, '3 min ago'], [18_100, '5 h ago'], [200_000, '2 d ago'], [9e7, '2 y ago'], [-200, 'in 3 min']])(
    '%d s before now reads %s', (seconds, text) => expect(format.formatRelative(ago(seconds), NOW)).toBe(text));
  test('an instant in UTC says so, and one that cannot be read is a dash', () => {
    expect(format.formatInstant(NOW, 'utc')).toBe('2026-11-21 14:30:00 UTC');
    expect(format.formatInstant(NOW, 'local')).not.toContain('UTC');
    expect(format.formatInstant(Number.NaN, 'utc')).toBe('–');
  });
  test('a clock time names the day only when it is another day, and the year only when it is another year', () => {
    expect(format.formatClock(ago(1_500), NOW, 'utc')).toBe('14:05 UTC');
    expect(format.formatClock(ago(86_400), NOW, 'utc')).toBe('Nov 20, 14:30 UTC');
    expect(format.formatClock(Date.parse('2015-07-29T17:41:00Z'), NOW, 'utc')).toBe('Jul 29 2015, 17:41 UTC');
  });
  test('a range names a shared day once', () => {
    expect(format.formatRange(ago(3_600), NOW, 'utc')).toBe('Nov 21 13:30 – 14:30 UTC');
    expect(format.formatRange(ago(86_400), NOW, 'utc')).toBe('Nov 20 14:30 – Nov 21 14:30 UTC');
    expect(format.formatRange(Date.parse('2025-11-21T00:00:00Z'), NOW, 'utc')).toBe('Nov 21 2025 00:00 – Nov 21 2026 14:30 UTC');
  });
  test('an axis shows the day below the first label and where it changes', () => {
    const hours = ['T22:00:00Z', 'T23:00:00Z'].map((time) => Date.parse(`2026-11-20${time}`));
    expect(format.formatAxis([...hours, Date.parse('2026-11-21T00:00:00Z')], 3_600_000, 'utc')).toEqual(['22:00\nNov 20', '23:00', '00:00\nNov 21']);
    expect(format.formatAxis(hours.slice(0, 1), 86_400_000, 'utc')).toEqual(['Nov 20']);
  });
});

describe('sentences', () => {
  const alert: Alert = {
    key: 'a_1', incident: 'a_1', issue: 'i_1', template: 't', severity: 'error', service: 'shop', kind: 'spike', level: 'fingerprint', state: 'firing',
    firing: true, start: '2026-11-21T14:05:00Z', last: '2026-11-21T14:25:00Z', end: '2026-11-21T14:30:00Z', bucket_seconds: 300, observed: 900,
    told_observed: null, peak: { start: '2026-11-21T14:10:00Z', observed: 228, expected: 6, ratio: 38, surprise: 99 }, fired_at: null, changed_at: null,
    until: null, by: null, comment: null, silence: null, deploy: null,
    explanation: { sentence: '', test: '', window_buckets: 1, false_alerts_per_day: 10, series: 1 },
  };
  test('a firing alert is told since its start, an ended one from start to end', () => {
    expect(format.spikeSentence(alert, NOW, 'utc')).toBe('38× its usual rate since 14:05 UTC');
    expect(format.spikeSentence({ ...alert, firing: false }, NOW, 'utc')).toBe('38× its usual rate from 14:05 UTC to 14:30 UTC');
  });
  test.each([
    ['new_burst', 'in numbers, and hardly ever seen before since 14:05 UTC'], ['first_seen', 'never seen before since 14:05 UTC'],
    ['regression', 'back after two weeks or more since 14:05 UTC'], ['gone_quiet', 'gone quiet since 14:05 UTC'],
    ['step', '38× its usual rate after a deploy since 14:05 UTC'],
  ] as const)('%s has its own words', (kind, words) => expect(format.spikeSentence({ ...alert, kind }, NOW, 'utc')).toBe(words));
  test('a state is told in a word, a snooze with its end', () => {
    expect(format.stateWords(alert, NOW, 'utc')).toBe('firing');
    expect(format.stateWords({ ...alert, state: 'snoozed', until: '2026-11-21T16:00:00Z' }, NOW, 'utc')).toBe('snoozed until 16:00 UTC');
    expect(format.stateWords({ ...alert, state: 'retracted' }, NOW, 'utc')).toBe('taken back');
  });
  test('what was never expected has no ratio', () => {
    const peak = { ...alert.peak, expected: 0, ratio: Infinity };
    expect(format.spikeSentence({ ...alert, peak }, NOW, 'utc')).toBe('almost never seen before since 14:05 UTC');
  });
  test('evidence gives observed, expected and the bucket', () => {
    expect(format.evidenceSentence(alert, NOW, 'utc')).toBe('At its peak 228 events in 5 min from 14:10 UTC; 6 expected.');
  });
  test('a new issue tells when it began and how often it came since', () => {
    const issue = { first_seen: '2026-11-21T14:18:00Z', total: 431 } as Issue;
    expect(format.newSentence(issue, NOW)).toBe('first seen 12 min ago, 431 events since');
  });
});

describe('conservation', () => {
  const audit = {
    read: 1_234_567, counted: 1_234_560, filtered: 5, filtered_by: { 'drop-probes': 5 }, sampled: 0, open: 0, rejected: { 'no time': 2 }, balanced: true,
  } as unknown as AuditAnswer;
  test('terms that are zero are left out, counted never', () => {
    expect(format.conservationTerms(audit).map((term) => `${term.count} ${term.label}`)).toEqual(['1234560 counted', '5 filtered', '2 rejected']);
    expect(format.conservationTerms({ ...audit, counted: 0, filtered: 0, rejected: {} }).map((term) => term.label)).toEqual(['counted']);
  });
  test('the gap is what the terms do not explain', () => {
    expect(format.conservationGap(audit)).toBe(0);
    expect(format.conservationGap({ ...audit, read: audit.read + 7 })).toBe(7);
    expect(format.conservationGap({ ...audit, open: 3 })).toBe(-3);
  });
});
