/** Keeps what runs in sight while the picture is larger than its place, until a person moves it. */

import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Run } from "../state/model";
import type { Drawing } from "./layout";

const MARGIN = 40;

export function useFollowing(box: RefObject<HTMLElement>, run: Run, drawing: Drawing, scale: number): void {
  const isOwn = useRef(false);
  useEffect(() => {
    const taken = () => (isOwn.current = true);
    const element = box.current;
    const kinds = ["wheel", "pointerdown", "keydown"] as const;
    for (const kind of kinds) element?.addEventListener(kind, taken, { passive: true });
    return () => kinds.forEach((kind) => element?.removeEventListener(kind, taken));
  }, []);
  useEffect(() => {
    if (isOwn.current || !box.current || run.status !== "running") return;
    const busy = drawing.places.filter(({ id }) => run.steps[id]?.state === "running" || run.steps[id]?.state === "asking");
    if (busy.length === 0) return;
    const right = Math.max(...busy.map((place) => place.x + place.width)) * scale + MARGIN;
    const left = Math.min(...busy.map((place) => place.x)) * scale - MARGIN;
    const { scrollLeft, clientWidth } = box.current;
    if (right > scrollLeft + clientWidth) box.current.scrollTo({ left: Math.min(left, right - clientWidth), behavior: "smooth" });
  }, [run.steps, drawing, scale]);
}
