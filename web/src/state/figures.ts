/** Figures of a run that the page shows: counts, times, money. Pure; `now` in Unix seconds. */

import { ENDED, type Approval, type Run, type Step, type StepState } from "./model";

export type Counts = Partial<Record<StepState, number>>;

/** How many steps are in each state; an unfolded for_each counts as its children. */
export function counts(run: Run): Counts {
  const found: Counts = {};
  for (const id of run.order) {
    const step = run.steps[id];
    if (step && step.children.length === 0) found[step.state] = (found[step.state] ?? 0) + 1;
  }
  return found;
}

export function totalOf(found: Counts): number {
  return Object.values(found).reduce((sum, count) => sum + count, 0);
}

export function endedOf(found: Counts): number {
  return Object.entries(found).reduce((sum, [state, n]) => (ENDED.has(state as StepState) ? sum + n : sum), 0);
}

/** Seconds since the run began, or in all once it ended. */
export function elapsed(run: Run, now: number): number {
  return run.endedAt === null ? Math.max(0, now - run.startedAt) : run.seconds || run.endedAt - run.startedAt;
}

/** When a step (a for_each: its first child) began and ended; null: not yet. */
export function spanOf(run: Run, step: Step): { from: number | null; to: number | null } {
  if (step.children.length === 0) return { from: step.startedAt, to: step.endedAt };
  let from: number | null = step.startedAt;
  for (const id of step.children) {
    const began = run.steps[id]?.startedAt ?? null;
    if (began !== null && (from === null || began < from)) from = began;
  }
  return { from, to: ENDED.has(step.state) ? step.endedAt : null };
}

/** Seconds a step took so far; null: it has not begun. */
export function timeOf(run: Run, step: Step, now: number): number | null {
  if (ENDED.has(step.state) && step.seconds > 0) return step.seconds;
  const { from, to } = spanOf(run, step);
  if (from === null) return null;
  if (to !== null) return Math.max(0, to - from);
  if (run.status !== "running") return null;
  return step.state === "waiting" && step.children.length === 0 ? null : Math.max(0, now - from);
}

/** A for_each stands for its children: what most needs eyes comes first. */
const LOUDEST: StepState[] = ["asking", "in_doubt", "running", "retrying", "failed"];

export function stateOf(run: Run, step: Step): StepState {
  if (step.children.length === 0 || ENDED.has(step.state)) return step.state;
  const states = new Set(step.children.map((id) => run.steps[id]?.state));
  return LOUDEST.find((state) => states.has(state)) ?? (states.has("ok") ? "running" : "waiting");
}

export function openApprovals(run: Run): Approval[] {
  return run.approvals.filter((one) => one.answer === null);
}

/** Dollars the run used as far as known. */
export function dollars(run: Run): number {
  const told = run.cost.usd;
  if (typeof told === "number" && run.endedAt !== null) return told;
  return run.models.usd + Object.values(run.steps).reduce((sum, step) => sum + step.usd, 0);
}

export function tokens(run: Run): number {
  return run.models.promptTokens + run.models.completionTokens;
}

/** What a run says of itself in one word. */
export function wordOf(run: Run): string {
  if (run.status === "running") {
    if (openApprovals(run).length > 0 && !isMoving(run)) return "waiting for you";
    if (run.isCancelling) return "stopping";
    if (run.order.length === 0) return "planning";
    if (run.answer) return "writing the answer";
    const found = counts(run);
    return run.isPlanned && endedOf(found) === totalOf(found) ? "finishing" : "running";
  }
  return { done: "done", failed: "failed", cancelled: "stopped", budget: "budget used up", needs_approval: "waiting for you" }[
    run.status
  ];
}

function isMoving(run: Run): boolean {
  return Object.values(run.steps).some((step) => step.state === "running" || step.state === "retrying");
}
