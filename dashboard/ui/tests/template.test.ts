/** Splitting templates, and the keyboard. */
import { describe, expect, test } from 'vitest';
import { KeyReader, SEQUENCE_MS_MAX, SHORTCUTS } from '../src/keys';
import { splitTemplate, TEMPLATE_PIECES_MAX } from '../src/template';

describe('templates', () => {
  const marked = (template: string) => splitTemplate(template).map((piece) => (piece.variable ? `[${piece.text}]` : piece.text)).join('');
  test.each([
    ['pool <*> within <num> ms', 'pool [<*>] within [<num>] ms'],
    ['<ip>:<num>', '[<ip>]:[<num>]'],
    ['nothing varies', 'nothing varies'],
    ['', ''],
    ['a < b and c > d', 'a < b and c > d'],
    ['<img src=x onerror=alert(1)>', '<img src=x onerror=alert(1)>'],
    ['half <num', 'half <num'],
  ])('%s splits into %s', (template, expected) => expect(marked(template)).toBe(expected));
  test('limit: a huge template has few pieces, and none of its text is lost', () => {
    const template = '<num> x '.repeat(50_000);
    const pieces = splitTemplate(template);
    expect(pieces.length).toBeLessThanOrEqual(TEMPLATE_PIECES_MAX);
    expect(pieces.map((piece) => piece.text).join('')).toBe(template);
  });
});

describe('keys', () => {
  const press = (key: string, atMs = 0, changes = {}) => ({ key, atMs, modified: false, typing: false, ...changes });
  test('every shortcut of the help can be typed', () => {
    for (const shortcut of SHORTCUTS) {
      const reader = new KeyReader();
      const commands = shortcut.keys.map((key) => reader.read(press(key)));
      expect(commands.at(-1)).toBe(shortcut.command);
    }
  });
  test('no two shortcuts share their keys', () => {
    expect(new Set(SHORTCUTS.map((shortcut) => shortcut.keys.join(' '))).size).toBe(SHORTCUTS.length);
  });
  test('typing and modifiers do nothing and end a sequence', () => {
    const reader = new KeyReader();
    expect(reader.read(press('j', 0, { typing: true }))).toBeNull();
    expect(reader.read(press('j', 0, { modified: true }))).toBeNull();
    reader.read(press('g'));
    reader.read(press('i', 0, { typing: true }));
    expect(reader.read(press('i'))).toBeNull();
  });
  test('a sequence is forgotten after a while', () => {
    const reader = new KeyReader();
    reader.read(press('g', 0));
    expect(reader.read(press('o', SEQUENCE_MS_MAX + 1))).toBeNull();
  });
});
