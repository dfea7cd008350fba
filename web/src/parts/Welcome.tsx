/** What a new conversation shows: what can be asked here. */

import { ArrowUpRight } from "lucide-preact";
import { draft, hello, playbooks } from "../state/store";

export function Welcome() {
  const ready = playbooks.value?.filter((one) => one.examples.length > 0).slice(0, 6) ?? [];
  const start = (goal: string) => {
    draft.value = goal;
    document.getElementById("goal")?.focus();
  };
  return (
    <div class="welcome">
      <img src="./icon.svg" alt="" width="52" height="52" />
      <h2>What should be done?</h2>
      <p class="quiet">
        Say a goal. Planloom makes a plan, runs its steps as soon as their inputs are ready, checks the results, and shows you all
        of it here.
      </p>
      {ready.length > 0 && (
        <ul class="ideas">
          {ready.map((one) => (
            <li key={one.name}>
              <button type="button" class="idea" onClick={() => start(one.examples[0]!)}>
                <span class="idea-title">{titled(one.name)}</span>
                <span class="quiet">{one.purpose}</span>
                <span class="idea-example">“{one.examples[0]}”</span>
                <ArrowUpRight size={16} aria-hidden="true" />
              </button>
            </li>
          ))}
        </ul>
      )}
      {hello.value && !hello.value.has_model && (
        <p class="quiet small">No model is set up here, so only goals like these can be planned.</p>
      )}
    </div>
  );
}

/** `folder-report` as people write it. */
function titled(name: string): string {
  const words = name.replace(/[-_]/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
