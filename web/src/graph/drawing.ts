/** The drawing of a run, made again when its shape changes; the newest order wins. */

import { useEffect, useMemo, useState } from "preact/hooks";
import type { Run } from "../state/model";
import type { Drawing } from "./layout";
import { shapeOf, type Shape } from "./shape";
import DrawingWorker from "./worker?worker";

let worker: Worker | null = null;
let last = 0;
let isBusy = false;
let next: { order: number; shape: Shape } | null = null;
const waiting = new Map<number, (drawing: Drawing) => void>();

/** One drawing at a time; of those that wait only the newest is made. */
function ask(shape: Shape, take: (drawing: Drawing) => void): () => void {
  if (!worker) {
    worker = new DrawingWorker();
    worker.onmessage = (message: MessageEvent<{ order: number; drawing: Drawing }>) => {
      waiting.get(message.data.order)?.(message.data.drawing);
      waiting.delete(message.data.order);
      isBusy = false;
      post();
    };
  }
  const order = ++last;
  waiting.set(order, take);
  next = { order, shape };
  post();
  return () => void waiting.delete(order);
}

function post(): void {
  if (isBusy || !next || !worker) return;
  isBusy = true;
  worker.postMessage(next);
  next = null;
}

export function useDrawing(run: Run, toggled: ReadonlySet<string>): Drawing | null {
  const [made, setMade] = useState<{ runId: string; drawing: Drawing } | null>(null);
  const shape = useMemo(() => shapeOf(run, toggled), [run.id, run.shape, toggled]);
  useEffect(() => ask(shape, (drawing) => setMade({ runId: run.id, drawing })), [shape]);
  return made?.runId === run.id ? made.drawing : null;
}
