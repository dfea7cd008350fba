/**
 * Where the cards go: layers from left to right. Pure; sizes in CSS pixels.
 *
 * The layers are the plan's topological generations, as in `planloom plan`: a card stands as far left as its inputs allow.
 */

import { Graph, layout } from "@dagrejs/dagre";
import type { Card, Shape } from "./shape";

export const CARD = { width: 158, height: 46 };
const STACK_HEIGHT = 64;
const MARGIN = 18;
/** Room for the numbers of the layers. */
const HEAD = 14;

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
  /** The left side of each layer. */
  layers: number[];
  width: number;
  height: number;
}

export function drawn(shape: Shape): Drawing {
  const graph = new Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 12, ranksep: 36, edgesep: 8, marginx: MARGIN, marginy: MARGIN, ranker: earliest });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const card of shape.cards) {
    graph.setNode(card.id, { width: CARD.width, height: card.kind === "stack" ? STACK_HEIGHT : CARD.height });
  }
  for (const edge of shape.edges) if (!edge.isImplied) graph.setEdge(edge.from, edge.to);
  layout(graph);
  const { places, layers } = placed(shape.cards, graph);
  sortSiblings(places, graph);
  const byId = new Map(places.map((place) => [place.id, place]));
  const curves = shape.edges.map((edge) => {
    const bends = edge.isImplied || isShort(graph, { v: edge.from, w: edge.to }) ? [] : bendsOf(graph, edge);
    return { ...edge, path: curve(byId.get(edge.from)!, byId.get(edge.to)!, bends) };
  });
  const width = Math.max(0, ...places.map((place) => place.x + place.width)) + MARGIN;
  const height = Math.max(0, ...places.map((place) => place.y + place.height)) + MARGIN;
  return { places, curves, layers, width, height };
}

function bendsOf(graph: Graph, edge: { from: string; to: string }): { x: number; y: number }[] {
  return (graph.edge(edge.from, edge.to)?.points ?? []).slice(1, -1).map(lowered);
}

function lowered(point: { x: number; y: number }): { x: number; y: number } {
  return { x: point.x, y: point.y + HEAD };
}

function placed(cards: Card[], graph: Graph): { places: Place[]; layers: number[] } {
  const boxes = cards.map((card) => {
    const { x, y, width, height } = graph.node(card.id) as { x: number; y: number; width: number; height: number };
    return { ...card, x: x - width / 2, y: y - height / 2 + HEAD, width, height, layer: 0 };
  });
  const layers = [...new Set(boxes.map((box) => Math.round(box.x)))].sort((a, b) => a - b);
  return { places: boxes.map((box) => ({ ...box, layer: layers.indexOf(Math.round(box.x)) })), layers };
}

/**
 * The steps of a for_each from top to bottom in their order; dagre keeps crossings few, not orders.
 *
 * Only where all edges at them are straight, so that no bend has to move along.
 */
function sortSiblings(places: Place[], graph: Graph): void {
  const groups = new Map<string, Place[]>();
  for (const place of places) {
    if (!place.id.endsWith("]")) continue;
    const key = `${place.layer} ${place.id.slice(0, place.id.lastIndexOf("["))}`;
    groups.set(key, [...(groups.get(key) ?? []), place]);
  }
  for (const group of groups.values()) {
    const isStraight = group.every(({ id }) => (graph.nodeEdges(id) ?? []).every((edge) => isShort(graph, edge)));
    if (!isStraight) continue;
    const slots = group.map((place) => place.y).sort((a, b) => a - b);
    [...group].sort((a, b) => numberOf(a.id) - numberOf(b.id)).forEach((place, i) => (place.y = slots[i]!));
  }
}

function isShort(graph: Graph, edge: { v: string; w: string }): boolean {
  return (graph.edge(edge.v, edge.w)?.points?.length ?? 0) <= 3;
}

function numberOf(id: string): number {
  return Number(id.slice(id.lastIndexOf("[") + 1, -1));
}

/** Ranks by the longest way from a card without inputs; dagre's own pulls cards towards those that use them. */
function earliest(graph: Graph): void {
  const ranks = new Map<string, number>();
  const rankOf = (id: string): number => {
    const known = ranks.get(id);
    if (known !== undefined) return known;
    ranks.set(id, 0);
    const edges = graph.inEdges(id) ?? [];
    const rank = Math.max(0, ...edges.map((edge) => rankOf(edge.v) + (graph.edge(edge).minlen ?? 1)));
    ranks.set(id, rank);
    return rank;
  };
  for (const id of graph.nodes()) graph.node(id).rank = rankOf(id);
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
