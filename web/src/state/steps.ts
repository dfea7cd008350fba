/** What an event changes at the steps of a run. Pure. */

import type { EventOf, RunEvent } from "./events";
import { ENDED, NO_USE, type Attempt, type Run, type Step } from "./model";
import { addUse } from "./use";

export function reduceStep(run: Run, event: RunEvent): Run {
  if (event.type === "plan.step_added") return added(run, event);
  if (event.type === "plan.changed") return changed(run, event);
  if (!("step" in event) || event.step === null) return run;
  const step = run.steps[event.step];
  if (!step) return run;
  const next = changedStep(step, event);
  const moved = next === step ? run : { ...run, steps: { ...run.steps, [step.id]: next } };
  return event.type === "step.finished" ? withoutQuestion(moved, next) : moved;
}

function changedStep(step: Step, event: RunEvent): Step {
  switch (event.type) {
    case "step.started":
      return started(step, event);
    case "step.progress":
      return { ...step, done: event.done, total: event.total, note: event.note };
    case "step.retrying":
      return {
        ...step,
        state: "retrying",
        note: `tries again in ${event.delay_s.toFixed(1)} s`,
        error: event.error,
        attempts: closed(step.attempts, event.at, event.error),
      };
    case "step.finished":
      return ended(step, event);
    case "step.verified": {
      const { verdict: status, reason, by } = event;
      return { ...step, verdict: { status, reason, by }, error: status === "fail" ? reason : step.error };
    }
    case "step.invalidated":
      return {
        ...step,
        state: "waiting",
        verdict: null,
        note: `runs again, because ${event.because} changed`,
        attempts: closed(step.attempts, event.at, `${event.because} changed`),
      };
    case "limit.waiting":
      return { ...step, limit: event.limit };
    case "approval.asked":
      return { ...step, state: "asking" };
    case "approval.answered":
      return step.state === "asking" ? { ...step, state: "waiting" } : step;
    case "model.call":
      return { ...step, models: addUse(step.models, event) };
    default:
      return acted(step, event);
  }
}

function started(step: Step, event: EventOf<"step.started">): Step {
  const attempt: Attempt = { number: event.attempt, epoch: event.epoch, startedAt: event.at, endedAt: null, error: "" };
  return {
    ...step,
    state: "running",
    startedAt: event.at,
    endedAt: null,
    queuedSeconds: event.queued_s + event.limited_s,
    batch: event.batch,
    done: 0,
    total: null,
    note: "",
    limit: "",
    attempts: [...closed(step.attempts, event.at, "started again"), attempt],
  };
}

function ended(step: Step, event: EventOf<"step.finished">): Step {
  const isOk = event.status === "ok";
  return {
    ...step,
    state: event.status === "waiting" ? "asking" : event.status,
    endedAt: event.at,
    seconds: event.reused && step.seconds > 0 ? step.seconds : event.seconds, // what it took when it was really done
    error: event.error ?? "",
    causedBy: event.caused_by ?? "",
    value: event.value ?? undefined,
    stored: event.stored ?? "",
    reused: event.reused,
    usd: event.cost_usd,
    note: isOk ? "" : step.note,
    limit: "",
    attempts: closed(step.attempts, event.at, isOk ? "" : (event.error ?? event.status)),
  };
}

function closed(attempts: Attempt[], at: number, error: string): Attempt[] {
  const last = attempts.at(-1);
  if (!last || last.endedAt !== null) return attempts;
  return [...attempts.slice(0, -1), { ...last, endedAt: at, error }];
}

/** What an agent does inside its step. */
function acted(step: Step, event: RunEvent): Step {
  switch (event.type) {
    case "agent.turn":
      return event.text
        ? { ...step, acts: [...step.acts, { at: event.at, call: "", tool: "", text: event.text, status: "", seconds: 0 }] }
        : step;
    case "agent.tool_called": {
      const act = { at: event.at, call: event.call, tool: event.tool, text: "", status: "running", seconds: 0 };
      return { ...step, acts: [...step.acts, act] };
    }
    case "agent.tool_returned": {
      const { call, status, seconds, error } = event;
      const told = (act: Step["acts"][number]) =>
        act.call === call ? { ...act, status, seconds, text: error ?? "" } : act;
      return { ...step, acts: step.acts.map(told) };
    }
    default:
      return step;
  }
}

function added(run: Run, event: EventOf<"plan.step_added">): Run {
  const known = run.steps[event.step];
  const step: Step = {
    ...(known ?? emptyStep(event.step)),
    action: event.action,
    dependencies: event.dependencies,
    effect: event.effect,
    parent: event.parent,
    parameters: event.parameters ?? {},
    options: event.options ?? {},
  };
  const steps = { ...run.steps, [step.id]: step };
  const parent = event.parent === null ? undefined : steps[event.parent];
  if (parent && !parent.children.includes(step.id)) {
    steps[parent.id] = { ...parent, children: [...parent.children, step.id] };
  }
  return { ...run, steps, order: known ? run.order : [...run.order, step.id], shape: run.shape + 1 };
}

function changed(run: Run, event: EventOf<"plan.changed">): Run {
  const gone = new Set(event.removed);
  const steps = Object.fromEntries(
    Object.entries(run.steps)
      .filter(([id]) => !gone.has(id))
      .map(([id, step]) => [id, { ...step, children: step.children.filter((child) => !gone.has(child)) }]),
  );
  const order = run.order.filter((id) => !gone.has(id));
  const notices = [...run.notices, { at: event.at, text: `The plan was changed: ${event.reason}`, step: null }];
  return { ...run, steps, order, notices, shape: run.shape + 1 };
}

/** An open question about a step that is over needs no answer any more. */
function withoutQuestion(run: Run, step: Step): Run {
  if (!ENDED.has(step.state) || step.state === "in_doubt") return run;
  const approvals = run.approvals.filter((one) => one.step !== step.id || one.answer !== null);
  return approvals.length === run.approvals.length ? run : { ...run, approvals };
}

export function emptyStep(id: string): Step {
  return {
    id,
    action: "",
    dependencies: [],
    effect: "",
    parent: null,
    children: [],
    parameters: {},
    options: {},
    state: "waiting",
    startedAt: null,
    endedAt: null,
    seconds: 0,
    queuedSeconds: 0,
    attempts: [],
    batch: [],
    done: 0,
    total: null,
    note: "",
    limit: "",
    error: "",
    causedBy: "",
    value: undefined,
    stored: "",
    reused: false,
    verdict: null,
    usd: 0,
    models: NO_USE,
    acts: [],
  };
}
