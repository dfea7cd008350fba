/** One step in the graph. Drawn again only when its own state changes. */

import { memo } from "preact/compat";
import { ChevronsDownUp, ChevronsUpDown, PencilLine, ShieldAlert, ShieldCheck } from "lucide-preact";
import type { Place } from "../graph/layout";
import { stateOf } from "../state/figures";
import type { Run, Step } from "../state/model";
import { chosenStep } from "../state/store";
import { seconds } from "../text/format";
import { StateMark, wordOfState } from "./StateMark";
import { StepName } from "./StepName";
import { StepTime } from "./Time";

interface Props {
  step: Step;
  place: Place;
  /** Null: nothing about the step moves. */
  run: Run | null;
  /** Of a for_each. */
  childSteps: Step[] | undefined;
  isChosen: boolean;
  isFirst: boolean;
  onToggle: (id: string) => void;
}

function Card({ step, place, run, childSteps, isChosen, isFirst, onToggle }: Props) {
  const state = run && childSteps ? stateOf(run, step) : step.state;
  const name = `${step.id}, ${step.action}, ${wordOfState(state)}${step.seconds ? `, ${seconds(step.seconds)}` : ""}`;
  const choose = () => (chosenStep.value = isChosen ? null : step.id);
  return (
    <div
      class={`node is-${state} is-${place.kind} ${isChosen ? "is-chosen" : ""}`}
      data-card={step.id}
      style={{ transform: `translate(${place.x}px, ${place.y}px)`, width: `${place.width}px`, height: `${place.height}px` }}
    >
      <button type="button" class="node-main" tabIndex={isFirst ? 0 : -1} aria-label={name} aria-pressed={isChosen} onClick={choose}>
        <StateMark state={state} />
        <span class="node-text">
          <StepName id={step.id} />
          <span class="node-line">
            <span class="node-action">{step.action}</span>
            {run ? <StepTime run={run} step={step} /> : step.seconds > 0 && <span class="time">{seconds(step.seconds)}</span>}
            {step.effect === "write" && <PencilLine size={11} aria-hidden="true" />}
            {step.verdict?.status === "pass" && <ShieldCheck class="is-ok" size={12} aria-hidden="true" />}
            {(step.verdict?.status === "fail" || step.verdict?.status === "unsure") && (
              <ShieldAlert class="is-failed" size={12} aria-hidden="true" />
            )}
          </span>
        </span>
      </button>
      {place.kind === "stack" && childSteps && <Dots steps={childSteps} />}
      {place.kind !== "step" && (
        <button
          type="button"
          class="node-fold"
          tabIndex={-1}
          aria-label={place.kind === "stack" ? `Unfold ${step.id}` : `Fold ${step.id}`}
          onClick={() => onToggle(step.id)}
        >
          {place.kind === "stack" ? <ChevronsUpDown size={12} aria-hidden="true" /> : <ChevronsDownUp size={12} aria-hidden="true" />}
        </button>
      )}
      {step.state === "running" && step.total ? (
        <span class="node-progress" style={{ transform: `scaleX(${Math.min(1, step.done / step.total)})` }} />
      ) : null}
    </div>
  );
}

/** What became of the steps of a folded for_each: one mark each, or the counts when they are many. */
function Dots({ steps }: { steps: Step[] }) {
  if (steps.length <= 22) {
    return (
      <span class="dots" aria-hidden="true">
        {steps.map((step) => (
          <i key={step.id} class={`is-${step.state}`} />
        ))}
      </span>
    );
  }
  const ended = steps.filter((step) => step.state === "ok").length;
  return (
    <span class="dots is-counted" aria-hidden="true">
      {ended} of {steps.length} done
    </span>
  );
}

export const DagCard = memo(Card, (before, after) => {
  if (after.run !== null || before.run !== null) {
    const isSame =
      before.step === after.step &&
      before.run?.status === after.run?.status &&
      (before.childSteps?.every((child, i) => child === after.childSteps?.[i]) ?? true) &&
      before.childSteps?.length === after.childSteps?.length;
    if (!isSame) return false;
  }
  return (
    before.step === after.step &&
    before.place === after.place &&
    before.isChosen === after.isChosen &&
    before.isFirst === after.isFirst
  );
});
