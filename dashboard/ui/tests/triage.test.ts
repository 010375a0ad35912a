/** Decisions in words: how an issue stands, what happened to it, what was done and how it is taken back. */
import { describe, expect, test } from 'vitest';
import { MockAnswers } from '../mock/answers';
import { HOSTILE_TEXT } from '../mock/sources';
import type { TriageDeed } from '../src/api/client';
import type { Activity, Standing } from '../src/api/types';
import { activityRows, activityWords, doneSentence, groupingIds, refusalSentence, standingSentence, stateWords, undoSteps } from '../src/triage';

const NOW = Date.parse('2026-11-21T14:30:20Z');
const LATER = '2026-11-21T16:05:00Z';
const standing = (changes: Partial<Standing> = {}): Standing => ({ state: 'open', changed_at: '2026-11-21T14:00:00Z', by: 'ann', until: null, assignee: null, ...changes });
const entry = (changes: Partial<Activity>): Activity => ({ at: '2026-11-21T14:00:00Z', issue: 'i_1', what: 'commented', by: 'ann', comment: null, ...changes });
const sentence = (changes: Partial<Activity>) => activityWords(entry(changes), 'i_1', NOW, 'utc').map((word) => (typeof word === 'string' ? word : `<${word.issue}>`)).join('');

describe('how an issue stands', () => {
  test.each([
    [standing({ changed_at: null, by: null }), 'open', ''],
    [standing(), 'open', 'ann opened it again'],
    [standing({ by: null }), 'open', 'It is open again'],
    [standing({ state: 'resolved' }), 'resolved', 'ann resolved it'],
    [standing({ state: 'resolved', by: null }), 'resolved', 'Somebody resolved it'],
    [standing({ state: 'regressed', by: null }), 'regressed', 'Nobody did that: events came again'],
    [standing({ state: 'ignored' }), 'ignored', 'ann ignores it for good'],
    [standing({ state: 'ignored', until: LATER }), 'ignored until 16:05 UTC', 'ann ignores it until 16:05 UTC'],
  ])('%# has its words', (given, words, sentences) => {
    expect(stateWords(given, NOW, 'utc')).toBe(words);
    expect(standingSentence(given, NOW, 'utc')).toBe(sentences);
  });
});

describe('what happened', () => {
  test.each([
    [{ what: 'resolved' }, 'ann resolved it'],
    [{ what: 'reopened', by: null }, 'Somebody opened it again'],
    [{ what: 'ignored' }, 'ann ignored it for good'],
    [{ what: 'ignored', until: LATER }, 'ann ignored it until 16:05 UTC'],
    [{ what: 'assigned', to: 'bob' }, 'ann assigned it to bob'],
    [{ what: 'assigned' }, 'ann assigned it to nobody'],
    [{ what: 'commented' }, 'ann said'],
    [{ what: 'regressed', by: null }, 'Nobody: events came again, so it is regressed'],
    [{ what: 'woke', by: null }, 'Nobody: the time for which it was ignored is over'],
    [{ what: 'grouped', constraint: { type: 'must_link', left: 'i_1', right: 'i_2' } }, 'ann merged it with <i_2>'],
    [{ what: 'grouped', constraint: { type: 'must_link', left: 'i_2', right: 'i_3' } }, 'ann merged <i_2> with <i_3>'],
    [{ what: 'grouped', constraint: { type: 'pin', issue: 'i_4' } }, 'ann split off <i_4> as an issue of its own'],
    [{ what: 'ungrouped', grouping: 'g_1' }, 'ann took a merge or a split back'],
  ] as [Partial<Activity>, string][])('%o', (given, words) => expect(sentence(given)).toBe(words));
  test('what a later server tells is not lost', () => expect(sentence({ what: 'pinned' as Activity['what'] })).toContain('pinned'));
  test('hostile names are cut and made plain', () => {
    const words = sentence({ what: 'assigned', to: HOSTILE_TEXT, by: '\u202eann' });
    expect(words).toMatch(/^\\u202eann assigned it to <script>/);
    expect(words.length).toBeLessThan(160);
  });
  test('the latest word about a grouping decides whether it holds, and is told once', () => {
    const grouped = entry({ what: 'grouped', grouping: 'g_1', constraint: { type: 'must_link', left: 'i_1', right: 'i_2' } });
    const back = entry({ what: 'ungrouped', grouping: 'g_1', at: '2026-11-21T14:01:00Z' });
    const again = { ...grouped, at: '2026-11-21T14:02:00Z' };
    const rows = activityRows([again, { ...again, issue: 'i_2' }, back, grouped]);
    expect(rows.map(({ entry: { what }, holds }) => [what, holds])).toEqual([['grouped', true], ['ungrouped', false], ['grouped', false]]);
    expect(new Set(rows.map(({ key }) => key)).size).toBe(3);
    expect(activityRows([entry({ comment: 'a' }), entry({ comment: 'b' })])).toHaveLength(2);
  });
});

describe('what was done', () => {
  test.each([
    [{ what: 'resolve' }, 1, '1 issue is resolved.'],
    [{ what: 'reopen' }, 3, '3 issues are open again.'],
    [{ what: 'ignore' }, 2, '2 issues are ignored for good.'],
    [{ what: 'ignore', for: '7d' }, 1, '1 issue is ignored for 1 week.'],
    [{ what: 'assign', to: 'ann' }, 1, '1 issue is assigned to ann.'],
    [{ what: 'assign', to: null }, 1, '1 issue is assigned to nobody.'],
  ] as [TriageDeed, number, string][])('%o', (deed, count, words) => expect(doneSentence(deed, count)).toBe(words));
  test('is taken back to how each issue stood before', () => {
    const issue = (id: string, changes: Partial<Standing>) => ({ id, triage: standing(changes) });
    const before = [
      issue('a', {}), issue('b', { state: 'regressed' }), issue('c', { state: 'ignored' }), issue('d', { state: 'ignored', until: LATER }),
      issue('e', { state: 'ignored', until: '2026-11-21T14:30:00Z' }), issue('f', { state: 'resolved' }),
    ];
    expect(undoSteps(before, { what: 'resolve' }, NOW)).toEqual([
      { issues: ['a', 'b', 'e'], deed: { what: 'reopen' } }, { issues: ['c'], deed: { what: 'ignore' } },
      { issues: ['d'], deed: { what: 'ignore', until: LATER } }, { issues: ['f'], deed: { what: 'resolve' } },
    ]);
    expect(undoSteps([issue('a', { assignee: 'bob' }), issue('b', {})], { what: 'assign', to: 'ann' }, NOW)).toEqual([
      { issues: ['a'], deed: { what: 'assign', to: 'bob' } }, { issues: ['b'], deed: { what: 'assign', to: null } },
    ]);
    expect(undoSteps(before, { what: 'comment' }, NOW)).toEqual([]);
  });
  test('a refusal says what is wrong and that nothing was changed', () => {
    expect(refusalSentence({ status: 409, detail: 'no issue spans severities' })).toBe('No issue spans severities. Nothing was changed.');
    expect(refusalSentence({ status: 503, detail: 'the store is away.' })).toBe('Not now: The store is away. Nothing was changed; try again in a moment.');
    expect(refusalSentence({ status: 404, detail: 'there is no grouping of that id' })).toMatch(/meanwhile\.$/);
  });
});

describe('decisions of the mock', () => {
  const RANGE = { from: '2026-11-20T14:30:00Z', to: '2026-11-21T14:30:00Z' };
  const find = (mock: MockAnswers, q: string) => mock.issues(new URLSearchParams({ ...RANGE, severity: 'unknown', limit: '500', q }), NOW).issues;
  const sum = (mock: MockAnswers) => find(mock, '').reduce((total, issue) => total + issue.count, 0);
  test('merging and splitting lose no event, and are taken back', () => {
    const mock = new MockAnswers(NOW);
    const [events, before] = [sum(mock), find(mock, '').length];
    const [pool, upstream] = [find(mock, 'acquire')[0]!, find(mock, '"upstream request"')[0]!];
    const merged = mock.triage.merge(pool.id, { with: [upstream.id], by: 'ann' }, NOW);
    if (!Array.isArray(merged)) throw new Error(merged.detail);
    expect([find(mock, '').length, sum(mock)]).toEqual([before - 1, events]);
    expect(mock.issue(upstream.id, new URLSearchParams(RANGE), NOW)!.issue).toMatchObject({ id: pool.id, fingerprints: 5 });
    expect(mock.triage.activity(upstream.id, 50, 0).activity[0]).toMatchObject({ what: 'grouped', by: 'ann' });
    for (const id of groupingIds(merged)) expect(mock.triage.ungroup(id, {}, NOW)).toBeNull();
    const { members } = mock.issue(pool.id, new URLSearchParams(RANGE), NOW)!;
    const split = mock.triage.split(pool.id, { fingerprints: [members[0]!.fingerprint] }, NOW);
    if (!Array.isArray(split)) throw new Error(split.detail);
    expect([find(mock, '').length, sum(mock)]).toEqual([before + 1, events]);
    expect(mock.triage.split(pool.id, { fingerprints: members.map((member) => member.fingerprint) }, NOW)).toMatchObject({ status: 409 });
  });
  test('what is resolved leaves the tab of what is not', () => {
    const mock = new MockAnswers(NOW);
    const { id } = find(mock, 'acquire is:unresolved')[0]!;
    expect(mock.triage.decide([id], { what: 'resolve', by: 'ann' }, NOW)).toBeNull();
    expect(find(mock, 'acquire is:unresolved')).toEqual([]);
    expect(find(mock, 'acquire is:resolved')[0]!.triage).toMatchObject({ state: 'resolved', by: 'ann' });
    expect(() => find(mock, 'is:gone')).toThrow('is not one of');
  });
});
