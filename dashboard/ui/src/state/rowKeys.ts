/** `j` and `k`: move the focus over the rows of a page (every link marked `data-row`), so that Enter opens what is focused. */
import { onCommand } from './commands';

/** The row that the reader is in: its link, or something beside it has the focus. */
export function focusedRow(): HTMLElement | null {
  return document.activeElement?.closest('#content li, #content tr')?.querySelector<HTMLElement>('[data-row]') ?? null;
}

function move(step: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('#content [data-row]')];
  const at = rows.findIndex((row) => row === focusedRow());
  const target = at === -1 ? (step === 1 ? 0 : rows.length - 1) : at + step;
  const row = rows[Math.max(0, Math.min(rows.length - 1, target))];
  // `focusVisible` shows the ring although a script moved the focus.
  row?.focus({ preventScroll: true, focusVisible: true } as FocusOptions);
  row?.scrollIntoView({ block: 'nearest' });
}

/** Registers both keys; returns how to undo it. */
export function rowKeys(): () => void {
  const stops = [onCommand('next', () => move(1)), onCommand('previous', () => move(-1))];
  return () => stops.forEach((stop) => stop());
}
