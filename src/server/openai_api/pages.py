"""The addresses for OpenAI clients."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.responses import Response, StreamingResponse

from ...errors import PlanloomError, UsageError
from ...events import MessageAdded
from ...memory.sessions import new_id
from ..access import Access
from ..desk import Ask, Desk
from ..http.endpoint import Call, Endpoint, as_json, refused
from ..logs import Log
from ..owners import Owners
from . import chores, wire
from .reply import Reply

if TYPE_CHECKING:
    from starlette.requests import Request

    from ...orchestrator.runtime import Planloom

T = TypeVar("T")

_MOST = 1_000
_LEFT = 499  # as nginx counts clients that went away; nobody reads it
_STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


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
            none = wire.no_model(name)
            return as_json(none.to_dict(), none.status)
        return as_json(wire.model(self.now()))

    async def _complete(self, call: Call) -> Response:
        body: wire.ChatBody = call.body
        no = wire.refusal(body)
        if no is not None:
            return as_json(no.to_dict(), no.status)
        wait_s = self._access.may_ask(call.client)
        if wait_s:
            return refused("rate", "expected fewer goals a minute, got one more", retry_after_s=wait_s)
        chore = chores.chore_of(body)
        if chore is not None:
            return await self._chore(chore, body)
        reply = await self._begin(body, call.owner, str(call.request.base_url).rstrip("/"))
        if body.stream:
            return _stream(reply.streamed(body.stream_options))
        whole = await _while_there(call.request, reply.whole())
        return as_json(whole) if whole is not None else Response(status_code=_LEFT)

    async def _chore(self, chore: chores.Chore, body: wire.ChatBody) -> Response:
        text = await chores.done(chore, self._loom.models, f"chore-{secrets.token_hex(4)}")
        call_id, now = f"chatcmpl-{secrets.token_hex(12)}", self.now()
        if not body.stream:
            return as_json(wire.completion(call_id, now, text))
        said = wire.chunk(call_id, now, {"role": "assistant", "content": text})
        return _stream(wire.sse(said), wire.sse(wire.chunk(call_id, now, {}, finish="stop")), wire.DONE)

    async def _begin(self, body: wire.ChatBody, owner: str, base_url: str) -> Reply:
        session_id = self._session_of(body, owner)

        def kept(text: str) -> None:
            self.keep(owner, [*body.earlier, ("user", body.goal), ("assistant", text)], session_id)

        async def cancel(run_id: str) -> None:
            await self._cancel(run_id, owner)

        reply = Reply(self.now, base_url, cancel, kept)
        reply.notice = body.notice
        if not await self._answered(reply, body, session_id, owner):
            ask = Ask(message=body.goal, session_id=session_id)
            reply.run_id = (await self._desk.start(ask, owner, None, reply.hear)).run_id
        return reply

    async def _answered(self, reply: Reply, body: wire.ChatBody, session_id: str, owner: str) -> bool:
        """Whether the message was a yes or no to the oldest open question; the reply is what comes of it."""
        granted = wire.yes_or_no(body.goal)
        if granted is None or self._owners.of(session_id) is None:
            return False
        waiting = list(self._loom.sessions.load(session_id).approvals.items())
        if not waiting:
            return False
        ((reply.run_id, step), _), *more = waiting
        if more:
            reply.ask(more[0][1])
        else:
            reply.hear(await self._desk.room(session_id))
        await self._desk.answer(reply.run_id, step, owner, granted=granted, note="", changes={})
        return True

    def _session_of(self, body: wire.ChatBody, owner: str) -> str:
        """The session in which just this was said, else a new one with it."""
        known = self._sessions.get(wire.conversation_key(owner, body.earlier))
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
        self._sessions[wire.conversation_key(owner, said)] = session_id
        while len(self._sessions) > _MOST:
            self._sessions.popitem(last=False)

    async def _cancel(self, run_id: str, owner: str) -> None:
        """Cancels a run whose client went away: nobody else knows of it."""
        try:
            await self._desk.cancel(run_id, None, owner, "the client went away")
        except UsageError:
            return
        except PlanloomError as error:
            self._log.warning("run not cancelled", run_id=run_id, error=str(error))


async def _while_there(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work gives; None when the client goes before: then the work is cancelled."""

    async def left() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            continue

    working, leaving = asyncio.create_task(work), asyncio.create_task(left())
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


def _stream(*parts: Any) -> StreamingResponse:
    """A stream of one iterator, or of texts."""
    body = iter(parts) if isinstance(parts[0], str) else parts[0]
    return StreamingResponse(body, media_type="text/event-stream", headers=_STREAM_HEADERS)
