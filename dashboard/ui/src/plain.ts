/**
 * Text of foreign origin, made plain: what people or logs wrote is shown as what it is, wherever it stands.
 *
 * Not here: markup, which needs nothing, because pages put texts into text nodes only.
 */

/** Text of foreign origin is cut here: a page is no place for a megabyte. */
export const SHOWN_CHARACTERS_MAX = 600;

/** Longest name of a person that the server takes. */
export const NAME_CHARACTERS_MAX = 100;

/** Marks that change the direction of the text around them, and control characters: written as their code points. */
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** Text as it can be shown anywhere: cut, and with what cannot be seen made visible. */
export function plainText(text: string, most = SHOWN_CHARACTERS_MAX): string {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text;
  return cut.replace(UNSEEN, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
