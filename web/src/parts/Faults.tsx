/** What went wrong beside the conversation: refused frames, a cut line, a notice of the server. */

import { useSignal } from "@preact/signals";
import { CircleAlert, Info, WifiOff, X } from "lucide-preact";
import { dismiss, faults, hello, link, reconnect } from "../state/store";
import type { Finding } from "../wire/frames";

export function Faults() {
  return (
    <div class="faults" role="alert">
      {faults.value.map((fault, i) => (
        <div class="fault" key={i}>
          <CircleAlert size={18} aria-hidden="true" />
          <div>
            <p>{fault.message}</p>
            <Findings findings={fault.findings} />
          </div>
          <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => dismiss(fault)}>
            <X size={16} aria-hidden="true" />
          </button>
        </div>
      ))}
    </div>
  );
}

export function Findings({ findings }: { findings: Finding[] }) {
  if (findings.length === 0) return null;
  return (
    <ul class="findings">
      {findings.map((one, i) => (
        <li key={i}>
          {one.step && <code>{one.step}</code>} {one.message ?? `expected ${one.expected}, got ${one.got}`}
          {one.fix && <span class="quiet"> {one.fix}</span>}
        </li>
      ))}
    </ul>
  );
}

const HIDDEN = "planloom.hidden-notice";

export function LinkNotice() {
  const hidden = useSignal(remembered());
  if (link.value === "lost" || (link.value === "connecting" && hello.value !== null)) {
    return (
      <div class="notice-bar is-lost" role="status">
        <WifiOff size={16} aria-hidden="true" />
        <span>The line to the server is cut. Runs go on there; what happens meanwhile is shown once it is back.</span>
        <button type="button" class="button small" onClick={reconnect}>
          Try now
        </button>
      </div>
    );
  }
  const notice = hello.value?.notice;
  if (!notice || hidden.value === notice) return null;
  return (
    <div class="notice-bar">
      <Info size={16} aria-hidden="true" />
      <span>{notice}</span>
      <button type="button" class="icon-button" aria-label="Hide" onClick={() => (hidden.value = remember(notice))}>
        <X size={16} aria-hidden="true" />
      </button>
    </div>
  );
}

function remembered(): string {
  try {
    return localStorage.getItem(HIDDEN) ?? "";
  } catch {
    return "";
  }
}

/** A notice that was read is not shown again, until it says something else. */
function remember(notice: string): string {
  try {
    localStorage.setItem(HIDDEN, notice);
  } catch {
    // a browser that keeps nothing: hidden for this visit
  }
  return notice;
}
