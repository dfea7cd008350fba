"""What a run says to a client that only knows completions. Rule: a run nobody hears any more is cancelled."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...events import (
    AnswerToken,
    ApprovalAsked,
    ArtifactCreated,
    Event,
    ModelCall,
    RunFinished,
    StepFinished,
    StepStarted,
)
from ...memory.sessions.state import OpenApproval
from ..following import Following
from ..room import Room
from ..shelf import artifact_url
from . import wire

_ARGUMENTS = 2_000


@dataclass(slots=True)
class Said:
    """What a run has said so far. `notes` are its steps, `files` the addresses of its files by path."""

    notes: str = ""
    text: str = ""
    usage: tuple[int, int] = (0, 0)
    files: dict[str, str] = field(default_factory=dict)

    def take(self, event: Event, base_url: str) -> tuple[str, str]:
        """Text and note that an event adds, each maybe empty."""
        match event.payload:
            case AnswerToken(text=piece):
                self.text += piece
                return piece, ""
            case ModelCall() as call:
                self.usage = (self.usage[0] + call.prompt_tokens, self.usage[1] + call.completion_tokens)
            case StepStarted() as step:
                return "", self.note(f"{step.step} …\n")
            case StepFinished() as step:
                return "", self.note(f"{step.step}: {step.status}{f' ({step.error})' if step.error else ''}\n")
            case ArtifactCreated() as made if made.sha256:
                self.files[made.path] = f"{base_url}{artifact_url(event.run_id, made)}"
            case ApprovalAsked() as asked:
                return self.more(question(asked)), ""
            case RunFinished() as end:
                return self.more(_rest(self.text, end, self.files)), ""
            case _:
                pass
        return "", ""

    def note(self, text: str) -> str:
        """Adds a note; gives it."""
        self.notes += text
        return text

    def more(self, text: str) -> str:
        """Adds a paragraph; gives it with what is between."""
        piece = f"\n\n{text}" if self.text and text else text
        self.text += piece
        return piece


def question(asked: ApprovalAsked | OpenApproval) -> str:
    """An open question as text, with what will happen."""
    arguments = json.dumps(dict(asked.arguments), ensure_ascii=False, indent=2, default=str)
    if len(arguments) > _ARGUMENTS:
        arguments = f"{arguments[:_ARGUMENTS]}\n... {len(arguments):,} characters in all"
    shown = f"\n\n```json\n{arguments.replace('```', '` ` `')}\n```" if asked.arguments else ""
    return f"{asked.question}{shown}\n\nAnswer yes or no."


def _rest(told: str, end: RunFinished, files: dict[str, str]) -> str:
    """What the end of a run adds to what was streamed: the answer when nothing was, why it is not done, its files."""
    parts = [] if told else [end.answer]
    if end.status != "done" and end.reason:
        parts.append(f"({end.status}: {end.reason})")
    if files:
        parts.append("Files:\n" + "\n".join(f"- [{_label(path)}]({url})" for path, url in files.items()))
    return "\n\n".join(part for part in parts if part)


def _label(path: str) -> str:
    return "".join(f"\\{c}" if c in "[]\\`*_<>" else c for c in Path(path).name)


class Reply:
    """One reply, from the run's beginning to its end or its next question.

    `base_url`: where the client found the server. `cancel` is called when the client has gone, `kept` with the whole
    text otherwise.
    """

    def __init__(
        self,
        now: Callable[[], int],
        base_url: str,
        cancel: Callable[[str], Awaitable[None]],
        kept: Callable[[str], None],
    ) -> None:
        self.id = f"chatcmpl-{secrets.token_hex(12)}"
        self.run_id = ""
        self.said = Said()
        self.notice = ""
        self._now = now
        self._base_url = base_url
        self._cancel = cancel
        self._kept = kept
        self._following: Following | None = None
        self._next: OpenApproval | None = None

    def hear(self, room: Room) -> None:
        """Hears what begins in a room."""
        self._following = Following(room)

    def ask(self, asked: OpenApproval) -> None:
        """Has the reply be a question that is open already."""
        self._next = asked

    async def whole(self) -> dict[str, Any]:
        """The completion when the text is whole."""
        async with aclosing(self._pieces()) as pieces:
            async for _ in pieces:
                continue
        usage = wire.usage_of(*self.said.usage)
        return wire.completion(self.id, self._now(), self.said.text, usage, notes=self.said.notes)

    async def streamed(self, options: wire.StreamOptions | None) -> AsyncIterator[str]:
        """Server-sent events."""
        created = self._now()
        yield wire.sse(wire.chunk(self.id, created, {"role": "assistant", "content": ""}))
        async with aclosing(self._pieces()) as pieces:
            async for text, note in pieces:
                delta = {"content": text} if text else {"reasoning_content": note}
                yield wire.sse(wire.chunk(self.id, created, delta))
        yield wire.sse(wire.chunk(self.id, created, {}, finish="stop"))
        if options is not None and options.include_usage:
            usage = wire.usage_of(*self.said.usage)
            yield wire.sse({**wire.chunk(self.id, created, {}), "choices": [], "usage": usage})
        yield wire.DONE

    async def _pieces(self) -> AsyncGenerator[tuple[str, str], None]:
        """Texts and notes as they come. Left early, the run is cancelled."""
        is_whole = False
        try:
            if self.notice:
                yield "", self.said.note(f"{self.notice}\n")
            if self._next is not None:
                yield self.said.more(question(self._next)), ""
            else:
                async with aclosing(self._events()) as events:
                    async for piece in events:
                        yield piece
            is_whole = True
        finally:
            if self._following is not None:
                self._following.close()
            if is_whole:
                self._kept(self.said.text)
            else:
                await self._cancel(self.run_id)

    async def _events(self) -> AsyncGenerator[tuple[str, str], None]:
        assert self._following is not None
        async with aclosing(self._following.events(self.run_id)) as events:
            async for event in events:
                text, note = self.said.take(event, self._base_url)
                if text or note:
                    yield text, note
