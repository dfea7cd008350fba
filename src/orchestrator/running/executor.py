"""The executor: performs the scheduler's commands with asyncio. Rule: it decides nothing.

A result is in the journal before the scheduler hears of it, so nothing ever starts from a result that could be lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from typing import Any

from ...errors import PlanError, PlanloomError, UsageError
from ...events import CancelRequested, Notice
from ..planning.plan import Step, children, edges, paired_children, paired_with, resolve
from . import ticks
from .calls import Calls
from .core import Core
from .people import People
from .run import Run, Services
from .scheduler import reduce

_GRACE_S = 2.0


class Executor:
    """Runs one plan once. `tell` may be called at any time while `run` is under way."""

    def __init__(self, services: Services, run: Run) -> None:
        self.core = Core(services, run)
        self.people = People(self.core, self._idle)
        self.calls = Calls(self.core, self.people)
        self.people.heard = self.calls.desk.answered
        self.tell = self.core.tell
        self._end: ticks.End | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._perform: dict[type, Callable[[Any], object]] = {
            ticks.Start: self.calls.start,
            ticks.Stop: self.calls.stop,
            ticks.Verify: lambda c: self.core.aside(self.calls.verify(c)),
            ticks.Ask: self.people.ask,
            ticks.Expand: lambda c: self.core.aside(self._expand(c)),
            ticks.Collect: lambda c: self.core.aside(self._collect(c)),
            ticks.Idle: lambda c: None,  # looked at once the whole group is done
            ticks.End: self._finish,
        }

    async def run(self, stream: AsyncIterator[Step] | None = None) -> ticks.End:
        """Runs the plan, and the steps that `stream` brings, to the end.

        Cancelling this coroutine cancels the run's calls.

        Raises:
            JournalError: a result could not be written; nothing was started from it.
            PlanError: a streamed step is faulty; what ran is kept.
        """
        run = self.core.run
        self.core.tell(ticks.Added(tuple(self._entries(run.plan.steps))))
        self._cancel_again(run.plan.steps)
        if stream is None:
            self.core.tell(ticks.PlanEnded())
        else:
            self.core.aside(self._drain(stream))
        handle = None
        if run.wall_s:
            tick = ticks.BudgetEnded("wall_s", running_too=True)
            handle = asyncio.get_running_loop().call_later(run.wall_s, self.tell, tick)
        try:
            return await self._loop()
        finally:
            if handle is not None:
                handle.cancel()
            await self._close()

    def cancel(self, step: str | None = None, reason: str = "") -> None:
        """Cancels a step, or the run; in the journal when this returns.

        Raises:
            UsageError: the run has no such step.
        """
        if step is not None and step not in self.core.state.cells:
            raise UsageError(f"expected a step of the run, got {step!r}; it has {', '.join(self.core.state.cells)}")
        self.core.emit(CancelRequested(step, reason))
        self.core.run.journal.commit()
        self.core.tell(ticks.Cancel(step, reason))

    def _cancel_again(self, steps: Iterable[Step]) -> None:
        """What was cancelled before the process ended stays cancelled."""
        for step in steps:
            if (reason := self.core.run.past.cancelled.get(step.id)) is not None:
                self.core.tell(ticks.Cancel(step.id, reason))

    async def _loop(self) -> ticks.End:
        journal, clock = self.core.run.journal, self.core.services.clock
        while self._end is None:
            await self.core.wake.wait()
            self.core.wake.clear()
            if self.core.broken is not None:
                raise self.core.broken
            inbox, self.core.inbox = self.core.inbox, []
            journal.commit()
            for tick in inbox:
                for command in reduce(self.core.state, tick, clock.now()):
                    perform = self._perform.get(type(command))
                    if perform is not None:
                        perform(command)
                    else:
                        self.core.emit(command)  # type: ignore[arg-type]  # all else is an event
            journal.commit()
            self._set_timer()
            if self._end is None and not self.core.inbox:
                self._idle()
        return self._end

    def _set_timer(self) -> None:
        """Has a `Clock` tick come when the next deadline or retry is due; one that comes too early does no harm."""
        due = self.core.state.next_timer()
        if due is None or (self._timer is not None and self._due <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        delay = max(0.0, due - self.core.services.clock.now())
        self._timer = asyncio.get_running_loop().call_later(delay, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self.core.tell(ticks.Clock())

    def _finish(self, command: ticks.End) -> None:
        self._end = command

    def _idle(self) -> None:
        """Ends the run when only people can go on, and none of them will answer here."""
        if self.core.state.idle and not self.core.run.waits and not self.people.asking:
            self._end = ticks.End("needs_approval", f"waits for an answer to: {', '.join(self.people.open)}")
            self.core.wake.set()

    async def _close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.core.share.leave()
        self.calls.desk.close()
        tasks = [*self.calls.tasks, *self.core.side]
        for task in tasks:
            task.cancel()
        if tasks:
            _, stuck = await asyncio.wait(tasks, timeout=_GRACE_S)
            if stuck:
                self.core.emit(Notice(f"{len(stuck)} calls do not react to being cancelled and were left behind"))
        self.core.run.journal.commit()

    def _entries(self, steps: Iterable[Step]) -> Iterable[ticks.Entry]:
        again = self.core.run.past.again
        for given in steps:
            step = replace(given, approval=True) if given.id in again else given
            self.core.run.steps[step.id] = step
            yield ticks.Entry(step, edges(step, self.core.known, by_item=False), self._traits(step))

    def _traits(self, step: Step) -> ticks.Traits:
        services, run = self.core.services, self.core.run
        tool = self.core.tool(step)
        seconds = run.estimates.get(step.id)
        if seconds is None:
            seconds = services.estimate(step.action)
        timeout_s = step.timeout_s if step.timeout_s is not None else tool.timeout_s
        if step.timeout_s is None and not tool.timeout_s:
            timeout_s = services.config.execution.step_timeout_s
        return ticks.Traits(
            effect=tool.effect,
            limit=services.limits.declare(tool.name, tool.concurrency),
            batch_limit=tool.batch_limit if tool.batch_function is not None else 0,
            batch_growth=tool.batch_growth,
            idempotent=tool.idempotent,
            destructive=tool.destructive,
            timeout_s=timeout_s,
            duration_s=1.0 if seconds is None else seconds,
        )

    async def _drain(self, stream: AsyncIterator[Step]) -> None:
        async for step in stream:
            self.core.tell(ticks.Added(tuple(self._entries((step,)))))
            self._cancel_again((step,))
        self.core.tell(ticks.PlanEnded(self.core.run.plan.answer))

    async def _expand(self, command: ticks.Expand) -> None:
        run = self.core.run
        step = run.steps[command.step]
        try:
            if command.pairs_with is not None:
                path = pair.path if (pair := paired_with(step)) else ()
                kids = paired_children(step, command.pairs_with, path, command.count)
            else:
                kids = children(step, self._items(step))
            self._check_count(len(kids))
        except (PlanloomError, LookupError) as error:
            self.core.tell(ticks.Failed(command.step, command.epoch, ticks.Failure(str(error))))
            return
        self.core.known |= {kid.id for kid in kids}
        self.core.tell(ticks.Expanded(command.step, command.epoch, tuple(self._entries(kids))))
        self._cancel_again(kids)

    def _items(self, step: Step) -> list[Any]:
        items = resolve(step.for_each, self.core.run.values.lookup, self.core.known)
        if not isinstance(items, list):
            raise PlanError(f"{step.id}: expected for_each to be a list, got {type(items).__name__}")
        return items

    def _check_count(self, more: int) -> None:
        limit = self.core.services.config.execution.max_steps
        if limit and len(self.core.state.cells) + more > limit:
            raise PlanError(
                f"expected at most {limit} steps in a run, got {len(self.core.state.cells) + more}; "
                "choose fewer items or raise execution.max_steps"
            )

    async def _collect(self, command: ticks.Collect) -> None:
        values = self.core.run.values
        gathered = [values.get(part) for part in command.parts]
        stored = await self.core.encoded(gathered)
        if self.core.state.cell(command.step, command.epoch) is not None:
            self.core.record(command.step, command.epoch, stored, 0.0)
            self.core.tell(ticks.Finished(command.step, command.epoch, ticks.Verdict("off")))
