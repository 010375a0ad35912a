/**
 * What the mock API says about meaning: tags by telling words, and a similarity that counts common words and common tags.
 * Pure and seeded like the stories; it only has to look plausible.
 */
import type { Part, Tag } from '../src/api/types';
import { noise, type Story } from './incident.ts';

export const SAME_ISSUE = 0.55;
export const RELATED = 0.3;
const SIMILAR_MAX = 10;
/** Words with the same first letters count as the same: connection, connections. */
const STEM_LETTERS = 7;

const TAG_WORDS: [tag: string, words: RegExp, near: string][] = [
  ['database', /query|replica|deadlock|transaction|connection from pool/i, 'a database query fails or is slow'],
  ['network', /upstream|handshake|no such host|connection reset|clock drift/i, 'a network connection fails'],
  ['timeout', /timed out|within <num> ms|slow|took <num>/i, 'an operation takes too long'],
  ['resource exhaustion', /pool|out of memory|rate limit|disk usage|storm/i, 'something runs out'],
  ['authentication', /session token|sign-in|certificate/i, 'somebody cannot log in'],
  ['bad data', /malformed|parse field|decoded|missing (field|header)|coupon/i, 'data cannot be understood'],
  ['crash', /NullPointer|exited with status|killed process|assertion/i, 'a program ends unexpectedly'],
];

/** What other patterns of a story would say; a story without any has variants that differ in one word. */
const VARIANTS: [start: string, texts: string[]][] = [
  ['could not acquire', ['timed out while waiting for a free connection of pool <*>', 'pool <*> is exhausted: <num> callers are waiting for a connection']],
  ['upstream request', ['no answer from upstream <ip>:<num> within <num> ms, giving up']],
  ['java.lang.NullPointer', ['java.lang.NullPointerException: Cannot invoke "<*>.amount()" because "<*>" is null at Totals.sum(Totals.java)', 'price of basket <id> cannot be shown: <*> is null']],
];

/** Returns the tags of a text, the surest first. */
export function tagsOf(text: string): Tag[] {
  const tags = TAG_WORDS.flatMap(([tag, words, near], index): Tag[] => {
    const found = words.exec(text)?.[0];
    if (found === undefined) return [];
    const score = 0.5 + noise(41, index * 1_000 + text.length) / 2;
    return [{ tag, score, reason: score > 0.7 ? `it says "${found}"` : `it is near "${near}"` }];
  });
  return tags.sort((left, right) => right.score - left.score);
}

const COMMON = new Set(['and', 'after', 'for', 'from', 'the', 'with', 'why', 'out', 'not']);

/** Returns the telling words of a text, placeholders left out. */
export function wordsOf(text: string): string[] {
  const words = text.replaceAll(/<[^>]*>/g, ' ').toLowerCase().match(/[\p{L}]{3,}/gu) ?? [];
  return words.filter((word) => !COMMON.has(word));
}

/** Returns how alike two texts are, from 0 to 1: common words, and tags that they share. */
export function similarityOf(left: string, right: string): number {
  const [words, others] = [new Set(wordsOf(left)), new Set(wordsOf(right))];
  const stem = (word: string) => word.slice(0, STEM_LETTERS);
  const stems = new Set([...others].map(stem));
  const common = [...words].filter((word) => stems.has(stem(word))).length;
  const tags = new Set(tagsOf(right).map(({ tag }) => tag));
  const shared = tagsOf(left).filter(({ tag }) => tags.has(tag)).length;
  const luck = noise(81, left.length * 131 + right.length * 17) / 6;
  return Math.min(0.97, luck + 0.55 * (common / Math.sqrt(Math.max(1, words.size * others.size))) + 0.17 * shared);
}

/** Returns the patterns of a story; with `pending` the last one waits for its meaning. */
export function partsOf(story: Story, index: number, pending: boolean): Part[] {
  const others = VARIANTS.find(([start]) => story.template.startsWith(start))?.[1] ?? [];
  const texts = [story.template, ...others];
  return texts.map((text, number) => {
    const waits = pending && number === texts.length - 1;
    const alone = texts.length === 1;
    return {
      pattern: `p_${Math.floor(noise(51 + number, index) * 0xffffffff).toString(16).padStart(8, '0')}`,
      text,
      state: story.class === 'rest' ? 'not_embedded' : waits ? 'pending' : 'embedded',
      similarity: waits || alone ? null : SAME_ISSUE + 0.25 * noise(61 + number, index),
    };
  });
}

/** Returns the stories that are possibly related to one, the most similar first. */
export function relatedTo(stories: Story[], index: number): { index: number; similarity: number }[] {
  const { template, class: kind } = stories[index]!;
  if (kind === 'rest') return [];
  return stories
    .map((story, other) => ({ index: other, similarity: story.class === 'rest' ? 0 : similarityOf(template, story.template) }))
    .filter((found) => found.index !== index && found.similarity >= RELATED)
    .map((found) => ({ ...found, similarity: Math.min(found.similarity, SAME_ISSUE - 0.01 - 0.08 * noise(71, found.index)) }))
    .sort((left, right) => right.similarity - left.similarity)
    .slice(0, SIMILAR_MAX);
}
