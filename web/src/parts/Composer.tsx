/** Where a person writes: Enter sends, Shift+Enter makes a line; files go into the session's folder first. */

import { useEffect, useRef, useState } from "preact/hooks";
import { ArrowUp, Paperclip, Square } from "lucide-preact";
import { cancel, draft, ensureSession, runningRun, say, tell } from "../state/store";
import { upload } from "../wire/http";
import { Spinner } from "./StateMark";

export function Composer() {
  const field = useRef<HTMLTextAreaElement>(null);
  const files = useRef<HTMLInputElement>(null);
  const [sending, setSending] = useState(0);
  const text = draft.value;
  const running = runningRun.value;
  useEffect(() => grow(field.current), [text]);

  const submit = (event?: Event) => {
    event?.preventDefault();
    if (!text.trim()) return;
    say(text.trim());
    draft.value = "";
    field.current?.focus();
  };
  const take = async (list: FileList | null) => {
    for (const file of list ?? []) {
      setSending((count) => count + 1);
      try {
        const path = await upload(ensureSession(), file);
        draft.value = `${draft.value.trimEnd()} ${path} `.trimStart();
      } catch (error) {
        tell(error);
      }
      setSending((count) => count - 1);
    }
    field.current?.focus();
  };
  return (
    <form
      class="composer"
      onSubmit={submit}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        void take(event.dataTransfer?.files ?? null);
      }}
    >
      <div class="composer-box">
        <label class="unseen" for="goal">
          Your goal
        </label>
        <textarea
          id="goal"
          ref={field}
          dir="auto"
          rows={1}
          value={text}
          placeholder="What should be done?"
          onInput={(event) => (draft.value = event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            submit(event);
          }}
        />
        <input ref={files} type="file" multiple hidden onChange={(event) => void take(event.currentTarget.files)} />
        <button type="button" class="icon-button" aria-label="Add files" title="Add files" onClick={() => files.current?.click()}>
          {sending > 0 ? <Spinner size={18} /> : <Paperclip size={18} aria-hidden="true" />}
        </button>
        {running && !text.trim() ? (
          <button
            type="button"
            class="send is-stop"
            aria-label="Stop the run"
            title="Stop the run"
            disabled={running.isCancelling}
            onClick={() => cancel(running.id)}
          >
            <Square size={14} fill="currentColor" aria-hidden="true" />
          </button>
        ) : (
          <button type="submit" class="send" aria-label="Send" title="Send" disabled={!text.trim()}>
            <ArrowUp size={18} aria-hidden="true" />
          </button>
        )}
      </div>
    </form>
  );
}

function grow(field: HTMLTextAreaElement | null): void {
  if (!field) return;
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, 220)}px`;
}
