/** The events of a run as they arrive: the envelope and the fields this page reads. Unknown types are let through. */

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type Fields = Record<string, Json>;

export type StepEnd = "ok" | "failed" | "skipped" | "cancelled" | "in_doubt" | "waiting";
export type RunEnd = "done" | "failed" | "cancelled" | "budget" | "needs_approval";
export type VerdictStatus = "pass" | "fail" | "unsure" | "off";
export type ApprovalKind = "step" | "plan" | "in_doubt";

export interface Envelope {
  /** Number in the session, from 1. */
  seq: number;
  /** Unix seconds. */
  at: number;
  session_id: string;
  run_id: string;
}

export interface PlanStep {
  id: string;
  action: string;
  parameters?: Fields;
  dependencies?: string[];
  reasoning?: string;
  approval?: boolean;
  optional?: boolean;
  for_each?: string;
  [option: string]: Json | undefined;
}

export interface PlanFile {
  goal?: string;
  steps?: PlanStep[];
  answer?: string | null;
  inputs?: Fields;
  [name: string]: unknown;
}

interface Payloads {
  "run.accepted": { goal: string; inputs: Fields; playbook: string | null; plan: PlanFile | null };
  "run.started": { goal: string; inputs: Fields; plan_source: string; settings: Fields; plan: PlanFile | null };
  "run.resumed": { goal: string; retried: string[]; forgotten: string[] };
  "run.finished": { status: RunEnd; reason: string; answer: string; seconds: number; cost: Fields };
  "plan.ready": { steps: number; answer: string | null };
  "plan.changed": { removed: string[]; added: string[]; reason: string };
  "plan.step_added": {
    step: string;
    action: string;
    dependencies: string[];
    effect: string;
    parent: string | null;
    parameters: Fields | null;
    options: Fields | null;
  };
  "step.started": { step: string; attempt: number; epoch: number; batch: string[]; queued_s: number; limited_s: number };
  "step.progress": { step: string; done: number; total: number | null; note: string };
  "step.retrying": { step: string; attempt: number; delay_s: number; error: string };
  "step.finished": {
    step: string;
    status: StepEnd;
    epoch: number;
    attempts: number;
    seconds: number;
    error: string | null;
    caused_by: string | null;
    value: Json;
    stored: string | null;
    reused: boolean;
    cost_usd: number;
  };
  "step.verified": { step: string; epoch: number; verdict: VerdictStatus; reason: string; by: string[] };
  "step.invalidated": { step: string; epoch: number; because: string };
  "approval.asked": { step: string; kind: ApprovalKind; question: string; arguments: Fields };
  "approval.answered": { step: string; granted: boolean; note: string; changes: Fields };
  "artifact.created": { step: string; path: string; sha256: string; media_type: string; size_bytes: number };
  "answer.token": { text: string };
  "cancel.requested": { step: string | null; reason: string };
  notice: { text: string; step: string | null };
  "limit.waiting": { step: string; limit: string };
  "limit.changed": { parallel_steps: number; reason: string };
  "budget.warning": { budget: string; used: number; limit: number };
  "model.call": {
    step: string | null;
    role: string;
    model: string;
    prompt_tokens: number;
    completion_tokens: number;
    cached_tokens: number;
    cost_usd: number | null;
    seconds: number;
    waited_s: number;
    outcome: string;
  };
  "agent.turn": { step: string; agent: string; turn: number; text: string; tokens: number };
  "agent.tool_called": { step: string; call: string; tool: string; arguments: Fields; effect: string };
  "agent.tool_returned": { step: string; call: string; status: string; seconds: number; error: string | null };
  "message.added": { role: string; text: string };
}

export type EventType = keyof Payloads;
export type RunEvent = { [T in EventType]: Envelope & { type: T } & Payloads[T] }[EventType];
export type EventOf<T extends EventType> = Extract<RunEvent, { type: T }>;
