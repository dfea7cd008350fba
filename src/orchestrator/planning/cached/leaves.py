"""The literals of a plan, and the plan with some of them replaced. Rule: pure; references stay as they are."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from ....agents.tool import Tool
from ..plan import INPUTS, Plan, Reference, Step, as_text, escape, follow, parse_reference, references

Where = Literal["parameters", "for_each", "expects", "answer", "key"]
FindTool = Callable[[str], Tool | None]
REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A text or number of a plan. `role` is the argument it is given to; `is_default`: leaving it out is the same."""

    value: str | int | float
    where: Where
    role: str = ""
    is_default: bool = False

    @property
    def plain(self) -> str:
        """The text without its references; a number as digits."""
        return REFERENCE.sub(" ", self.value) if isinstance(self.value, str) else f"{self.value}"


def leaves(plan: Plan, find_tool: FindTool) -> list[Leaf]:
    """Every text and number of a plan, and the keys of data in its parameters."""
    found: list[Leaf] = []
    for step in plan.steps:
        tool = find_tool(step.action)
        properties = tool.input_schema.get("properties", {}) if tool is not None else {}
        for name, value in step.parameters.items():
            default = properties[name]["default"] if "default" in properties.get(name, {}) else _NONE
            same = type(value) is type(default) and value == default
            found += _below(value, "parameters", name, is_default=same)
        found += _below(step.for_each, "for_each", "for_each")
        found += [Leaf(text, "expects") for text in step.expects]
    return [*found, Leaf(plan.answer, "answer")] if plan.answer else found


_NONE = object()


def _below(value: Any, where: Where, role: str, *, is_default: bool = False) -> Iterator[Leaf]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield Leaf(str(key), "key")
            yield from _below(inner, where, str(key))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _below(inner, where, role)
    elif isinstance(value, str):
        yield Leaf(unicodedata.normalize("NFC", value), where, role, is_default)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield Leaf(value, where, role, is_default)


def rewritten(plan: Plan, change: Callable[[Any], Any]) -> Plan:
    """The plan with every text and number of its parameters, for_each and answer changed."""

    def inside(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: inside(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [inside(inner) for inner in value]
        return value if value is None or isinstance(value, bool) else change(value)

    steps = tuple(
        replace(step, parameters=inside(step.parameters), for_each=inside(step.for_each)) for step in plan.steps
    )
    return replace(plan, steps=steps, answer=None if plan.answer is None else change(plan.answer))


def in_plain_text(text: str, change: Callable[[str], str]) -> str:
    """A text of a plan with what stands between its references changed."""
    parts: list[str] = []
    position = 0
    for match in REFERENCE.finditer(text):
        parts += [change(text[position : match.start()]), match[0]]
        position = match.end()
    return "".join([*parts, change(text[position:])])


def filled(plan: Plan, names: frozenset[str]) -> Plan:
    """The plan with literals instead of references to the inputs `names`, which are then no inputs of it."""

    def value_of(match: re.Match[str]) -> Any:
        reference = _reference(match)
        if reference is None or reference.step != INPUTS or not reference.path or reference.path[0] not in names:
            return match[0]
        return escape(follow(plan.inputs, reference.path))

    def change(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        whole = REFERENCE.fullmatch(value)
        if whole is not None and whole[1] is not None:
            return value_of(whole)
        return REFERENCE.sub(lambda match: as_text(value_of(match)), value)

    kept = {name: value for name, value in plan.inputs.items() if name not in names}
    return replace(rewritten(plan, change), inputs=kept)


def _reference(match: re.Match[str]) -> Reference | None:
    return None if match[1] is None else parse_reference(match[1])


def used_inputs(plan: Plan) -> set[str]:
    """The names of the inputs a plan refers to; an empty one stands for all of them together."""
    found = [r for step in plan.steps for r in _of(step)] + list(references(plan.answer))
    return {str(r.path[0]) if r.path else "" for r in found if r.step == INPUTS}


def positions(plan: Plan) -> set[int]:
    """The list positions that references of a plan name."""
    found = [r for step in plan.steps for r in _of(step)] + list(references(plan.answer))
    return {part for r in found for part in r.path if isinstance(part, int)}


def _of(step: Step) -> list[Reference]:
    return [*references(step.parameters), *references(step.for_each)]
