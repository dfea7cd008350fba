import { Menu, Monitor, Moon, PanelRight, Sun } from "lucide-preact";
import { isMenuOpen, isPanelOpen, session, shownRun } from "../state/store";
import { choose, theme, type Theme } from "./theme";

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const ICONS = { system: Monitor, light: Sun, dark: Moon };

export function TopBar() {
  const first = session.value.items[0];
  const run = first?.kind === "run" ? session.value.runs[first.runId] : undefined;
  const title = run?.goal || (first?.kind === "message" ? first.text : "") || "New conversation";
  const Icon = ICONS[theme.value];
  return (
    <header class="topbar">
      <button
        type="button"
        class="icon-button only-narrow"
        aria-label="Conversations"
        aria-expanded={isMenuOpen.value}
        onClick={() => (isMenuOpen.value = true)}
      >
        <Menu size={20} aria-hidden="true" />
      </button>
      <h1 class="title" dir="auto" title={title}>
        {title}
      </h1>
      <button
        type="button"
        class="icon-button"
        title={`Appearance: ${theme.value}`}
        aria-label={`Appearance: ${theme.value}. Change`}
        onClick={() => choose(NEXT[theme.value])}
      >
        <Icon size={18} aria-hidden="true" />
      </button>
      {shownRun.value && (
        <button
          type="button"
          class="icon-button"
          aria-label="Details of the run"
          title="Details of the run"
          aria-pressed={isPanelOpen.value}
          onClick={() => (isPanelOpen.value = !isPanelOpen.value)}
        >
          <PanelRight size={18} aria-hidden="true" />
        </button>
      )}
    </header>
  );
}
