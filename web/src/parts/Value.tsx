/** A value of parameters or results as people read it: nested lists fold, texts wrap, nothing is cut without saying so. */

import { useState } from "preact/hooks";
import type { Json } from "../state/events";

const FIRST = 30;
const LONG = 600;

export function Value({ value, depth = 0 }: { value: Json | undefined; depth?: number }) {
  if (value === null || value === undefined) return <span class="v-none">nothing</span>;
  if (typeof value === "string") return <TextValue text={value} />;
  if (typeof value !== "object") return <span class="v-plain">{String(value)}</span>;
  const entries: [string, Json][] = Array.isArray(value) ? value.map((item, i) => [String(i), item]) : Object.entries(value);
  if (entries.length === 0) return <span class="v-none">{Array.isArray(value) ? "empty list" : "empty"}</span>;
  if (Array.isArray(value) && value.length <= 8 && value.every(isShort)) {
    return <span class="v-plain">{value.map(String).join(", ")}</span>;
  }
  if (depth === 0) return <Entries entries={entries} depth={depth} />;
  const word = Array.isArray(value) ? "item" : "field";
  return (
    <details class="v-fold" open={depth === 1 && entries.length <= 4}>
      <summary>
        {entries.length} {word}
        {entries.length === 1 ? "" : "s"}
      </summary>
      <Entries entries={entries} depth={depth} />
    </details>
  );
}

function Entries({ entries, depth }: { entries: [string, Json][]; depth: number }) {
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? entries : entries.slice(0, FIRST);
  return (
    <>
      <dl class="fields">
        {shown.map(([name, item]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <Value value={item} depth={depth + 1} />
            </dd>
          </div>
        ))}
      </dl>
      {shown.length < entries.length && (
        <button type="button" class="link" onClick={() => setWhole(true)}>
          Show the other {entries.length - shown.length}
        </button>
      )}
    </>
  );
}

function TextValue({ text }: { text: string }) {
  const [isWhole, setWhole] = useState(false);
  if (text === "") return <span class="v-none">empty text</span>;
  if (isWhole || text.length <= LONG) return <span class="v-text" dir="auto">{text}</span>;
  return (
    <span class="v-text" dir="auto">
      {text.slice(0, LONG)}…{" "}
      <button type="button" class="link" onClick={() => setWhole(true)}>
        Show all {text.length.toLocaleString("en-US")} characters
      </button>
    </span>
  );
}

function isShort(value: Json): boolean {
  return typeof value === "number" || typeof value === "boolean" || (typeof value === "string" && value.length < 40);
}
