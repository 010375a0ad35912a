/** Meaning in words: percentages, reasons, marked words, and what the mock tells about it. */
import { describe, expect, test } from 'vitest';
import { MockAnswers } from '../mock/answers';
import type { MeaningAnswer, Part } from '../src/api/types';
import {
  MARKED_WORDS_MAX, markWords, partsCount, partSentence, percent, sameIssueSentence, similarityTitle, tagTitle, unrelatedSentence,
} from '../src/meaning';
import { TEMPLATE_PIECES_MAX } from '../src/template';

const NOW = Date.parse('2026-11-21T14:30:20Z');
const part = (state: Part['state'], similarity: number | null = null): Part => ({ pattern: `p_${state}`, text: 't', state, similarity });
const meaning = (changes: Partial<MeaningAnswer> = {}): MeaningAnswer => ({
  issue: 'i_1', same_issue: 0.55, related: 0.3, parts_in_all: 1, parts: [part('embedded')], similar: [], ...changes,
});

describe('meaning in words', () => {
  test('a share is whole percents unless there is more to say, and never negative', () => {
    expect([percent(0.624), percent(0.55, 1), percent(0.555, 1), percent(1), percent(-0.2)]).toEqual(['62 %', '55 %', '55.5 %', '100 %', '0 %']);
    expect(similarityTitle(0.62)).toBe('Similarity 0.62, distance 0.38');
  });
  test('a tag says why and how sure', () => {
    expect(tagTitle({ tag: 'network', score: 0.9, reason: 'it says "refused"' })).toBe('It says "refused"; 90 % sure');
  });
  test('the threshold and the number of patterns are plain sentences', () => {
    expect(sameIssueSentence(meaning())).toBe('Patterns that are at least 55 % alike on average are one issue.');
    expect(partsCount(meaning({ parts_in_all: 203 }))).toBe('1 of 203 patterns');
    expect(partsCount(meaning())).toBe('1 pattern');
  });
  test('what has no similarity says why', () => {
    expect([part('pending'), part('not_embedded'), part('embedded')].map(partSentence)).toEqual(['waits for its meaning', 'not compared', 'alone']);
  });
  test('nothing related is told apart from not known and not compared', () => {
    expect(unrelatedSentence(meaning())).toContain('from 30 % on');
    expect(unrelatedSentence(meaning({ parts: [part('pending'), part('not_embedded')] }))).toContain('Not known yet');
    expect(unrelatedSentence(meaning({ parts: [part('not_embedded')] }))).toContain('not compared');
  });
});

describe('marked words', () => {
  const marked = (text: string, words: string[]) => markWords(text, words).map((piece) => (piece.marked ? `[${piece.text}]` : piece.text)).join('');
  test.each([
    ['Connection refused by <ip>', ['refused', 'connection'], '[Connection] [refused] by <ip>'],
    ['timeouts and a timeout', ['timeout'], '[timeout]s and a [timeout]'],
    ['listing is in <in>', ['in'], 'listing is [in] <in>'],
    ['pool pooling', ['pool', 'pooling'], '[pool] [pooling]'],
    ['a.b (c) [d] $', ['a.b', '(c)', '$'], '[a.b] [(c)] [d] [$]'],
    ['Größe überschritten', ['über'], 'Größe [über]schritten'],
    ['nothing', [], 'nothing'],
    ['nothing', [''], 'nothing'],
    ['', ['x'], ''],
  ])('%s with %j is %s', (text, words, expected) => expect(marked(text, words)).toBe(expected));
  test('limit: however much is marked, there are few pieces and no text is lost', () => {
    for (const text of ['x '.repeat(50_000), '<num> x y '.repeat(20_000), `x ${'<num>'.repeat(300)} x x`]) {
      const pieces = markWords(text, ['x', 'y']);
      expect(pieces.length).toBeLessThanOrEqual(TEMPLATE_PIECES_MAX);
      expect(pieces.map((piece) => piece.text).join('')).toBe(text);
    }
  });
  test('limit: only so many words are looked for', () => {
    const words = Array.from({ length: MARKED_WORDS_MAX + 1 }, (_, index) => `w${String(index).padStart(2, '0')}`);
    expect(markWords(words.join(' '), words).filter((piece) => piece.marked)).toHaveLength(MARKED_WORDS_MAX);
  });
});

describe('the mock about meaning', () => {
  const answers = new MockAnswers(NOW);
  const ask = (parameters: Record<string, string>) => new URLSearchParams(parameters);
  test('every tag that is shown lists the issues that have it', () => {
    const all = answers.issues(ask({ limit: '500' }), NOW).issues;
    for (const tag of new Set(all.flatMap((issue) => issue.tags.map(({ tag }) => tag)))) {
      const listed = answers.issues(ask({ limit: '500', tag }), NOW).issues;
      expect(listed).toEqual(all.filter((issue) => issue.tags.some((other) => other.tag === tag)));
    }
  });
  test('a search orders by score and marks words that stand in the text', () => {
    const { results } = answers.search(ask({ q: 'could not acquire a connection' }), NOW);
    expect(results[0]!.text).toContain('could not acquire');
    expect(results.map((hit) => hit.score)).toEqual(results.map((hit) => hit.score).sort((left, right) => right - left));
    for (const hit of results) for (const word of hit.words) expect(hit.text.toLowerCase()).toContain(word);
  });
  test('related issues are alike enough to be shown and not enough to be one', () => {
    for (const issue of answers.issues(ask({ limit: '50' }), NOW).issues) {
      const known = answers.meaning(issue.id, ask({}), NOW)!;
      for (const { similarity } of known.similar) {
        expect(similarity).toBeGreaterThanOrEqual(known.related);
        expect(similarity).toBeLessThan(known.same_issue);
      }
    }
  });
  test('without a model words are found, and it is said what is missing', () => {
    const modelless = new MockAnswers(NOW, 'modelless');
    expect(modelless.search(ask({ q: 'connection' }), NOW)).toMatchObject({ without_meaning: expect.stringContaining('model') });
    expect(modelless.ready().degraded).toHaveLength(1);
    expect(answers.ready().degraded).toEqual([]);
  });
});
