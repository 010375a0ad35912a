/** Sources in words: states, what is read, what to do, failures, and rates from what was seen to change. */
import { describe, expect, test } from 'vitest';
import { MockAnswers, SCENARIOS } from '../mock/answers';
import { HOSTILE_TEXT, MockSources } from '../mock/sources';
import { activityOf } from '../src/activity';
import type { SourceAudit, SourceRow } from '../src/api/types';
import { plainText, SHOWN_CHARACTERS_MAX } from '../src/plain';
import * as sources from '../src/sources';

const row = (changes: Partial<SourceRow> = {}): SourceRow => ({ id: 'web', type: 'file', origin: 'added', state: 'running', message: null, restarts: 0, options: null, ...changes });
const audit = (changes: Partial<SourceAudit> = {}): SourceAudit => ({ offset: {}, read: 0, lag_bytes: 0, lost_bytes: 0, ...changes });
const MIB = 1_048_576;

describe('state', () => {
  test('a source that runs far behind is catching up, one that does not run is not', () => {
    expect(activityOf(row(), audit({ lag_bytes: MIB }))).toBe('catching');
    expect(activityOf(row(), audit({ lag_bytes: MIB - 1 }))).toBe('running');
    expect(activityOf(row({ state: 'paused' }), audit({ lag_bytes: MIB }))).toBe('paused');
    expect(activityOf(row(), undefined)).toBe('running');
  });
  test('the summary counts each state once and leaves out what there is none of', () => {
    expect(sources.summary(['running', 'backoff', 'running', 'catching'])).toBe('4 sources: 2 running, 1 catching up, 1 failing');
    expect(sources.summary(['paused'])).toBe('1 source: 1 paused');
  });
});

describe('what it reads', () => {
  test.each<[string, Partial<SourceRow>, string]>([
    ['patterns, the first two', { options: { include: ['/a/*', '/b', '/c', '/d'] } }, '/a/*, /b and 2 more'],
    ['an address it listens on', { type: 'http', options: { listen: '127.0.0.1:9' } }, 'what is sent to 127.0.0.1:9'],
    ['the usual address', { type: 'otlp', options: {} }, 'OpenTelemetry logs that are sent to 127.0.0.1:4318'],
    ['no address that is not known', { type: 'http' }, 'what is sent to it'],
    ['indices of the first address', { type: 'elasticsearch', options: { index: 'logs-*', url: ['http://a', 'http://b'] } }, 'indices logs-* of http://a'],
    ['a table', { type: 'postgres', options: { table: 't', url: 'postgres://db/x' } }, 'table t of postgres://db/x'],
    ['a query of a host', { type: 'postgres', options: { query: 'SELECT 1', host: 'db' } }, 'a query of db'],
    ['options of the wrong kind', { type: 'elasticsearch', options: { index: 7, url: null } }, 'indices ? of ?'],
    ['a type of later versions', { type: 'kafka' }, 'what the graph file says'],
  ])('%s', (_, changes, words) => expect(sources.readsWords(row(changes), undefined)).toBe(words));
  test('a source of the graph file reads the files it was seen to read, each once', () => {
    const read = audit({ offset: { '/a.log#1': '', '/a.log#2': '', '/b#1.log#7': '' } });
    expect(sources.filesRead(read)).toEqual(['/a.log', '/b#1.log']);
    expect(sources.readsWords(row({ origin: 'file' }), read)).toBe('/a.log, /b#1.log');
    expect(sources.readsWords(row({ origin: 'file' }), audit())).toContain('none was read yet');
  });
});

describe('what to do', () => {
  test.each([
    ['could not open /x: permission denied', 'Let the user'],
    ['cannot listen on 127.0.0.1:1: Address already in use (os error 98)', 'listens there'],
    ['could not reach the server: Connection refused (os error 111)', 'Check that the server runs'],
    ['could not reach https://x: TLS: the certificate has expired', '`ca_file`'],
    ['cannot read logs-*: the user may not (403)', 'Check the `user`'],
    ['"/x" is outside of what added sources may read', '`server.source_roots`'],
    ['something new', 'It is tried again by itself.'],
  ])('%s', (message, advice) => expect(sources.adviceFor(row({ state: 'backoff', message }))).toContain(advice));
  test('what has failed for good says how it goes on', () => {
    expect(sources.adviceFor(row({ state: 'stopped' }))).toBe('Mend the cause. Then remove it and add it again: it goes on where it was.');
    expect(sources.adviceFor(row({ state: 'stopped', origin: 'file', message: 'boom' }))).toContain('start seismolog again');
  });
  test('a hint of the server is not said twice, and no message asks for nothing', () => {
    expect(sources.adviceFor(row({ state: 'backoff', message: 'permission denied. Hint: mount it.' }))).toBe('It is tried again by itself.');
    expect([sources.adviceFor(row()), sources.adviceFor(row({ message: 'well' }))]).toEqual([null, null]);
  });
  test('what cannot be done is said with where it can be', () => {
    expect(sources.limitsOf(row())).toBeNull();
    expect(sources.limitsOf(row({ origin: 'file' }))).toContain('graph file');
    expect(sources.limitsOf(row({ state: 'finished' }))).toBe('It has ended and cannot be paused.');
    expect(sources.limitsOf(row({ origin: 'file', state: 'finished' }))).not.toContain('here it can be paused');
  });
});

describe('failures', () => {
  const rejected = [{ source: 'web', reason: 'a', count: 2, examples: [] }, { source: 'app', reason: 'a', count: 9, examples: [] }, { source: 'web', reason: 'b', count: 1, examples: [] }];
  test('they are those of the source, as a part of what it read', () => {
    expect(sources.failuresOf('web', rejected, audit({ read: 30 }))).toMatchObject({ count: 3, share: 0.1 });
    expect(sources.failuresOf('new', rejected, undefined)).toEqual({ rows: [], count: 0, share: null });
  });
  test.each([[0, '0 %'], [0.000_01, '< 0.1 %'], [0.023_4, '2.3 %'], [0.34, '34 %'], [0.999_99, '> 99.9 %'], [1, '100 %']])('the share %d reads %s', (share, text) => expect(sources.formatShare(share)).toBe(text));
});

describe('what was seen to change', () => {
  const at = (atMs: number, read: number, lag = 0) => ({ atMs, sources: { web: { read, lag_bytes: lag } } });
  const watch = (...observations: sources.Observation[]) => observations.reduce<sources.Watch | null>(sources.watched, null);
  test('nothing can be said of one observation', () => expect(sources.rateOf(watch(at(0, 5)), 'web')).toBeNull());
  test('the rate is the average of the last minute', () => {
    expect(sources.rateOf(watch(at(0, 0), at(2_000, 10)), 'web')).toBe(5);
    expect(sources.rateOf(watch(at(0, 0), at(60_000, 6_000), at(90_000, 6_000)), 'web')).toBe(0);
  });
  test('a source that has read nothing yet stands still, and one whose count went back too', () => {
    expect(sources.rateOf(watch(at(0, 0), at(2_000, 10)), 'quiet')).toBe(0);
    expect(sources.rateOf(watch(at(0, 10), at(2_000, 0)), 'web')).toBe(0);
  });
  test('an answer from before says nothing new', () => expect(watch(at(5, 1), at(5, 2), at(4, 9))!.observations).toHaveLength(1));
  test('limit: observations of the last minute are kept', () => {
    const all = watch(...Array.from({ length: 500 }, (_, index) => at(index * 1_000, index)))!;
    expect(all.observations).toHaveLength(61);
    expect(sources.rateOf(all, 'web')).toBe(1);
  });
  test('the last record is when the count was seen to grow', () => {
    const seen = watch(at(0, 1), at(1_000, 2), at(20_000, 2))!;
    expect(sources.lastRecordWords(seen, 'web', 20_000)).toBe('19 s ago');
    expect(sources.lastRecordWords(seen, 'web', 2_000)).toBe('just now');
    expect(sources.lastRecordWords(seen, 'quiet', 65_000)).toBe('none seen for 1 min');
    expect([sources.lastRecordWords(null, 'web', 5), sources.lastRecordWords(watch(at(0, 1)), 'web', 5)]).toEqual(['', '']);
  });
  test('how far behind says how long that will take', () => {
    expect(sources.behindWords(row(), audit({ lag_bytes: 9 * MIB }), watch(at(0, 0, 10 * MIB), at(1_000, 0, 9 * MIB)))).toEqual({ size: '9 MiB', rest: 'at this pace 9 s more' });
    expect(sources.behindWords(row(), audit({ lag_bytes: 9 * MIB }), watch(at(0, 0, MIB), at(1_000, 0, 9 * MIB))).rest).toBe('not getting less');
    expect(sources.behindWords(row(), audit({ lag_bytes: 12 }), null)).toEqual({ size: '12 B', rest: '' });
    expect(sources.behindWords(row({ type: 'postgres' }), audit(), null).size).toBe('–');
  });
  test.each([[0, '0/s'], [0.001, '1/min'], [0.2, '12/min'], [3.14, '3.1/s'], [12_000, '12k/s']])('the rate %d reads %s', (rate, text) => expect(sources.formatRate(rate)).toBe(text));
  test('what is counted and not there any more was removed', () => {
    const before = { ...new MockAnswers(0).audit(0), sources: { web: audit({ read: 1 }), old: audit({ read: 5 }), never: audit() } };
    expect(sources.removedIds([row()], before)).toEqual(['old']);
    expect(sources.removedIds([], null)).toEqual([]);
  });
});

describe('text of foreign origin', () => {
  test('marks that cannot be seen are written out', () => expect(plainText('a\u202eb\u0000c\u2066')).toBe('a\\u202eb\\u0000c\\u2066'));
  test('lines and letters of every script stay', () => expect(plainText('é\t語\nمرحبا')).toBe('é\t語\nمرحبا'));
  test('limit: a megabyte is cut', () => expect(plainText(HOSTILE_TEXT.repeat(300)).length).toBeLessThan(SHOWN_CHARACTERS_MAX + 20));
});

describe('mock', () => {
  test('the sources of every scenario add up to what was read', () => {
    const now = Date.parse('2026-11-21T14:30:20Z');
    for (const scenario of SCENARIOS.filter((name) => name !== 'sourceless')) {
      const answer = new MockAnswers(now, scenario).audit(now);
      expect(Object.values(answer.sources).reduce((sum, { read }) => sum + read, 0), scenario).toBe(answer.read);
    }
  });
  test('a source is added, paused, resumed and removed, and one of the graph file is not removed', () => {
    const mock = new MockSources('incident');
    const id = 'web';
    expect(mock.add({ id, type: 'file', include: ['/var/log/web.log'] })).toMatchObject({ id, origin: 'added', state: 'running' });
    expect(mock.add({ id, type: 'file', include: [] })).toMatchObject({ status: 409 });
    expect([mock.pause(id, true), mock.pause(id, false)]).toMatchObject([{ state: 'paused' }, { state: 'running' }]);
    expect([mock.remove(id), mock.remove(id), mock.remove('app-logs')]).toMatchObject([null, { status: 404 }, { status: 409 }]);
  });
});
