import { expect, test } from "vitest";
import type { EventType, RunEvent } from "../src/state/events";
import { counts, stateOf, wordOf } from "../src/state/figures";
import { emptySession, type Session } from "../src/state/model";
import { reduce } from "../src/state/reduce";

/** An event without a number; `folded` numbers them in their order. */
function event(type: EventType, fields: object = {}): RunEvent {
  return { seq: 0, at: 0, session_id: "s", run_id: "r", type, ...fields } as unknown as RunEvent;
}

function added(step: string, dependencies: string[] = [], parent: string | null = null): RunEvent {
  const fields = { step, dependencies, parent, action: "a.b", effect: "pure", parameters: {}, options: null };
  return event("plan.step_added", fields);
}

function started(step: string, attempt = 1): RunEvent {
  return event("step.started", { step, attempt, epoch: 0, batch: [], queued_s: 0, limited_s: 0 });
}

function finished(step: string, status = "ok", error: string | null = null): RunEvent {
  const fields = { step, status, epoch: 0, attempts: 1, seconds: 1, error, caused_by: null, value: 1, stored: null };
  return event("step.finished", { ...fields, reused: false, cost_usd: 0 });
}

function numbered(...events: RunEvent[]): RunEvent[] {
  return events.map((one, i) => ({ ...one, seq: i + 1, at: i }));
}

function folded(...events: RunEvent[]): Session {
  return numbered(...events).reduce(reduce, emptySession("s"));
}

test("an event that was seen already changes nothing", () => {
  const [token] = numbered(event("answer.token", { text: "once" }));
  const after = [token!, token!].reduce(reduce, emptySession("s"));
  expect(after.runs.r!.answer).toBe("once");
  expect(reduce(after, token!)).toBe(after);
});

test("events in two parts give the same as in one", () => {
  const accepted = event("run.accepted", { goal: "g", inputs: {} });
  const events = numbered(accepted, added("a"), started("a"), finished("a"));
  const whole = events.reduce(reduce, emptySession("s"));
  const cut = events.slice(1).reduce(reduce, events.slice(0, 3).reduce(reduce, emptySession("s")));
  expect(cut).toEqual(whole);
});

test("an unknown type moves the number on and nothing else", () => {
  const after = folded(added("a"), event("something.new" as EventType, { step: "a" }));
  expect(after.lastSeq).toBe(2);
  expect(after.runs.r!.steps.a!.state).toBe("waiting");
});

test("tries that failed stay to be seen", () => {
  const retrying = event("step.retrying", { step: "a", attempt: 1, delay_s: 0.5, error: "429" });
  const step = folded(added("a"), started("a"), retrying, started("a", 2), finished("a")).runs.r!.steps.a!;
  expect(step.attempts.map((one) => one.error)).toEqual(["429", ""]);
  expect(step.state).toBe("ok");
});

test("a for_each shows what its children do and is counted as them", () => {
  const run = folded(added("e"), added("e[0]", [], "e"), added("e[1]", [], "e"), started("e[0]")).runs.r!;
  expect(stateOf(run, run.steps.e!)).toBe("running");
  expect(counts(run)).toEqual({ running: 1, waiting: 1 });
});

test("a question is open until it is answered or its step is over", () => {
  const ask = event("approval.asked", { step: "a", kind: "step", question: "?", arguments: {} });
  const answer = event("approval.answered", { step: "a", granted: true, note: "", changes: {} });
  const answered = folded(added("a"), ask, answer);
  expect(answered.runs.r!.approvals.map((one) => one.answer?.granted)).toEqual([true]);
  expect(folded(added("a"), ask, finished("a", "failed", "refused")).runs.r!.approvals).toEqual([]);
});

test("a run that only waits for a person says so", () => {
  const ask = event("approval.asked", { step: "a", kind: "step", question: "?", arguments: {} });
  const run = folded(added("a"), ask).runs.r!;
  expect(wordOf(run)).toBe("waiting for you");
});

test("a resumed run is running again, with what it had", () => {
  const end = event("run.finished", { status: "failed", reason: "x", answer: "", seconds: 1, cost: {} });
  const run = folded(added("a"), finished("a"), end, event("run.resumed", { goal: "", retried: [] })).runs.r!;
  expect([run.status, run.reason, run.steps.a!.state]).toEqual(["running", "", "ok"]);
});

test("steps of a changed plan go and come", () => {
  const change = event("plan.changed", { removed: ["a"], added: ["b"], reason: "better" });
  const run = folded(added("a"), change, added("b")).runs.r!;
  expect(run.order).toEqual(["b"]);
});
