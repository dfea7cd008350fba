/** A state as shape and colour, with its word for those who see neither. */

import { Ban, Check, CircleDashed, CircleHelp, CornerDownRight, LoaderCircle, Play, RotateCw, TriangleAlert, X } from "lucide-preact";
import type { StepState } from "../state/model";

const LOOKS = {
  waiting: [CircleDashed, "waiting"],
  running: [Play, "running"],
  retrying: [RotateCw, "trying again"],
  asking: [CircleHelp, "waiting for you"],
  ok: [Check, "done"],
  failed: [X, "failed"],
  skipped: [CornerDownRight, "skipped"],
  cancelled: [Ban, "stopped"],
  in_doubt: [TriangleAlert, "in doubt"],
} as const;

export function wordOfState(state: StepState): string {
  return LOOKS[state][1];
}

export function StateMark({ state, size = 14 }: { state: StepState; size?: number }) {
  const Icon = LOOKS[state][0];
  return (
    <span class={`mark is-${state}`}>
      <Icon size={size} strokeWidth={2.5} aria-hidden="true" />
    </span>
  );
}

export function Spinner({ size = 16 }: { size?: number }) {
  return <LoaderCircle class="spinner" size={size} aria-hidden="true" />;
}
