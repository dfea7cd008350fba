"""The two addresses, and what a run says to a client that only knows completions."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse

from ...errors import PlanloomError, UsageError
from ...events import (
    AnswerToken,
    ApprovalAsked,
    Event,
    MessageAdded,
    ModelCall,
    RunFinished,
    StepFinished,
    StepStarted,
)
from ...memory.sessions import new_id
from ..access import Access
from ..desk import Ask, Desk
from ..following import Following
from ..http.endpoint import Call, Endpoint, as_json, refused
from ..logs import Log
from ..owners import Owners
from ..room import Room
from . import wire

if TYPE_CHECKING:
    from ...orchestrator.runtime import Planloom

_MOST = 1_000


@dataclass(slots=True)
class _Said:
    """What a run has said so far to the client."""

    text: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    is_over: bool = False
    notes: list[str] = field(default_factory=list)

    def take(self, event: Event) -> tuple[str, str]:
        """Text and note that an event adds, each maybe empty."""
        match event.payload:
            case AnswerToken(text=piece):
                self.text += piece
                return piece, ""
            case ModelCall() as call:
                self.prompt_tokens += call.prompt_tokens
                self.completion_tokens += call.completion_tokens
            case StepStarted() as step:
                return "", f"{step.step} …\n"
            case StepFinished() as step:
                return "", f"{step.step}: {step.status}{f' ({step.error})' if step.error else ''}\n"
            case ApprovalAsked() as asked:
                return self._more(f"{asked.question}\n\nAnswer yes or no."), ""
            case RunFinished() as end:
                self.is_over = True
                return self._more(_rest(self.text, end)), ""
            case _:
                pass
        return "", ""

    def _more(self, text: str) -> str:
        piece = f"\n\n{text}" if self.text and text else text
        self.text += piece
        return piece

    @property
    def usage(self) -> dict[str, int]:
        """Tokens of the models that were called."""
        total = self.prompt_tokens + self.completion_tokens
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": total,
        }


def _rest(told: str, end: RunFinished) -> str:
    """What the end of a run adds to what was streamed: the answer when nothing was, and why it is not done."""
    parts = [] if told else [end.answer]
    if end.status != "done" and end.reason:
        parts.append(f"({end.status}: {end.reason})")
    return "\n\n".join(part for part in parts if part)


class CompletionPages:
    """`_sessions` are those of conversations by what was said in them, the oldest first."""

    def __init__(self, loom: Planloom, desk: Desk, owners: Owners, access: Access, log: Log) -> None:
        self._loom = loom
        self._desk = desk
        self._owners = owners
        self._access = access
        self._log = log
        self._sessions: OrderedDict[str, str] = OrderedDict()

    def endpoints(self) -> list[Endpoint]:
        """What is offered."""
        return [
            Endpoint(method="GET", path="/v1/models", handler=self._models, summary="The one model: a run."),
            Endpoint(method="GET", path="/v1/models/{name}", handler=self._model, summary="The same alone."),
            Endpoint(
                method="POST",
                path="/v1/chat/completions",
                handler=self._complete,
                summary="Runs the last message as a goal; earlier ones are the conversation.",
                body=wire.ChatBody,
            ),
        ]

    def now(self) -> int:
        """Unix seconds, whole."""
        return int(self._loom.clock.wall())

    async def _models(self, call: Call) -> Response:
        return as_json(wire.models(self.now()))

    async def _model(self, call: Call) -> Response:
        name = call.path("name")
        if name != wire.MODEL:
            told = f"expected the model {wire.MODEL!r}, got {name[:80]!r}"
            return as_json(wire.as_error(told, "model_not_found"), 404)
        return as_json(wire.model(self.now()))

    async def _complete(self, call: Call) -> Response:
        body: wire.ChatBody = call.body
        if not body.goal.strip():
            told = "expected the last message to be the user's, with a goal in words"
            return as_json(wire.as_error(told, "malformed"), 400)
        wait_s = self._access.may_ask(call.client)
        if wait_s:
            return refused("rate", "expected fewer goals a minute, got one more", retry_after_s=wait_s)
        reply = await self._begin(body, call.owner)
        if body.stream:
            return StreamingResponse(
                reply.streamed(body.stream_options), media_type="text/event-stream", headers=_STREAM_HEADERS
            )
        text, usage = await reply.whole()
        return as_json(wire.completion(reply.id, self.now(), text, usage))

    async def _begin(self, body: wire.ChatBody, owner: str) -> _Reply:
        session_id = self._session_of(body, owner)
        reply = _Reply(self, body, owner)
        granted = wire.yes_or_no(body.goal)
        waiting = self._loom.sessions.load(session_id).approvals if self._is_there(session_id) else {}
        if granted is not None and len(waiting) == 1:
            ((run_id, step),) = waiting
            room = await self._desk.room(session_id)
            reply.hear(room)
            await self._desk.answer(run_id, step, owner, granted=granted, note="", changes={})
            reply.run_id = run_id
        else:
            ask = Ask(message=body.goal, session_id=session_id)
            reply.run_id = (await self._desk.start(ask, owner, None, reply.hear)).run_id
        reply.session_id = session_id
        return reply

    def _is_there(self, session_id: str) -> bool:
        return self._owners.of(session_id) is not None

    def _session_of(self, body: wire.ChatBody, owner: str) -> str:
        """The session in which just this was said, else a new one with it."""
        known = self._sessions.get(_key(owner, body.earlier))
        if known is not None and self._owners.of(known) == owner:
            return known
        session_id = new_id()
        self._owners.claim(session_id, owner)
        if body.earlier:
            said = [MessageAdded(role, text) for role, text in body.earlier]
            self._loom.sessions.open(session_id).add(*said)
            self._loom.sessions.unload(session_id)
        return session_id

    def keep(self, owner: str, said: list[tuple[str, str]], session_id: str) -> None:
        """Remembers in which session this was said."""
        self._sessions[_key(owner, said)] = session_id
        while len(self._sessions) > _MOST:
            self._sessions.popitem(last=False)

    async def cancel(self, run_id: str, owner: str) -> None:
        """Cancels a run whose client went away: nobody else knows of it."""
        try:
            await self._desk.cancel(run_id, None, owner, "the client went away")
        except UsageError:
            return
        except PlanloomError as error:
            self._log.warning("run not cancelled", run_id=run_id, error=str(error))


class _Reply:
    """One reply, from the run's beginning to its end."""

    def __init__(self, pages: CompletionPages, body: wire.ChatBody, owner: str) -> None:
        self.id = f"chatcmpl-{secrets.token_hex(12)}"
        self.run_id = ""
        self.session_id = ""
        self._pages = pages
        self._body = body
        self._owner = owner
        self._said = _Said()
        self._following: Following | None = None

    def hear(self, room: Room) -> None:
        """Hears what begins in a room."""
        self._following = Following(room)

    async def whole(self) -> tuple[str, dict[str, int]]:
        """The text when it is whole, and the usage."""
        async with aclosing(self._pieces()) as pieces:
            async for _ in pieces:
                continue
        return self._said.text, self._said.usage

    async def streamed(self, options: wire.StreamOptions | None) -> AsyncIterator[str]:
        """Server-sent events."""
        created = self._pages.now()
        yield _sse(wire.chunk(self.id, created, {"role": "assistant", "content": ""}))
        async with aclosing(self._pieces()) as pieces:
            async for text, note in pieces:
                delta = {"content": text} if text else {"reasoning_content": note}
                yield _sse(wire.chunk(self.id, created, delta))
        yield _sse(wire.chunk(self.id, created, {}, finish="stop"))
        if options is not None and options.include_usage:
            yield _sse({**wire.chunk(self.id, created, {}), "choices": [], "usage": self._said.usage})
        yield "data: [DONE]\n\n"

    async def _pieces(self) -> AsyncGenerator[tuple[str, str], None]:
        """Texts and notes as they come. Left early, the run is cancelled."""
        assert self._following is not None
        is_whole = False
        try:
            async with aclosing(self._following.events(self.run_id)) as events:
                async for event in events:
                    text, note = self._said.take(event)
                    if text or note:
                        yield text, note
            is_whole = True
        finally:
            self._following.close()
            if is_whole:
                said = [*self._body.earlier, ("user", self._body.goal), ("assistant", self._said.text)]
                self._pages.keep(self._owner, said, self.session_id)
            else:
                await self._pages.cancel(self.run_id, self._owner)


_STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def _sse(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"


def _key(owner: str, said: list[tuple[str, str]]) -> str:
    return hashlib.sha256(json.dumps([owner, said], ensure_ascii=False).encode("utf-8", "replace")).hexdigest()
