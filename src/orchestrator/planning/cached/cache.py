"""Plans that a model made and whose run was verified, kept for goals like the one they were made for.

Rule: a kept plan is used only when nothing has to be guessed: the goal is the same but for values of the same kinds,
its tools are what they were, and the plan with the new values is healthy. Everything else costs a planner's call.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar

from ....agents.registry import Registry
from ....agents.tool import Tool
from ....errors import PlanError
from ..lint import lint
from ..plan import Plan
from ..planner import Goal, Outcome, Proposal
from . import files
from .candidates import NotKeptError
from .files import Kept, Marks
from .generalising import generalise
from .leaves import filled
from .places import shape_of
from .values import values_for

SOURCE = "cache:"
_ABANDONED_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A run that has ended, as the cache has to know it.

    `steps`: status and verdict of each step that did work. `changed`: a person changed what a step was given.
    `is_standalone`: the plan was made from the goal and its inputs alone, as `Proposal` has it.
    """

    goal: str
    inputs: Mapping[str, Any]
    plan: Plan
    source: str
    status: str
    steps: Mapping[str, tuple[str, str]]
    replans: int = 0
    changed: bool = False
    is_standalone: bool = False
    run: str = ""

    @property
    def is_verified(self) -> bool:
        """Whether every step is ok and every verdict pass."""
        return self.status == "done" and bool(self.steps) and set(self.steps.values()) == {("ok", "pass")}


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a run changed: the plan that is kept now and the one that is no longer, by name; empty: none. `why` says
    why nothing was kept."""

    kept: str = ""
    retired: str = ""
    why: str = ""


def _today() -> date:
    return datetime.now().astimezone().date()


@dataclass(slots=True, kw_only=True)
class PlanCache:
    """Kept plans in a folder: plans goals (`Planner`), and learns from runs. Any number of processes may share it.

    `size`: plans kept; those unused for longest go first. `max_steps` as for `lint`. `notice` hears of plans that are
    no longer kept, from the event loop's thread.
    """

    folder: Path
    registry: Registry
    size: int
    max_steps: int = 0
    notice: Callable[[str], None] = lambda text: None
    today: Callable[[], date] = field(default=_today)
    reads_more: ClassVar[bool] = True  # what is known beside the goal could make another plan the right one

    # ---- planning

    async def propose(self, goal: Goal) -> Proposal | None:
        """The kept plan for a goal with its values; None when there is none that fits without a guess."""
        if goal.playbook is not None or goal.begun or goal.facts or goal.earlier or not goal.text.strip():
            return None
        proposal, notes = await asyncio.to_thread(self._look, goal)
        for text in notes:
            self.notice(text)
        return proposal

    async def replan(self, plan: Plan, outcomes: Mapping[str, Outcome]) -> Plan | None:
        return None

    def _look(self, goal: Goal) -> tuple[Proposal | None, list[str]]:
        shape, notes = shape_of(goal.text), []
        marks = Marks.of(shape, goal.inputs)
        found: dict[str, Plan] = {}
        for name in files.fitting(self.folder, marks):
            try:
                kept = files.read(files.path_of(self.folder, name))
                values = values_for(kept, shape, goal.inputs)
                if values is None:
                    continue
                self._check(kept)
                found[name] = self._plan(kept, goal.text, values)
            except FileNotFoundError:  # another process removed it
                continue
            except PlanError as error:
                files.forget(self.folder, name)
                notes.append(f"the kept plan {name!r} is no longer used: {error}")
        name = next((name for name in found if name.endswith(marks.text)), "")
        if not name and len(found) != 1:
            return None, notes
        name = name or next(iter(found))
        plan = found[name]
        if self._faults(plan):
            return None, notes
        self._touch(name)
        return Proposal(plan=plan, source=f"{SOURCE}{name}", is_standalone=True), notes

    def _check(self, kept: Kept) -> None:
        """Whether the tools are those the plan was made for.

        Raises:
            PlanError: one is gone or has changed.
        """
        for step in kept.playbook.steps:
            tool = self.registry.find(step.action)
            if tool is None:
                raise PlanError(f"its tool {step.action!r} is gone")
            if kept.tools.get(step.action) != digest_of(tool):
                raise PlanError(f"its tool {step.action!r} has changed")

    def _plan(self, kept: Kept, goal: str, values: Mapping[str, Any]) -> Plan:
        book = kept.playbook
        return Plan(goal=goal, steps=book.steps, answer=book.answer, inputs=values)

    def _faults(self, plan: Plan) -> bool:
        """Whether the lint refuses the plan with its values written out."""
        written = filled(plan, frozenset(plan.inputs))
        found = lint(written, self.registry.find, names=self.registry.names, max_steps=self.max_steps)
        return any(finding.severity == "error" for finding in found)

    def _touch(self, name: str) -> None:
        path = files.path_of(self.folder, name)
        try:
            os.utime(path, (time.time(), path.stat().st_mtime))
        except OSError:
            return  # removed meanwhile, or not ours to touch: it only counts as unused

    # ---- learning

    async def learn(self, ran: Ran) -> Learnt:
        """Keeps the plan of a verified run of a model's plan; retires a kept plan whose run was not."""
        retired = ""
        if ran.source.startswith(SOURCE):
            if not ran.replans and not any(verdict == "fail" for _, verdict in ran.steps.values()):
                return Learnt()
            retired = ran.source.removeprefix(SOURCE)
            await asyncio.to_thread(files.forget, self.folder, retired)
        elif ran.source != "model":
            return Learnt()
        try:
            return replace(await asyncio.to_thread(self._keep, ran), retired=retired)
        except (NotKeptError, OSError) as error:
            return Learnt(retired=retired, why=str(error))

    def _keep(self, ran: Ran) -> Learnt:
        if not self.size:
            raise NotKeptError("caches.plan_cache_size is 0")
        if not ran.is_verified:
            raise NotKeptError("not every step was verified")
        if not ran.is_standalone:
            raise NotKeptError("it may follow from more than the goal and its inputs")
        if ran.changed:
            raise NotKeptError("a person changed what a step was given")
        plan = filled(ran.plan, frozenset(ran.plan.inputs) - frozenset(ran.inputs))
        template = generalise(ran.goal, ran.inputs, plan, self.registry.find, self.today())
        tools = {}
        for step in plan.steps:
            tool = self.registry.find(step.action)
            if tool is None:
                raise NotKeptError(f"the tool {step.action!r} is gone")
            tools[step.action] = digest_of(tool)
        name = files.name_of(ran.goal, Marks.of(shape_of(ran.goal), ran.inputs))
        files.write(self.folder, name, template, goal=ran.goal, tools=tools, run=ran.run)
        self._shrink()
        return Learnt(kept=name)

    def _shrink(self) -> None:
        known = files.names(self.folder)
        for name in known[: max(0, len(known) - self.size)]:
            files.forget(self.folder, name)
        for path in files.unfinished(self.folder, time.time() - _ABANDONED_S):
            path.unlink(missing_ok=True)


def digest_of(tool: Tool) -> str:
    """What a plan relies on of a tool: its name, schemas and effect."""
    told = [tool.name, tool.input_schema, tool.output_schema, tool.effect, tool.destructive]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]
