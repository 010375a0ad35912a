/**
 * The stacked volume chart, drawn by uPlot: error in front of warn (hatched) in front of rest. Dragging selects a range,
 * a double click resets it.
 *
 * Not here: what the columns are (bins.ts), the legend and the table beside the chart (Timeline.svelte).
 */
import uPlot from 'uplot';
import type { SeverityClass } from '../api/types';
import { formatAxis, formatCompact, type Zone } from '../format';
import { type Columns, stackColumns } from './bins';
import { resolveColor } from './colors';

/** A stretch of time drawn behind the columns, in milliseconds. */
export interface Mark {
  from: number;
  to: number;
}

export interface TimelineOptions {
  element: HTMLElement;
  width: number;
  height: number;
  zone: Zone;
  columns: () => Columns;
  marks: () => Mark[];
  onHover(index: number | null): void;
  onSelect(fromMs: number, toMs: number): void;
  onReset(): void;
}

/** Counts are whole numbers, so the axis counts in whole steps. */
const COUNT_STEPS = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();
const AXIS_FONT = '11px system-ui, sans-serif';

export function timelineData(columns: Columns, hidden: readonly SeverityClass[]): uPlot.AlignedData {
  return [columns.starts, ...stackColumns(columns, hidden)];
}

function hatch(element: HTMLElement, front: string, back: string): CanvasPattern | string {
  const tile = document.createElement('canvas');
  tile.width = tile.height = 6;
  const context = tile.getContext('2d');
  if (!context) return resolveColor(element, front);
  context.fillStyle = resolveColor(element, front);
  context.fillRect(0, 0, 6, 6);
  context.strokeStyle = resolveColor(element, back);
  context.lineWidth = 1.2;
  context.beginPath();
  context.moveTo(-1, 7);
  context.lineTo(7, -1);
  context.moveTo(-4, 4);
  context.lineTo(4, -4);
  context.moveTo(2, 10);
  context.lineTo(10, 2);
  context.stroke();
  return context.createPattern(tile, 'repeat') ?? resolveColor(element, front);
}

function drawMarks(chart: uPlot, options: TimelineOptions, wash: string, edge: string): void {
  const { ctx, bbox } = chart;
  for (const mark of options.marks()) {
    const left = Math.max(bbox.left, chart.valToPos(mark.from / 1_000, 'x', true));
    const right = Math.min(bbox.left + bbox.width, chart.valToPos(mark.to / 1_000, 'x', true));
    if (right <= left) continue;
    ctx.fillStyle = wash;
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
    ctx.fillStyle = edge;
    ctx.fillRect(left, bbox.top, right - left, 2 * devicePixelRatio);
  }
}

/** The last column is still filling while its end lies ahead: it is shown faded, so that it does not look like a fall. */
function fadeOpenColumn(chart: uPlot, columns: Columns, surface: string): void {
  const start = columns.starts.at(-1);
  if (start === undefined || (start + columns.sliceSeconds) * 1_000 <= Date.now()) return;
  const { ctx, bbox } = chart;
  const left = chart.valToPos(start, 'x', true);
  ctx.save();
  ctx.globalAlpha = 0.5;
  ctx.fillStyle = surface;
  ctx.fillRect(left, bbox.top, bbox.left + bbox.width - left, bbox.height);
  ctx.restore();
}

function columnAt(chart: uPlot, columns: Columns): number | null {
  const left = chart.cursor.left ?? -1;
  const first = columns.starts[0];
  if (left < 0 || first === undefined) return null;
  const index = Math.floor((chart.posToVal(left, 'x') - first) / columns.sliceSeconds);
  return index >= 0 && index < columns.starts.length ? index : null;
}

function select(chart: uPlot, options: TimelineOptions): void {
  const { left, width } = chart.select;
  if (width < 4) return;
  const slice = options.columns().sliceSeconds;
  const from = Math.floor(chart.posToVal(left, 'x') / slice) * slice;
  const to = Math.ceil(chart.posToVal(left + width, 'x') / slice) * slice;
  chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  options.onSelect(from * 1_000, to * 1_000);
}

export function drawTimeline(options: TimelineOptions, hidden: readonly SeverityClass[]): uPlot {
  const { element, zone } = options;
  const color = (name: string) => resolveColor(element, name);
  const [inkFaint, line, surface] = [color('--ink-faint'), color('--line'), color('--surface')];
  const [wash, edge] = [color('--error-wash'), color('--error')];
  const columns = uPlot.paths.bars?.({ size: [1, Infinity], align: 1, gap: 1 });
  const series = (fill: string | CanvasPattern): uPlot.Series => ({
    ...(columns && { paths: columns }),
    fill: () => fill as string,
    width: 0,
    points: { show: false },
  });
  const axis: uPlot.Axis = { stroke: inkFaint, font: AXIS_FONT, ticks: { show: false }, border: { show: false } };
  return new uPlot(
    {
      width: options.width,
      height: options.height,
      padding: [10, 20, 0, 0],
      legend: { show: false },
      tzDate: (seconds) => (zone === 'utc' ? uPlot.tzDate(new Date(seconds * 1_000), 'Etc/UTC') : new Date(seconds * 1_000)),
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false },
        bind: {
          dblclick: () => () => {
            options.onReset();
            return null;
          },
        },
      },
      scales: {
        x: { time: true, range: (_, min, max) => [min, max + options.columns().sliceSeconds] },
        y: { range: (_, __, max) => [0, Math.max(4, (max ?? 0) * 1.06)] },
      },
      axes: [
        {
          ...axis,
          size: 36,
          space: 72,
          grid: { show: false },
          values: (_, splits, __, ___, step) => formatAxis(splits.map((split) => split * 1_000), step * 1_000, zone),
        },
        {
          ...axis,
          size: 46,
          space: 28,
          incrs: COUNT_STEPS,
          grid: { stroke: line, width: 1 },
          values: (_, splits) => splits.map(formatCompact),
        },
      ],
      series: [{}, series(color('--rest-fill')), series(hatch(element, '--warn-fill', '--warn-wash')), series(color('--error-fill'))],
      hooks: {
        draw: [(chart) => fadeOpenColumn(chart, options.columns(), surface)],
        drawClear: [(chart) => drawMarks(chart, options, wash, edge)],
        setCursor: [(chart) => options.onHover(columnAt(chart, options.columns()))],
        setSelect: [(chart) => select(chart, options)],
      },
    },
    timelineData(options.columns(), hidden),
    element,
  );
}
