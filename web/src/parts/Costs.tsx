/** What a run took: time, where it went, tokens, dollars, budgets, and the steps that took most. */

import { useEffect, useState } from "preact/hooks";
import { dollars, elapsed, tokens } from "../state/figures";
import type { Run } from "../state/model";
import { now, showStep } from "../state/store";
import * as format from "../text/format";
import { getJson } from "../wire/http";

const MOST = 8;

export function Costs({ run }: { run: Run }) {
  const steps = Object.values(run.steps).filter((step) => step.children.length === 0);
  const work = steps.reduce((sum, step) => sum + step.seconds, 0);
  const took = elapsed(run, run.endedAt === null ? now.value : 0);
  const heavy = steps.filter((step) => step.seconds > 0).sort((a, b) => b.seconds - a.seconds).slice(0, MOST);
  const usd = dollars(run);
  const isUnpriced = usd === 0 && run.models.unpriced > 0;
  const priceNote = run.models.unpriced > 0 ? `${format.many(run.models.unpriced, "call")} without a known price` : "";
  return (
    <div class="costs pad">
      <dl class="figures">
        <Figure name="Time" value={format.seconds(took)} />
        {work > 0 && (
          <Figure name="Steps one after another" value={format.seconds(work)} note={work > took * 1.05 ? `${(work / took).toFixed(1)} times as long` : ""} />
        )}
        <Figure name="Model calls" value={format.count(run.models.calls)} />
        <Figure
          name="Tokens"
          value={format.count(tokens(run))}
          note={run.models.cachedTokens ? `${format.count(run.models.cachedTokens)} from the cache` : ""}
        />
        <Figure name="Dollars" value={isUnpriced ? "unknown" : format.dollars(usd)} note={priceNote} />
        {run.parallelSteps !== null && <Figure name="Side by side" value={String(run.parallelSteps)} />}
      </dl>
      {Object.keys(run.budgets).length > 0 && <Budgets run={run} />}
      <Parts run={run} />
      {heavy.length > 0 && (
        <section class="part">
          <h3>Longest steps</h3>
          <ul class="heavy">
            {heavy.map((step) => (
              <li key={step.id}>
                <button type="button" class="link" onClick={() => showStep(run.id, step.id)}>
                  {step.id}
                </button>
                <span class="heavy-bar">
                  <span style={{ transform: `scaleX(${step.seconds / heavy[0]!.seconds})` }} />
                </span>
                <span class="time">{format.seconds(step.seconds)}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

function Figure({ name, value, note = "" }: { name: string; value: string; note?: string }) {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong>
        {note && <span class="quiet small">{note}</span>}
      </dd>
    </div>
  );
}

function Budgets({ run }: { run: Run }) {
  return (
    <section class="part">
      <h3>Budgets</h3>
      {Object.entries(run.budgets).map(([name, { used, limit }]) => (
        <label class="budget" key={name}>
          {name}: {format.count(used)} of {format.count(limit)}
          <meter value={used} max={limit} high={limit * 0.8} />
        </label>
      ))}
    </section>
  );
}

interface Analysis {
  /** Seconds by what they went to. */
  blame?: Record<string, number>;
}

const WORDS: Record<string, string> = {
  planning: "Planning",
  limit_wait: "Waiting at limits",
  model: "Models",
  tool: "Tools",
  verification: "Verification",
  approval: "Waiting for approval",
  queue: "Waiting for a place",
  back_off: "Waiting to try again",
  overhead: "Planloom itself",
};

/** What the seconds of a finished run went to; they add up to its time. */
function Parts({ run }: { run: Run }) {
  const [parts, setParts] = useState<[string, number][]>([]);
  const isOver = run.endedAt !== null;
  useEffect(() => {
    if (!isOver) return setParts([]);
    const stop = new AbortController();
    getJson<Analysis>(`api/runs/${encodeURIComponent(run.id)}/analysis`, stop.signal)
      .then((got) => setParts(Object.entries(got.blame ?? {}).filter(([, value]) => value > 0.0005)))
      .catch(() => setParts([])); // the figures above stand without it
    return () => stop.abort();
  }, [run.id, isOver]);
  const total = parts.reduce((sum, [, value]) => sum + value, 0);
  if (total === 0) return null;
  const sorted = [...parts].sort((a, b) => b[1] - a[1]);
  return (
    <section class="part">
      <h3>Where the time went</h3>
      <div class="shares" role="img" aria-label={sorted.map(([name, value]) => `${WORDS[name] ?? name} ${format.seconds(value)}`).join(", ")}>
        {sorted.map(([name, value], i) => (
          <span key={name} class={`share-${i % 8}`} style={{ flexGrow: value / total }} />
        ))}
      </div>
      <ul class="share-list">
        {sorted.map(([name, value], i) => (
          <li key={name}>
            <i class={`share-${i % 8}`} aria-hidden="true" />
            {WORDS[name] ?? name}
            <span class="time">{format.seconds(value)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
