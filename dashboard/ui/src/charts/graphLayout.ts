/**
 * A left-to-right layered layout for the pipeline: each component stands right of everything it reads from, and within a
 * layer components are ordered by the average position of what they read. Pure, and the same for the same graph.
 */
import type { GraphAnswer, GraphEdge, GraphNode } from '../api/types';

export const NODE_HEIGHT = 58;
const NODE_WIDTH_MIN = 120;
const NODE_WIDTH_MAX = 168;
const GAP_X_MIN = 20;
const GAP_X_MAX = 96;
const GAP_Y = 20;
/** An edge shorter than this has no room for its label; the node says what it gives anyway. */
const LABEL_GAP_MIN = 72;

export interface PlacedNode {
  node: GraphNode;
  x: number;
  y: number;
}

export interface PlacedEdge {
  edge: GraphEdge;
  /** An SVG path from the right side of one node to the left side of the next. */
  path: string;
  labelX: number;
  labelY: number;
}

export interface GraphLayout {
  nodes: PlacedNode[];
  edges: PlacedEdge[];
  nodeWidth: number;
  labelled: boolean;
  width: number;
  height: number;
}

/** The layer of each node: one more than the deepest node it reads from. A cycle cannot occur; if it does, it is cut. */
function assignLayers(graph: GraphAnswer): Map<string, number> {
  const layers = new Map<string, number>();
  const visiting = new Set<string>();
  const layerOf = (id: string): number => {
    const known = layers.get(id);
    if (known !== undefined) return known;
    if (visiting.has(id)) return 0;
    visiting.add(id);
    const before = graph.edges.filter((edge) => edge.to === id).map((edge) => layerOf(edge.from));
    const layer = before.length === 0 ? 0 : Math.max(...before) + 1;
    layers.set(id, layer);
    return layer;
  };
  for (const node of graph.nodes) layerOf(node.id);
  return layers;
}

function orderLayers(graph: GraphAnswer, layers: Map<string, number>): GraphNode[][] {
  const byLayer: GraphNode[][] = [];
  for (const node of graph.nodes) (byLayer[layers.get(node.id) ?? 0] ??= []).push(node);
  // A cut cycle can leave a layer empty; `values` of an object skips it.
  const rows = Object.values(byLayer);
  const position = new Map<string, number>();
  for (const row of rows) {
    const weight = (node: GraphNode) => {
      const before = graph.edges.filter((edge) => edge.to === node.id).map((edge) => position.get(edge.from) ?? 0);
      return before.length === 0 ? 0 : before.reduce((sum, value) => sum + value, 0) / before.length;
    };
    row.sort((left, right) => weight(left) - weight(right));
    row.forEach((node, index) => position.set(node.id, index - (row.length - 1) / 2));
  }
  return rows;
}

const clamp = (value: number, lowest: number, highest: number) => Math.min(highest, Math.max(lowest, value));

/** Places the graph in `available` pixels of width if it can; a longer graph becomes wider and scrolls. */
export function layoutGraph(graph: GraphAnswer, available: number): GraphLayout {
  const rows = orderLayers(graph, assignLayers(graph));
  const tallest = Math.max(1, ...rows.map((row) => row.length));
  const height = tallest * (NODE_HEIGHT + GAP_Y) - GAP_Y;
  const gaps = Math.max(1, rows.length - 1);
  const nodeWidth = Math.floor(clamp((available - gaps * GAP_X_MIN) / Math.max(1, rows.length), NODE_WIDTH_MIN, NODE_WIDTH_MAX));
  const gapX = Math.floor(clamp((available - rows.length * nodeWidth) / gaps, GAP_X_MIN, GAP_X_MAX));
  const placed = new Map<string, PlacedNode>();
  rows.forEach((row, layer) => {
    const used = row.length * (NODE_HEIGHT + GAP_Y) - GAP_Y;
    row.forEach((node, index) => {
      const y = (height - used) / 2 + index * (NODE_HEIGHT + GAP_Y);
      placed.set(node.id, { node, x: layer * (nodeWidth + gapX), y });
    });
  });
  const edges = graph.edges.flatMap((edge): PlacedEdge[] => {
    const from = placed.get(edge.from);
    const to = placed.get(edge.to);
    if (!from || !to) return [];
    const [x1, y1] = [from.x + nodeWidth, from.y + NODE_HEIGHT / 2];
    const [x2, y2] = [to.x, to.y + NODE_HEIGHT / 2];
    const middle = (x1 + x2) / 2;
    const path = `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
    return [{ edge, path, labelX: middle, labelY: (y1 + y2) / 2 }];
  });
  const width = Math.max(0, rows.length * (nodeWidth + gapX) - gapX);
  return { nodes: [...placed.values()], edges, nodeWidth, labelled: gapX >= LABEL_GAP_MIN, width, height };
}
