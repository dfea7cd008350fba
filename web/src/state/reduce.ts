/** A session after one more event. Pure; an event that was seen already, or of an unknown type, changes nothing else. */

import type { EventOf, RunEvent } from "./events";
import { NO_USE, type Run, type Session } from "./model";
import { reduceStep } from "./steps";
import { addUse } from "./use";

export function reduce(session: Session, event: RunEvent): Session {
  if (event.seq <= session.lastSeq) return session;
  const next = { ...session, lastSeq: event.seq };
  if (event.type === "message.added") {
    const said = { kind: "message" as const, role: event.role, text: event.text, at: event.at, seq: event.seq };
    return { ...next, items: [...session.items, said] };
  }
  if (!event.run_id) return next;
  const known = session.runs[event.run_id];
  const run = reduceRun(known ?? emptyRun(event.run_id, event.at), event);
  const items = known ? session.items : [...session.items, { kind: "run" as const, runId: event.run_id }];
  return { ...next, items, runs: { ...session.runs, [event.run_id]: run } };
}

export function emptyRun(id: string, at: number): Run {
  return {
    id,
    goal: "",
    inputs: {},
    status: "running",
    reason: "",
    planSource: "",
    plan: null,
    isPlanned: false,
    isCancelling: false,
    startedAt: at,
    endedAt: null,
    seconds: 0,
    steps: {},
    order: [],
    shape: 0,
    approvals: [],
    artifacts: [],
    notices: [],
    answer: "",
    cost: {},
    models: NO_USE,
    budgets: {},
    parallelSteps: null,
  };
}

function reduceRun(run: Run, event: RunEvent): Run {
  switch (event.type) {
    case "run.accepted":
      return { ...run, goal: event.goal || run.goal, inputs: event.inputs };
    case "run.started":
      return {
        ...run,
        goal: event.goal || run.goal,
        inputs: event.inputs,
        planSource: event.plan_source,
        plan: event.plan ?? run.plan,
        status: "running",
      };
    case "run.resumed":
      return { ...run, status: "running", reason: "", endedAt: null, answer: "", isCancelling: false };
    case "run.finished":
      return finished(run, event);
    case "plan.ready":
      return { ...run, isPlanned: true };
    case "answer.token":
      return { ...run, answer: run.answer + event.text };
    case "approval.asked":
      return reduceStep({ ...run, approvals: asked(run, event) }, event);
    case "approval.answered":
      return reduceStep({ ...run, approvals: answered(run, event) }, event);
    case "artifact.created":
      return { ...run, artifacts: created(run, event) };
    case "cancel.requested":
      return event.step === null ? { ...run, isCancelling: true } : run;
    case "notice":
      return noted(run, event.at, event.text, event.step);
    case "limit.changed":
      return noted(
        { ...run, parallelSteps: event.parallel_steps },
        event.at,
        `${event.parallel_steps} steps side by side from now on: ${event.reason}`,
        null,
      );
    case "budget.warning": {
      const budgets = { ...run.budgets, [event.budget]: { used: event.used, limit: event.limit } };
      return noted({ ...run, budgets }, event.at, `Budget ${event.budget}: ${event.used} of ${event.limit} used`, null);
    }
    case "model.call":
      return reduceStep({ ...run, models: addUse(run.models, event) }, event);
    default:
      return reduceStep(run, event);
  }
}

function finished(run: Run, event: EventOf<"run.finished">): Run {
  const isWaiting = event.status === "needs_approval";
  return {
    ...run,
    status: event.status,
    reason: event.reason,
    answer: event.answer || run.answer,
    seconds: event.seconds,
    cost: event.cost,
    endedAt: event.at,
    isCancelling: false,
    approvals: isWaiting ? run.approvals : run.approvals.filter((one) => one.answer !== null),
  };
}

function asked(run: Run, event: EventOf<"approval.asked">): Run["approvals"] {
  const { step, kind, question, at } = event;
  const others = run.approvals.filter((one) => one.step !== step || one.answer !== null);
  return [...others, { runId: run.id, step, kind, question, arguments: event.arguments, at, answer: null }];
}

function answered(run: Run, event: EventOf<"approval.answered">): Run["approvals"] {
  const { granted, note, changes, at } = event;
  return run.approvals.map((one) =>
    one.step === event.step && one.answer === null ? { ...one, answer: { granted, note, changes, at } } : one,
  );
}

function created(run: Run, event: EventOf<"artifact.created">): Run["artifacts"] {
  const { step, path, sha256, media_type: mediaType, size_bytes: sizeBytes } = event;
  return [...run.artifacts.filter((one) => one.path !== path), { step, path, sha256, mediaType, sizeBytes }];
}

function noted(run: Run, at: number, text: string, step: string | null): Run {
  const isKnown = run.notices.some((one) => one.text === text && one.step === step);
  return isKnown ? run : { ...run, notices: [...run.notices, { at, text, step }] };
}
