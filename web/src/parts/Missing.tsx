/** An input that a goal did not name, to be given now. */

import { useState } from "preact/hooks";

export function Missing({ name, onGive }: { name: string; onGive: (value: string) => void }) {
  const [value, setValue] = useState("");
  const give = (event: Event) => {
    event.preventDefault();
    if (value.trim()) onGive(value.trim());
  };
  return (
    <form class="inline-form" onSubmit={give}>
      <label class="field">
        {name}
        <input value={value} onInput={(event) => setValue(event.currentTarget.value)} />
      </label>
      <button type="submit" class="button primary" disabled={!value.trim()}>
        Continue
      </button>
    </form>
  );
}
