/** Frames of `/ws/chat`: what this page sends and the replies it gets. Events have a `seq`, replies have none. */

import type { Fields, PlanFile, RunEvent } from "../state/events";

export type FrameOut =
  | { type: "hello"; token: string }
  | { type: "message"; message: string; session_id: string; inputs?: Fields; playbook?: string; plan?: PlanFile }
  | { type: "approve"; run_id: string; step: string; note?: string; changes?: Fields }
  | { type: "refuse"; run_id: string; step: string; note?: string }
  | { type: "edit_plan"; run_id: string; plan: PlanFile; note?: string }
  | { type: "cancel"; run_id: string; step?: string; reason?: string }
  | { type: "continue"; run_id: string; from_step?: string }
  | { type: "resume"; session_id: string; last_seq: number }
  | { type: "leave"; session_id: string }
  | { type: "sessions"; search?: string; limit?: number }
  | { type: "ping" };

export interface Hello {
  type: "hello";
  authorized: boolean;
  owner: string;
  notice: string;
  has_model: boolean;
  plan_approval: boolean;
  max_frame_bytes: number;
}

export interface Finding {
  code?: string;
  step?: string;
  expected?: string;
  got?: string;
  fix?: string;
  message?: string;
}

export interface Fault {
  type: "error";
  id: string | null;
  code: string;
  message: string;
  session_id: string;
  run_id: string;
  input: string;
  findings: Finding[];
  retry_after_s: number;
}

export interface Accepted {
  type: "accepted";
  id: string | null;
  frame: string;
  session_id: string;
  run_id: string;
}

export interface SessionSummary {
  session_id: string;
  title: string;
  messages: number;
  runs: Record<string, string>;
  open_approvals: number;
  began: number;
  updated: number;
  problem: string | null;
}

export type Reply =
  | Hello
  | Fault
  | Accepted
  | { type: "pong"; at: number }
  | { type: "replayed"; session_id: string; last_seq: number }
  | { type: "sessions"; sessions: SessionSummary[]; total: number };

export type FrameIn = RunEvent | Reply;

export function isEvent(frame: FrameIn): frame is RunEvent {
  return "seq" in frame;
}
