"""What is left of a plan when its inputs are taken out. Rule: in doubt it may follow from one of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from ..plan import Plan
from .candidates import Value, takes
from .leaves import Leaf, positions
from .places import Place, Shape, components, shape_of

_SAFE = re.compile(r"[\w ./~@+-]*")
_NUMERIC = ("number", "decimal")
_LEARNT = ("name", "code", "text", "date")
_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_LONG_GIVEN = 200


class Rest:
    """What is left of a plan when its inputs are taken out, against what the goal says beside them."""

    def __init__(self, shape: Shape, values: Sequence[Value], found: Sequence[Leaf], plan: Plan) -> None:
        texts = {value.place.text for value in values}
        wording = [*shape.words, *(place.text for place in shape.places if place.text not in texts)]
        rest = [leaf for leaf in found if not (takes(leaf) and any(v.is_whole(leaf.value) for v in values))]
        self._said = components(wording)
        self._rest = [(leaf, _without(leaf, values)) for leaf in rest]
        self._positions = positions(plan)
        self._counts = {n for n in Counter(step.action for step in plan.steps).values() if n > 1}
        self._counts |= {len(step.for_each) for step in plan.steps if isinstance(step.for_each, list)}

    def blocks(self, value: Value) -> bool:
        """Whether something of the rest may follow from a value."""
        place = value.place
        if value.name and len(place.text) > _LONG_GIVEN:
            return False
        if components([place.text]) & self._words("parameters", "for_each", "expects", "key"):
            return True
        if strong_words(place) & self._words("answer") or not self._is_safe(value):
            return True
        if value.name:
            return False
        if place.kind.startswith((*_NUMERIC, "date")) and self._has_numbers(place):
            return True
        return place.kind.partition(":")[0] in _LEARNT and self._has_words()

    def _words(self, *where: str, defaults: bool = True) -> set[str]:
        return components(
            text for leaf, text in self._rest if leaf.where in where and (defaults or not leaf.is_default)
        )

    def _is_safe(self, value: Value) -> bool:
        """Whether it may stand inside a longer text: with odd signs it could mean something there (a query)."""
        if _SAFE.fullmatch(value.place.text) and not isinstance(value.exact, float):
            return True
        longer = [leaf for leaf, _ in self._rest if isinstance(leaf.value, str)]
        if not isinstance(value.exact, float):
            longer = [leaf for leaf in longer if leaf.where != "answer"]
        return not any(value.embedded.search(leaf.plain) for leaf in longer)

    def _has_numbers(self, place: Place) -> bool:
        """Whether the rest has a number the goal does not say: it may have been worked out."""
        found = self._words("parameters", "for_each", "key", "answer", defaults=False)
        checks = self._words("expects") - {"0"}
        numbers = {part for part in found | checks if part.isdigit() or part in _WORDS[2:]}
        number = place.number
        counted = number is not None and (number in self._counts or (number == 1 and 0 in self._positions))
        return bool(numbers - self._said) or any(n > 0 for n in self._positions) or counted

    def _has_words(self) -> bool:
        """Whether the rest has a word the goal does not say: it may be a translation, a code, a place's figure."""
        found = self._words("parameters", "for_each", "key", defaults=False)
        prose = [text for leaf, text in self._rest if leaf.where in ("answer", "expects")]
        names = {p.text for text in prose for p in shape_of(text).places if p.kind == "name"}
        return bool((found | components(names)) - self._said)


def _without(leaf: Leaf, values: Iterable[Value]) -> str:
    """A leaf's text without the values that would be replaced in it."""
    text = leaf.plain
    if isinstance(leaf.value, str) and leaf.where in ("parameters", "for_each", "answer"):
        for value in values:
            text = value.embedded.sub(" ", text) if value.place.text else text
    return text


def strong_words(place: Place) -> set[str]:
    """The words by which people would speak of a value: of a path the last name without its ending."""
    return components([PurePath(place.text).stem if place.kind.startswith("file") else place.text])
