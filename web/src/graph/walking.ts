/** Which card an arrow key leads to. Pure; null: none lies there. */

import type { Drawing, Place } from "./layout";

export function neighbour(drawing: Drawing, id: string, key: string): string | null {
  const here = drawing.places.find((place) => place.id === id);
  if (!here) return null;
  switch (key) {
    case "ArrowRight":
      return nearest(here, ends(drawing, id, "from", "to"));
    case "ArrowLeft":
      return nearest(here, ends(drawing, id, "to", "from"));
    case "ArrowDown":
      return nearest(here, drawing.places.filter((place) => place.layer === here.layer && place.y > here.y));
    case "ArrowUp":
      return nearest(here, drawing.places.filter((place) => place.layer === here.layer && place.y < here.y));
    case "Home":
      return drawing.places[0]?.id ?? null;
    case "End":
      return drawing.places.at(-1)?.id ?? null;
    default:
      return null;
  }
}

function ends(drawing: Drawing, id: string, near: "from" | "to", far: "from" | "to"): Place[] {
  const ids = new Set(drawing.curves.filter((curve) => curve[near] === id).map((curve) => curve[far]));
  return drawing.places.filter((place) => ids.has(place.id));
}

function nearest(here: Place, among: Place[]): string | null {
  const distance = (place: Place) => Math.abs(place.y - here.y) + Math.abs(place.x - here.x) / 4;
  return among.sort((a, b) => distance(a) - distance(b))[0]?.id ?? null;
}
