"""The process that is killed: runs or resumes one plan, and writes down what it did and what it was told.

Rule: the log is one file, each line written with one system call, so it holds what really happened, in order, whenever
the process dies. A line is `call`, `effect`, or `told` (an event that was shown).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planloom import Planloom
from planloom.agents.tool import Tool, ToolContext, tool
from planloom.config import Config, Execution
from planloom.errors import TransientError
from planloom.events import ApprovalAsked, Event
from planloom.orchestrator.planning.plan import Plan
from planloom.orchestrator.result import told

from . import plans


@dataclass(frozen=True, slots=True)
class Death:
    """When the process dies: after so many events, so many effects, or so many seconds; 0: not for this reason."""

    events: int = 0
    effects: int = 0
    seconds: float = 0.0


class Log:
    """The file of what happened; counts what decides about the death."""

    def __init__(self, path: Path, death: Death) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._death = death
        self._events = self._effects = 0

    def write(self, **line: Any) -> None:
        os.write(self._fd, json.dumps(line).encode() + b"\n")

    def effect(self, step: str, inputs: Any) -> None:
        """Something changed in the world; a death right behind it leaves it in doubt."""
        self.write(what="effect", step=step, inputs=inputs)
        self._effects += 1
        if self._effects == self._death.effects:
            os.kill(os.getpid(), signal.SIGKILL)

    def told(self, event: Event) -> None:
        """An event is acknowledged by being shown."""
        self.write(what="told", seq=event.seq, event=event.to_dict())
        self._events += 1
        if self._events == self._death.events:
            os.kill(os.getpid(), signal.SIGKILL)


def tools(log: Log, seed: int) -> list[Tool]:
    """The actions of the plans; how long they take is random and must not matter."""
    chance = random.Random(seed)

    async def take_time() -> None:
        await asyncio.sleep(chance.random() * 0.004)

    @tool(effect="read", name="crash.read")
    async def read(name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        log.write(what="call", step=name, inputs=inputs)
        await take_time()
        return plans.value(name, inputs)

    @tool(effect="read", name="crash.draft")
    async def draft(name: str, inputs: dict[str, Any], context: ToolContext) -> dict[str, Any]:
        log.write(what="call", step=name, inputs=inputs)
        await take_time()
        return plans.value(name, inputs, tag=plans.GOOD if context.feedback else plans.BAD)

    @tool(effect="read", name="crash.reject")
    async def reject(name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        log.write(what="call", step=name, inputs=inputs)
        await take_time()
        return plans.value(name, inputs, tag=plans.BAD)

    @tool(effect="read", name="crash.break")
    async def break_(name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        log.write(what="call", step=name, inputs=inputs)
        await take_time()
        raise ValueError("it is broken")

    @tool(effect="read", name="crash.each")
    async def each(name: str, inputs: dict[str, Any], item: int) -> dict[str, Any]:
        log.write(what="call", step=f"{name}[{item - 1}]", inputs=inputs)
        await take_time()
        return plans.value(name, inputs, item)

    @tool(effect="write", name="crash.send")
    async def send(name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        await take_time()
        log.effect(name, inputs)
        await take_time()
        return plans.value(name, inputs)

    paid: set[str] = set()

    @tool(effect="write", name="crash.pay", idempotent=True)
    async def pay(name: str, inputs: dict[str, Any], context: ToolContext) -> dict[str, Any]:
        await take_time()
        log.write(what="payment", step=name, inputs=inputs, key=context.idempotency_key)
        if context.idempotency_key not in paid and context.attempt == 1:
            paid.add(context.idempotency_key)
            raise TransientError("the reply was lost", outcome_unknown=True)
        return plans.value(name, inputs)

    return [read, draft, reject, break_, each, send, pay]


class Repairs:
    """A planner that only repairs."""

    async def propose(self, goal: Any) -> None:
        return None

    async def replan(self, plan: Plan, outcomes: Any) -> Plan | None:
        broken = [s.id for s in plan.steps if s.action == "crash.break" and outcomes[s.id].status == "failed"]
        for name in broken:
            plan = plans.repaired(plan, name)
        return plan if broken else None


def config(folder: Path) -> Config:
    """Settings of every process of one run."""
    execution = Execution(backoff_base_s=0.001, max_redos=1, max_replans=2)
    return Config(workspace=str(folder), state=str(folder / "state"), out=str(folder / "out"), execution=execution)


async def go_on(folder: Path, seed: int, plan: Plan, death: Death) -> None:
    """Runs the plan, or goes on with its run, until the end or the death."""
    log = Log(folder / "log", death)
    if death.seconds:
        asyncio.get_running_loop().call_later(death.seconds, os.kill, os.getpid(), signal.SIGKILL)
    happened = {line["step"] for line in lines(folder / "log") if line["what"] == "effect"}

    async def answer(asked: ApprovalAsked) -> bool | None:
        if asked.kind == "in_doubt":
            return asked.step in happened or any(
                line["what"] == "effect" and line["step"] == asked.step for line in lines(folder / "log")
            )
        return not asked.step.endswith("refused")

    async with Planloom(config(folder), tools=tools(log, seed), planner=Repairs()) as loom:
        run_id = (folder / "run").read_text() if (folder / "run").exists() else ""

        def hear(event: Event) -> None:
            if not (folder / "run").exists():
                (folder / "run").write_text(event.run_id)
            log.told(event)

        if run_id and any(_is_end(line) for line in lines(folder / "log")):
            result = told(loom.underway.told(run_id))  # resuming a run that failed would try again what failed
        elif run_id:
            result = await loom.resume(run_id, approve=answer, on_event=hear)
        else:
            result = await loom.run(plan=plan, approve=answer, on_event=hear, session_id="crash")
    ended = {name: [step.status, step.value] for name, step in result.steps.items()}
    log.write(what="ended", status=result.status, reason=result.reason, steps=ended)


def _is_end(line: dict[str, Any]) -> bool:
    return line["what"] == "told" and line["event"]["type"] == "run.finished"


def lines(path: Path) -> list[dict[str, Any]]:
    """What the log tells; a last line without its end was not written."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
