/** The run in view: plan, timeline, files, costs; the chosen step below. */

import { useEffect, useRef } from "preact/hooks";
import { Maximize2, Minimize2, X } from "lucide-preact";
import { counts, totalOf, wordOf } from "../state/figures";
import type { Run } from "../state/model";
import { chosenStep, isNarrow, isPanelOpen, isPanelWide, tab, type Tab } from "../state/store";
import { many } from "../text/format";
import { Costs } from "./Costs";
import { Dag } from "./Dag";
import { Files } from "./Files";
import { StopButton, capital } from "./RunItem";
import { StepDetail } from "./StepDetail";
import { RunTime } from "./Time";
import { Timeline } from "./Timeline";

const TABS: [Tab, string][] = [
  ["plan", "Plan"],
  ["timeline", "Timeline"],
  ["files", "Files"],
  ["costs", "Time and costs"],
];

export function Panel({ run }: { run: Run }) {
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (isNarrow.value) close.current?.focus();
  }, []);
  const step = chosenStep.value === null ? undefined : run.steps[chosenStep.value];
  return (
    <aside class="panel" aria-label="Details of the run">
      <header class="panel-head">
        <div class="panel-title">
          <strong>{capital(wordOf(run))}</strong>
          <RunTime run={run} />
          {run.order.length > 0 && <span class="quiet">{many(totalOf(counts(run)), "step")}</span>}
          {run.planSource && <span class="tag">{sourceOf(run.planSource)}</span>}
        </div>
        {run.status === "running" && <StopButton run={run} />}
        <button
          type="button"
          class="icon-button only-wide"
          aria-label="Use the whole page"
          title="Use the whole page"
          aria-pressed={isPanelWide.value}
          onClick={() => (isPanelWide.value = !isPanelWide.value)}
        >
          {isPanelWide.value ? <Minimize2 size={16} aria-hidden="true" /> : <Maximize2 size={16} aria-hidden="true" />}
        </button>
        <button type="button" class="icon-button" ref={close} aria-label="Close the details" onClick={() => (isPanelOpen.value = false)}>
          <X size={18} aria-hidden="true" />
        </button>
      </header>
      <Tabs run={run} />
      <div class={`panel-body ${step ? "has-detail" : ""}`}>
        <div class="view" role="tabpanel" id="view" aria-labelledby={`tab-${tab.value}`} tabIndex={-1}>
          {tab.value === "plan" && <Dag key={run.id} run={run} />}
          {tab.value === "timeline" && <Timeline run={run} />}
          {tab.value === "files" && <Files run={run} />}
          {tab.value === "costs" && <Costs run={run} />}
        </div>
        {step && <StepDetail key={step.id} run={run} step={step} />}
      </div>
    </aside>
  );
}

function Tabs({ run }: { run: Run }) {
  const box = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (by === 0) return;
    const at = TABS.findIndex(([name]) => name === tab.value);
    tab.value = TABS[(at + by + TABS.length) % TABS.length]![0];
    requestAnimationFrame(() => box.current?.querySelector<HTMLElement>("[aria-selected=true]")?.focus());
  };
  return (
    <div class="tabs" role="tablist" aria-label="Views of the run" ref={box} onKeyDown={move}>
      {TABS.map(([name, label]) => (
        <button
          type="button"
          role="tab"
          key={name}
          id={`tab-${name}`}
          aria-selected={tab.value === name}
          aria-controls="view"
          tabIndex={tab.value === name ? 0 : -1}
          onClick={() => (tab.value = name)}
        >
          {label}
          {name === "files" && run.artifacts.length > 0 && <span class="count">{run.artifacts.length}</span>}
        </button>
      ))}
    </div>
  );
}

function sourceOf(source: string): string {
  const [kind, name] = source.split(":", 2);
  return { playbook: `playbook ${name}`, cache: `kept plan ${name}`, model: "planned by a model", plan: "given plan" }[kind!] ?? source;
}
