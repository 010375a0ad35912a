/** Columns of a chart, heights of a sparkline, places in the graph. */
import { describe, expect, test } from 'vitest';
import type { GraphAnswer, TimelineAnswer } from '../src/api/types';
import { baselineShapes } from '../src/charts/baseline';
import { chooseSlice, COLUMNS_MAX, fillColumns, sparklineHeights, stackColumns, totalOf } from '../src/charts/bins';
import { layoutGraph, NODE_HEIGHT } from '../src/charts/graphLayout';

const HOUR_MS = 3_600_000;
const timeline = (changes: Partial<TimelineAnswer>): TimelineAnswer => ({
  from: '2026-11-21T14:00:00Z', to: '2026-11-21T14:05:00Z', slice_seconds: 60, slices: [], ...changes,
});

describe('columns', () => {
  test.each([[HOUR_MS, 60], [6 * HOUR_MS, 300], [24 * HOUR_MS, 900], [168 * HOUR_MS, 7_200], [60_000, 60]])(
    'a range of %d ms has slices of %d s', (range, slice) => expect(chooseSlice(0, range)).toBe(slice));
  test('no range, however long, asks for more than a hundred columns', () => {
    for (let days = 1; days < 50_000; days = Math.ceil(days * 1.7)) {
      expect((days * 86_400) / chooseSlice(0, days * 86_400_000)).toBeLessThanOrEqual(100);
    }
  });
  test('slices that were left out are zero', () => {
    const columns = fillColumns(timeline({ slices: [{ start: '2026-11-21T14:03:00Z', error: 1, warn: 2, rest: 3 }] }));
    expect(columns.starts).toHaveLength(5);
    expect([columns.error, columns.warn, columns.rest]).toEqual([[0, 0, 0, 1, 0], [0, 0, 0, 2, 0], [0, 0, 0, 3, 0]]);
  });
  test('a range that does not begin on a slice begins with the slice it lies in', () => {
    const columns = fillColumns(timeline({ from: '2026-11-21T14:00:30Z', slices: [{ start: '2026-11-21T14:00:00Z', error: 4, warn: 0, rest: 0 }] }));
    expect(columns.starts[0]).toBe(Date.parse('2026-11-21T14:00:00Z') / 1_000);
    expect(columns.error[0]).toBe(4);
  });
  test('slices outside the range and times that cannot be read are ignored', () => {
    const columns = fillColumns(timeline({ slices: ['2026-11-21T13:59:00Z', '2026-11-21T14:05:00Z', 'soon'].map((start) => ({ start, error: 1, warn: 1, rest: 1 })) }));
    expect(totalOf(columns.error)).toBe(0);
  });
  test('limit: a chart has a bounded number of columns', () => {
    expect(fillColumns(timeline({ from: '1990-01-01T00:00:00Z' })).starts).toHaveLength(COLUMNS_MAX);
    expect(fillColumns(timeline({ from: 'x', to: 'y' })).starts).toHaveLength(0);
  });
  test('stacking adds from the most severe up; hidden classes leave no gap', () => {
    const columns = fillColumns(timeline({ slices: [{ start: '2026-11-21T14:00:00Z', error: 1, warn: 2, rest: 4 }] }));
    expect(stackColumns(columns, []).map((heights) => heights[0])).toEqual([7, 3, 1]);
    expect(stackColumns(columns, ['warn']).map((heights) => heights[0])).toEqual([5, 1, 1]);
    expect(columns.error[0]).toBe(1);
  });
});

describe('sparkline', () => {
  test('the tallest fills the height, and a single event stays visible', () => {
    expect(sparklineHeights([0, 1, 100_000], 24)).toEqual([0, 1.5 / 24, 1]);
    expect(sparklineHeights([], 24)).toEqual([]);
  });
});

describe('baseline', () => {
  const point = (observed: number, expected: number) => ({ start: '2026-11-21T14:00:00Z', observed, expected });
  test('the larger of both numbers fills the height, and more than expected is marked', () => {
    const { bars, expected, top } = baselineShapes([point(0, 5), point(10, 5)], 100, 40);
    expect(bars.map(({ y, height, over }) => ({ y, height, over }))).toEqual([{ y: 40, height: 0, over: false }, { y: 0, height: 40, over: true }]);
    expect([expected, top]).toEqual(['M0 20H50L50 20H100', 10]);
  });
  test('nothing is drawn of nothing, and one event among many stays visible', () => {
    expect(baselineShapes([], 100, 40)).toEqual({ bars: [], expected: '', top: 1 });
    expect(baselineShapes([point(1, 0), point(10_000, 0)], 100, 40).bars[0]!.height).toBe(1.5);
  });
});

describe('graph', () => {
  const graph = (edges: [string, string][]): GraphAnswer => ({
    nodes: [...new Set(edges.flat())].map((id) => ({ id, type: id, kind: 'operator', output: null })),
    edges: edges.map(([from, to]) => ({ from, to, stream: 'events' })),
  });
  const place = (edges: [string, string][], width = 1_200) => {
    const layout = layoutGraph(graph(edges), width);
    return { layout, at: Object.fromEntries(layout.nodes.map((placed) => [placed.node.id, placed])) };
  };
  test('every component stands right of everything it reads from', () => {
    const edges: [string, string][] = [['a', 'c'], ['b', 'c'], ['c', 'd'], ['a', 'd'], ['d', 'e'], ['c', 'e']];
    const { at } = place(edges);
    for (const [from, to] of edges) expect(at[from]!.x).toBeLessThan(at[to]!.x);
  });
  test('components of one layer do not overlap and nothing leaves the drawing', () => {
    const { layout, at } = place([['a', 'z'], ['b', 'z'], ['c', 'z']]);
    const heights = ['a', 'b', 'c'].map((id) => at[id]!.y).sort((left, right) => left - right);
    expect(heights[1]! - heights[0]!).toBeGreaterThanOrEqual(NODE_HEIGHT);
    for (const placed of layout.nodes) {
      expect(placed.x + layout.nodeWidth).toBeLessThanOrEqual(layout.width);
      expect(placed.y + NODE_HEIGHT).toBeLessThanOrEqual(layout.height);
    }
  });
  test('it fits the width that there is, down to a smallest size', () => {
    const chain: [string, string][] = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((id, index) => [id, 'bcdefgh'[index]!]);
    expect(place(chain, 1_180).layout.width).toBeLessThanOrEqual(1_180);
    expect(place(chain, 300).layout.width).toBeGreaterThan(300);
  });
  test('an edge to an unknown component is left out, and a cycle ends', () => {
    const broken = graph([['a', 'b'], ['b', 'a']]);
    broken.edges.push({ from: 'a', to: 'nowhere', stream: 'events' });
    expect(layoutGraph(broken, 800).edges).toHaveLength(2);
    expect(layoutGraph({ nodes: [], edges: [] }, 800).width).toBe(0);
  });
});
