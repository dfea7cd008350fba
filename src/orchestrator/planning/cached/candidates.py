"""The values of a goal that may become inputs of its plan. Rule: only what the plan holds whole, in one role."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ....errors import PlanloomError
from ..plan import Plan
from .leaves import Leaf, used_inputs
from .places import Place, Shape, folded, kind_of


class NotKeptError(PlanloomError):
    """A plan is not kept; says why."""


@dataclass(frozen=True, slots=True)
class Value:
    """Something that may become, or is, an input; `name` is set for what was given by name."""

    place: Place
    exact: Any
    name: str = ""

    def is_whole(self, value: Any) -> bool:
        """Whether a literal is this value and nothing else."""
        if isinstance(value, str) or isinstance(self.exact, str):
            return bool(value == self.place.text) and isinstance(value, str)
        return bool(value == self.exact)

    @property
    def embedded(self) -> re.Pattern[str]:
        """It inside a longer text, not as a part of a longer word, path or number; a slash behind it may follow."""
        return re.compile(rf"(?<![\w./\\~@:+-]){re.escape(self.place.text)}(?![\w\\~@+-])(?!/\S)(?![.:,]\w)")


def from_given(given: Mapping[str, Any], plan: Plan, found: Sequence[Leaf]) -> list[Value]:
    """The given values that the plan uses, by reference or as literals."""
    used = used_inputs(plan)
    values = []
    for name, value in given.items():
        if isinstance(value, (bool, Mapping)) or value is None:
            raise NotKeptError(f"the input {name!r} is neither text, number nor list")
        kind = kind_of(value) if isinstance(value, str) else type(value).__name__
        made = Value(Place(kind, str(value)), value, name)
        literal = isinstance(value, (str, int, float)) and value != "" and any(made.is_whole(f.value) for f in found)
        if literal and sum(other == value for other in given.values()) > 1:
            raise NotKeptError(f"several inputs are {value!r}, and a step holds it as a literal")
        if name in used or literal:
            values.append(made)
    return values


def from_goal(shape: Shape, given: Sequence[Value], found: Sequence[Leaf]) -> list[Value]:
    """The values of the goal that stand in it once, and in the plan as whole literals in one role."""
    texts = Counter([*(folded(place.text) for place in shape.places), *shape.words])
    taken = {folded(value.place.text) for value in given}
    numbers = Counter(place.number for place in shape.places if place.number is not None)
    values = []
    for place in shape.places:
        text = folded(place.text)
        twice = place.number is not None and numbers[place.number] > 1
        if not text.strip() or texts[text] > 1 or text in taken or twice:
            continue
        value = _as_used(place, found)
        if value is not None:
            values.append(value)
    names = [value for value in values if value.place.kind == "name"]
    if len(names) < sum(place.kind == "name" for place in shape.places):
        values = [value for value in values if value not in names]  # capitals may mean something else here
    return sorted(values, key=lambda value: -len(value.place.text))


def _as_used(place: Place, found: Sequence[Leaf]) -> Value | None:
    """The value as the plan has it, as text or as a number; None when it has none, or both, or in several roles."""
    as_number = None if place.number is None else Value(place, place.number)
    as_words = Value(place, place.text)
    numbers = [leaf for leaf in found if as_number is not None and takes(leaf) and as_number.is_whole(leaf.value)]
    texts = [leaf for leaf in found if takes(leaf) and as_words.is_whole(leaf.value)]
    if bool(numbers) == bool(texts):
        return None
    distinct = place.kind.startswith(("file", "link", "text", "date"))
    if not distinct and len({leaf.role for leaf in (*numbers, *texts)}) > 1:
        return None
    return as_number if numbers else as_words


def takes(leaf: Leaf) -> bool:
    """Whether a reference may stand there, and the plan says it on purpose."""
    return leaf.where in ("parameters", "for_each")
