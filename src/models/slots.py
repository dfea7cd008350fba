"""Places for the model calls of one run side by side. Rule: who waits gets a place in the order they came."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Run:
    taken: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class Slots:
    """`size` places for each run; 0: no limit. Calls without a run take none."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._runs: dict[str, _Run] = {}

    async def enter(self, run: str, on_wait: Callable[[], None]) -> None:
        """Waits for a place, to be given back by `leave`. Cancelled while waiting, it takes none."""
        if not self.size or not run:
            return
        places = self._runs.setdefault(run, _Run())
        if places.taken < self.size:
            places.taken += 1
            return
        on_wait()
        waiter = asyncio.get_running_loop().create_future()
        places.waiting.append(waiter)
        try:
            await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                self.leave(run)  # it was handed the place in the moment it was cancelled
            else:
                places.waiting.remove(waiter)
            raise

    def leave(self, run: str) -> None:
        """Gives a place back: to who waits first."""
        places = self._runs.get(run)
        if places is None:
            return
        while places.waiting:
            waiter = places.waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        places.taken -= 1
        if not places.taken:
            del self._runs[run]

    def __repr__(self) -> str:
        told = {run: f"{places.taken} taken, {len(places.waiting)} waiting" for run, places in self._runs.items()}
        return f"Slots({self.size}, {told})"
