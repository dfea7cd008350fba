/** When each step ran: one row a step, tries as bars, on the run's own time. */

import { memo } from "preact/compat";
import { elapsed, spanOf } from "../state/figures";
import type { Run, Step } from "../state/model";
import { chosenStep, now } from "../state/store";
import { seconds } from "../text/format";
import { StateMark, wordOfState } from "./StateMark";
import { StepName } from "./StepName";

export function Timeline({ run }: { run: Run }) {
  const total = Math.max(0.05, elapsed(run, run.endedAt === null ? now.value : 0));
  const rows = run.order
    .map((id) => run.steps[id]!)
    .filter((step) => step.children.length === 0)
    .sort((a, b) => (spanOf(run, a).from ?? Infinity) - (spanOf(run, b).from ?? Infinity));
  if (rows.length === 0) return <p class="centre quiet">No step has begun.</p>;
  const until = run.startedAt + total;
  return (
    <div class="timeline">
      <div class="axis" aria-hidden="true">
        <span />
        <div>
          {ticks(total).map((tick) => (
            <i key={tick} style={{ left: `${(tick / total) * 100}%` }}>
              {tick === 0 ? "0" : seconds(tick)}
            </i>
          ))}
        </div>
      </div>
      <ul>
        {rows.map((step) => (
          <Row
            key={step.id}
            step={step}
            from={run.startedAt}
            total={total}
            until={until}
            isChosen={chosenStep.value === step.id}
          />
        ))}
      </ul>
    </div>
  );
}

interface RowProps {
  step: Step;
  from: number;
  total: number;
  until: number;
  isChosen: boolean;
}

const Row = memo(function Row({ step, from, total, until, isChosen }: RowProps) {
  const place = (start: number, end: number) => ({
    left: `${Math.max(0, ((start - from) / total) * 100)}%`,
    width: `${Math.max(0.3, ((end - start) / total) * 100)}%`,
  });
  const first = step.attempts[0];
  const took = step.seconds || (step.startedAt !== null ? (step.endedAt ?? until) - step.startedAt : 0);
  return (
    <li>
      <button
        type="button"
        class={`trow ${isChosen ? "is-chosen" : ""}`}
        aria-label={`${step.id}, ${wordOfState(step.state)}${took ? `, ${seconds(took)}` : ""}`}
        onClick={() => (chosenStep.value = isChosen ? null : step.id)}
      >
        <span class="trow-name">
          <StateMark state={step.state} size={11} />
          <StepName id={step.id} />
        </span>
        <span class="trow-lane">
          {first && step.queuedSeconds > 0.005 && (
            <span class="tbar is-queued" style={place(first.startedAt - step.queuedSeconds, first.startedAt)} title="waited for a place" />
          )}
          {step.attempts.map((one, i) => (
            <span
              key={i}
              class={`tbar ${one.error && i < step.attempts.length - 1 ? "is-retrying" : `is-${step.state}`}`}
              style={place(one.startedAt, one.endedAt ?? until)}
            />
          ))}
          {step.startedAt !== null && took > 0 && (
            <span class="tbar-time" style={timePlace(step, from, total, until)}>
              {seconds(took)}
            </span>
          )}
        </span>
      </button>
    </li>
  );
});

/** Behind the bar, or before it where there is no room behind. */
function timePlace(step: Step, from: number, total: number, until: number): Record<string, string> {
  const end = ((step.endedAt ?? until) - from) / total;
  if (end < 0.86) return { left: `calc(${end * 100}% + 6px)` };
  const start = ((step.attempts[0]?.startedAt ?? from) - from) / total;
  return start > 0.14 ? { right: `calc(${(1 - start) * 100}% + 6px)` } : { right: "6px" };
}

function ticks(total: number): number[] {
  const rough = total / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough)!;
  return Array.from({ length: Math.floor(total / step) + 1 }, (_, i) => i * step).filter((tick) => tick < total * 0.96);
}
