/** Why a run ended otherwise than by its plan, and what to do about it. */

import { CircleAlert } from "lucide-preact";
import type { Run } from "../state/model";
import { runFaults, say } from "../state/store";
import { Findings } from "./Faults";
import { Missing } from "./Missing";

/** How the server names an input nobody gave; the page may have been opened after it was told so. */
const MISSING = /^input '([^']+)': (.*?)(?:; set it with .*)?$/s;

export function Trouble({ run }: { run: Run }) {
  const fault = runFaults.value[run.id];
  const missing = MISSING.exec(run.reason);
  const input = fault?.input || missing?.[1];
  if (!run.reason || run.answer.includes(run.reason)) return null;
  if (!input && !fault?.findings.length && run.order.length > 0) return <p class="reason">{run.reason}</p>;
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
