/** The line to the server, and what a person can do: both end in the signals. */

import { batch, effect } from "@preact/signals";
import { Connection, type Link } from "../wire/connection";
import { isEvent, type Accepted, type Fault, type FrameIn, type FrameOut } from "../wire/frames";
import { faultOf } from "../wire/faults";
import { newId } from "../wire/identity";
import { getJson, login, removeSession, socketAddress, type Playbook } from "../wire/http";
import type { Fields, PlanFile, RunEvent } from "./events";
import { wordOf } from "./figures";
import { emptySession, type Session } from "./model";
import { reduce } from "./reduce";
import {
  announcement,
  chosenRun,
  chosenStep,
  faults,
  hello,
  isMenuOpen,
  isNarrow,
  isPanelOpen,
  isReplaying,
  link,
  now,
  pending,
  type Pending,
  playbooks,
  preview,
  retryAt,
  runFaults,
  runningRun,
  search,
  session,
  summaries,
  tab,
  type Tab,
} from "./signals";

export * from "./signals";

const connection = new Connection(socketAddress(), { onLink, onFrame });
const asked = new Map<string, "message" | "other">();
let queue: RunEvent[] = [];
let frame = 0;
let listing = 0;

// ---- the line

export function start(): void {
  const narrow = window.matchMedia("(max-width: 999px)");
  isNarrow.value = narrow.matches;
  narrow.addEventListener("change", () => (isNarrow.value = narrow.matches));
  readAddress();
  window.addEventListener("hashchange", readAddress);
  window.addEventListener("online", () => link.value === "lost" && connection.connect());
  connection.connect();
  let ticking = 0;
  effect(() => {
    const isLive = runningRun.value !== null;
    if (isLive && !ticking) ticking = window.setInterval(() => (now.value = Date.now() / 1000), 200);
    if (!isLive && ticking) {
      window.clearInterval(ticking);
      ticking = 0;
    }
  });
}

export function reconnect(): void {
  connection.connect();
}

export async function authorize(token: string): Promise<void> {
  await login(token);
  connection.connect();
}

function onLink(state: Link, at: number | null): void {
  if (state !== "open") asked.clear();
  batch(() => {
    link.value = state;
    retryAt.value = at;
  });
}

function onFrame(arrived: FrameIn): void {
  if (isEvent(arrived)) {
    if (arrived.session_id === session.value.id) enqueue(arrived);
    return;
  }
  switch (arrived.type) {
    case "hello":
      hello.value = arrived;
      if (arrived.authorized) settle();
      break;
    case "accepted":
      return accepted(arrived);
    case "error":
      return failed(arrived);
    case "replayed":
      flush();
      if (arrived.session_id === session.value.id) replayed();
      break;
    case "sessions":
      summaries.value = arrived.sessions;
      break;
  }
}

function settle(): void {
  resume();
  list();
  for (const one of pending.value) if (!one.isSent && !one.fault) submit(one);
  if (playbooks.value === null) {
    getJson<{ playbooks: Playbook[] }>("api/playbooks")
      .then((got) => (playbooks.value = got.playbooks))
      .catch(() => (playbooks.value = []));
  }
}

function resume(): void {
  const { id, lastSeq } = session.value;
  if (!id) return;
  if (lastSeq === 0 && pending.value.length === 0) isReplaying.value = true;
  send({ type: "resume", session_id: id, last_seq: lastSeq });
}

/** What was said before a cut and is not among the events by now never arrived. */
function replayed(): void {
  isReplaying.value = false;
  pending.value = pending.value.map((one) =>
    one.isSent && !one.fault && !asked.has(one.id) ? { ...one, fault: faultOf("The line was cut before this arrived.") } : one,
  );
}

function send(out: FrameOut): string | null {
  const id = connection.send(out);
  if (id !== null) asked.set(id, out.type === "message" ? "message" : "other");
  return id;
}

/** Events are taken in once a picture, however fast they come. */
function enqueue(event: RunEvent): void {
  queue.push(event);
  if (frame) return;
  frame = document.hidden ? window.setTimeout(flush, 100) : requestAnimationFrame(flush);
}

function flush(): void {
  frame = 0;
  if (queue.length === 0) return;
  const events = queue;
  queue = [];
  const before = session.value;
  const after = events.reduce(reduce, before);
  batch(() => {
    session.value = after;
    now.value = Date.now() / 1000;
    const taken = new Set(events.map((event) => event.type === "run.accepted" && event.goal).filter(Boolean));
    if (taken.size > 0) pending.value = pending.value.filter((one) => one.fault || !taken.has(one.text));
    if (!isReplaying.value) announce(events, after);
  });
  if (events.some((event) => event.type === "run.accepted" || event.type === "run.finished")) listSoon();
}

function announce(events: RunEvent[], after: Session): void {
  for (const event of events) {
    const run = after.runs[event.run_id];
    if (!run) continue;
    if (event.type === "run.accepted") openNew(event.run_id);
    if (event.type === "approval.asked") announcement.value = `Your approval is needed: ${event.question}`;
    if (event.type === "step.finished" && event.status === "failed") announcement.value = `Step ${event.step} failed.`;
    if (event.type === "run.finished") announcement.value = `The run is ${wordOf(run)}. ${event.answer.slice(0, 300)}`;
  }
}

/** A new run is what one wants to see, but a phone keeps showing the conversation. */
function openNew(runId: string): void {
  chosenRun.value = runId;
  chosenStep.value = null;
  tab.value = "plan";
  if (!isNarrow.value) isPanelOpen.value = true;
}

function accepted(reply: Accepted): void {
  if (reply.id !== null) asked.delete(reply.id);
  if (reply.frame === "message" || reply.frame === "edit_plan") {
    pending.value = pending.value.filter((one) => one.id !== reply.id);
    listSoon();
  }
}

function failed(fault: Fault): void {
  const kind = fault.id === null ? "other" : asked.get(fault.id);
  if (fault.id !== null) asked.delete(fault.id);
  if (kind === undefined && fault.run_id) {
    runFaults.value = { ...runFaults.value, [fault.run_id]: fault };
    return;
  }
  if (kind === "message") {
    pending.value = pending.value.map((one) => (one.id === fault.id ? { ...one, fault } : one));
    announcement.value = fault.message;
    return;
  }
  if (fault.code === "not_found" && isReplaying.value) {
    isReplaying.value = false;
    if (session.value.lastSeq === 0 && fault.session_id === session.value.id) return;
  }
  faults.value = [...faults.value.slice(-3), fault];
  announcement.value = fault.message;
}

export function dismiss(fault: Fault): void {
  faults.value = faults.value.filter((one) => one !== fault);
}

// ---- sessions

export function list(): void {
  send({ type: "sessions", search: search.value, limit: 200 });
}

function listSoon(): void {
  window.clearTimeout(listing);
  listing = window.setTimeout(list, 300);
}

export function find(words: string): void {
  search.value = words;
  window.clearTimeout(listing);
  listing = window.setTimeout(list, 150);
}

export function openSession(id: string): void {
  if (id === session.value.id) {
    isMenuOpen.value = false;
    return;
  }
  const left = session.value.id;
  batch(() => {
    queue = [];
    session.value = emptySession(id);
    pending.value = [];
    faults.value = [];
    chosenRun.value = null;
    chosenStep.value = null;
    preview.value = null;
    isMenuOpen.value = false;
    isReplaying.value = false;
    if (!id) isPanelOpen.value = false;
  });
  writeAddress();
  if (left) send({ type: "leave", session_id: left });
  if (hello.value?.authorized) resume();
}

export async function remove(id: string): Promise<void> {
  try {
    await removeSession(id);
    if (id === session.value.id) openSession("");
  } catch (error) {
    tell(error);
  }
  list();
}

/** Shows an error of a person's doing that no frame was about. */
export function tell(error: unknown): void {
  const fault = faultOf(error instanceof Error ? error.message : String(error));
  faults.value = [...faults.value.slice(-3), fault];
}

function readAddress(): void {
  const id = /^#\/([A-Za-z0-9_-]{1,64})$/.exec(location.hash)?.[1] ?? "";
  openSession(id);
  if (id && !isNarrow.value) isPanelOpen.value = true;
}

function writeAddress(): void {
  const wanted = session.value.id ? `#/${session.value.id}` : "";
  if (location.hash !== wanted) history.pushState(null, "", wanted || location.pathname + location.search);
}

/** The session's id; a new session gets one now. */
export function ensureSession(): string {
  if (!session.value.id) {
    session.value = emptySession(newId());
    writeAddress();
  }
  return session.value.id;
}

// ---- goals and answers

export function say(text: string, inputs: Fields = {}, playbook?: string): void {
  ensureSession();
  const one: Pending = { id: "", text, inputs, playbook, isSent: false, fault: null };
  pending.value = [...pending.value.filter((old) => !old.fault), one];
  chosenRun.value = null;
  submit(one);
}

function submit(one: Pending): void {
  const { text: message, inputs, playbook } = one;
  const id = send({ type: "message", message, session_id: session.value.id, inputs, ...(playbook ? { playbook } : {}) });
  if (id === null) return;
  pending.value = pending.value.map((other) => (other === one ? { ...one, id, isSent: true } : other));
}

export function forget(one: Pending): void {
  pending.value = pending.value.filter((other) => other !== one);
}

export function approve(runId: string, step: string, note: string, changes: Fields): void {
  act({ type: "approve", run_id: runId, step, note, changes });
}

export function refuse(runId: string, step: string, note: string): void {
  act({ type: "refuse", run_id: runId, step, note });
}

export function editPlan(runId: string, plan: PlanFile): void {
  act({ type: "edit_plan", run_id: runId, plan });
}

export function cancel(runId: string, step?: string): void {
  act({ type: "cancel", run_id: runId, ...(step ? { step } : {}) });
}

export function goOn(runId: string, fromStep?: string): void {
  act({ type: "continue", run_id: runId, ...(fromStep ? { from_step: fromStep } : {}) });
}

function act(out: FrameOut): void {
  if (send(out) === null) tell("There is no connection to the server just now. Try again in a moment.");
}

// ---- what is looked at

export function showRun(runId: string, at: Tab = "plan"): void {
  batch(() => {
    chosenRun.value = runId;
    chosenStep.value = null;
    tab.value = at;
    isPanelOpen.value = true;
  });
}

export function showStep(runId: string, step: string): void {
  batch(() => {
    chosenRun.value = runId;
    chosenStep.value = step;
    isPanelOpen.value = true;
    if (tab.value !== "plan" && tab.value !== "timeline") tab.value = "plan";
  });
}
