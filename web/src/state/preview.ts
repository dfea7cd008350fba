/** A plan that has not run yet as a run with waiting steps, so that it can be drawn like any other. Pure. */

import type { Json, PlanFile } from "./events";
import { openApprovals } from "./figures";
import type { Run, Step } from "./model";
import { emptyStep } from "./steps";

const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_-]*)/g;

export function emptyPlanRun(run: Run): Run {
  const asked = openApprovals(run).find((one) => one.kind === "plan");
  const plan = (asked?.arguments as unknown as PlanFile | undefined) ?? run.plan;
  if (!plan?.steps?.length) return run;
  const ids = new Set(plan.steps.map((step) => step.id));
  const steps: Record<string, Step> = {};
  for (const one of plan.steps) {
    const named = [...(one.dependencies ?? []), ...referred(one.parameters ?? {}), ...referred(one.for_each ?? "")];
    const dependencies = [...new Set(named)].filter((id) => ids.has(id) && id !== one.id);
    const parameters = one.parameters ?? {};
    steps[one.id] = { ...emptyStep(one.id), action: one.action, dependencies, parameters };
  }
  return { ...run, steps, order: plan.steps.map((step) => step.id), shape: -1 };
}

function referred(value: Json): string[] {
  return [...JSON.stringify(value).matchAll(REFERENCE)].map((found) => found[1]!);
}
