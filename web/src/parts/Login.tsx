import { useState } from "preact/hooks";
import { authorize } from "../state/store";
import { Dialog } from "./Dialog";

export function Login() {
  const [token, setToken] = useState("");
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const enter = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await authorize(token.trim());
    } catch (problem) {
      setError(problem instanceof Error ? problem.message : String(problem));
    }
    setBusy(false);
  };
  return (
    <Dialog label="Sign in" class="login">
      <form onSubmit={enter}>
        <img src="./icon.svg" alt="" width="40" height="40" />
        <h2>Sign in to Planloom</h2>
        <p class="quiet">This server asks for a token. Whoever runs it has one for you.</p>
        <label class="field">
          Token
          <input
            type="password"
            autocomplete="current-password"
            required
            value={token}
            aria-invalid={error !== ""}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        {error && (
          <p class="form-error" role="alert">
            {error}
          </p>
        )}
        <button type="submit" class="button primary wide" disabled={isBusy || !token.trim()}>
          Continue
        </button>
      </form>
    </Dialog>
  );
}
