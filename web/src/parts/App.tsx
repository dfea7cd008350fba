/** The page: sessions, conversation, and what the run in view is doing. */

import { useComputed } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { announcement, chosenStep, hello, isMenuOpen, isNarrow, isPanelOpen, isPanelWide, preview, shownRun } from "../state/store";
import { Composer } from "./Composer";
import { Conversation } from "./Conversation";
import { Faults, LinkNotice } from "./Faults";
import { Login } from "./Login";
import { Panel } from "./Panel";
import { Preview } from "./Preview";
import { Sidebar } from "./Sidebar";
import { TopBar } from "./TopBar";

export function App() {
  const hasPanel = useComputed(() => isPanelOpen.value && shownRun.value !== null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => event.key === "Escape" && closeTopmost();
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  const needsToken = hello.value !== null && !hello.value.authorized;
  const classes = ["page"];
  if (hasPanel.value) classes.push("has-panel");
  if (hasPanel.value && isPanelWide.value) classes.push("is-wide");
  if (isMenuOpen.value) classes.push("has-menu");
  return (
    <>
      <a class="skip" href="#goal" onClick={toComposer}>
        Skip to the message field
      </a>
      <div class={classes.join(" ")}>
        <Sidebar />
        {isMenuOpen.value && <div class="veil" onClick={() => (isMenuOpen.value = false)} />}
        <main class="main" inert={isMenuOpen.value || (isNarrow.value && hasPanel.value)}>
          <TopBar />
          <LinkNotice />
          <Conversation />
          <Faults />
          <Composer />
        </main>
        {hasPanel.value && <Panel run={shownRun.value!} />}
      </div>
      {preview.value && <Preview key={preview.value.artifact.sha256} {...preview.value} />}
      {needsToken && <Login />}
      <div class="unseen" aria-live="polite" role="status">
        {announcement.value}
      </div>
    </>
  );
}

function closeTopmost(): void {
  if (preview.value) return;
  if (isMenuOpen.value) isMenuOpen.value = false;
  else if (isNarrow.value && isPanelOpen.value && chosenStep.value !== null) chosenStep.value = null;
  else if (isNarrow.value && isPanelOpen.value) isPanelOpen.value = false;
}

/** The address is taken by the session, so the link moves the focus itself. */
function toComposer(event: Event): void {
  event.preventDefault();
  document.getElementById("goal")?.focus();
}
