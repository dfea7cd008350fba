"""The clients of a load, side by side, in batches if asked. Rule: what was measured is never lost, however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from ..clock import Clock
from ..errors import TransientError
from .load import Load
from .records import Record, Served
from .scenarios import Frame
from .talking import Client, new_session


class Drive:
    """One load on one server; `record` grows while it runs."""

    def __init__(self, load: Load, frames: Sequence[Frame], url: str, token: str, clock: Clock) -> None:
        self.record = Record()
        self._load = load
        self._frames = frames
        self._clock = clock
        self._clients = [Client(url, token, load.answers, clock) for _ in range(load.concurrency)]
        self._sessions = [("", 0)] * load.concurrency  # of each client: its session, and the goals it had
        self._began = clock.now()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first goal."""
        return self._clock.now() - self._began

    @property
    def under_way(self) -> int:
        """How many goals are not answered yet."""
        return self.record.sent - len(self.record.served)

    async def run(self, stop: asyncio.Event) -> Record:
        """Sends all goals and waits for their ends, or until `stop` is set or the server is gone.

        Raises:
            UsageError: the server lets nobody in without a token.
        """
        self._began = self._clock.now()
        work = asyncio.create_task(self._batches())
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                self.record.ended = "interrupted"
            work.cancel()
            stopped.cancel()
            await asyncio.gather(work, stopped, return_exceptions=True)
            self._raise_unless_expected(work)
        finally:
            self.record.seconds = self.elapsed_s
            await asyncio.gather(*(client.close() for client in self._clients))
        return self.record

    def _raise_unless_expected(self, work: asyncio.Task[None]) -> None:
        if work.cancelled():
            return
        match work.exception():
            case None:
                return
            case TransientError() as error:
                self.record.ended, self.record.epitaph = "died", str(error)
            case error:
                raise error

    async def _batches(self) -> None:
        size = self._load.batch_size or self._load.requests
        for batch, first in enumerate(range(0, self._load.requests, size)):
            if batch and self._load.pause_s:
                await asyncio.sleep(self._load.pause_s)
            numbers = iter(range(first, min(first + size, self._load.requests)))
            await self._side_by_side(numbers, batch)

    async def _side_by_side(self, numbers: Iterator[int], batch: int) -> None:
        """One batch to its end; the first error ends the others."""
        tasks = [asyncio.create_task(self._client(client, numbers, batch)) for client in range(len(self._clients))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _client(self, client: int, numbers: Iterator[int], batch: int) -> None:
        for number in numbers:
            session, turns = self._sessions[client]
            if not session or turns >= self._load.turns:
                if session:
                    await self._clients[client].leave(session)
                session, turns = new_session(), 0
            self._sessions[client] = (session, turns + 1)
            served = Served(number=number, batch=batch, client=client, turn=turns + 1, session_id=session)
            served.sent_s = self.elapsed_s
            self.record.sent += 1
            await self._clients[client].ask(served, self._frames[number], self._load.timeout_s)
            self.record.served.append(served)
