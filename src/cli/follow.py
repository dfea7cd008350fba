"""Runs a goal and follows it: events to the screen and the file, Ctrl-C to the run.

Rule: the first Ctrl-C cancels and waits for a clean end, the second ends the process at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from ..errors import UsageError
from ..events import Event
from .people import Approve
from .screen import Screen, frames
from .tidy import tidy

if TYPE_CHECKING:
    from ..orchestrator.planning.plan import Plan
    from ..orchestrator.result import Result
    from ..orchestrator.runtime import Planloom

CANCELLED = 130


class Order(Protocol):
    """What to do: a new run, or an earlier one to go on with."""

    async def carry_out(self, loom: Planloom, approve: Approve, hear: Callable[[Event], None]) -> Result:
        """The result at its end; `hear` is called with each event."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A goal, playbook or plan. `out` None: a new folder below the setting's."""

    goal: str
    inputs: Mapping[str, Any]
    playbook: str | None
    plan: Plan | None
    out: Path | None

    async def carry_out(self, loom: Planloom, approve: Approve, hear: Callable[[Event], None]) -> Result:
        return await loom.run(
            self.goal,
            inputs=self.inputs,
            playbook=self.playbook,
            plan=self.plan,
            approve=approve,
            on_event=hear,
            out=self.out,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierRun:
    """A run to go on with; `from_step` is done again, with all behind it, None: only what is not done."""

    run_id: str
    from_step: str | None = None

    async def carry_out(self, loom: Planloom, approve: Approve, hear: Callable[[Event], None]) -> Result:
        return await loom.resume(self.run_id, from_step=self.from_step, approve=approve, on_event=hear)


async def follow(
    loom: Planloom, order: Order, screen: Screen, approve: Approve, record: Callable[[Event], None]
) -> Result:
    """Runs the order to its end, shown on `screen`.

    Raises:
        UsageError, InputError, PlanError, JournalError: as `Planloom.run` and `Planloom.resume`.
        CancelledError: Ctrl-C before the run had begun.
    """

    def hear(event: Event) -> None:
        record(event)
        screen.take(tidy(event))

    async with frames(screen):
        run = asyncio.create_task(order.carry_out(loom, approve, hear))
        with _interrupts(_Stop(loom, screen, run)):
            return await run


class _Stop:
    """Ends a run: cleanly when called first, at once when called again."""

    def __init__(self, loom: Planloom, screen: Screen, run: asyncio.Task[Any]) -> None:
        self._loom = loom
        self._screen = screen
        self._run = run
        self._cancelling: asyncio.Task[None] | None = None

    def __call__(self) -> None:
        if self._cancelling is not None:
            self._screen.end()
            end_process()
        self._screen.say("Cancelling; what is finished is kept. Ctrl-C again ends at once.")
        self._cancelling = asyncio.get_running_loop().create_task(self._cancel())

    async def _cancel(self) -> None:
        try:
            await self._loom.cancel(self._screen.view.run_id, reason="Ctrl-C")
        except UsageError:  # not begun, or over already
            self._run.cancel()


@contextmanager
def _interrupts(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and a request to terminate call `stop` inside the block."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def end_process() -> None:
    """Ends this process and its workers at once, with the exit code of a cancelled run."""
    import multiprocessing

    for child in multiprocessing.active_children():
        child.kill()
    os._exit(CANCELLED)


@contextmanager
def recorder(path: Path | None) -> Iterator[Callable[[Event], None]]:
    """Writes each event as a line of JSON, there to read at once; None: nowhere.

    Raises:
        UsageError: the file can't be written.
    """
    if path is None:
        yield lambda event: None
        return
    try:
        file: IO[str] = path.open("w", encoding="utf-8", buffering=1)
    except OSError as error:
        raise UsageError(
            f"--events: expected a file that can be written, got {str(path)!r}: {error.strerror}"
        ) from error
    with file:
        yield lambda event: print(json.dumps(event.to_dict(), ensure_ascii=False, default=str), file=file)
