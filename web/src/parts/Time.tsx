/** Times that go on while something runs; alone in their components, so that nothing else is drawn again. */

import { elapsed, timeOf } from "../state/figures";
import type { Run, Step } from "../state/model";
import { now } from "../state/store";
import { seconds } from "../text/format";

export function StepTime({ run, step }: { run: Run; step: Step }) {
  const isLive = step.state === "running" || step.state === "retrying" || step.children.length > 0;
  const took = timeOf(run, step, isLive ? now.value : 0);
  return took === null ? null : <span class="time">{seconds(took)}</span>;
}

export function RunTime({ run }: { run: Run }) {
  return <span class="time">{seconds(elapsed(run, run.endedAt === null ? now.value : 0))}</span>;
}
