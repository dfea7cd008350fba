/** The plan as a graph that lives: layers from left to right, state by shape and colour. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Maximize, Minus, Plus } from "lucide-preact";
import { useFollowing } from "../graph/following";
import { useDrawing } from "../graph/drawing";
import type { Drawing, Place } from "../graph/layout";
import { neighbour } from "../graph/walking";
import type { Run, Step } from "../state/model";
import { chosenStep } from "../state/store";
import { emptyPlanRun } from "../state/preview";
import { DagCard } from "./DagCard";
import { Spinner } from "./StateMark";

const SMALLEST = 0.35;
const LARGEST = 1.6;
/** Smaller than this nothing is fitted: one can scroll, but not read smaller letters. What is too high is fitted in width. */
const READABLE = 0.65;
/** The same on a phone, which is read from nearer but has finer letters. */
const READABLE_NARROW = 0.8;
const NARROW = 520;

export function Dag({ run: given }: { run: Run }) {
  const run = useMemo(() => (given.order.length === 0 ? emptyPlanRun(given) : given), [given]);
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const drawing = useDrawing(run, toggled);
  if (run.order.length === 0) {
    return (
      <p class="centre quiet">
        {run.status === "running" ? (
          <>
            <Spinner /> The plan is being made
          </>
        ) : (
          "This run has no steps."
        )}
      </p>
    );
  }
  if (!drawing) {
    return (
      <p class="centre quiet">
        <Spinner /> Drawing the plan
      </p>
    );
  }
  const toggle = (id: string) =>
    setToggled((old) => {
      const next = new Set(old);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  return <Canvas run={run} drawing={drawing} onToggle={toggle} />;
}

interface CanvasProps {
  run: Run;
  drawing: Drawing;
  onToggle: (id: string) => void;
}

function Canvas({ run, drawing, onToggle }: CanvasProps) {
  const box = useRef<HTMLDivElement>(null);
  const [scale, setScale] = useState(1);
  const [isFitted, setFitted] = useState(true);
  const chosen = chosenStep.value;

  useEffect(() => {
    if (!isFitted || !box.current) return;
    const observer = new ResizeObserver(() => box.current && setScale(fitting(box.current, drawing)));
    observer.observe(box.current);
    setScale(fitting(box.current, drawing));
    return () => observer.disconnect();
  }, [drawing, isFitted]);

  useFollowing(box, run, drawing, scale);

  const zoom = (to: number) => {
    setFitted(false);
    setScale(Math.min(LARGEST, Math.max(SMALLEST, to)));
  };
  const onWheel = (event: WheelEvent) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(scale * (event.deltaY < 0 ? 1.12 : 1 / 1.12));
  };
  const walk = (event: KeyboardEvent) => {
    const id = (event.target as HTMLElement).closest<HTMLElement>("[data-card]")?.dataset.card;
    const to = id ? neighbour(drawing, id, event.key) : null;
    if (!to) return;
    event.preventDefault();
    box.current?.querySelector<HTMLElement>(`[data-card="${CSS.escape(to)}"] .node-main`)?.focus();
  };
  const first = chosen && drawing.places.some((place) => place.id === chosen) ? chosen : drawing.places[0]?.id;
  return (
    <div class="dag">
      <div class="dag-scroll" ref={box} onWheel={onWheel} onKeyDown={walk} onPointerDown={(event) => drag(event, box.current!)}>
        <div class="dag-size" style={{ width: `${drawing.width * scale}px`, height: `${drawing.height * scale}px` }}>
          <div
            class="dag-sheet"
            role="group"
            aria-label="Plan. Arrow keys go from step to step."
            style={{ width: `${drawing.width}px`, height: `${drawing.height}px`, transform: `scale(${scale})` }}
          >
            <Edges run={run} drawing={drawing} chosen={chosen} />
            {drawing.layers.map((x, i) => (
              <span key={x} class="layer" aria-hidden="true" style={{ transform: `translate(${x}px, 0)` }}>
                {i + 1}
              </span>
            ))}
            {drawing.places.map((place) => (
              <Placed key={place.id} run={run} place={place} isChosen={chosen === place.id} isFirst={first === place.id} onToggle={onToggle} />
            ))}
          </div>
        </div>
      </div>
      <div class="zoom" role="group" aria-label="Size of the picture">
        <button type="button" class="icon-button" aria-label="Smaller" onClick={() => zoom(scale / 1.2)}>
          <Minus size={16} aria-hidden="true" />
        </button>
        <button type="button" class="icon-button" aria-label="Larger" onClick={() => zoom(scale * 1.2)}>
          <Plus size={16} aria-hidden="true" />
        </button>
        <button type="button" class="icon-button" aria-label="Fit" aria-pressed={isFitted} onClick={() => setFitted(true)}>
          <Maximize size={15} aria-hidden="true" />
        </button>
      </div>
    </div>
  );
}

interface PlacedProps {
  run: Run;
  place: Place;
  isChosen: boolean;
  isFirst: boolean;
  onToggle: (id: string) => void;
}

function Placed({ run, place, ...rest }: PlacedProps) {
  const step = run.steps[place.id];
  if (!step) return null; // the plan changed and its drawing is on the way
  const children = place.kind === "step" ? undefined : step.children.map((id) => run.steps[id]!).filter(Boolean);
  const live = step.state === "running" || step.state === "retrying" || children !== undefined;
  return <DagCard step={step} place={place} run={live ? run : null} childSteps={children} {...rest} />;
}

function Edges({ run, drawing, chosen }: { run: Run; drawing: Drawing; chosen: string | null }) {
  return (
    <svg class="edges" width={drawing.width} height={drawing.height} aria-hidden="true">
      {drawing.curves.map((curve) => {
        const isNear = curve.from === chosen || curve.to === chosen;
        if (curve.isImplied && !isNear) return null;
        const from = run.steps[curve.from];
        const to = run.steps[curve.to];
        const kind = isNear ? "is-near" : isFlowing(from, to) ? "is-flowing" : from?.state === "ok" ? "is-passed" : "";
        return <path key={`${curve.from} ${curve.to}`} d={curve.path} class={`edge ${kind}`} />;
      })}
    </svg>
  );
}

function isFlowing(from: Step | undefined, to: Step | undefined): boolean {
  return from?.state === "ok" && (to?.state === "running" || to?.state === "retrying");
}

function fitting(box: HTMLElement, drawing: Drawing): number {
  const least = box.clientWidth < NARROW ? READABLE_NARROW : READABLE;
  const wide = (box.clientWidth - 2) / drawing.width;
  const high = (box.clientHeight - 2) / drawing.height;
  return Math.min(1, Math.max(high < least ? wide : Math.min(wide, high), least));
}

/** Drags the picture with the mouse; fingers scroll by themselves. */
function drag(event: PointerEvent, box: HTMLElement): void {
  if (event.pointerType !== "mouse" || event.button !== 0 || (event.target as HTMLElement).closest("button")) return;
  const from = { x: event.clientX + box.scrollLeft, y: event.clientY + box.scrollTop };
  const move = (to: PointerEvent) => box.scrollTo(from.x - to.clientX, from.y - to.clientY);
  const stop = () => {
    window.removeEventListener("pointermove", move);
    window.removeEventListener("pointerup", stop);
  };
  window.addEventListener("pointermove", move);
  window.addEventListener("pointerup", stop);
}
