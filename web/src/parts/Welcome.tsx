/** What a new conversation shows: what can be asked here. */

import { hello } from "../state/store";
import { Ideas } from "./Ideas";

export function Welcome() {
  return (
    <div class="welcome">
      <img src="./icon.svg" alt="" width="52" height="52" />
      <h2>What should be done?</h2>
      <p class="quiet">
        Say a goal. Planloom makes a plan, runs its steps as soon as their inputs are ready, checks the results, and shows you all
        of it here.
      </p>
      <Ideas count={6} />
      {hello.value && !hello.value.has_model && (
        <p class="quiet small">No model is set up here, so only goals like these can be planned.</p>
      )}
    </div>
  );
}
