/** The questions a run asks: what will happen, and yes, no, a note, or other values. */

import { useState } from "preact/hooks";
import { CircleHelp, TriangleAlert } from "lucide-preact";
import type { Fields, Json } from "../state/events";
import type { Approval, Run } from "../state/model";
import { approve, refuse, showStep } from "../state/store";
import { asText, fromText } from "../text/editing";
import { PlanReview } from "./PlanReview";
import { Value } from "./Value";

export function Approvals({ run, open }: { run: Run; open: Approval[] }) {
  return (
    <>
      {open.map((one) =>
        one.kind === "plan" ? (
          <PlanReview key={`${one.step}${one.at}`} run={run} asked={one} />
        ) : (
          <StepQuestion key={`${one.step}${one.at}`} run={run} asked={one} />
        ),
      )}
    </>
  );
}

function StepQuestion({ run, asked }: { run: Run; asked: Approval }) {
  const [note, setNote] = useState<string | null>(null);
  const [edited, setEdited] = useState<Record<string, string> | null>(null);
  const [problem, setProblem] = useState("");
  const [isSent, setSent] = useState(false);
  const isDoubt = asked.kind === "in_doubt";
  const step = run.steps[asked.step] ?? run.steps[asked.step.split("/")[0] ?? ""];
  const titleId = `ask-${run.id}-${asked.step}`;

  const yes = () => {
    try {
      approve(run.id, asked.step, note ?? "", changesOf(asked.arguments, edited));
      setSent(true);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  const no = () => {
    refuse(run.id, asked.step, note ?? "");
    setSent(true);
  };
  return (
    <section class="card is-question" aria-labelledby={titleId}>
      <p class="card-head" id={titleId}>
        {isDoubt ? <TriangleAlert size={18} aria-hidden="true" /> : <CircleHelp size={18} aria-hidden="true" />}
        {asked.question}
      </p>
      {step && (
        <p class="quiet small">
          Step{" "}
          <button type="button" class="link" onClick={() => showStep(run.id, step.id)}>
            {step.id}
          </button>{" "}
          calls <code>{step.action}</code>
          {step.effect === "write" && ", which changes something outside this run"}.
        </p>
      )}
      {edited === null ? <Value value={asked.arguments} /> : <Fieldset values={edited} onChange={setEdited} />}
      {note !== null && (
        <label class="field">
          Note
          <textarea rows={2} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
        </label>
      )}
      {problem && (
        <p class="form-error" role="alert">
          {problem}
        </p>
      )}
      <p class="actions">
        <button type="button" class="button primary" disabled={isSent} onClick={yes}>
          {isDoubt ? "Yes, it happened" : edited === null ? "Allow" : "Allow with these values"}
        </button>
        <button type="button" class="button" disabled={isSent} onClick={no}>
          {isDoubt ? "No, it did not" : "Refuse"}
        </button>
        {!isDoubt && edited === null && Object.keys(asked.arguments).length > 0 && (
          <button type="button" class="link" onClick={() => setEdited(asTexts(asked.arguments))}>
            Change values
          </button>
        )}
        {note === null && (
          <button type="button" class="link" onClick={() => setNote("")}>
            Add a note
          </button>
        )}
      </p>
    </section>
  );
}

interface FieldsetProps {
  values: Record<string, string>;
  onChange: (values: Record<string, string>) => void;
}

export function Fieldset({ values, onChange }: FieldsetProps) {
  return (
    <div class="fieldset">
      {Object.entries(values).map(([name, text]) => (
        <label class="field" key={name}>
          {name}
          <textarea
            class="mono"
            dir="auto"
            rows={rowsOf(text)}
            value={text}
            onInput={(event) => onChange({ ...values, [name]: event.currentTarget.value })}
          />
        </label>
      ))}
    </div>
  );
}

const ROW_CHARS = 46;
const MOST_ROWS = 8;

/** Rows that a text needs, about: browsers that can do it measure by themselves. */
function rowsOf(text: string): number {
  const rows = text.split("\n").map((line) => Math.max(1, Math.ceil(line.length / ROW_CHARS)));
  return Math.min(MOST_ROWS, rows.reduce((sum, one) => sum + one, 0));
}

export function asTexts(values: Fields): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, asText(value)]));
}

/** The values that differ from what was asked about. */
function changesOf(before: Fields, edited: Record<string, string> | null): Fields {
  const changes: Fields = {};
  for (const [name, text] of Object.entries(edited ?? {})) {
    const old = before[name] as Json;
    if (text !== asText(old)) changes[name] = fromText(name, text, old);
  }
  return changes;
}
