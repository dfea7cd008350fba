/** Values as text that a person edits, and back. Texts stand for themselves, everything else is JSON. */

import type { Json } from "../state/events";

export function asText(value: Json | undefined): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** Throws an Error whose text a person can read when `text` is no JSON where `before` was no text. */
export function fromText(name: string, text: string, before: Json | undefined): Json {
  if (typeof before === "string" || before === undefined) return text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new Error(`${name}: expected a value like ${JSON.stringify(before).slice(0, 60)}, got ${text.slice(0, 60)}`);
  }
}
