/**
 * The keyboard: one list of shortcuts, which is both what the keys do and what the help dialog shows.
 *
 * Single keys never act while the reader types or holds a modifier, and can be switched off (WCAG 2.1.4).
 */

export type Command =
  | 'go-overview'
  | 'go-issues'
  | 'go-search'
  | 'go-alerts'
  | 'go-pipeline'
  | 'go-sources'
  | 'help'
  | 'filter'
  | 'next'
  | 'previous'
  | 'range'
  | 'zone'
  | 'wrap'
  | 'live'
  | 'select'
  | 'unselect'
  | 'resolve'
  | 'reopen'
  | 'ignore'
  | 'assign'
  | 'comment'
  | 'merge'
  | 'split'
  | 'back';

export interface Shortcut {
  keys: readonly string[];
  command: Command;
  does: string;
}

export const SHORTCUTS: readonly Shortcut[] = [
  { keys: ['g', 'o'], command: 'go-overview', does: 'Go to the overview' },
  { keys: ['g', 'i'], command: 'go-issues', does: 'Go to the issues' },
  { keys: ['g', 's'], command: 'go-search', does: 'Go to the search' },
  { keys: ['g', 'a'], command: 'go-alerts', does: 'Go to the alerts' },
  { keys: ['g', 'p'], command: 'go-pipeline', does: 'Go to the pipeline' },
  { keys: ['g', 'r'], command: 'go-sources', does: 'Go to the sources: what is read' },
  { keys: ['j'], command: 'next', does: 'Move to the next row' },
  { keys: ['k'], command: 'previous', does: 'Move to the previous row' },
  { keys: ['/'], command: 'filter', does: 'Filter the issues, or move to the question of a search' },
  { keys: ['x'], command: 'select', does: 'Select the issue or the fingerprint of the row' },
  { keys: ['Escape'], command: 'unselect', does: 'Select nothing' },
  { keys: ['e'], command: 'resolve', does: 'Resolve what is selected, or the issue' },
  { keys: ['v'], command: 'reopen', does: 'Open it again' },
  { keys: ['z'], command: 'ignore', does: 'Ignore it for a while, or for good' },
  { keys: ['a'], command: 'assign', does: 'Assign it to somebody' },
  { keys: ['c'], command: 'comment', does: 'Comment on the issue' },
  { keys: ['m'], command: 'merge', does: 'Merge the selected issues, or the issue with another one' },
  { keys: ['s'], command: 'split', does: 'Split the selected fingerprints off the issue' },
  { keys: ['b'], command: 'back', does: 'Take back what was just done' },
  { keys: ['t'], command: 'range', does: 'Move to the time range' },
  { keys: ['u'], command: 'zone', does: 'Switch between UTC and local time' },
  { keys: ['w'], command: 'wrap', does: 'Wrap long records' },
  { keys: ['l'], command: 'live', does: 'Pause or resume live updates' },
  { keys: ['?'], command: 'help', does: 'Show this help' },
];

/** A started sequence such as `g` is forgotten after this long. */
export const SEQUENCE_MS_MAX = 1_200;

/** What a key press is reduced to before it is read. */
export interface KeyPress {
  key: string;
  modified: boolean;
  typing: boolean;
  atMs: number;
}

/** Turns key presses into commands; remembers the first key of a two-key sequence. */
export class KeyReader {
  #first: { key: string; atMs: number } | null = null;

  read(press: KeyPress): Command | null {
    const first = this.#first;
    this.#first = null;
    if (press.modified || press.typing) return null;
    const pending = first !== null && press.atMs - first.atMs <= SEQUENCE_MS_MAX ? [first.key] : [];
    const keys = [...pending, press.key];
    const found = SHORTCUTS.find((shortcut) => shortcut.keys.join(' ') === keys.join(' '));
    if (found) return found.command;
    if (SHORTCUTS.some((shortcut) => shortcut.keys.length > 1 && shortcut.keys[0] === press.key)) {
      this.#first = { key: press.key, atMs: press.atMs };
    }
    return null;
  }
}

/** True when a key press belongs to a field or a dialog rather than to the page. */
export function isTyping(target: EventTarget | null): boolean {
  // In a check box nothing is typed.
  const fields = 'input:not([type="checkbox"]), textarea, select, dialog, [contenteditable]';
  return target instanceof HTMLElement && target.closest(fields) !== null;
}
