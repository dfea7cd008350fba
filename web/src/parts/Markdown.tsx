/** A text with Markdown; buttons in it lead to steps and files of the run. */

import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Run } from "../state/model";
import { preview, showStep } from "../state/store";
import { rendered } from "../text/markdown";

const NOTHING = { steps: new Set<string>(), files: [] };

export function Markdown({ text, run }: { text: string; run?: Run }) {
  const box = useRef<HTMLDivElement>(null);
  const known = useMemo(
    () => (run ? { steps: new Set(run.order), files: run.artifacts } : NOTHING),
    [run?.order, run?.artifacts],
  );
  useLayoutEffect(() => box.current?.replaceChildren(rendered(text, known)), [text, known]);
  const follow = (event: MouseEvent) => {
    const { step, file } = (event.target as HTMLElement).closest("button")?.dataset ?? {};
    const artifact = run?.artifacts.find((one) => one.sha256 === file);
    if (run && step) showStep(run.id, step);
    else if (run && artifact) preview.value = { runId: run.id, artifact };
  };
  return <div class="prose" ref={box} onClick={follow} />;
}
