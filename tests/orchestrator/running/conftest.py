"""A real executor with real files, and tools whose order of finishing the test decides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from planloom.agents.call import Caller
from planloom.agents.registry import Registry
from planloom.agents.tool import Tool
from planloom.agents.workers import Workers
from planloom.agents.workspace import Workspace
from planloom.clock import SystemClock
from planloom.config import Config
from planloom.events import Event
from planloom.memory.artifacts import ArtifactStore
from planloom.memory.journal import Journal
from planloom.models.budget import Budget
from planloom.orchestrator.planning.plan import Plan, Step
from planloom.orchestrator.result import StepResult, step_results
from planloom.orchestrator.running.capacity import Limits
from planloom.orchestrator.running.executor import Executor
from planloom.orchestrator.running.run import Run, Services
from planloom.orchestrator.running.state import Settings
from planloom.orchestrator.running.ticks import End
from planloom.orchestrator.running.values import Values


class Bench:
    """Runs plans; afterwards `events`, `steps` and `run` tell what happened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[Event] = []
        self.workers = Workers(2)
        self.limits: dict[str, int] = {}
        self.config = Config()
        self.executor: Executor | None = None
        self._runs = 0

    def prepare(
        self, tools: list[Tool], steps: list[Step], *, inputs: Mapping[str, Any] | None = None, **options: Any
    ) -> Executor:
        registry = Registry()
        registry.add(*tools)
        clock = SystemClock()
        services = Services(
            config=self.config,
            registry=registry,
            caller=Caller(lambda: self.workers),
            limits=options.pop("shared", None) or Limits(self.limits),
            clock=clock,
        )
        self._runs += 1
        journal = Journal(self.folder / f"journal-{self._runs}", "test", clock)
        journal.listen(self.events.append)
        store = ArtifactStore(self.folder / "artifacts")
        settings = options.pop("settings", Settings(backoff_base_s=0.001))
        self.run = Run(
            id=f"run-{self._runs}",
            plan=Plan(goal="test", steps=tuple(steps), inputs=inputs or {}),
            journal=journal,
            workspace=Workspace(self.folder, self.folder / "out"),
            settings=settings,
            values=Values(store, inputs or {}, large_bytes=32_768, max_bytes=self.config.execution.max_result_bytes),
            budget=options.pop("budget", Budget({})),
            **options,
        )
        self.executor = Executor(services, self.run)
        return self.executor

    async def go(self, tools: list[Tool], steps: list[Step], **options: Any) -> End:
        executor = self.prepare(tools, steps, **options)
        async with asyncio.timeout(30):
            return await executor.run()

    @property
    def steps(self) -> dict[str, StepResult]:
        assert self.executor is not None
        return step_results(self.executor.core.state, self.run.finished, self.run.verified)

    def statuses(self) -> dict[str, str]:
        return {name: step.status for name, step in self.steps.items()}

    def types(self) -> list[str]:
        return [event.type for event in self.events]

    async def until(self, happened: Callable[[], bool]) -> None:
        """Lets the loop turn until something is so."""
        async with asyncio.timeout(10):
            while not happened():
                await asyncio.sleep(0)


@pytest.fixture
async def bench(tmp_path: Path):
    made = Bench(tmp_path)
    yield made
    await made.workers.close()
