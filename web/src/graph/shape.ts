/** The graph that is drawn of a run: which steps are cards, which for_each is folded, which edges say something. Pure. */

import type { Run, Step } from "../state/model";

/** `stack`: a folded for_each; `join`: an unfolded one, where its children's results meet. */
export type CardKind = "step" | "stack" | "join";

export interface Card {
  id: string;
  kind: CardKind;
}

export interface Edge {
  from: string;
  to: string;
  /** Said by a longer way too; drawn only when one of its ends is looked at. */
  isImplied: boolean;
}

export interface Shape {
  cards: Card[];
  edges: Edge[];
}

/** In a plan with more steps than this every for_each is drawn folded, unless asked otherwise. */
const CROWDED = 14;

export function isFolded(run: Run, step: Step, toggled: ReadonlySet<string>): boolean {
  if (step.children.length === 0) return false;
  const folds = run.order.length > CROWDED;
  return toggled.has(step.id) ? !folds : folds;
}

export function shapeOf(run: Run, toggled: ReadonlySet<string>): Shape {
  const cards: Card[] = [];
  const edges = new Map<string, Edge>();
  const shown = (id: string): string => {
    const parent = run.steps[id]?.parent;
    const group = parent ? run.steps[parent] : undefined;
    return group && isFolded(run, group, toggled) ? group.id : id;
  };
  const link = (from: string, to: string) => {
    if (from !== to && run.steps[from]) edges.set(`${from} ${to}`, { from, to, isImplied: false });
  };
  for (const id of run.order) {
    const step = run.steps[id];
    if (!step || shown(id) !== id) continue;
    const kind = step.children.length === 0 ? "step" : isFolded(run, step, toggled) ? "stack" : "join";
    cards.push({ id, kind });
    if (kind === "join") for (const child of step.children) link(child, id);
    else for (const needed of step.dependencies) link(shown(needed), id);
  }
  return { cards, edges: marked(cards, [...edges.values()]) };
}

/** Edges that a longer way implies are marked. O(cards * edges). */
function marked(cards: Card[], edges: Edge[]): Edge[] {
  const after = new Map<string, string[]>(cards.map(({ id }) => [id, []]));
  for (const { from, to } of edges) after.get(from)?.push(to);
  const reach = new Map<string, Set<string>>();
  const reached = (id: string): Set<string> => {
    const known = reach.get(id);
    if (known) return known;
    const found = new Set<string>();
    reach.set(id, found);
    for (const next of after.get(id) ?? []) {
      found.add(next);
      for (const far of reached(next)) found.add(far);
    }
    return found;
  };
  return edges.map((edge) => ({
    ...edge,
    isImplied: (after.get(edge.from) ?? []).some((way) => way !== edge.to && reached(way).has(edge.to)),
  }));
}
