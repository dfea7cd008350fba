/** The list of conversations, with search. */

import { useEffect, useRef, useState } from "preact/hooks";
import { CircleHelp, MessageSquare, Plus, Search, Trash2, X } from "lucide-preact";
import { find, hello, isMenuOpen, openSession, remove, search, session, summaries } from "../state/store";
import type { SessionSummary } from "../wire/frames";
import { day } from "../text/format";
import { Spinner } from "./StateMark";

export function Sidebar() {
  const all = summaries.value;
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (isMenuOpen.value) close.current?.focus();
  }, [isMenuOpen.value]);
  return (
    <nav class="sidebar" aria-label="Conversations">
      <div class="brand">
        <img src="./icon.svg" alt="" width="26" height="26" />
        <span>Planloom</span>
        <button type="button" class="icon-button only-narrow" ref={close} aria-label="Close" onClick={() => (isMenuOpen.value = false)}>
          <X size={20} aria-hidden="true" />
        </button>
      </div>
      <button type="button" class="button wide" onClick={begin}>
        <Plus size={16} aria-hidden="true" /> New conversation
      </button>
      <label class="search">
        <Search size={15} aria-hidden="true" />
        <input
          type="search"
          placeholder="Search"
          aria-label="Search conversations"
          value={search.value}
          onInput={(event) => find(event.currentTarget.value)}
        />
      </label>
      <div class="sessions">
        {all === null ? <Loading /> : all.length === 0 ? <Nothing /> : <Groups all={all} />}
      </div>
      {hello.value && (
        <p class="sidebar-foot">
          {hello.value.has_model ? "A model plans and writes." : "No model is set: playbooks plan, templates write."}
        </p>
      )}
    </nav>
  );
}

function begin(): void {
  openSession("");
  isMenuOpen.value = false;
  document.getElementById("goal")?.focus();
}

function Loading() {
  return (
    <p class="quiet pad">
      <Spinner /> Loading conversations
    </p>
  );
}

function Nothing() {
  return <p class="quiet pad">{search.value ? "Nothing found." : "Your conversations will be listed here."}</p>;
}

function Groups({ all }: { all: SessionSummary[] }) {
  const now = Date.now() / 1000;
  const groups = new Map<string, SessionSummary[]>();
  for (const one of all) {
    const name = day(one.updated, now);
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  return (
    <>
      {[...groups].map(([name, some]) => (
        <section key={name}>
          <h2>{name}</h2>
          <ul>
            {some.map((one) => (
              <Entry key={one.session_id} one={one} />
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

function Entry({ one }: { one: SessionSummary }) {
  const [isAsking, setAsking] = useState(false);
  const isOpen = one.session_id === session.value.id;
  const isRunning = Object.values(one.runs).includes("running");
  if (isAsking) {
    return (
      <li class="entry asking">
        <span class="entry-title">Delete for good?</span>
        <button type="button" class="button small danger" onClick={() => void remove(one.session_id)}>
          Delete
        </button>
        <button type="button" class="button small" onClick={() => setAsking(false)}>
          Keep
        </button>
      </li>
    );
  }
  return (
    <li class={`entry ${isOpen ? "is-open" : ""}`}>
      <button
        type="button"
        class="entry-main"
        aria-current={isOpen ? "page" : undefined}
        onClick={() => openSession(one.session_id)}
        title={one.problem ?? one.title}
      >
        {one.open_approvals > 0 ? (
          <CircleHelp class="entry-icon is-asking" size={15} aria-label="waits for you" />
        ) : isRunning ? (
          <span class="entry-icon pulse" role="img" aria-label="running" />
        ) : (
          <MessageSquare class="entry-icon" size={15} aria-hidden="true" />
        )}
        <span class="entry-title" dir="auto">{one.title || "Without a title"}</span>
      </button>
      <button type="button" class="entry-delete icon-button" aria-label={`Delete ${one.title}`} onClick={() => setAsking(true)}>
        <Trash2 size={14} aria-hidden="true" />
      </button>
    </li>
  );
}
