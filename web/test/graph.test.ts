import { expect, test } from "vitest";
import { drawn } from "../src/graph/layout";
import { shapeOf } from "../src/graph/shape";
import { emptyRun } from "../src/state/reduce";
import { emptyStep } from "../src/state/steps";
import type { Run, Step } from "../src/state/model";

/** Steps by id with what they wait for; `e[0]` is a child of `e`. */
function runOf(plan: Record<string, string[]>): Run {
  const steps: Record<string, Step> = {};
  for (const [id, dependencies] of Object.entries(plan)) {
    const parent = id.includes("[") ? id.slice(0, id.indexOf("[")) : null;
    steps[id] = { ...emptyStep(id), dependencies, parent };
    if (parent) steps[parent]!.children.push(id);
  }
  return { ...emptyRun("r", 0), steps, order: Object.keys(plan) };
}

test("an edge that a longer way says is marked as implied", () => {
  const { edges } = shapeOf(runOf({ a: [], b: ["a"], c: ["a", "b"] }), new Set());
  expect(edges.filter((edge) => edge.isImplied).map(({ from, to }) => `${from} ${to}`)).toEqual(["a c"]);
});

test("cards stand in the layer of their topological generation", () => {
  const { places } = drawn(shapeOf(runOf({ a: [], b: ["a"], c: ["b"], lone: [], d: ["lone", "c"] }), new Set()));
  const layers = Object.fromEntries(places.map((place) => [place.id, place.layer]));
  expect(layers).toEqual({ a: 0, b: 1, c: 2, lone: 0, d: 3 });
});

test("cards never lie on each other", () => {
  const plan = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`s${i}`, i ? [`s${i >> 1}`] : []]));
  const { places } = drawn(shapeOf(runOf(plan), new Set()));
  for (const [i, one] of places.entries()) {
    for (const other of places.slice(i + 1)) {
      const isApart = Math.abs(one.x - other.x) >= one.width || Math.abs(one.y - other.y) >= one.height;
      expect(isApart, `${one.id} and ${other.id}`).toBe(true);
    }
  }
});

test("a list folds into one card, and unfolds into its steps in their order", () => {
  const plan: Record<string, string[]> = { all: [], e: ["all"] };
  for (let i = 0; i < 20; i++) plan[`e[${i}]`] = ["all"];
  plan.last = ["e"];
  const run = runOf(plan);
  expect(shapeOf(run, new Set()).cards.map((card) => card.id)).toEqual(["all", "e", "last"]);
  const { places } = drawn(shapeOf(run, new Set(["e"])));
  const children = places.filter((place) => place.id.includes("[")).sort((a, b) => a.y - b.y);
  expect(children.map((place) => place.id)).toEqual(Array.from({ length: 20 }, (_, i) => `e[${i}]`));
});
