"""Calls of tools and checks of their results. Rule: every outcome becomes a tick; nothing is decided here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...agents.tool import Tool, ToolContext
from ...agents.workspace import Workspace
from ...errors import BudgetError, PlanloomError, TransientError, WaitingError
from ...events import BudgetWarning
from ...models.scope import current, entered
from ..planning.criteria import criteria_of
from ..planning.plan import ReferenceSyntaxError
from . import ticks
from .checks import instant, verdict
from .core import Core
from .desk import Desk
from .files import Files
from .handles import Handles
from .invoke import Invoker
from .judge import joined, unjudged
from .past import Kept
from .people import People
from .progress import Progress
from .values import Stored, is_large

_NO_CONTEXT = ToolContext(workspace=Workspace(Path(), Path()))
_OURS = (PlanloomError, LookupError, ReferenceSyntaxError)


class Calls:
    """The calls of one run that are under way."""

    def __init__(self, core: Core, people: People) -> None:
        self.core = core
        self.desk = Desk(core)
        self._people = people
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._members: dict[asyncio.Task[None], set[str]] = {}
        self._progress = Progress(core.show, core.services.clock)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        return list(self._members)

    def start(self, command: ticks.Start) -> None:
        """Starts a call, merged when it has several members."""
        calls = command.calls
        task = asyncio.create_task(self._call(calls[0]) if len(calls) == 1 else self._call_merged(calls))
        members = {call.step for call in calls}
        for step in members:
            self._tasks[step] = task
        self._members[task] = members
        limit = command.limit
        task.add_done_callback(lambda done: self._done(done, limit))

    def stop(self, command: ticks.Stop) -> None:
        """Cancels a call; a merged one when none of its members counts any more."""
        task = self._tasks.pop(command.step, None)
        if task is not None and task in self._members:
            self._members[task].discard(command.step)
            if not self._members[task]:
                task.cancel()

    async def verify(self, command: ticks.Verify) -> None:
        """Checks a result: `expects`, the files it made, and last, by a model, criteria in words."""
        run = self.core.run
        step = run.steps[command.step]
        paths = [run.workspace.root / event.path for event in run.files.get(step.id, ())]
        value = run.values.get(step.id)
        if paths or is_large(value):
            found = await asyncio.to_thread(verdict, step, value, paths)
        else:
            found = verdict(step, value, paths)
        criteria = criteria_of(step)
        if criteria and found.status != "fail":
            with entered(replace(current(), step=step.id)):
                judged = await run.judge(step, value, criteria) if run.judge is not None else unjudged(criteria)
            found = joined(found, judged)
        self.core.tell(ticks.Judged(command.step, command.epoch, found))

    def _done(self, task: asyncio.Task[None], limit: str | None) -> None:
        for step in self._members.pop(task):
            if self._tasks.get(step) is task:
                del self._tasks[step]
        if limit is not None:
            self.core.services.limits.release(limit)
        self.core.watch(task)

    # ---- one call

    async def _call(self, call: ticks.Call) -> None:
        core = self.core
        step = core.run.steps[call.step]
        try:
            tool = core.tool(step)
            arguments = core.arguments(step)
            key = core.key(step, arguments)
            if self._is_settled_by_past(call, tool, key) or not self.desk.admits(call, tool, arguments):
                return
            began = core.services.clock.now()
            files = Files()
            value = await self._value(call, tool, arguments, files)
            stored = await core.encoded(value)
        except _OURS as error:
            self._failed(call, error)
            return
        self.desk.ended(call.step, tool, arguments)
        self._succeeded(call, stored, files, seconds=core.services.clock.now() - began, key=key, cost_usd=tool.cost_usd)

    async def _value(self, call: ticks.Call, tool: Tool, arguments: Mapping[str, Any], files: Files) -> Any:
        """What the tool gives; model calls that it makes are the step's."""
        caller = self.core.services.caller
        if not tool.context_parameter and not tool.process:
            return await self._paid(tool, lambda: caller.call(tool, arguments, _NO_CONTEXT))
        context = self._context(call, files)
        with entered(replace(current(), step=call.step)):
            return await self._paid(tool, lambda: caller.call(tool, arguments, context))

    def _failed(self, call: ticks.Call, error: Exception) -> None:
        core = self.core
        if isinstance(error, WaitingError):
            core.tell(ticks.Parked(call.step, call.epoch))
            if not any(name in self._people.open for name in error.asked):
                core.tell(ticks.Unparked(call.step))
            return
        if isinstance(error, BudgetError):
            core.tell(ticks.BudgetEnded(error.budget))
        self.desk.note("call", call.step, tool=core.run.steps[call.step].action, status="failed", error=str(error))
        core.tell(ticks.Failed(call.step, call.epoch, _failure(error)))

    def _succeeded(self, call: ticks.Call, stored: Stored, files: Files, *, seconds: float, **more: Any) -> None:
        core = self.core
        if core.state.cell(call.step, call.epoch) is None:
            return
        made = files.events(call.step, core.run.workspace)
        core.run.files[call.step] = made
        for event in made:
            core.emit(event)
        core.record(call.step, call.epoch, stored, seconds, **more)
        core.tell(ticks.Finished(call.step, call.epoch, instant(core.run.steps[call.step], files.paths)))

    def _is_settled_by_past(self, call: ticks.Call, tool: Tool, key: str) -> bool:
        """Takes what an earlier round or stretch of the run left of this call, if it left anything."""
        past = self.core.run.past
        kept = past.take(call.step, key)
        if kept is not None:
            self._replay(call, kept, key)
            return True
        if tool.effect == "write" and not tool.idempotent and past.was_interrupted(call.step):
            failure = ticks.Failure("the process ended while it ran", outcome_unknown=True)
            self.core.tell(ticks.Failed(call.step, call.epoch, failure))
            return True
        return False

    def _replay(self, call: ticks.Call, kept: Kept, key: str) -> None:
        if kept.stored is None:
            self.core.tell(ticks.Failed(call.step, call.epoch, ticks.Failure(kept.error)))
            return
        run = self.core.run
        run.files[call.step] = list(kept.files)
        self.core.record(call.step, call.epoch, kept.stored, 0.0, key=key, reused=True)
        paths = [run.workspace.root / event.path for event in kept.files]
        verdict = kept.verdict or instant(run.steps[call.step], paths)
        self.core.tell(ticks.Finished(call.step, call.epoch, verdict))

    async def _paid(self, tool: Tool, call: Callable[[], Awaitable[Any]]) -> Any:
        """Reserves the declared price of a call and settles it; a call that fails is counted as paid too."""
        if not tool.cost_usd:
            return await call()
        budget = self.core.run.budget
        price = {"usd": tool.cost_usd}
        budget.reserve(price)
        try:
            return await call()
        finally:
            for name in budget.settle(price, price):
                self.core.emit(BudgetWarning(name, budget.used[name], budget.limits[name]))

    def _context(self, call: ticks.Call, files: Files) -> ToolContext:
        run = self.core.run
        task = asyncio.current_task()
        context = ToolContext(
            workspace=self.desk.workspace(call.step),
            config=self.core.services.config,
            run_id=run.id,
            step_id=call.step,
            attempt=call.attempt,
            feedback=call.feedback,
            idempotency_key=f"{run.id}/{call.step}",
            progress=self._progress.of(call.step),
            artifact=files.add,
            cancelled=lambda: task is not None and (task.cancelling() > 0 or task.done()),
            results=Handles(self.core, call.step),
            ask=self.core.services.ask,
            knowledge=self.core.services.knowledge,
        )
        if not run.steps[call.step].action.startswith("agent:"):
            return context
        return replace(context, invoke=Invoker(self.desk, self._people, self._paid, context, files))

    # ---- merged calls

    async def _call_merged(self, calls: tuple[ticks.Call, ...]) -> None:
        core = self.core
        tool = core.tool(core.run.steps[calls[0].step])
        try:
            members = [member for call in calls if (member := self._member(call, tool)) is not None]
            if not members:
                return
            began = core.services.clock.now()
            files = Files()
            context = self._context(calls[0], files)
            given = [arguments for _, arguments, _ in members]
            results = await self._paid(tool, lambda: core.services.caller.call_merged(tool, given, context))
        except _OURS as error:
            for call in calls:
                core.tell(ticks.Failed(call.step, call.epoch, _failure(error), merged=True))
            return
        seconds = (core.services.clock.now() - began) / len(members)
        for (call, _, key), result in zip(members, results, strict=True):
            try:
                stored = await core.encoded(_value(result))
            except PlanloomError as error:
                core.tell(ticks.Failed(call.step, call.epoch, _failure(error), merged=True))
                continue
            self.desk.ended(call.step, tool, core.run.steps[call.step].parameters)
            self._succeeded(call, stored, files, seconds=seconds, key=key, cost_usd=tool.cost_usd / len(members))

    def _member(self, call: ticks.Call, tool: Tool) -> tuple[ticks.Call, Mapping[str, Any], str] | None:
        """A call with its arguments and key; None when the past settles it."""
        step = self.core.run.steps[call.step]
        arguments = self.core.arguments(step)
        key = self.core.key(step, arguments)
        if self._is_settled_by_past(call, tool, key) or not self.desk.admits(call, tool, arguments):
            return None
        return call, arguments, key


def _value(result: Any) -> Any:
    if isinstance(result, PlanloomError):
        raise result
    return result


def _failure(error: Exception) -> ticks.Failure:
    if isinstance(error, TransientError):
        return ticks.Failure(
            str(error),
            transient=True,
            retry_after_s=error.retry_after_s,
            overloaded=error.overloaded,
            outcome_unknown=error.outcome_unknown,
        )
    return ticks.Failure(str(error))
