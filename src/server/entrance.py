"""How many runs begin at the same time. Rule: in order of coming, and only the beginning counts.

Planning is work of this process; two hundred plans made side by side would all be late together. A run that waits for a
model while it plans, or whose steps run, is out of the entrance and holds nobody up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..events import Event, IntakeDone, ModelCall, RunFinished, RunStarted, StepAdded
from ..memory.journal import Journal

_BEGUN = (RunStarted, RunFinished, IntakeDone, ModelCall, StepAdded)
_LONGEST_S = 1.0


class Entrance:
    """`places` runs begin side by side."""

    def __init__(self, places: int) -> None:
        self._places = asyncio.Semaphore(places)

    @asynccontextmanager
    async def passed(self, journal: Journal, run_id: str) -> AsyncIterator[None]:
        """Waits for a place; it is given on once the run has begun, at the latest after a second."""
        await self._places.acquire()
        is_held = True

        def give_on() -> None:
            nonlocal is_held
            if is_held:
                is_held = False
                self._places.release()

        def hear(event: Event) -> None:
            if event.run_id == run_id and isinstance(event.payload, _BEGUN):
                give_on()

        stop = journal.listen(hear)
        timer = asyncio.get_running_loop().call_later(_LONGEST_S, give_on)
        try:
            yield
        finally:
            timer.cancel()
            stop()
            give_on()
