/**
 * From the server's sparse slices to the dense, stacked columns of a chart. Pure; nothing is drawn here.
 *
 * Limits: a chart has at most `COLUMNS_MAX` columns, whatever the range and whatever the server sends.
 */
import type { SeverityClass, TimelineAnswer } from '../api/types';

export const COLUMNS_MAX = 1_000;

/** Slices a chart may use, in seconds: each divides the next calendar unit, so columns start at round times. */
const SLICE_SECONDS = [60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 604_800];
const COLUMNS_WANTED_MAX = 100;

/** The finest slice that keeps a range readable. */
export function chooseSlice(fromMs: number, toMs: number): number {
  const seconds = (toMs - fromMs) / 1_000;
  const found = SLICE_SECONDS.find((slice) => seconds / slice <= COLUMNS_WANTED_MAX);
  return found ?? Math.ceil(seconds / COLUMNS_WANTED_MAX / 604_800) * 604_800;
}

export interface Columns {
  /** Start of each column in seconds since 1970, ascending, without gaps. */
  starts: number[];
  sliceSeconds: number;
  error: number[];
  warn: number[];
  rest: number[];
}

/** Puts every slice into its column; columns without events are zero. */
export function fillColumns(timeline: TimelineAnswer): Columns {
  const slice = Math.max(1, timeline.slice_seconds);
  const first = Math.floor(Date.parse(timeline.from) / 1_000 / slice) * slice;
  const wanted = Math.ceil((Date.parse(timeline.to) / 1_000 - first) / slice);
  const length = Math.max(0, Math.min(COLUMNS_MAX, Number.isFinite(wanted) ? wanted : 0));
  const columns: Columns = {
    starts: Array.from({ length }, (_, index) => first + index * slice),
    sliceSeconds: slice,
    error: new Array<number>(length).fill(0),
    warn: new Array<number>(length).fill(0),
    rest: new Array<number>(length).fill(0),
  };
  for (const entry of timeline.slices) {
    const index = Math.floor((Date.parse(entry.start) / 1_000 - first) / slice);
    if (!(index >= 0 && index < length)) continue;
    columns.error[index]! += entry.error;
    columns.warn[index]! += entry.warn;
    columns.rest[index]! += entry.rest;
  }
  return columns;
}

/** Heights of the stacked columns, tallest first, as the chart draws them: rest behind warn behind error. */
export function stackColumns(columns: Columns, hidden: readonly SeverityClass[]): [number[], number[], number[]] {
  const shown = (name: SeverityClass) => (hidden.includes(name) ? columns.starts.map(() => 0) : columns[name]);
  const error = [...shown('error')];
  const warn = shown('warn').map((count, index) => count + error[index]!);
  const rest = shown('rest').map((count, index) => count + warn[index]!);
  return [rest, warn, error];
}

export function totalOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Heights in 0…1 for a sparkline; anything that happened at all stays visible. */
export function sparklineHeights(points: readonly number[], heightPixels: number): number[] {
  const tallest = Math.max(1, ...points);
  return points.map((count) => (count <= 0 ? 0 : Math.max(1.5 / heightPixels, count / tallest)));
}
