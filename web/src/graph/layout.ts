/** Where the cards go: dagre's layers, left to right. Pure; sizes in CSS pixels. */

import { Graph, layout } from "@dagrejs/dagre";
import type { Card, Shape } from "./shape";

export const CARD = { width: 172, height: 46 };
const STACK_HEIGHT = 64;
const MARGIN = 20;

export interface Place extends Card {
  x: number;
  y: number;
  width: number;
  height: number;
  /** From 0; cards of one layer have no way between them. */
  layer: number;
}

export interface Curve {
  from: string;
  to: string;
  isImplied: boolean;
  path: string;
}

export interface Drawing {
  places: Place[];
  curves: Curve[];
  width: number;
  height: number;
}

export function drawn(shape: Shape): Drawing {
  const graph = new Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 12, ranksep: 52, edgesep: 8, marginx: MARGIN, marginy: MARGIN });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const card of shape.cards) {
    graph.setNode(card.id, { width: CARD.width, height: card.kind === "stack" ? STACK_HEIGHT : CARD.height });
  }
  for (const edge of shape.edges) if (!edge.isImplied) graph.setEdge(edge.from, edge.to);
  layout(graph);
  const places = placed(shape.cards, graph);
  const byId = new Map(places.map((place) => [place.id, place]));
  const curves = shape.edges.map((edge) => {
    const points = edge.isImplied ? [] : (graph.edge(edge.from, edge.to)?.points ?? []).slice(1, -1);
    return { ...edge, path: curve(byId.get(edge.from)!, byId.get(edge.to)!, points) };
  });
  const width = Math.max(0, ...places.map((place) => place.x + place.width)) + MARGIN;
  const height = Math.max(0, ...places.map((place) => place.y + place.height)) + MARGIN;
  return { places, curves, width, height };
}

function placed(cards: Card[], graph: Graph): Place[] {
  const boxes = cards.map((card) => {
    const { x, y, width, height } = graph.node(card.id) as { x: number; y: number; width: number; height: number };
    return { ...card, x: x - width / 2, y: y - height / 2, width, height, layer: 0 };
  });
  const columns = [...new Set(boxes.map((box) => Math.round(box.x)))].sort((a, b) => a - b);
  return boxes.map((box) => ({ ...box, layer: columns.indexOf(Math.round(box.x)) }));
}

/** From the right side of one card to the left side of another, through dagre's bends. */
function curve(from: Place, to: Place, bends: { x: number; y: number }[]): string {
  const points = [
    { x: from.x + from.width, y: from.y + from.height / 2 },
    ...bends,
    { x: to.x, y: to.y + to.height / 2 },
  ];
  let path = `M${round(points[0]!.x)} ${round(points[0]!.y)}`;
  for (let i = 1; i < points.length; i++) {
    const before = points[i - 1]!;
    const after = points[i]!;
    const bend = (after.x - before.x) / 2;
    path += `C${round(before.x + bend)} ${round(before.y)} ${round(after.x - bend)} ${round(after.y)} ${round(after.x)} ${round(after.y)}`;
  }
  return path;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
