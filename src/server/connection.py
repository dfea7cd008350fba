"""One connection: frames in, replies and events out. Rule: nobody waits for its reader but itself.

`take` carries out frames in order; `write` sends replies first, then events session by session, from where the reader
is. It knows nothing of ASGI: it is handed what sends a text.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from typing import Any, assert_never

from ..clock import Clock
from ..errors import JournalError, PlanloomError, UsageError
from ..memory.sessions import new_id
from . import protocol
from .access import Access, Client
from .desk import Ask, Begun, Desk, Failed
from .faults import fault
from .logs import Log
from .owners import Owners
from .protocol import Accepted, Fault, Pong, Replayed, Reply
from .protocol.incoming import (
    ApproveFrame,
    CancelFrame,
    ContinueFrame,
    EditPlanFrame,
    HelloFrame,
    LeaveFrame,
    MessageFrame,
    OpenFrame,
    PingFrame,
    RefuseFrame,
    ResumeFrame,
    SessionsFrame,
)
from .rates import Bucket
from .room import PAGE, Heard, Room
from .rooms import Rooms
from .shelf import Shelf

MOST_SESSIONS = 64
_OUTBOX = 32
_BURST_S = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What all connections share."""

    clock: Clock
    access: Access
    owners: Owners
    rooms: Rooms
    desk: Desk
    shelf: Shelf
    log: Log
    hello: Callable[[Client | None], Reply]
    frames_per_second: float
    slow_reader_s: float


@dataclass(slots=True)
class _Listening:
    """How far the reader is in a session; `replaying`: the reply due once it has taken all up to a number."""

    room: Room
    cursor: int
    replaying: deque[Replayed] = field(default_factory=deque)


class Connection:
    """A client's connection from its first frame to its end. `client` None: it has not said who it is yet."""

    def __init__(self, services: Services, client: Client | None, send: Callable[[str], Awaitable[None]]) -> None:
        self._services = services
        self._client = client
        self._send = send
        self._wake = asyncio.Event()
        self._room_in_outbox = asyncio.Event()
        self._room_in_outbox.set()
        self._outbox: deque[str] = deque()
        self._listening: dict[str, _Listening] = {}
        rate = services.frames_per_second
        self._bucket = Bucket.full(rate, rate * _BURST_S, services.clock.now())

    @property
    def is_known(self) -> bool:
        """Whether the client has said who it is."""
        return self._client is not None

    # ---- frames in

    async def begin(self) -> None:
        """Says hello."""
        await self._reply(self._services.hello(self._client))

    async def take(self, text: str) -> None:
        """Carries out one frame; whatever it is, it never raises but `CancelledError`."""
        wait_s = self._bucket.take(self._services.clock.now())
        if wait_s:
            told = f"expected at most {self._bucket.rate:g} frames a second, got more; wait {wait_s:.1f} s"
            await self._reply(Fault(code="rate", message=told, retry_after_s=round(wait_s, 3)))
            return
        try:
            frame = protocol.parsed(text)
        except protocol.Malformed as error:
            await self._reply(Fault(id=error.id, code="malformed", message=str(error)))
            return
        try:
            reply = await self._carry_out(frame)
        except PlanloomError as error:
            reply = fault(error, frame_id=frame.id)
            if reply.code == "internal":
                self._services.log.error("frame not carried out", frame=frame.type, error=str(error))
        except Exception as error:
            self._services.log.error("frame broke", frame=frame.type, kind=type(error).__name__, exc_info=True)
            reply = fault(error, frame_id=frame.id, code="internal")
        if reply is not None:
            await self._reply(reply)

    async def _carry_out(self, frame: protocol.Frame) -> Reply | None:
        match frame:
            case PingFrame():
                return Pong(id=frame.id, at=self._services.clock.wall())
            case HelloFrame():
                return self._greet(frame)
            case _ if self._client is None:
                return Fault(id=frame.id, code="unauthorized", message="expected `hello` with a token first")
            case SessionsFrame():
                found, total = await self._services.shelf.sessions(self._owner, frame.search, frame.limit)
                return protocol.SessionList(id=frame.id, sessions=tuple(found), total=total)
            case OpenFrame():
                return await self._open(frame)
            case ResumeFrame():
                await self._resume(frame)
                return None
            case LeaveFrame():
                self._leave(frame.session_id)
                return Accepted(id=frame.id, frame=frame.type, session_id=frame.session_id)
            case _:
                return await self._order(frame)

    async def _order(
        self, frame: MessageFrame | ApproveFrame | RefuseFrame | EditPlanFrame | CancelFrame | ContinueFrame
    ) -> Reply | None:
        desk, owner, run_id = self._services.desk, self._owner, getattr(frame, "run_id", "")
        failed = self._failed(frame.id)
        match frame:
            case MessageFrame():
                return await self._message(frame)
            case ApproveFrame():
                session_id = await desk.answer(
                    run_id, frame.step, owner, granted=True, note=frame.note, changes=frame.changes
                )
            case RefuseFrame():
                session_id = await desk.answer(run_id, frame.step, owner, granted=False, note=frame.note, changes={})
            case CancelFrame():
                session_id = await desk.cancel(run_id, frame.step, owner, frame.reason)
            case EditPlanFrame():
                begun = await desk.change_plan(run_id, frame.plan, owner, frame.note, failed)
                session_id, run_id = begun.session_id, begun.run_id
            case ContinueFrame():
                self._check_room_for(None)
                begun = await desk.go_on(run_id, owner, frame.from_step, failed, self._hear_from_now)
                session_id = begun.session_id
            case _:
                assert_never(frame)
        return Accepted(id=frame.id, frame=frame.type, session_id=session_id, run_id=run_id)

    async def _message(self, frame: MessageFrame) -> Reply:
        wait_s = self._services.access.may_ask(self._client)
        if wait_s:
            told = f"expected fewer goals a minute, got one more; wait {wait_s:.1f} s"
            return Fault(id=frame.id, code="rate", message=told, retry_after_s=round(wait_s, 3))
        self._check_room_for(frame.session_id)
        ask = Ask(
            message=frame.message,
            session_id=frame.session_id,
            inputs=frame.inputs,
            playbook=frame.playbook,
            plan=frame.plan,
        )
        begun = await self._services.desk.start(ask, self._owner, self._failed(frame.id), self._hear_from_now)
        return Accepted(id=frame.id, frame=frame.type, session_id=begun.session_id, run_id=begun.run_id)

    def _failed(self, frame_id: str | None) -> Failed:
        """Tells the client why a run that it began could not go on; without waiting, since a run calls it."""

        def tell(begun: Begun, error: Exception) -> None:
            if len(self._outbox) < _OUTBOX:
                self._outbox.append(
                    _text(fault(error, frame_id=frame_id, session_id=begun.session_id, run_id=begun.run_id))
                )
                self._wake.set()

        return tell

    def _greet(self, frame: HelloFrame) -> Reply:
        if frame.token:
            client = self._services.access.known(frame.token)
            if client is None:
                return Fault(id=frame.id, code="unauthorized", message="expected a token of this server, got another")
            if self._client is not None and client.owner != self._client.owner:
                for session_id in tuple(self._listening):
                    self._leave(session_id)
            self._client = client
        return replace(self._services.hello(self._client), id=frame.id)

    async def _open(self, frame: OpenFrame) -> Reply:
        session_id = frame.session_id or new_id()
        self._services.owners.check(session_id, self._owner, or_new=True)
        self._check_room_for(session_id)
        room = await self._services.rooms.enter(session_id)
        told = await self._services.shelf.snapshot(session_id)
        self._listen(room, told.last_seq)
        return type(told)(**{**_fields(told), "id": frame.id})

    async def _resume(self, frame: ResumeFrame) -> None:
        self._services.owners.check(frame.session_id, self._owner)
        self._check_room_for(frame.session_id)
        room = await self._services.rooms.enter(frame.session_id)
        self._services.rooms.look(room)
        until = room.last
        listening = self._listen(room, min(frame.last_seq, until))
        listening.replaying.append(Replayed(id=frame.id, session_id=room.id, last_seq=until))
        self._wake.set()

    @property
    def _owner(self) -> str:
        assert self._client is not None
        return self._client.owner

    # ---- what it hears

    def _check_room_for(self, session_id: str | None) -> None:
        if session_id not in self._listening and len(self._listening) >= MOST_SESSIONS:
            raise UsageError(f"expected at most {MOST_SESSIONS} sessions on one connection; leave one first")

    def _hear_from_now(self, room: Room) -> None:
        """Hears what begins in a room, unless it hears it already."""
        if room.id not in self._listening:
            self._listen(room, room.last)

    def _listen(self, room: Room, cursor: int) -> _Listening:
        self._listening[room.id] = listening = _Listening(room, cursor)
        room.join(self, self._wake.set, lambda: listening.cursor)
        self._wake.set()
        return listening

    def _leave(self, session_id: str) -> None:
        listening = self._listening.pop(session_id, None)
        if listening is not None:
            listening.room.leave(self)
            self._services.rooms.forget(listening.room)

    # ---- frames out

    async def _reply(self, reply: Reply) -> None:
        """Puts a reply before the events; waits while the reader has not taken those before it."""
        await self._room_in_outbox.wait()
        self._outbox.append(_text(reply))
        if len(self._outbox) >= _OUTBOX:
            self._room_in_outbox.clear()
        self._wake.set()

    async def write(self) -> None:
        """Sends what there is, until it is cancelled or the reader is gone.

        Raises:
            TimeoutError: the reader took nothing for too long.
        """
        while True:
            await self._wake.wait()
            self._wake.clear()
            while await self._send_some():
                continue

    async def _send_some(self) -> bool:
        """Sends all replies and a page of each session; whether there may be more."""
        while self._outbox:
            await self._put(self._outbox[0])
            self._outbox.popleft()
            self._room_in_outbox.set()
        sent = False
        for listening in tuple(self._listening.values()):
            sent |= await self._send_page(listening)
        return sent

    async def _send_page(self, listening: _Listening) -> bool:
        page = await self._page(listening)
        for seq, frame in page:
            if self._listening.get(listening.room.id) is not listening:
                return True
            if frame is not None:
                await self._put(frame)
            listening.cursor = seq
        while listening.replaying and listening.cursor >= listening.replaying[0].last_seq:
            self._outbox.append(_text(listening.replaying.popleft()))
        return bool(page) or bool(self._outbox)

    async def _page(self, listening: _Listening) -> list[tuple[int, str | None]]:
        """The next events as number and frame, those that a later one replaces with None for it."""
        room, cursor = listening.room, listening.cursor
        kept = room.after(cursor)
        if kept is None:
            try:
                past = await asyncio.to_thread(room.past, cursor)
            except JournalError as error:
                self._services.log.error("journal not read", session_id=room.id, error=str(error))
                self._leave(room.id)
                self._outbox.append(_text(fault(error, session_id=room.id, code="internal")))
                return []
            if not past:
                listening.cursor = room.skip(cursor)
                return [] if listening.cursor == cursor else [(listening.cursor, None)]
            kept = [Heard(event) for event in past]
        is_behind = len(kept) >= PAGE and not listening.replaying
        return _thinned(kept) if is_behind else [(heard.event.seq, heard.frame) for heard in kept]

    async def _put(self, text: str) -> None:
        async with asyncio.timeout(self._services.slow_reader_s):
            await self._send(text)

    def close(self) -> None:
        """Hears nothing any more; may be called again."""
        for session_id in tuple(self._listening):
            with suppress(JournalError):
                self._leave(session_id)


def _thinned(kept: Sequence[Heard]) -> list[tuple[int, str | None]]:
    """A page without the progress that a later event of it replaces."""
    wanted = {event.seq for event in protocol.coalesced([heard.event for heard in kept])}
    return [(heard.event.seq, heard.frame if heard.event.seq in wanted else None) for heard in kept]


def _fields(reply: Any) -> dict[str, Any]:
    return {f.name: getattr(reply, f.name) for f in fields(reply)}


def _text(reply: Reply) -> str:
    told = {"type": reply.type, **_fields(reply)}
    if reply.id is None:
        del told["id"]
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=str)
