/** What is chosen in a list, and what may be done with it. */
import { describe, expect, test } from 'vitest';
import { allOrNone, ISSUES_CHOSEN_MAX, listed, mergeObstacle, NOTHING, splitObstacle, splitOff, toggled } from '../src/selection';

const member = (fingerprint: string, template_id: string) => ({ fingerprint, template_id });
const MEMBERS = [member('a', 't1'), member('b', 't1'), member('c', 't2')];

describe('a selection', () => {
  test('choosing twice is not choosing', () => {
    const chosen = toggled(toggled(NOTHING, 'a'), 'b');
    expect([...chosen]).toEqual(['a', 'b']);
    expect([...toggled(chosen, 'a')]).toEqual(['b']);
    expect(NOTHING.size).toBe(0);
  });
  test('all, or none when all are chosen', () => {
    expect(allOrNone(new Set(['a']), ['a', 'b']).size).toBe(2);
    expect(allOrNone(new Set(['a', 'b']), ['a', 'b']).size).toBe(0);
  });
  test('limit: no more are chosen than the server takes', () => {
    const many = Array.from({ length: 500 }, (_, index) => `i_${index}`);
    const all = allOrNone(NOTHING, many);
    expect(all.size).toBe(ISSUES_CHOSEN_MAX);
    expect(toggled(all, 'one more').size).toBe(ISSUES_CHOSEN_MAX);
    expect(toggled(all, 'i_0').size).toBe(ISSUES_CHOSEN_MAX - 1);
  });
  test('what is not listed any more is not chosen', () => {
    const chosen = new Set(['a', 'b']);
    expect([...listed(chosen, ['b', 'c'])]).toEqual(['b']);
    expect(listed(chosen, ['a', 'b', 'c'])).toBe(chosen);
  });
});

describe('a merge', () => {
  test('needs two issues of one class', () => {
    expect(mergeObstacle([{ class: 'error' }])).toMatch(/two issues/);
    expect(mergeObstacle([{ class: 'error' }, { class: 'warn' }])).toMatch(/counted apart/);
    expect(mergeObstacle([{ class: 'warn' }, { class: 'warn' }])).toBeNull();
  });
});

describe('a split', () => {
  test('takes the same message of other services along', () => expect([...splitOff(new Set(['a']), MEMBERS)]).toEqual(['a', 'b']));
  test('leaves something behind', () => {
    expect(splitObstacle(NOTHING, MEMBERS, 3)).toMatch(/^Choose/);
    expect(splitObstacle(new Set(['a']), MEMBERS, 3)).toBeNull();
    expect(splitObstacle(new Set(['a', 'b', 'c']), MEMBERS, 3)).toMatch(/all of it/);
    expect(splitObstacle(new Set(['a', 'c']), MEMBERS, 3)).toMatch(/go along/);
    expect(splitObstacle(new Set(['a', 'c']), MEMBERS, 1_400)).toBeNull();
  });
});
