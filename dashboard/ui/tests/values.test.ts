/** What varies: shares, sentences, and which words stand around a place. */
import { describe, expect, test } from 'vitest';
import { MockAnswers } from '../mock/answers';
import type { Variable } from '../src/api/types';
import { rejectedSentence } from '../src/format';
import { splitTemplate } from '../src/template';
import { around, byPlaceholder, placeId, samplesSentence, shares, valuesSentence } from '../src/values';

const variable = (changes: Partial<Variable> = {}): Variable => ({
  position: 0, placeholder: 0, name: 'ip', type: 'ip', distinct: 2, samples: 4,
  top: [{ value: '10.0.0.7', count: 3 }, { value: '10.0.0.8', count: 1 }],
  ...changes,
});

describe('what varies', () => {
  test('values are shares of the samples that have one, and the rest is named', () => {
    expect(shares(variable())).toEqual([
      { value: '10.0.0.7', count: 3, share: 0.75 },
      { value: '10.0.0.8', count: 1, share: 0.25 },
    ]);
    expect(shares(variable({ samples: 8, distinct: 5 })).at(-1)).toEqual({ value: null, count: 4, share: 0.5 });
    expect(shares(variable({ samples: 0, top: [], distinct: 0 }))).toEqual([]);
  });
  test('a tooltip names the values seen most, and says when there are more', () => {
    expect(valuesSentence(variable())).toBe('2 values in 4 samples: 10.0.0.7 (3), 10.0.0.8 (1)');
    expect(valuesSentence(variable({ distinct: 9 }))).toMatch(/^9 values .*, …$/);
  });
  test('the numbers say what they are of', () => {
    const answer = { issue: null, template: '', kept: 40, samples: 40, variables: [] };
    expect(samplesSentence(answer)).toBe('in 40 kept samples');
    expect(samplesSentence({ ...answer, samples: 1_000, kept: 2_500 })).toBe('in 1,000 of 2,500 kept samples');
  });
  test('the first place of a placeholder stands for it', () => {
    const [first, second] = [variable(), variable({ position: 1 })];
    expect(byPlaceholder([first, second, variable({ placeholder: null })])).toEqual(new Map([[0, first]]));
    expect(placeId(second)).toBe('varies-1');
  });
  test('the words around a place are those of the template, cut at a limit', () => {
    const pieces = splitTemplate(`${'long '.repeat(9)}from <ip>:<num> refused`);
    expect(around(pieces, variable())).toEqual({ before: '…ong long long long from ', shown: '<ip>', after: ':' });
    expect(around(pieces, variable({ placeholder: 1 }))).toEqual({ before: ':', shown: '<num>', after: ' refused' });
    expect(around(pieces, variable({ placeholder: 7 }))).toEqual({ before: '', shown: '<ip>', after: '' });
    expect(around(pieces, variable({ placeholder: null })).shown).toBe('<ip>');
  });
  test('the mock tells values of every placeholder of an issue', () => {
    const answers = new MockAnswers(Date.parse('2026-11-21T14:30:20Z'));
    const { issues } = answers.issues(new URLSearchParams(), Date.parse('2026-11-21T14:30:20Z'));
    const values = answers.values(issues[0]!.id)!;
    const places = splitTemplate(values.template).filter((piece) => piece.variable);
    expect(values.variables.map((place) => place.type)).toEqual(places.map((piece) => piece.text.slice(1, -1)));
    for (const place of values.variables) {
      expect(place.top.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(place.samples);
    }
  });
  test('a reason is said in words, and an unknown one as it is', () => {
    expect(rejectedSentence('absurd_time')).toContain('before 1990');
    expect([rejectedSentence('whim'), rejectedSentence('constructor')]).toEqual(['whim', 'constructor']);
  });
});
