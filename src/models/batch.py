"""Questions that wait at the same time become one call. Rule: an answer reaches only the one whose id it bears.

Ids are random and new for every call, so a reply that mixes up, repeats or invents ids is noticed; whatever has no
single answer of its own is asked again alone.
"""

from __future__ import annotations

import asyncio
import contextvars
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ..errors import BudgetError, ContextError, ModelError

Q = TypeVar("Q")
A = TypeVar("A")
Call = Callable[[Mapping[str, Q]], Awaitable[Iterable[tuple[str, A]]]]

_SMALLER_MAY_HELP = ("reply", "schema")


def own(ids: Iterable[str], answers: Iterable[tuple[str, A]]) -> dict[str, A]:
    """The answers that can be trusted: of ids that were asked and that have exactly one."""
    told = list(answers)
    count = Counter(name for name, _ in told)
    wanted = set(ids)
    return {name: answer for name, answer in told if name in wanted and count[name] == 1}


def may_split(error: Exception) -> bool:
    """Whether single calls may succeed where the call for all failed: never for a key, an address, a dead host."""
    if isinstance(error, ModelError):
        return error.kind in _SMALLER_MAY_HELP
    return isinstance(error, (ContextError, BudgetError))


@dataclass(slots=True, eq=False)
class _Waiter(Generic[Q, A]):
    """One question. `batch` is the one it waits in now."""

    item: Q
    size: int
    answer: asyncio.Future[A]
    batch: _Batch[Q, A] | None = None


@dataclass(slots=True, eq=False)
class _Batch(Generic[Q, A]):
    """Questions of one call; `context` is that of the first who asked, `last` that there is no further try."""

    group: Hashable
    context: contextvars.Context
    waiters: list[_Waiter[Q, A]] = field(default_factory=list)
    size: int = 0
    last: bool = False
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None

    def add(self, waiter: _Waiter[Q, A]) -> None:
        self.waiters.append(waiter)
        self.size += waiter.size
        waiter.batch = self

    def open(self) -> list[_Waiter[Q, A]]:
        """Who still waits for an answer."""
        return [w for w in self.waiters if not w.answer.done()]


class Batcher(Generic[Q, A]):
    """Asks questions together.

    `call` gets questions by id and gives (id, answer) pairs in any order; what it leaves out is asked again alone.
    `window_s`: seconds the first question waits for others, 0: until the loop is idle for a moment.
    `max_items`: questions of one call. `max_size`: the sum of `size(item)` in one call, 0: no limit; an item above it
    goes alone. One batcher serves one event loop.
    """

    def __init__(
        self,
        call: Call[Q, A],
        *,
        window_s: float = 0.03,
        max_items: int = 16,
        max_size: int = 0,
        size: Callable[[Q], int] = lambda item: 0,
    ) -> None:
        self._call = call
        self._window_s = window_s
        self._max_items = max_items
        self._max_size = max_size
        self._size = size
        self._waiting: dict[Hashable, _Batch[Q, A]] = {}
        self._running: set[_Batch[Q, A]] = set()

    def __repr__(self) -> str:
        waiting = {group: len(batch.waiters) for group, batch in self._waiting.items()}
        return f"Batcher(waiting={waiting}, running={[len(b.waiters) for b in self._running]})"

    async def ask(self, item: Q, *, group: Hashable = None) -> A:
        """The answer to one question; only questions of the same group share a call.

        A cancelled caller hurts nobody else; a call nobody waits for any more is cancelled.

        Raises:
            ModelError: there was no answer to it, also alone.
            Exception: what the call for it raised.
        """
        waiter = _Waiter[Q, A](item, self._size(item), asyncio.get_running_loop().create_future())
        self._admit(waiter, group)
        try:
            return await waiter.answer
        finally:
            if waiter.answer.cancelled():
                self._left(waiter)

    async def close(self) -> None:
        """Cancels what waits and runs; may be called again."""
        batches = [*self._waiting.values(), *self._running]
        for batch in batches:
            for waiter in batch.open():
                waiter.answer.cancel()
            self._drop(batch)
        await asyncio.gather(*(b.task for b in batches if b.task is not None), return_exceptions=True)

    # ---- who shares a call

    def _admit(self, waiter: _Waiter[Q, A], group: Hashable) -> None:
        batch = self._waiting.get(group)
        if batch is not None and self._max_size and batch.size + waiter.size > self._max_size:
            self._send(batch)
            batch = None
        if batch is None:
            batch = self._waiting[group] = _Batch(group, contextvars.copy_context())
            batch.timer = asyncio.get_running_loop().call_later(self._window_s, self._send, batch)
        batch.add(waiter)
        if len(batch.waiters) >= self._max_items or (self._max_size and batch.size >= self._max_size):
            self._send(batch)

    def _send(self, batch: _Batch[Q, A]) -> None:
        if batch.timer is not None:
            batch.timer.cancel()
        if self._waiting.get(batch.group) is batch:
            del self._waiting[batch.group]
        self._running.add(batch)
        batch.task = asyncio.get_running_loop().create_task(self._run(batch), context=batch.context)
        batch.task.add_done_callback(lambda _: self._running.discard(batch))

    def _left(self, waiter: _Waiter[Q, A]) -> None:
        batch = waiter.batch
        if batch is not None and not batch.open():
            self._drop(batch)

    def _drop(self, batch: _Batch[Q, A]) -> None:
        if batch.timer is not None:
            batch.timer.cancel()
        if self._waiting.get(batch.group) is batch:
            del self._waiting[batch.group]
        if batch.task is not None:
            batch.task.cancel()

    # ---- one call

    async def _run(self, batch: _Batch[Q, A]) -> None:
        asked = {secrets.token_hex(4): waiter for waiter in batch.open()}
        if not asked:
            return
        try:
            answers = await self._call({name: waiter.item for name, waiter in asked.items()})
        except Exception as error:  # noqa: BLE001  # a border: the error goes to those who asked
            self._failed(batch, error)
            return
        found = own(asked, answers)
        for name, waiter in asked.items():
            if name in found and not waiter.answer.done():
                waiter.answer.set_result(found[name])
        self._again(batch)

    def _failed(self, batch: _Batch[Q, A], error: Exception) -> None:
        waiters = batch.open()
        if len(batch.waiters) > 1 and may_split(error):
            self._alone(batch, waiters)
            return
        for waiter in waiters:
            waiter.answer.set_exception(error)

    def _again(self, batch: _Batch[Q, A]) -> None:
        """Asks alone what got no answer of its own; gives up on what was alone for the second time."""
        waiters = batch.open()
        if not batch.last:
            self._alone(batch, waiters)
            return
        for waiter in waiters:
            waiter.answer.set_exception(ModelError("expected one answer to one question, got none", kind="reply"))

    def _alone(self, batch: _Batch[Q, A], waiters: Sequence[_Waiter[Q, A]]) -> None:
        for waiter in waiters:
            single = _Batch[Q, A](batch.group, batch.context.copy(), last=True)
            single.add(waiter)
            self._send(single)
