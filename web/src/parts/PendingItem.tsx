/** A goal on its way, or one that was not taken, with what to do about it. */

import { useState } from "preact/hooks";
import { CircleAlert } from "lucide-preact";
import { draft, forget, say, type Pending } from "../state/store";
import { Findings } from "./Faults";
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
          {one.fault.code === "input" && one.fault.input && <Missing one={one} name={one.fault.input} />}
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

function Missing({ one, name }: { one: Pending; name: string }) {
  const [value, setValue] = useState("");
  const give = (event: Event) => {
    event.preventDefault();
    if (value.trim()) say(one.text, { ...one.inputs, [name]: value.trim() }, one.playbook);
  };
  return (
    <form class="inline-form" onSubmit={give}>
      <label class="field">
        {name}
        <input value={value} onInput={(event) => setValue(event.currentTarget.value)} />
      </label>
      <button type="submit" class="button primary" disabled={!value.trim()}>
        Continue
      </button>
    </form>
  );
}
