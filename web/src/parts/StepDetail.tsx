/** Everything about one step: what it was given, what came of it, tries, verdict, cost. */

import { useEffect, useRef, useState } from "preact/hooks";
import { Ban, ShieldAlert, ShieldCheck, X } from "lucide-preact";
import type { Json } from "../state/events";
import { ENDED, type Run, type Step } from "../state/model";
import { cancel, chosenStep, goOn, isNarrow, showStep } from "../state/store";
import * as format from "../text/format";
import { getJson, stepAddress } from "../wire/http";
import { FileRow } from "./Files";
import { Spinner, StateMark, wordOfState } from "./StateMark";
import { StepTime } from "./Time";
import { Value } from "./Value";

export function StepDetail({ run, step }: { run: Run; step: Step }) {
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (isNarrow.value) head.current?.focus();
  }, []);
  const files = run.artifacts.filter((one) => one.step === step.id);
  const reasoning = step.options.reasoning;
  return (
    <section class="detail" aria-label={`Step ${step.id}`}>
      <header class="detail-head">
        <StateMark state={step.state} />
        <h2 tabIndex={-1} ref={head}>
          {step.id}
        </h2>
        <code>{step.action}</code>
        <StepTime run={run} step={step} />
        <span class="push" />
        {step.state === "running" && (
          <button type="button" class="button small" onClick={() => cancel(run.id, step.id)}>
            <Ban size={13} aria-hidden="true" /> Stop this step
          </button>
        )}
        <button type="button" class="icon-button" aria-label="Close the step" onClick={() => (chosenStep.value = null)}>
          <X size={16} aria-hidden="true" />
        </button>
      </header>
      <div class="detail-body">
        <p class="detail-line">
          <strong>{wordOfState(step.state)}</strong>
          {step.note && <span> {step.note}</span>}
          {step.limit && <span> waits for a place at {step.limit}</span>}
          {step.causedBy && (
            <span>
              {" "}
              because{" "}
              <button type="button" class="link" onClick={() => showStep(run.id, step.causedBy)}>
                {step.causedBy}
              </button>{" "}
              failed
            </span>
          )}
          {step.effect && <span class="tag">{effectOf(step.effect)}</span>}
          {step.reused && <span class="tag">result of an earlier round</span>}
          {step.batch.length > 1 && <span class="tag">one call for {step.batch.length} steps</span>}
        </p>
        {typeof reasoning === "string" && <p class="quiet">{reasoning}</p>}
        {step.error && <pre class="error-text">{step.error}</pre>}
        <Verdict step={step} />
        {step.acts.length > 0 && <Acts step={step} />}
        <Part title="Result">
          <ResultOf run={run} step={step} />
        </Part>
        {files.length > 0 && (
          <Part title="Files">
            <ul class="file-rows">
              {files.map((file) => (
                <FileRow key={file.path} run={run} artifact={file} />
              ))}
            </ul>
          </Part>
        )}
        <Part title="Parameters">
          <Value value={step.parameters} />
        </Part>
        <Part title="Waits for">
          <Links run={run} ids={step.dependencies} />
        </Part>
        {step.attempts.length > 1 && <Attempts step={step} />}
        <Used step={step} />
        {ENDED.has(step.state) && run.status !== "running" && (
          <p>
            <button type="button" class="button small" onClick={() => goOn(run.id, step.id)}>
              Run again from here
            </button>
          </p>
        )}
      </div>
    </section>
  );
}

function Part({ title, children }: { title: string; children: preact.ComponentChildren }) {
  return (
    <section class="part">
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function effectOf(effect: string): string {
  return { pure: "only computes", read: "only reads", write: "changes something" }[effect] ?? effect;
}

function Verdict({ step }: { step: Step }) {
  if (!step.verdict || step.verdict.status === "off") return null;
  const isGood = step.verdict.status === "pass";
  const Icon = isGood ? ShieldCheck : ShieldAlert;
  const word = { pass: "Verified", fail: "Did not pass", unsure: "Not sure" }[step.verdict.status];
  return (
    <p class={`verdict ${isGood ? "is-ok" : "is-failed"}`}>
      <Icon size={15} aria-hidden="true" /> {word}
      {step.verdict.by.length > 0 && <span class="quiet"> by {step.verdict.by.join(", ")}</span>}
      {step.verdict.reason && <span>: {step.verdict.reason}</span>}
    </p>
  );
}

function ResultOf({ run, step }: { run: Run; step: Step }) {
  const [whole, setWhole] = useState<{ value: Json } | { problem: string } | "loading" | null>(null);
  if (step.value !== undefined) return <Value value={step.value} />;
  if (!step.stored) return <p class="quiet">{step.state === "ok" ? "Nothing came of it." : step.endedAt === null ? "None yet." : "None."}</p>;
  const load = () => {
    setWhole("loading");
    getJson<{ value?: Json; result?: Json }>(stepAddress(run.id, step.id))
      .then((got) => setWhole({ value: got.value ?? got.result ?? null }))
      .catch((error: Error) => setWhole({ problem: error.message }));
  };
  if (whole === "loading") return <Spinner />;
  if (whole && "value" in whole) return <Value value={whole.value} />;
  return (
    <p>
      {whole && <span class="form-error">{whole.problem} </span>}
      <button type="button" class="button small" onClick={load}>
        Load the large result
      </button>
    </p>
  );
}

function Links({ run, ids }: { run: Run; ids: string[] }) {
  if (ids.length === 0) return <p class="quiet">Nothing.</p>;
  return (
    <p class="links">
      {ids.map((id) => (
        <button type="button" class="chip" key={id} onClick={() => showStep(run.id, id)}>
          {run.steps[id] && <StateMark state={run.steps[id].state} size={11} />} {id}
        </button>
      ))}
    </p>
  );
}

function Attempts({ step }: { step: Step }) {
  return (
    <Part title="Tries">
      <ol class="tries">
        {step.attempts.map((one, i) => (
          <li key={i}>
            {format.clock(one.startedAt)}
            {one.endedAt !== null && <span class="time"> {format.seconds(one.endedAt - one.startedAt)}</span>}
            {one.error ? <span class="form-error"> {one.error}</span> : one.endedAt !== null && " counted"}
          </li>
        ))}
      </ol>
    </Part>
  );
}

function Acts({ step }: { step: Step }) {
  return (
    <Part title="What the agent did">
      <ol class="tries">
        {step.acts.map((act, i) => (
          <li key={i}>
            {act.tool ? <code>{act.tool}</code> : <span class="v-text">{act.text}</span>}
            {act.tool && act.status && ` ${act.status}`}
            {act.seconds > 0 && <span class="time"> {format.seconds(act.seconds)}</span>}
            {act.tool && act.text && <span class="form-error"> {act.text}</span>}
          </li>
        ))}
      </ol>
    </Part>
  );
}

function Used({ step }: { step: Step }) {
  const { models } = step;
  if (models.calls === 0 && step.usd === 0) return null;
  return (
    <Part title="Cost">
      <p>
        {models.calls > 0 && (
          <>
            {format.many(models.calls, "model call")}, {format.count(models.promptTokens)} tokens in,{" "}
            {format.count(models.completionTokens)} out
            {models.cachedTokens > 0 && ` (${format.count(models.cachedTokens)} from the cache)`}.{" "}
          </>
        )}
        {format.dollars(models.usd + step.usd)}
        {models.unpriced > 0 && " and calls whose price is not known"}
      </p>
    </Part>
  );
}
