/**
 * The curve behind an alert as shapes of a drawing: a bar for what was observed in each bucket, a line for what was
 * expected there. Pure; nothing is drawn here. Limits: the server sends at most 48 buckets.
 */
import type { BaselinePoint } from '../api/types';

export interface Bar {
  x: number;
  y: number;
  width: number;
  height: number;
  /** More than was expected. */
  over: boolean;
}

export interface BaselineShapes {
  bars: Bar[];
  /** The path of what was expected, a step for each bucket. */
  expected: string;
  /** What the upper edge stands for. */
  top: number;
}

/** A single event stays visible. */
const BAR_HEIGHT_MIN = 1.5;
const GAP = 1;

const round = (value: number) => Math.round(value * 100) / 100;

/** Lays the buckets side by side over the whole width; the larger of both numbers fills the height. */
export function baselineShapes(points: BaselinePoint[], width: number, height: number): BaselineShapes {
  const top = Math.max(1, ...points.flatMap((point) => [point.observed, point.expected]));
  const step = width / Math.max(1, points.length);
  const y = (value: number) => round(height - (value / top) * height);
  const bars = points.map((point, index) => {
    const tall = point.observed > 0 ? Math.max(BAR_HEIGHT_MIN, (point.observed / top) * height) : 0;
    const over = point.observed > point.expected;
    return { x: round(index * step), y: round(height - tall), width: round(Math.max(1, step - GAP)), height: round(tall), over };
  });
  const steps = points.map((point, index) => `${index === 0 ? 'M' : 'L'}${round(index * step)} ${y(point.expected)}H${round((index + 1) * step)}`);
  return { bars, expected: steps.join(''), top };
}
