/** The mock API tells one story: every view of it adds up to the same numbers. */
import { describe, expect, test } from 'vitest';
import { MockAnswers } from '../mock/answers';
import { conservationGap } from '../src/format';

const NOW = Date.parse('2026-11-21T14:30:20Z');
const RANGE = { from: '2026-11-21T08:00:00Z', to: '2026-11-21T14:30:00Z' };
const ask = (parameters: Record<string, string> = {}) => new URLSearchParams({ ...RANGE, ...parameters });
const answers = new MockAnswers(NOW);

describe('mock', () => {
  const issues = answers.issues(ask({ severity: 'unknown', limit: '500' }), NOW).issues;
  test('the counts of all issues are the counts of the timeline', () => {
    const slices = answers.timeline(null, ask({ slice: '300' }), NOW).slices;
    const total = slices.reduce((sum, slice) => sum + slice.error + slice.warn + slice.rest, 0);
    expect(issues.reduce((sum, issue) => sum + issue.count, 0)).toBe(total);
  });
  test('the sparkline and the members of an issue add up to its counts', () => {
    for (const issue of issues.slice(0, 8)) {
      expect(issue.sparkline.reduce((sum, count) => sum + count, 0)).toBe(issue.count);
      const members = answers.issue(issue.id, ask(), NOW)!.members;
      expect(members.reduce((sum, member) => sum + member.total, 0)).toBe(issue.total);
    }
  });
  test('pages cover every issue exactly once', () => {
    const seen: string[] = [];
    for (let cursor: string | null = '0'; cursor !== null; ) {
      const page = answers.issues(ask({ severity: 'unknown', limit: '20', cursor }), NOW);
      seen.push(...page.issues.map((issue) => issue.id));
      cursor = page.next;
    }
    expect(seen).toEqual(issues.map((issue) => issue.id));
  });
  test('the audit is balanced, and loudly not in its scenario', () => {
    expect(conservationGap(answers.audit(NOW))).toBe(0);
    expect(conservationGap(new MockAnswers(NOW, 'unbalanced').audit(NOW))).toBe(7);
  });
  test('a decision about an alert holds, and what has ended cannot be decided about', () => {
    const mock = new MockAnswers(NOW);
    const { key } = mock.alerts(NOW).alerts.find((alert) => alert.firing)!;
    expect(mock.decide(key, 'snooze', NOW)).toBe(true);
    expect(mock.alert(key, NOW)!.alert).toMatchObject({ state: 'snoozed', until: '2026-11-21T16:30:20Z', firing: true });
    expect([mock.decide(key, 'resolve', NOW), mock.decide(key, 'acknowledge', NOW), mock.decide('a_0', 'resolve', NOW)]).toEqual([true, false, null]);
    expect(mock.alert(key, NOW)!.alert.firing).toBe(false);
  });
  test('an old store has nothing today and something at all', () => {
    const old = new MockAnswers(NOW, 'old');
    expect(old.issues(ask(), NOW).matching).toBe(0);
    expect(old.issues(new URLSearchParams({ from: '1990-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' }), NOW).matching).toBeGreaterThan(0);
  });
});
