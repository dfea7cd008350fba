/** A plan before it runs: its steps to read, to change, to leave out; then yes or no. */

import { useState } from "preact/hooks";
import { ListChecks, Trash2, Undo2 } from "lucide-preact";
import type { PlanFile, PlanStep } from "../state/events";
import type { Approval, Run } from "../state/model";
import { approve, editPlan, refuse } from "../state/store";
import { fromText } from "../text/editing";
import { many } from "../text/format";
import { asTexts, Fieldset } from "./Approvals";
import { Value } from "./Value";

interface Draft {
  step: PlanStep;
  texts: Record<string, string>;
  isOut: boolean;
}

export function PlanReview({ run, asked }: { run: Run; asked: Approval }) {
  const plan = asked.arguments as unknown as PlanFile;
  const [drafts, setDrafts] = useState<Draft[] | null>(null);
  const [whole, setWhole] = useState<string | null>(null);
  const [problem, setProblem] = useState("");
  const [isSent, setSent] = useState(false);
  const steps = plan.steps ?? [];

  const attempt = (act: () => void) => {
    try {
      act();
      setProblem("");
      setSent(true);
      window.setTimeout(() => setSent(false), 4000); // a refused plan can be mended
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  const runIt = () => {
    if (whole !== null) attempt(() => editPlan(run.id, JSON.parse(whole) as PlanFile));
    else if (drafts !== null) attempt(() => editPlan(run.id, { ...plan, steps: kept(drafts) }));
    else attempt(() => approve(run.id, asked.step, "", {}));
  };
  const isEdited = drafts !== null || whole !== null;
  return (
    <section class="card is-question" aria-label="Plan to approve">
      <p class="card-head">
        <ListChecks size={18} aria-hidden="true" /> {asked.question || `Run these ${many(steps.length, "step")}?`}
      </p>
      {whole !== null ? (
        <label class="field">
          The plan as JSON
          <textarea class="mono tall" value={whole} onInput={(event) => setWhole(event.currentTarget.value)} />
        </label>
      ) : (
        <ol class="plan-steps">
          {steps.map((step, i) => (
            <PlanRow
              key={step.id}
              step={step}
              draft={drafts?.[i] ?? null}
              onChange={(next) => setDrafts((old) => old!.map((one, at) => (at === i ? next : one)))}
            />
          ))}
        </ol>
      )}
      {problem && (
        <p class="form-error" role="alert">
          {problem}
        </p>
      )}
      <p class="actions">
        <button type="button" class="button primary" disabled={isSent} onClick={runIt}>
          {isEdited ? "Run the changed plan" : "Run it"}
        </button>
        <button type="button" class="button" disabled={isSent} onClick={() => attempt(() => refuse(run.id, asked.step, ""))}>
          Refuse
        </button>
        {!isEdited && (
          <button type="button" class="link" onClick={() => setDrafts(steps.map(drafted))}>
            Change the plan
          </button>
        )}
        {drafts !== null && whole === null && (
          <button type="button" class="link" onClick={() => setWhole(JSON.stringify({ ...plan, steps: kept(drafts) }, null, 2))}>
            Edit as text
          </button>
        )}
        {isEdited && (
          <button type="button" class="link" onClick={() => (setDrafts(null), setWhole(null), setProblem(""))}>
            Undo changes
          </button>
        )}
      </p>
    </section>
  );
}

interface RowProps {
  step: PlanStep;
  draft: Draft | null;
  onChange: (draft: Draft) => void;
}

function PlanRow({ step, draft, onChange }: RowProps) {
  const after = step.dependencies ?? [];
  return (
    <li class={draft?.isOut ? "is-out" : ""}>
      <div class="plan-step-head">
        <strong>{step.id}</strong> <code>{step.action}</code>
        {step.approval && <span class="tag">asks first</span>}
        {step.optional && <span class="tag">optional</span>}
        {draft && (
          <button
            type="button"
            class="icon-button push"
            aria-label={draft.isOut ? `Keep ${step.id}` : `Leave out ${step.id}`}
            onClick={() => onChange({ ...draft, isOut: !draft.isOut })}
          >
            {draft.isOut ? <Undo2 size={15} aria-hidden="true" /> : <Trash2 size={15} aria-hidden="true" />}
          </button>
        )}
      </div>
      {step.reasoning && <p class="quiet small">{step.reasoning}</p>}
      {after.length > 0 && <p class="quiet small">after {after.join(", ")}</p>}
      {draft && !draft.isOut ? (
        <Fieldset values={draft.texts} onChange={(texts) => onChange({ ...draft, texts })} />
      ) : (
        !draft &&
        step.parameters &&
        Object.keys(step.parameters).length > 0 && (
          <details class="v-fold">
            <summary>Parameters</summary>
            <Value value={step.parameters} />
          </details>
        )
      )}
    </li>
  );
}

function drafted(step: PlanStep): Draft {
  return { step, texts: asTexts(step.parameters ?? {}), isOut: false };
}

function kept(drafts: Draft[]): PlanStep[] {
  return drafts
    .filter((one) => !one.isOut)
    .map(({ step, texts }) => {
      const parameters = Object.fromEntries(
        Object.entries(texts).map(([name, text]) => [name, fromText(`${step.id}.${name}`, text, step.parameters?.[name])]),
      );
      return { ...step, parameters };
    });
}
