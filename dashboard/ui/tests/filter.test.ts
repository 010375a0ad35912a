/** The filter box: pieces are cut as the server cuts them, and a tab never contradicts what was typed. */
import { describe, expect, test } from 'vitest';
import { askedText, isUnfinished, namesState, pieces, withoutStates, withPair } from '../src/filter';

const cut = (text: string) => pieces(text).map(({ key, text: value }) => (key === null ? value : `${key}=${value}`));

describe('pieces', () => {
  test('words, phrases and pairs are told apart', () => {
    expect(cut('is:unresolved service:api  "connection refused" tag:"a b" error:7')).toEqual(['is=unresolved', 'service=api', 'connection refused', 'tag=a b', 'error:7']);
    expect(cut('   ')).toEqual([]);
    expect(cut('""')).toEqual([]);
    expect(cut('"is:resolved"')).toEqual(['is:resolved']);
    expect(cut('a"b "c"d')).toEqual(['a"b', 'c', 'd']);
  });
  test.each(['"no end', 'tag:"no end', 'service:', 'x is:'])('%s is not finished', (text) => expect(isUnfinished(text)).toBe(true));
  test.each(['', 'a b', '"a b"', 'is:gone', 'tag:"a"'])('%j is finished', (text) => expect(isUnfinished(text)).toBe(false));
});

describe('tabs', () => {
  test('a tab adds what it is about', () => {
    expect(askedText('unresolved', 'pool')).toBe('is:unresolved pool');
    expect(askedText('new', '')).toBe('is:new is:unresolved');
    expect(askedText('all', ' ')).toBe(' ');
  });
  test('what is typed about decisions wins over the tab', () => {
    expect(askedText('unresolved', 'is:ignored pool')).toBe('is:ignored pool');
    expect(askedText('spiking', 'is:resolved')).toBe('is:spiking is:resolved');
    expect([namesState('is:new'), namesState('is:open'), namesState('"is:open"')]).toEqual([false, true, false]);
  });
  test('another tab takes the place of what was typed about decisions', () => {
    expect(withoutStates('is:ignored  "a  b" is:new tag:"x y" is:open')).toBe('"a  b" is:new tag:"x y"');
    expect(withoutStates('a  b')).toBe('a  b');
  });
});

describe('a pair', () => {
  test('takes the place of others of its key', () => expect(withPair('assignee:bob pool "x"', 'assignee', 'ann')).toBe('pool "x" assignee:ann'));
  test('is quoted where it must be', () => expect(withPair('', 'assignee', 'ann b')).toBe('assignee:"ann b"'));
  test('cannot be written with a quotation mark', () => expect(withPair('', 'assignee', 'a"b')).toBeNull());
});
