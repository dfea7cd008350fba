/** What the page knows of a session: plain data, made by `reduce` from events alone. Times are Unix seconds. */

import type { ApprovalKind, Fields, Json, PlanFile, RunEnd, VerdictStatus } from "./events";

/** `asking`: a person is needed; `in_doubt`: a write that may or may not have happened. */
export type StepState =
  | "waiting"
  | "running"
  | "retrying"
  | "asking"
  | "ok"
  | "failed"
  | "skipped"
  | "cancelled"
  | "in_doubt";

export interface Attempt {
  number: number;
  epoch: number;
  startedAt: number;
  endedAt: number | null;
  /** Why it did not count; empty: it did, or is not over. */
  error: string;
}

export interface ModelUse {
  calls: number;
  promptTokens: number;
  completionTokens: number;
  cachedTokens: number;
  usd: number;
  /** Calls whose price nobody knows. */
  unpriced: number;
  seconds: number;
  waitedSeconds: number;
}

export interface AgentAct {
  at: number;
  call: string;
  tool: string;
  text: string;
  status: string;
  seconds: number;
}

export interface Step {
  id: string;
  action: string;
  dependencies: string[];
  effect: string;
  parent: string | null;
  children: string[];
  parameters: Fields;
  options: Fields;
  state: StepState;
  startedAt: number | null;
  endedAt: number | null;
  seconds: number;
  queuedSeconds: number;
  attempts: Attempt[];
  /** Steps that one call serves, this one among them; empty: alone. */
  batch: string[];
  done: number;
  total: number | null;
  note: string;
  limit: string;
  error: string;
  causedBy: string;
  value: Json | undefined;
  /** The hash under which a large result is kept; empty: the result is `value`. */
  stored: string;
  reused: boolean;
  verdict: { status: VerdictStatus; reason: string; by: string[] } | null;
  usd: number;
  models: ModelUse;
  acts: AgentAct[];
}

export interface Approval {
  runId: string;
  step: string;
  kind: ApprovalKind;
  question: string;
  arguments: Fields;
  at: number;
  answer: { granted: boolean; note: string; changes: Fields; at: number } | null;
}

export interface Artifact {
  step: string;
  path: string;
  sha256: string;
  mediaType: string;
  sizeBytes: number;
}

export interface Notice {
  at: number;
  text: string;
  step: string | null;
}

/** `status` "running" until the end is known. */
export interface Run {
  id: string;
  goal: string;
  inputs: Fields;
  status: RunEnd | "running";
  reason: string;
  planSource: string;
  plan: PlanFile | null;
  isPlanned: boolean;
  isCancelling: boolean;
  startedAt: number;
  endedAt: number | null;
  seconds: number;
  steps: Record<string, Step>;
  /** Ids in the order in which they joined the plan. */
  order: string[];
  /** Changes whenever steps or edges do: what a layout was made for. */
  shape: number;
  approvals: Approval[];
  artifacts: Artifact[];
  notices: Notice[];
  answer: string;
  cost: Fields;
  models: ModelUse;
  budgets: Record<string, { used: number; limit: number }>;
  parallelSteps: number | null;
}

export interface Said {
  kind: "message";
  role: string;
  text: string;
  at: number;
  seq: number;
}

export interface RunItem {
  kind: "run";
  runId: string;
}

export interface Session {
  id: string;
  /** The last number taken; 0: none. */
  lastSeq: number;
  items: (Said | RunItem)[];
  runs: Record<string, Run>;
}

export const NO_USE: ModelUse = {
  calls: 0,
  promptTokens: 0,
  completionTokens: 0,
  cachedTokens: 0,
  usd: 0,
  unpriced: 0,
  seconds: 0,
  waitedSeconds: 0,
};

export const ENDED: ReadonlySet<StepState> = new Set(["ok", "failed", "skipped", "cancelled", "in_doubt"]);

export function emptySession(id: string): Session {
  return { id, lastSeq: 0, items: [], runs: {} };
}
