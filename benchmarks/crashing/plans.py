"""Seeded plans of every kind of trouble, and what must come of them. Rule: pure; nothing is run.

The value of a step is worked out here a second time, from the plan alone, so that a run is never compared with itself.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from planloom.orchestrator.planning.plan import Plan, Step

GOOD, BAD = "good", "bad"
KINDS = ("read", "draft", "reject", "break", "send", "send_approved", "send_refused", "pay", "each")
WEIGHTS = (30, 14, 3, 3, 12, 5, 3, 6, 6)


@dataclass(frozen=True, slots=True)
class Expected:
    """How a run of the plan ends: status and value by step (value None where there is none)."""

    status: str
    steps: Mapping[str, tuple[str, Any]]


def make(seed: int, size: int = 30) -> Plan:
    """A random plan. Each step reads the values of its inputs, so a wrong input gives a wrong value.

    read: gives its value. draft: bad at first, good once it is redone. reject: never good. break: fails for good, and
    the planner puts a read in its place. send: a write. send_approved, send_refused: a write that a person allows or
    refuses. pay: a write with an idempotency key that loses its first reply. each: three reads by for_each.
    """
    chance = random.Random(seed)
    steps: list[Step] = []
    for number in range(size):
        kind = chance.choices(KINDS, WEIGHTS)[0]
        inputs = chance.sample([s.id for s in steps], k=min(len(steps), chance.choice((0, 1, 1, 2, 3))))
        steps.append(_step(f"s{number}_{kind}", kind, tuple(inputs), is_optional=chance.random() < 0.1))
    return Plan(goal=f"crash {seed}", steps=tuple(steps), answer="ended")


def _step(name: str, kind: str, inputs: tuple[str, ...], *, is_optional: bool) -> Step:
    given = {source: f"${{{source}}}" for source in inputs}
    made = Step(id=name, action=f"crash.{kind.partition('_')[0]}", parameters={"name": name, "inputs": given})
    if kind in ("draft", "reject"):
        made = replace(made, expects=(f'"{BAD}" not in result.tag',))
    elif kind in ("send_approved", "send_refused"):
        made = replace(made, approval=True)
    elif kind == "each":
        made = replace(made, for_each=[1, 2, 3], parameters={**made.parameters, "item": "${item}"})
    return replace(made, optional=is_optional and kind not in ("break",))


def repaired(plan: Plan, broken: str) -> Plan:
    """The plan with a read in the place of a step that fails."""
    other = f"{broken}_fixed"
    return replace(plan, steps=tuple(_mended(step, broken, other) for step in plan.steps))


def _mended(step: Step, broken: str, other: str) -> Step:
    if step.id == broken:
        return replace(step, id=other, action="crash.read", parameters={**step.parameters, "name": other})
    inputs = dict(step.parameters["inputs"])
    if broken not in inputs:
        return step
    inputs.pop(broken)
    return replace(step, parameters={**step.parameters, "inputs": {**inputs, other: f"${{{other}}}"}})


def expected(plan: Plan) -> Expected:
    """What the run must end with, replans counted."""
    for _ in range(2):
        broken = [s.id for s in plan.steps if s.action == "crash.break" and _state(plan)[s.id][0] == "failed"]
        if not broken:
            break
        for name in broken:
            plan = repaired(plan, name)
    states = _state(plan)
    blocked = any(states[s.id][0] != "ok" and not s.optional for s in plan.steps)
    return Expected("failed" if blocked else "done", states)


def _state(plan: Plan) -> dict[str, tuple[str, Any]]:
    states: dict[str, tuple[str, Any]] = {}
    optional = {step.id for step in plan.steps if step.optional}
    for step in plan.steps:
        inputs = step.parameters["inputs"]
        if any(states[name][0] != "ok" and name not in optional for name in inputs):
            states[step.id] = ("skipped", None)
            continue
        states[step.id] = _ended(step, {name: states[name][1] for name in inputs})
    return states


def _ended(step: Step, inputs: Mapping[str, Any]) -> tuple[str, Any]:
    kind = step.id.partition("_")[2]
    if kind in ("reject", "break", "send_refused"):
        return "failed", None
    if kind == "each":
        return "ok", [value(step.id, inputs, item) for item in (1, 2, 3)]
    return "ok", value(step.id, inputs)


def value(name: str, inputs: Mapping[str, Any], item: int = 0, tag: str = GOOD) -> dict[str, Any]:
    """What a step gives: a digest of its name and inputs, marked good or bad."""
    from planloom.memory.codec import digest, pack

    return {"tag": tag, "of": digest(pack([name, dict(sorted(inputs.items())), item]))}
