"""Random runs of the real executor in virtual time: own work takes no time there, so every second has a cause."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planloom.agents.call import Caller
from planloom.agents.registry import Registry
from planloom.agents.tool import Tool, ToolContext, tool
from planloom.agents.workspace import Workspace
from planloom.config import Config
from planloom.errors import ToolError, TransientError
from planloom.events import ApprovalAsked, Event, ModelCall, Payload, RunFinished, RunStarted
from planloom.memory.artifacts import ArtifactStore
from planloom.models.budget import Budget
from planloom.models.simulate.virtual import LoopClock, run_virtual
from planloom.orchestrator.planning.plan import Plan, Step
from planloom.orchestrator.running.capacity import Limits
from planloom.orchestrator.running.executor import Executor
from planloom.orchestrator.running.run import Run, Services
from planloom.orchestrator.running.state import Settings
from planloom.orchestrator.running.ticks import Verdict
from planloom.orchestrator.running.values import Values

_FOLDER = Path(tempfile.gettempdir())  # nothing is written: results are small and no tool makes files


@dataclass
class Tape:
    """The events of a run, in the order they were written."""

    clock: LoopClock
    told: list[Event] = field(default_factory=list)

    def append(self, payload: Payload, run_id: str = "r") -> Event:
        event = Event(len(self.told) + 1, self.clock.wall(), "s", run_id, payload)
        self.told.append(event)
        return event

    def commit(self, *, sync: bool = False) -> None:
        """Everything is on the tape already."""


@dataclass
class World:
    """What is drawn for one run."""

    rng: random.Random
    tape: Tape
    sizes: dict[str, int]

    def tools(self) -> list[Tool]:
        async def work(context: ToolContext, seconds: float, fails: int = 0, breaks: bool = False) -> list[int]:
            """Takes its time."""
            await asyncio.sleep(seconds)
            if context.attempt <= fails:
                raise TransientError("busy")
            if breaks:
                raise ToolError("broken")
            return [1, 2]

        async def think(context: ToolContext, seconds: float, waits: float, asks: float) -> str:
            """Calls a model in the middle."""
            await asyncio.sleep(seconds)
            await self.call(context.step_id, "worker", waits, asks)
            return "thought"

        async def item(seconds: float, of: int = 0) -> int:
            """One of several."""
            await asyncio.sleep(seconds)
            return of

        async def merged(calls: list[dict[str, Any]]) -> list[Any]:
            await asyncio.sleep(max(call["seconds"] for call in calls))
            if self.rng.random() < 0.2:
                raise ToolError("the merged call failed")
            return [call.get("of", 0) for call in calls]

        effects = {"save": "write", "work": "read"}
        made = [tool(effect=effect, name=name)(work) for name, effect in effects.items()]
        items = tool(effect="pure", name="item")(item)
        items.batch(limit=4)(merged)
        return [*made, items, tool(effect="read", name="think")(think)]

    async def call(self, step: str | None, role: str, waits: float, asks: float) -> None:
        await asyncio.sleep(waits + asks)
        self.tape.append(ModelCall(step, role, "m", 10, 5, 0, 0.001, asks, waits, "ok"))

    async def judge(self, step: Step, value: Any, criteria: list[str]) -> Verdict:
        await asyncio.sleep(self.rng.choice((0.5, 1.7, 4.0)))
        return Verdict(self.rng.choice(("pass", "pass", "pass", "unsure", "fail")), "looked at", ("judge",))

    async def approve(self, asked: ApprovalAsked) -> bool:
        await asyncio.sleep(self.rng.uniform(0.1, 6.0))
        return self.rng.random() < 0.8


def random_steps(rng: random.Random, count: int) -> list[Step]:
    """A DAG with slow, failing, asking, judged and unfolding steps."""
    steps: list[Step] = []
    for number in range(count):
        wanted = min(number, int(rng.expovariate(0.7)))
        inputs = tuple(f"s{n}" for n in sorted(rng.sample(range(number), wanted)))
        action = rng.choice(("work", "work", "item", "think", "save"))
        seconds = round(rng.uniform(0.1, 5.0), 3)
        parameters: dict[str, Any] = {"seconds": seconds}
        more: dict[str, Any] = {}
        if action == "think":
            parameters |= {"waits": rng.choice((0.0, 2.5)), "asks": rng.uniform(0.2, 3.0)}
        elif action in ("work", "save"):
            parameters |= {"fails": rng.choice((0, 0, 0, 1, 2)), "breaks": rng.random() < 0.05}
        if action == "item" and rng.random() < 0.5:
            lists = [s.id for s in steps if s.action == "work" and s.for_each is None]
            more["for_each"] = f"${{{rng.choice(lists)}}}" if lists else [1, 2, 3]
            parameters["of"] = "${item}"
        if rng.random() < 0.3:
            more["expects"] = ("judge: is it good?",)
        more["approval"] = rng.choice((None, None, True)) if action == "save" else None
        more["verify"] = rng.choice((None, None, None, "blocking", "off"))
        more["optional"] = rng.random() < 0.1
        steps.append(Step(id=f"s{number}", action=action, parameters=parameters, dependencies=inputs, **more))
    return steps


async def _slowly(world: World, steps: list[Step]) -> AsyncIterator[Step]:
    for step in steps:
        await world.call(None, "planner", world.rng.choice((0.0, 0.0, 1.0)), world.rng.uniform(0.1, 2.0))
        yield step


@dataclass
class Made:
    """A run that is over: its events and what limited it."""

    events: list[Event]
    places: int
    steps: list[Step]


async def _run(seed: int) -> Made:
    rng = random.Random(seed)
    clock = LoopClock(0.0)
    world = World(rng, Tape(clock), {"work": 2} if rng.random() < 0.4 else {})
    registry = Registry()
    registry.add(*world.tools())
    services = Services(
        config=Config(),
        registry=registry,
        caller=Caller(lambda: None),  # type: ignore[arg-type,return-value]  # no tool runs in a process
        limits=Limits(world.sizes),
        clock=clock,
    )
    settings = Settings(
        max_parallel_steps=rng.choice((0, 1, 2, 3, 5)),
        schedule=rng.choice(("dataflow", "dataflow", "dataflow", "generations", "sequential")),
        verify=rng.choice(("background", "background", "blocking", "off")),
        seed=seed,
    )
    steps = random_steps(rng, rng.randint(1, 14))
    is_streamed = rng.random() < 0.4
    told = {"schedule": settings.schedule, "verify": settings.verify, "max_parallel_steps": settings.max_parallel_steps}
    world.tape.append(RunStarted("goal", {}, "model" if is_streamed else "plan", told))
    run = Run(
        id="r",
        plan=Plan(goal="goal", steps=() if is_streamed else tuple(steps)),
        journal=world.tape,  # type: ignore[arg-type]
        workspace=Workspace(_FOLDER, _FOLDER),
        settings=settings,
        values=Values(ArtifactStore(_FOLDER), {}, large_bytes=1 << 20, max_bytes=1 << 20),
        budget=Budget({}),
        wall_s=rng.choice((0.0, 0.0, 0.0, 6.0)),
        approve=world.approve,
        judge=world.judge,
    )
    executor = Executor(services, run)
    if rng.random() < 0.15:
        asyncio.get_running_loop().call_later(rng.uniform(0.5, 8.0), executor.cancel)
    end = await executor.run(_slowly(world, steps) if is_streamed else None)
    if end.status in ("done", "failed"):
        await world.call(None, "writer", rng.choice((0.0, 1.0)), rng.choice((0.0, 2.0)))
    world.tape.append(RunFinished(end.status, end.reason, "", clock.now(), {}))
    return Made(world.tape.told, 1 if settings.schedule == "sequential" else settings.max_parallel_steps, steps)


def random_run(seed: int) -> Made:
    """The run of this seed, whole."""
    return run_virtual(_run(seed))
