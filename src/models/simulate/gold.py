"""Given plans: the answer to a plan request whose goal they are for.

The file is JSON: `{"plans": [{"id", "goal", "steps": [{"id", "deps", "text", "seconds", "action", "parameters"}]}]}`;
of a step only `id` and `deps` are needed. A step without an action is done by the offered tool that fits it best.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import UsageError

_MAX_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldStep:
    """A step of a given plan. `seconds` None and `text` empty: not said."""

    id: str
    deps: tuple[str, ...] = ()
    text: str = ""
    seconds: float | None = None
    action: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


class GoldPlans:
    """Plans by goal; of several for one goal the first."""

    def __init__(self, plans: Mapping[str, Sequence[GoldStep]]) -> None:
        self._plans: dict[str, tuple[GoldStep, ...]] = {}
        for goal, steps in plans.items():
            self._plans.setdefault(_plain(goal), tuple(steps))
        self._longest_first = sorted(self._plans, key=len, reverse=True)

    def __len__(self) -> int:
        return len(self._plans)

    def find(self, goal: str, prompt: str) -> tuple[GoldStep, ...] | None:
        """The plan of this goal, or of the longest known goal that stands in the prompt; None: there is none."""
        found = self._plans.get(_plain(goal))
        if found is not None:
            return found
        text = _plain(prompt)
        return next((self._plans[known] for known in self._longest_first if known and known in text), None)


def load(path: Path) -> GoldPlans:
    """The plans in a file.

    Raises:
        UsageError: it can't be read or is not of this shape; names the place.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UsageError(f"{path}: expected plans of at most {_MAX_BYTES:,} bytes, got {path.stat().st_size:,}")
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: expected a readable file of plans, got {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(f"{path}: expected JSON, got {error}") from error
    plans = data.get("plans") if isinstance(data, Mapping) else data
    if not isinstance(plans, list):
        raise UsageError(f'{path}: expected {{"plans": [...]}}, got {type(data).__name__}')
    found: dict[str, Sequence[GoldStep]] = {}
    for number, plan in enumerate(plans):
        goal, steps = _plan(plan, f"{path}: plans[{number}]")
        found.setdefault(goal, steps)
    return GoldPlans(found)


def _plan(plan: Any, where: str) -> tuple[str, list[GoldStep]]:
    if not isinstance(plan, Mapping) or not isinstance(plan.get("goal"), str):
        raise UsageError(f"{where}: expected an object with a goal, got {plan!r:.80}")
    steps = plan.get("steps")
    if not isinstance(steps, list) or not steps:
        raise UsageError(f"{where}.steps: expected a list of steps, got {steps!r:.80}")
    return plan["goal"], [_step(step, f"{where}.steps[{number}]") for number, step in enumerate(steps)]


def _step(step: Any, where: str) -> GoldStep:
    if not isinstance(step, Mapping) or not isinstance(step.get("id"), str):
        raise UsageError(f"{where}: expected an object with an id, got {step!r:.80}")
    deps = step.get("deps", step.get("dependencies", []))
    if not isinstance(deps, list) or not all(isinstance(dep, str) for dep in deps):
        raise UsageError(f"{where}.deps: expected a list of ids, got {deps!r:.80}")
    seconds = step.get("seconds")
    return GoldStep(
        id=step["id"],
        deps=tuple(deps),
        text=str(step.get("text", "")),
        seconds=float(seconds) if isinstance(seconds, (int, float)) else None,
        action=str(step.get("action", "")),
        parameters=step["parameters"] if isinstance(step.get("parameters"), Mapping) else {},
    )


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
