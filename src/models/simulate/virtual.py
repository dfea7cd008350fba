"""An event loop whose time jumps to the next timer when nothing is ready: an hour of waiting passes in no time.

Rule: virtual time stands still while anything can run, and while the loop's executor works. What runs on it must wait
by the loop (asyncio.sleep, call_later, timeouts) and talk in process; real sockets would be outrun.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_FOREIGN_THREAD_S = 1.0


class _Jumper(selectors.DefaultSelector):
    """Waits by moving the loop's time instead of sleeping."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self.loop.threads:
            return super().select(None)
        if timeout is not None:
            self.loop.seconds += timeout
            return ready
        # nothing is scheduled: only a thread outside the loop's executor could still wake it
        ready = super().select(_FOREIGN_THREAD_S)
        if not ready:
            raise RuntimeError(
                f"expected something to wait for, got only tasks that wait for each other at virtual second "
                f"{self.loop.seconds:g}; a deadlock, or a wait that is not on this loop"
            )
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time. `seconds` is its time, from 0; `threads` counts calls in its executor."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.threads = 0
        jumper = _Jumper()
        jumper.loop = self
        super().__init__(jumper)

    def time(self) -> float:
        return self.seconds

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """As usual; virtual time stands still until the call is done."""
        future = super().run_in_executor(executor, func, *args)
        self.threads += 1
        future.add_done_callback(self._thread_ended)
        return future

    def _thread_ended(self, _future: asyncio.Future[Any]) -> None:
        self.threads -= 1


class LoopClock:
    """The running loop's time as a `clock.Clock`; `wall` starts at a fixed moment, so that runs repeat."""

    def __init__(self, wall_s: float = 1_700_000_000.0) -> None:
        self._start = wall_s

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        return self._start + asyncio.get_running_loop().time()


def run_virtual(coroutine: Coroutine[Any, Any, T]) -> T:
    """What the coroutine returns, run on a new virtual loop; as `asyncio.run`, not from a running loop.

    Raises:
        RuntimeError: every task waits and no timer is left: on a real loop this would hang.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)
