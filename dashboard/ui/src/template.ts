/**
 * A template in pieces: the words it was named after and the variable parts (`<num>`, `<ip>`, `<*>` …), which a page dims.
 *
 * The text is hostile like all log content: pieces are only ever put into text nodes.
 */

export interface TemplatePiece {
  text: string;
  variable: boolean;
}

/** More pieces than this are joined into one: a page never makes an element per word of a huge record. */
export const TEMPLATE_PIECES_MAX = 200;

const VARIABLE = /<(?:\*|[a-z][a-z0-9_:.-]{0,31})>/gi;

/** Splits a template; the texts of the pieces joined are the template again. */
export function splitTemplate(template: string): TemplatePiece[] {
  const pieces: TemplatePiece[] = [];
  let end = 0;
  for (const match of template.matchAll(VARIABLE)) {
    if (pieces.length >= TEMPLATE_PIECES_MAX - 2) break;
    if (match.index > end) pieces.push({ text: template.slice(end, match.index), variable: false });
    pieces.push({ text: match[0], variable: true });
    end = match.index + match[0].length;
  }
  if (end < template.length) pieces.push({ text: template.slice(end), variable: false });
  return pieces;
}
