/** One run in the conversation: the goal, how far it is, what it asks, the answer and the files. */

import { memo } from "preact/compat";
import { Info, ListTree, RotateCcw, ShieldCheck } from "lucide-preact";
import { counts, dollars, endedOf, openApprovals, tokens, totalOf, wordOf, type Counts } from "../state/figures";
import type { Run, StepState } from "../state/model";
import { cancel, goOn, showRun } from "../state/store";
import * as format from "../text/format";
import { Approvals } from "./Approvals";
import { FileCards } from "./Files";
import { Markdown } from "./Markdown";
import { Spinner, StateMark, wordOfState } from "./StateMark";
import { RunTime } from "./Time";
import { Trouble } from "./Trouble";

const MARKS: Record<Run["status"], StepState> = {
  running: "running",
  done: "ok",
  failed: "failed",
  cancelled: "cancelled",
  budget: "in_doubt",
  needs_approval: "asking",
};

export const RunItem = memo(function RunItem({ run }: { run: Run }) {
  const open = openApprovals(run);
  const isOver = run.status !== "running";
  return (
    <article class="turn" aria-label={`Run: ${run.goal}`}>
      <p class="bubble" dir="auto">{run.goal || "A plan"}</p>
      <Progress run={run} />
      <Notices run={run} />
      {open.length > 0 && <Approvals run={run} open={open} />}
      {run.answer && (
        <div class={`reply ${isOver ? "" : "is-streaming"}`}>
          <Markdown text={run.answer} run={run} />
        </div>
      )}
      {isOver && <Trouble run={run} />}
      <FileCards run={run} />
      {isOver && <Foot run={run} />}
    </article>
  );
});

function Progress({ run }: { run: Run }) {
  const found = counts(run);
  const total = totalOf(found);
  const isLive = run.status === "running";
  return (
    <div class="progress">
      <button type="button" class="progress-main" onClick={() => showRun(run.id)} title="Show the plan">
        {isLive && openApprovals(run).length === 0 ? <Spinner /> : <StateMark state={markOf(run)} />}
        <span class="progress-word">{capital(wordOf(run))}</span>
        {total > 0 && (
          <span class="quiet">
            {isLive && `${endedOf(found)} of `}
            {format.many(total, "step")}
          </span>
        )}
        {found.failed && <span class="form-error">{found.failed} failed</span>}
        <RunTime run={run} />
        <ListTree size={16} class="push" aria-hidden="true" />
        <span class="unseen">Show the plan</span>
      </button>
      {total > 0 && <Bar found={found} total={total} />}
      {isLive && <Doing run={run} />}
    </div>
  );
}

function markOf(run: Run): StepState {
  return run.status === "running" && openApprovals(run).length > 0 ? "asking" : MARKS[run.status];
}

const SHOWN: StepState[] = ["ok", "failed", "in_doubt", "skipped", "cancelled", "asking", "retrying", "running", "waiting"];

export function Bar({ found, total }: { found: Counts; total: number }) {
  const told = SHOWN.filter((state) => found[state]).map((state) => `${found[state]} ${wordOfState(state)}`);
  return (
    <div class="bar" role="img" aria-label={told.join(", ")}>
      {SHOWN.map((state) =>
        found[state] ? <span key={state} class={`is-${state}`} style={{ flexGrow: found[state]! / total }} /> : null,
      )}
    </div>
  );
}

/** Up to three steps that run just now, so that one sees what goes on without opening anything. */
function Doing({ run }: { run: Run }) {
  const running = run.order.map((id) => run.steps[id]!).filter((step) => step.state === "running" && !step.children.length);
  if (running.length === 0) return null;
  return (
    <p class="doing quiet">
      {running
        .slice(0, 3)
        .map((step) => step.id)
        .join(" · ")}
      {running.length > 3 && ` and ${running.length - 3} more side by side`}
    </p>
  );
}

function Notices({ run }: { run: Run }) {
  if (run.notices.length === 0) return null;
  const list = (
    <ul>
      {run.notices.map((one, i) => (
        <li key={i}>
          {one.step && <code>{one.step}</code>} {one.text}
        </li>
      ))}
    </ul>
  );
  return (
    <details class="notices" open={run.notices.length <= 2}>
      <summary>
        <Info size={14} aria-hidden="true" /> {format.many(run.notices.length, "notice")}
      </summary>
      {list}
    </details>
  );
}

function Foot({ run }: { run: Run }) {
  const verified = Object.values(run.steps).filter((step) => step.verdict?.status === "pass").length;
  const usd = dollars(run);
  const hasSteps = run.order.length > 0;
  const canGoOn = hasSteps && (run.status === "failed" || run.status === "cancelled" || run.status === "budget");
  return (
    <div class="foot">
      {verified > 0 && (
        <span title="Results that passed their checks">
          <ShieldCheck size={14} aria-hidden="true" /> {format.many(verified, "result")} verified
        </span>
      )}
      {tokens(run) > 0 && <span>{format.many(tokens(run), "token")}</span>}
      {usd > 0 && <span>{format.dollars(usd)}</span>}
      {hasSteps && (
        <button type="button" class="link" onClick={() => showRun(run.id, "costs")}>
          Where the time went
        </button>
      )}
      {canGoOn && (
        <button type="button" class="link" onClick={() => goOn(run.id)}>
          <RotateCcw size={13} aria-hidden="true" /> Go on from here
        </button>
      )}
    </div>
  );
}

export function StopButton({ run }: { run: Run }) {
  return (
    <button type="button" class="button small" disabled={run.isCancelling} onClick={() => cancel(run.id)}>
      {run.isCancelling ? "Stopping" : "Stop"}
    </button>
  );
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
