/** What was said and done in the session, oldest first; follows the end while one looks at the end. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { ArrowDown } from "lucide-preact";
import { isReplaying, pending, session } from "../state/store";
import { Markdown } from "./Markdown";
import { PendingItem } from "./PendingItem";
import { RunItem } from "./RunItem";
import { Spinner } from "./StateMark";
import { Welcome } from "./Welcome";

const NEAR = 80;

export function Conversation() {
  const box = useRef<HTMLDivElement>(null);
  const isFollowing = useRef(true);
  const [isFar, setFar] = useState(false);
  const { items, runs, id } = session.value;
  const said = pending.value;

  useLayoutEffect(() => {
    isFollowing.current = true;
  }, [id, said.length]);
  useLayoutEffect(() => {
    if (isFollowing.current) toEnd(box.current);
  });
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current!;
    isFollowing.current = scrollHeight - scrollTop - clientHeight < NEAR;
    setFar(!isFollowing.current);
  };

  if (items.length === 0 && said.length === 0) {
    return <div class="conversation">{isReplaying.value ? <Opening /> : <Welcome />}</div>;
  }
  return (
    <div class="conversation" ref={box} onScroll={onScroll} tabIndex={-1}>
      <div class="thread">
        {items.map((item) =>
          item.kind === "run" ? (
            <RunItem key={item.runId} run={runs[item.runId]!} />
          ) : item.role === "user" ? (
            <p class="bubble" key={item.seq}>
              {item.text}
            </p>
          ) : (
            <div class="reply" key={item.seq}>
              <Markdown text={item.text} />
            </div>
          ),
        )}
        {said.map((one) => (
          <PendingItem key={one.id || one.text} one={one} />
        ))}
      </div>
      {isFar && (
        <button type="button" class="to-end icon-button" aria-label="To the newest" onClick={() => toEnd(box.current)}>
          <ArrowDown size={18} aria-hidden="true" />
        </button>
      )}
    </div>
  );
}

function toEnd(box: HTMLElement | null): void {
  box?.scrollTo({ top: box.scrollHeight });
}

function Opening() {
  return (
    <p class="centre quiet">
      <Spinner /> Opening the conversation
    </p>
  );
}
