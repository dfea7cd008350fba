/** Goals that can be planned here, to start from. */

import { ArrowUpRight } from "lucide-preact";
import { draft, playbooks } from "../state/store";

export function Ideas({ count }: { count: number }) {
  const ready = playbooks.value?.filter((one) => one.examples.length > 0).slice(0, count) ?? [];
  if (ready.length === 0) return null;
  return (
    <ul class="ideas">
      {ready.map((one) => (
        <li key={one.name}>
          <button type="button" class="idea" onClick={() => start(one.examples[0]!)}>
            <span class="idea-title">{titled(one.name)}</span>
            <span class="quiet" dir="auto">{one.purpose}</span>
            <span class="idea-example" dir="auto">“{one.examples[0]}”</span>
            <ArrowUpRight size={16} aria-hidden="true" />
          </button>
        </li>
      ))}
    </ul>
  );
}

function start(goal: string): void {
  draft.value = goal;
  document.getElementById("goal")?.focus();
}

/** `folder-report` as people write it. */
function titled(name: string): string {
  const words = name.replace(/[-_]/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
