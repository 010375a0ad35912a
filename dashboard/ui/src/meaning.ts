/**
 * Meaning in words: how alike, why a tag, what a threshold says, and which words of a question stand in a text.
 *
 * Texts and words come out of logs and addresses: they are only ever put into text nodes and attributes.
 */
import type { MeaningAnswer, Part, Tag } from './api/types';
import { formatCount, plural } from './format';
import { splitTemplate, TEMPLATE_PIECES_MAX, type TemplatePiece } from './template';

/** More words than this are not marked. */
export const MARKED_WORDS_MAX = 50;

/** A share of 1 in percent, whole numbers unless there is more to say: 62 %, 55.5 %. */
export function percent(ratio: number, digits = 0): string {
  return `${Number((Math.max(0, ratio) * 100).toFixed(digits))} %`;
}

/** "Similarity 0.62, distance 0.38": the numbers behind a percentage. */
export function similarityTitle(similarity: number): string {
  return `Similarity ${similarity.toFixed(2)}, distance ${(1 - similarity).toFixed(2)}`;
}

/** Why an issue has a tag: "It says "refused"; 90 % sure". */
export function tagTitle(tag: Tag): string {
  const reason = tag.reason.charAt(0).toUpperCase() + tag.reason.slice(1);
  return `${reason}; ${percent(tag.score)} sure`;
}

/** What makes patterns one issue. */
export function sameIssueSentence(meaning: MeaningAnswer): string {
  return `Patterns that are at least ${percent(meaning.same_issue, 1)} alike on average are one issue.`;
}

/** What stands beside a pattern that has no similarity. */
export function partSentence(part: Part): string {
  if (part.state === 'pending') return 'waits for its meaning';
  return part.state === 'not_embedded' ? 'not compared' : 'alone';
}

/** How many patterns are listed, and of how many. */
export function partsCount(meaning: MeaningAnswer): string {
  const { parts, parts_in_all } = meaning;
  return parts.length < parts_in_all ? `${formatCount(parts.length)} of ${plural(parts_in_all, 'pattern')}` : plural(parts_in_all, 'pattern');
}

/** Why nothing is listed as possibly related. */
export function unrelatedSentence(meaning: MeaningAnswer): string {
  const { parts, related } = meaning;
  if (parts.some((part) => part.state === 'embedded')) {
    return `No other issue is alike enough: from ${percent(related, 1)} on, issues are shown here.`;
  }
  return parts.some((part) => part.state === 'pending')
    ? 'Not known yet: the meaning of this issue is still being worked out.'
    : 'This issue is not compared with others: it has no words of its own, or its severity is too low.';
}

/** A piece of a template; `marked` is a word that was asked for. */
export interface MarkedPiece extends TemplatePiece {
  marked: boolean;
}

/** Splits a template and marks where words begin that were asked for; the texts joined are the template again. */
export function markWords(template: string, words: string[]): MarkedPiece[] {
  const wanted = words.filter((word) => word !== '').slice(0, MARKED_WORDS_MAX);
  const plain = splitTemplate(template).map((piece) => ({ ...piece, marked: false }));
  if (wanted.length === 0) return plain;
  const longestFirst = [...wanted].sort((left, right) => right.length - left.length);
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${longestFirst.map(escapeWord).join('|')})`, 'giu');
  const pieces: MarkedPiece[] = [];
  for (const [index, piece] of plain.entries()) {
    const left = TEMPLATE_PIECES_MAX - pieces.length - (plain.length - index);
    pieces.push(...(piece.variable ? [piece] : markPiece(piece.text, pattern, left)));
  }
  return pieces;
}

function escapeWord(word: string): string {
  return word.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

/** Splits a text at its marked words into at most `most` pieces more than one. */
function markPiece(text: string, pattern: RegExp, most: number): MarkedPiece[] {
  const pieces: MarkedPiece[] = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (pieces.length + 2 > most) break;
    if (match.index > end) pieces.push({ text: text.slice(end, match.index), variable: false, marked: false });
    pieces.push({ text: match[0], variable: false, marked: true });
    end = match.index + match[0].length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end), variable: false, marked: false });
  return pieces;
}
