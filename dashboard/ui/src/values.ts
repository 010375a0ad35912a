/**
 * What varies in an issue, worded and measured: the words around each place, the share of each value, one line for a tooltip.
 *
 * All of it comes out of logs: it is only ever put into text nodes and attributes. Bounded by what the server sends.
 */
import type { ValuesAnswer, Variable } from './api/types';
import { formatCount, plural } from './format';
import type { TemplatePiece } from './template';

/** A tooltip names this many values; the block below the title has the others. */
const TOOLTIP_VALUES = 3;
/** Characters of the template shown before and after a place. */
const AROUND_CHARACTERS = 24;

/** A value as a row of the block, or all values that are not listed together (`value` is null). */
export interface Share {
  value: string | null;
  count: number;
  /** Part of the samples in which the place has a value, from 0 to 1. */
  share: number;
}

/** The address of a place within the page. */
export function placeId(variable: Variable): string {
  return `varies-${variable.position}`;
}

/** The rows of a place; what is not listed one by one is the last of them. */
export function shares(variable: Variable): Share[] {
  const share = (count: number) => (variable.samples > 0 ? Math.min(1, count / variable.samples) : 0);
  const rows: Share[] = variable.top.map(({ value, count }) => ({ value, count, share: share(count) }));
  const rest = variable.samples - variable.top.reduce((sum, { count }) => sum + count, 0);
  return rest > 0 ? [...rows, { value: null, count: rest, share: share(rest) }] : rows;
}

/** "3 values in 40 samples: 10.0.0.7 (20), 10.0.0.8 (12), 10.0.0.9 (8)" */
export function valuesSentence(variable: Variable): string {
  const named = variable.top.slice(0, TOOLTIP_VALUES).map(({ value, count }) => `${value} (${formatCount(count)})`);
  if (variable.distinct > named.length) named.push('…');
  return `${plural(variable.distinct, 'value')} in ${plural(variable.samples, 'sample')}: ${named.join(', ')}`;
}

/** What the numbers are of: "in 40 kept samples", or how many of them fit the pattern. */
export function samplesSentence(answer: ValuesAnswer): string {
  const kept = plural(answer.kept, 'kept sample');
  return answer.samples === answer.kept ? `in ${kept}` : `in ${formatCount(answer.samples)} of ${kept}`;
}

/** The first place that each placeholder of the template stands for, by the placeholder's number. */
export function byPlaceholder(variables: Variable[]): Map<number, Variable> {
  const found = new Map<number, Variable>();
  for (const variable of variables) {
    if (variable.placeholder !== null && !found.has(variable.placeholder)) found.set(variable.placeholder, variable);
  }
  return found;
}

/** The words of the template before and after a place; empty where nothing stands for it. */
export function around(pieces: TemplatePiece[], variable: Variable): { before: string; shown: string; after: string } {
  const places = pieces.flatMap((piece, index) => (piece.variable ? [index] : []));
  const at = variable.placeholder === null ? undefined : places[variable.placeholder];
  if (at === undefined) return { before: '', shown: `<${variable.type}>`, after: '' };
  const constant = (index: number) => {
    const piece = pieces[index];
    return piece === undefined || piece.variable ? '' : piece.text;
  };
  const [before, after] = [constant(at - 1), constant(at + 1)];
  return {
    before: before.length > AROUND_CHARACTERS ? `…${before.slice(-AROUND_CHARACTERS)}` : before,
    shown: pieces[at]!.text,
    after: after.length > AROUND_CHARACTERS ? `${after.slice(0, AROUND_CHARACTERS)}…` : after,
  };
}
