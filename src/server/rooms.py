"""All rooms that somebody hears or something runs in. Rule: a room nobody needs is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from ..errors import JournalError
from ..memory.journal.segments import found
from ..memory.sessions import Sessions, State
from ..orchestrator.resuming.underway import Underway
from .logs import Log
from .room import Observer, Room

_LOOK_S = 1.0


class Rooms:
    """Rooms by session. `observer` hears every event of warm and cold rooms once."""

    def __init__(self, sessions: Sessions, underway: Underway, log: Log, observer: Observer | None = None) -> None:
        self._sessions = sessions
        self._underway = underway
        self._log = log
        self._observer = observer
        self._rooms: dict[str, Room] = {}
        self._stamps: dict[str, tuple[tuple[str, int, int], ...]] = {}

    def __iter__(self) -> Iterator[Room]:
        return iter(tuple(self._rooms.values()))

    def __len__(self) -> int:
        return len(self._rooms)

    async def state(self, session_id: str) -> State:
        """What a session is now; empty when there is none.

        Raises:
            UsageError: the id can't be one.
            JournalError: its journal is damaged.
        """
        path = self._sessions.path(session_id)
        room = self._rooms.get(session_id)
        if room is not None and room.is_warm:
            return self._sessions.load(session_id)
        if not path.is_dir():
            return State()
        return await asyncio.to_thread(self._sessions.load, session_id)

    async def enter(self, session_id: str) -> Room:
        """The room of a session, made if need be.

        Raises:
            as `state`.
        """
        room = self._rooms.get(session_id)
        if room is None:
            last = (await self.state(session_id)).last
            room = self._rooms.get(session_id)  # somebody may have made it meanwhile
            if room is None:
                room = self._new(session_id, last)
        return room

    def warm(self, session_id: str) -> Room:
        """The room of a session that something runs in; `cool` when it ends.

        Raises:
            BusyError: another process writes it.
            JournalError: it can't be opened.
        """
        room = self._rooms.get(session_id)
        if room is None:
            with self._underway.held(session_id) as journal:
                room = self._new(session_id, journal.seq)
                room.warm(lambda: self._underway.held(session_id))
        else:
            room.warm(lambda: self._underway.held(session_id))
        return room

    def cool(self, room: Room) -> None:
        """Ends what `warm` began."""
        try:
            room.cool()
        except JournalError as error:
            self._log.error("journal not written", session_id=room.id, error=str(error))
        self.forget(room)

    def forget(self, room: Room) -> None:
        """Drops a room nobody needs."""
        if room.is_idle and self._rooms.get(room.id) is room:
            del self._rooms[room.id]
            self._stamps.pop(room.id, None)

    async def watch(self) -> None:
        """Takes into cold rooms what other processes write, until it is cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            for room in self:
                if not room.is_warm:
                    self.look(room)

    def look(self, room: Room) -> None:
        """Takes in what others wrote into a cold room since the last look."""
        try:
            stamp = _stamp(room.path)
            if self._stamps.get(room.id) != stamp:
                self._stamps[room.id] = stamp
                room.look()
        except (OSError, JournalError) as error:
            self._log.warning("journal not read", session_id=room.id, error=str(error))

    def _new(self, session_id: str, last: int) -> Room:
        room = self._rooms[session_id] = Room(
            session_id, self._sessions.path(session_id), last=last, observer=self._observer
        )
        return room


def _stamp(path: Path) -> tuple[tuple[str, int, int], ...]:
    if not path.is_dir():
        return ()
    parts = []
    for segment in found(path):
        about = segment.path.stat()
        parts.append((segment.path.name, about.st_size, about.st_mtime_ns))
    return tuple(parts)
