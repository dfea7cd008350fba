/** Why a run ended otherwise than by its plan, and what to do about it. */

import { CircleAlert } from "lucide-preact";
import type { Run } from "../state/model";
import { hello, isNarrow, runFaults, say } from "../state/store";
import { Findings } from "./Faults";
import { Ideas } from "./Ideas";
import { Missing } from "./Missing";

/** How the server names an input nobody gave; the page may have been opened after it was told so. */
const MISSING = /^input '([^']+)': (.*?)(?:; set it with .*)?$/s;

/** What the answer lists already, each with why. */
const TOLD = /^not done: /;

/** What the planner says of a goal nobody could plan, followed by what can be asked instead, in words of the terminal. */
const UNPLANNED = /^expected a goal that a playbook fits/;

export function Trouble({ run }: { run: Run }) {
  const fault = runFaults.value[run.id];
  const missing = MISSING.exec(run.reason);
  const input = fault?.input || missing?.[1];
  if (!run.reason || run.answer.includes(run.reason) || (TOLD.test(run.reason) && run.answer)) return null;
  if (!input && !fault?.findings.length && run.order.length > 0) return <p class="reason">{run.reason}</p>;
  if (UNPLANNED.test(run.reason)) return <Unplanned reason={run.reason} />;
  return (
    <div class="card is-problem">
      <p class="card-head">
        <CircleAlert size={18} aria-hidden="true" /> {input ? "One more thing is needed" : "This could not begin"}
      </p>
      <p class="pre">{missing?.[2] ?? run.reason}</p>
      <Findings findings={fault?.findings ?? []} />
      {input && <Missing name={input} onGive={(value) => say(run.goal, { ...run.inputs, [input]: value })} />}
    </div>
  );
}

function Unplanned({ reason }: { reason: string }) {
  return (
    <div class="card is-problem">
      <p class="card-head">
        <CircleAlert size={18} aria-hidden="true" /> No playbook fits this goal
        {hello.value?.has_model ? "" : ", and no model is set up that could plan it"}.
      </p>
      <p>These can be planned here. Say it in words like theirs:</p>
      <Ideas count={isNarrow.value ? 4 : 8} />
      <details class="v-fold">
        <summary>All that was said</summary>
        <p class="pre small quiet">{reason}</p>
      </details>
    </div>
  );
}
