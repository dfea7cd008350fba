"""The events of one run as they come, for those who are no connection. Rule: it holds a number, as all readers do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from ..events import ApprovalAsked, Event, RunFinished
from .room import Room


class Following:
    """Hears a room from the moment it is made until `close`."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._cursor = room.last
        self._wake = asyncio.Event()
        room.join(self, self._wake.set, lambda: self._cursor)

    def close(self) -> None:
        """Hears nothing any more; may be called again."""
        self._room.leave(self)

    async def events(self, run_id: str) -> AsyncGenerator[Event, None]:
        """The run's events up to its end, or until it asks something of a person.

        Raises:
            JournalError: the journal can't be read.
        """
        while True:
            kept = self._room.after(self._cursor)
            if kept is None:
                events = await asyncio.to_thread(self._room.past, self._cursor)
            else:
                events = [heard.event for heard in kept]
            for event in events:
                self._cursor = event.seq
                if event.run_id != run_id:
                    continue
                yield event
                if isinstance(event.payload, (RunFinished, ApprovalAsked)):
                    return
            if not events:
                if kept is None:
                    self._cursor = self._room.skip(self._cursor)
                    continue
                await self._wake.wait()
                self._wake.clear()
