/**
 * The language of the filter box, as far as the page has to understand it: words, "phrases" and `key:value` pairs. What a text
 * finds, and whether it can be understood at all, is for the server to say.
 *
 * Promise: pieces are cut as the server cuts them (dashboard/src/filter.rs), so that what a tab adds means the same there.
 */
import type { Tab } from './routes';

export const FILTER_KEYS = ['is', 'service', 'tag', 'severity', 'assignee'] as const;
export type FilterKey = (typeof FILTER_KEYS)[number];
/** What may stand behind `is:` and is about what people decided. */
const DECIDED = ['unresolved', 'open', 'regressed', 'ignored', 'resolved'];

/** What each tab asks for. What is new or spiking is news only while nobody has dealt with it. */
const TAB_STATES: Record<Tab, string[]> = {
  unresolved: ['unresolved'],
  new: ['new', 'unresolved'],
  spiking: ['spiking', 'unresolved'],
  regressed: ['regressed'],
  ignored: ['ignored'],
  resolved: ['resolved'],
  all: [],
};

export interface Piece {
  key: FilterKey | null;
  text: string;
  /** As it was typed. */
  typed: string;
  /** Whether something is still to come: a phrase without its end, a key without its value. */
  open: boolean;
}

/** Cuts a text at blanks outside of quotes. A key is known, and not quoted: `error:7` is a word. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let rest = text.trimStart();
  while (rest !== '') {
    const key = FILTER_KEYS.find((known) => rest.startsWith(`${known}:`)) ?? null;
    const value = key === null ? rest : rest.slice(key.length + 1);
    const quoted = value.startsWith('"');
    const end = quoted ? value.indexOf('"', 1) : value.search(/\s/);
    const length = end === -1 ? value.length : quoted ? end + 1 : end;
    const word = quoted ? value.slice(1, end === -1 ? undefined : end) : value.slice(0, length);
    const typed = rest.slice(0, rest.length - value.length + length);
    const open = (quoted && end === -1) || (key !== null && word === '');
    if (key !== null || word !== '' || open) found.push({ key, text: word, typed, open });
    rest = value.slice(length).trimStart();
  }
  return found;
}

/** Whether a text cannot be asked for yet, because its reader is about to write more. */
export const isUnfinished = (text: string): boolean => pieces(text).some((piece) => piece.open);

const decides = ({ key, text }: Piece): boolean => key === 'is' && DECIDED.includes(text);

/** Whether a text says itself which decisions it is about; then it wins over the tab. */
export const namesState = (text: string): boolean => pieces(text).some(decides);

/** The text without what it says about decisions, for the tabs. */
export function withoutStates(text: string): string {
  const all = pieces(text);
  return all.some(decides) ? all.filter((piece) => !decides(piece)).map((piece) => piece.typed).join(' ') : text;
}

/** What the server is asked for when a text stands in the box of a tab. */
export function askedText(tab: Tab, text: string): string {
  const states = TAB_STATES[tab].filter((state) => !DECIDED.includes(state) || !namesState(text));
  return [...states.map((state) => `is:${state}`), text].filter(Boolean).join(' ');
}

/** The text with one pair in place of any other of its key; null if the value cannot be written in this language. */
export function withPair(text: string, key: FilterKey, value: string): string | null {
  if (value === '' || value.includes('"')) return null;
  const others = pieces(text).filter((piece) => piece.key !== key && !piece.open);
  const written = /\s/.test(value) ? `"${value}"` : value;
  return [...others.map((piece) => piece.typed), `${key}:${written}`].join(' ');
}
