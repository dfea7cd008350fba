/** What the page shows, as signals. Rule: `store` changes them, and parts only where nothing but the view moves. */

import { computed, signal } from "@preact/signals";
import type { Link } from "../wire/connection";
import type { Fault, Hello, SessionSummary } from "../wire/frames";
import type { Playbook } from "../wire/http";
import type { Fields } from "./events";
import { emptySession, type Artifact, type Run, type Session } from "./model";

/** Something said that no event has confirmed yet. `fault`: why it was not taken. */
export interface Pending {
  id: string;
  text: string;
  inputs: Fields;
  playbook: string | undefined;
  isSent: boolean;
  fault: Fault | null;
}

export type Tab = "plan" | "timeline" | "files" | "costs";

export const link = signal<Link>("connecting");
export const retryAt = signal<number | null>(null);
export const hello = signal<Hello | null>(null);
export const session = signal<Session>(emptySession(""));
/** The past of the session is still arriving. */
export const isReplaying = signal(false);
export const summaries = signal<SessionSummary[] | null>(null);
export const search = signal("");
export const playbooks = signal<Playbook[] | null>(null);
export const pending = signal<Pending[]>([]);
/** Faults of frames beside messages. */
export const faults = signal<Fault[]>([]);
/** Why runs could not go on, by run; more than the run's own reason says. */
export const runFaults = signal<Record<string, Fault>>({});
export const announcement = signal("");
export const now = signal(Date.now() / 1000);

export const chosenRun = signal<string | null>(null);
export const chosenStep = signal<string | null>(null);
export const tab = signal<Tab>("plan");
export const isPanelOpen = signal(false);
/** The details take the conversation's place too. */
export const isPanelWide = signal(false);
export const isMenuOpen = signal(false);
/** The details and the list of conversations lie above the conversation. */
export const isNarrow = signal(false);
export const preview = signal<{ runId: string; artifact: Artifact } | null>(null);
export const draft = signal("");

export const shownRun = computed<Run | null>(() => {
  const { runs, items } = session.value;
  const chosen = chosenRun.value === null ? undefined : runs[chosenRun.value];
  if (chosen) return chosen;
  const last = items.findLast((item) => item.kind === "run");
  return last ? (runs[last.runId] ?? null) : null;
});

export const runningRun = computed<Run | null>(
  () => Object.values(session.value.runs).findLast((run) => run.status === "running") ?? null,
);
