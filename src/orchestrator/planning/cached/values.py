"""The values of a kept plan's inputs for another goal. Rule: exact, or none at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plan import INPUTS, references
from .files import Kept
from .places import Place, Shape, folded, kind_of, mark_of, shape_of

_SAFE_INSIDE = frozenset(" ./~@+-_")


def values_for(kept: Kept, shape: Shape, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """The inputs' values for a goal; None when the goal is another, or a value is not of the kind it must be."""
    own = shape_of(kept.goal)
    if set(given) != set(kept.given) or any(not _fits(kept.given[n], value) for n, value in given.items()):
        return None
    if own.wording == shape.wording:
        return {**_read(kept, kept.places), **given}
    if own.frame != shape.frame:
        return None
    inputs = {text: name for name, text in kept.places.items()}
    texts: dict[str, str] = {}
    for old, new in zip(own.places, shape.places, strict=True):
        if old.text in inputs:
            texts[inputs[old.text]] = new.text
        elif not _same(old, new):
            return None
    inside = _embedded(kept)
    if any(not _is_harmless(text) for name, text in texts.items() if name in inside):
        return None
    return {**_read(kept, texts, shape), **given}


def _same(one: Place, other: Place) -> bool:
    if one.kind == "name":
        return folded(one.text) == folded(other.text)
    return one.text == other.text


def _fits(wanted: str, value: Any) -> bool:
    if wanted.startswith("="):
        return wanted[1:] == mark_of([value])
    return wanted == (kind_of(value) if isinstance(value, str) else type(value).__name__)


def _read(kept: Kept, texts: Mapping[str, str], shape: Shape | None = None) -> dict[str, Any]:
    """Texts of the goal as the inputs' values: numbers where the plan has numbers."""
    places = {place.text: place for place in (shape or shape_of(kept.goal)).places}
    return {
        name: places[text].number if kept.playbook.inputs[name].type == "number" else text
        for name, text in texts.items()
    }


def _embedded(kept: Kept) -> set[str]:
    """The inputs that stand inside longer texts of parameters, where odd signs could mean something."""
    found: set[str] = set()

    def look(value: Any) -> None:
        if isinstance(value, Mapping):
            for inner in value.values():
                look(inner)
        elif isinstance(value, (list, tuple)):
            for inner in value:
                look(inner)
        elif isinstance(value, str):
            inside = [r for r in references(value) if r.step == INPUTS and r.path and str(r) != value]
            found.update(str(r.path[0]) for r in inside)

    for step in kept.playbook.steps:
        look(step.parameters)
        look(step.for_each)
    return found


def _is_harmless(text: str) -> bool:
    return all(character.isalnum() or character in _SAFE_INSIDE for character in text)
