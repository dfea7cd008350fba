"""What the parts of the executor share: the run, its state, the inbox, and the tasks beside the loop.

Rule: no decisions and no calls here; everything runs on one event loop's thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any

from ...agents.tool import Tool
from ...errors import PlanError
from ...events import Payload, StepFinished, StepVerified
from ..planning.plan import Step, resolve
from . import ticks
from .past import key_of
from .run import Run, Services
from .state import State
from .values import Stored, is_large


class Core:
    """One run on its event loop."""

    def __init__(self, services: Services, run: Run) -> None:
        self.services = services
        self.run = run
        self.share = services.limits.share(lambda limit: self.tell(ticks.Freed(limit)))
        self.state = State(run.settings, self.share)
        self.inbox: list[ticks.Tick] = []
        self.wake = asyncio.Event()
        self.side: set[asyncio.Task[None]] = set()
        self.broken: BaseException | None = None
        self.known: frozenset[str] = frozenset()
        self.keys: dict[str, str] = {}

    def tell(self, tick: ticks.Tick) -> None:
        """Reports that something happened."""
        self.inbox.append(tick)
        self.wake.set()

    def emit(self, payload: Payload) -> None:
        """An event of the group that the loop commits next."""
        kind = type(payload)
        if kind is StepFinished:
            if payload.status == "failed":  # type: ignore[attr-defined]  # faster than isinstance
                payload = replace(payload, key=self.keys.get(payload.step))  # type: ignore[call-arg,attr-defined]
            if payload.status != "ok":  # type: ignore[attr-defined]
                self.run.values.discard(payload.step)  # type: ignore[attr-defined]  # a rejected result is none
            self.run.finished[payload.step] = payload  # type: ignore[attr-defined,assignment]
        elif kind is StepVerified:
            self.run.verified[payload.step] = payload.verdict  # type: ignore[attr-defined]
        self.run.journal.append(payload, self.run.id)

    def show(self, payload: Payload) -> None:
        """An event outside the loop's own groups; wakes the loop to commit it."""
        self.emit(payload)
        self.wake.set()

    def record(self, step: str, epoch: int, stored: Stored, seconds: float, **more: Any) -> None:
        """Keeps a result, and puts it into the group that is committed before the scheduler hears of it."""
        self.run.values.put(step, stored)
        self.emit(
            StepFinished(
                step=step,
                status="ok",
                epoch=epoch,
                attempts=self.state.cells[step].tries,
                seconds=seconds,
                digest=stored.digest,
                value=stored.value,
                stored=stored.stored,
                **more,
            )
        )

    def aside(self, work: Coroutine[Any, Any, None], *, name: str = "") -> None:
        """Runs a coroutine beside the loop; if it breaks, the run breaks."""
        task = asyncio.create_task(work, name=name or None)
        self.side.add(task)
        task.add_done_callback(self.side.discard)
        task.add_done_callback(self.watch)

    def watch(self, task: asyncio.Task[None]) -> None:
        """An unexpected error of a task ends the run instead of being lost."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.broken = error
            self.wake.set()

    def tool(self, step: Step) -> Tool:
        """The tool of a step.

        Raises:
            PlanError: there is none of this name.
        """
        tool = self.services.registry.find(step.action)
        if tool is None:
            raise PlanError(f"step {step.id!r}: expected a known action, got {step.action!r}; see `planloom tools`")
        return tool

    def arguments(self, step: Step) -> Mapping[str, Any]:
        """The step's parameters with every reference replaced by its value.

        Raises:
            LookupError: a field that is referred to is not there.
        """
        if not step.parameters:
            return self.run.overrides.get(step.id, {})
        resolved: dict[str, Any] = resolve(step.parameters, self.run.values.lookup, self.known)
        override = self.run.overrides.get(step.id)
        return resolved if override is None else resolved | override

    def key(self, step: Step, arguments: Mapping[str, Any]) -> str:
        """The content key of a step's call, remembered for what is told of it later."""
        digest_of = self.run.values.digest_of
        cell = self.state.cells[step.id]
        is_write = cell.traits.effect == "write"
        key = key_of(step.action, arguments, [digest_of(name) for name in cell.edges], step.id if is_write else "")
        self.keys[step.id] = key
        return key

    async def encoded(self, value: Any) -> Stored:
        """A result as it is kept; large ones are packed in a thread."""
        values = self.run.values
        return await asyncio.to_thread(values.encode, value) if is_large(value) else values.encode(value)
