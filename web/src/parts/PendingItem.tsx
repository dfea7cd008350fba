/** A goal on its way, or one that was not taken, with what to do about it. */

import { CircleAlert } from "lucide-preact";
import { draft, forget, say, type Pending } from "../state/store";
import { Findings } from "./Faults";
import { Missing } from "./Missing";
import { Spinner } from "./StateMark";

export function PendingItem({ one }: { one: Pending }) {
  const edit = () => {
    draft.value = one.text;
    forget(one);
    document.getElementById("goal")?.focus();
  };
  return (
    <article class="turn">
      <p class="bubble">{one.text || one.playbook}</p>
      {!one.fault ? (
        <p class="quiet status-line">
          <Spinner /> {one.isSent ? "Taking it on" : "Waiting for the line"}
        </p>
      ) : (
        <div class="card is-problem" role="alert">
          <p class="card-head">
            <CircleAlert size={18} aria-hidden="true" /> {one.fault.code === "input" ? "One more thing is needed" : "This could not begin"}
          </p>
          <p class="pre">{one.fault.message}</p>
          <Findings findings={one.fault.findings} />
          {one.fault.code === "input" && one.fault.input && (
            <Missing name={one.fault.input} onGive={(value) => say(one.text, { ...one.inputs, [one.fault!.input]: value }, one.playbook)} />
          )}
          <p class="actions">
            {one.fault.code !== "input" && (
              <button type="button" class="button" onClick={() => say(one.text, one.inputs, one.playbook)}>
                Try again
              </button>
            )}
            <button type="button" class="button" onClick={edit}>
              Change the words
            </button>
          </p>
        </div>
      )}
    </article>
  );
}
