"""What a model's step may do by itself. Rule: a model can make a plan more careful than the rules, never less.

Data that a planner was shown may have talked it into anything. So a step from such a plan that changes something, or
sends something away that nobody named, waits for a person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ....agents.tool import Tool
from ..plan import INPUTS, Step, references

FindTool = Callable[[str], Tool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a planner went by: the person's goal and named inputs, and whether it was shown anything else."""

    goal: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    is_shown_more: bool = False

    @property
    def has_data(self) -> bool:
        """Whether something besides the goal may have spoken to the planner."""
        return self.is_shown_more or bool(self.inputs)


def cautious(step: Step, find_tool: FindTool, told: Told) -> Step:
    """The step with what a model can't waive: approval, verification, a deadline."""
    needs = told.has_data and _is_risky(step, find_tool(step.action), told)
    return replace(
        step,
        approval=True if needs or step.approval else None,
        verify=step.verify if step.verify == "blocking" else None,
        timeout_s=step.timeout_s or None,
    )


def _is_risky(step: Step, tool: Tool | None, told: Told) -> bool:
    if tool is None or tool.effect == "write" or tool.destructive:
        return True
    given = _texts([*step.parameters.values(), step.for_each])
    return tool.outward and not all(_is_named(text, told) for text in given)


def _is_named(text: str, told: Told) -> bool:
    """Whether a person gave this text as it is, or refers to nothing else than what one gave."""
    found = list(references(text))
    if found:
        return len(found) == 1 and found[0].step == INPUTS and text.strip() == str(found[0])
    return text in told.goal or any(text == value for value in _texts(told.inputs))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield str(name)
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)
