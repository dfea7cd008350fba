"""A large plan as fewer boxes, for pictures. Rule: the edges between boxes stay those of the plan, and stay acyclic.

Folded are, until few enough are left: equal neighbours (same action, same inputs, same users), chains without
branches, steps of one wave with the same action, whole waves and ranges of waves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from .. import dag
from . import Explained, Explanation

LINKS = 8  # the most boxes of a chain folded into one
RANGES = 20  # into how many ranges of waves the largest plans are folded


@dataclass(frozen=True, slots=True)
class Box:
    """One or more steps drawn as one; never empty."""

    steps: tuple[Explained, ...]

    @property
    def id(self) -> str:
        """The first step's id."""
        return self.steps[0].id


@dataclass(frozen=True, slots=True)
class Folded:
    """`boxes` by id in the plan's order; `inputs` are the boxes each box waits for."""

    boxes: Mapping[str, Box]
    inputs: Mapping[str, tuple[str, ...]]

    def layers(self) -> list[list[str]]:
        """The boxes' waves, each in the plan's order."""
        place = {name: number for number, name in enumerate(self.boxes)}
        return [sorted(wave, key=place.__getitem__) for wave in dag.waves(self.inputs)]


def fold(explanation: Explanation, *, most: int, longest: int) -> Folded:
    """At most `most` boxes in at most `longest` waves; a plan that is small enough stays as it is."""
    folded = Folded(
        {step.id: Box((step,)) for step in explanation.steps}, {step.id: step.after for step in explanation.steps}
    )
    for rule in (_twins, _chains, _alike, _chains):
        if len(folded.boxes) <= most and len(folded.layers()) <= longest:
            return folded
        folded = _joined(folded, rule(folded))
    if len(folded.boxes) <= most and len(folded.layers()) <= longest:
        return folded
    return _joined(folded, _ranges(folded))


def _groups(names: Iterable[str], key: Callable[[str], Hashable], least: int) -> list[list[str]]:
    found: dict[Hashable, list[str]] = {}
    for name in names:
        found.setdefault(key(name), []).append(name)
    return [group for group in found.values() if len(group) >= least]


def _users(folded: Folded) -> dict[str, list[str]]:
    users: dict[str, list[str]] = {name: [] for name in folded.boxes}
    for name, sources in folded.inputs.items():
        for source in sources:
            users[source].append(name)
    return users


def _actions(box: Box) -> tuple[str, ...]:
    return tuple(step.action for step in box.steps)


def _twins(folded: Folded) -> list[list[str]]:
    users = _users(folded)

    def key(name: str) -> Hashable:
        return _actions(folded.boxes[name]), frozenset(folded.inputs[name]), frozenset(users[name])

    return _groups(folded.boxes, key, 3)


def _chains(folded: Folded) -> list[list[str]]:
    users = _users(folded)

    def follows(name: str) -> bool:
        sources = folded.inputs[name]
        return len(sources) == 1 and len(users[sources[0]]) == 1

    chains = []
    for name in folded.boxes:
        if follows(name):
            continue
        chain = [name]
        while len(users[chain[-1]]) == 1 and follows(users[chain[-1]][0]):
            chain.append(users[chain[-1]][0])
        pieces = [chain[start : start + LINKS] for start in range(0, len(chain), LINKS)]
        chains += [piece for piece in pieces if len(piece) > 1]
    return chains


def _alike(folded: Folded) -> list[list[str]]:
    wave = {name: number for number, names in enumerate(folded.layers()) for name in names}
    return _groups(folded.boxes, lambda name: (wave[name], frozenset(_actions(folded.boxes[name]))), 2)


def _ranges(folded: Folded) -> list[list[str]]:
    layers = folded.layers()
    each = math.ceil(len(layers) / RANGES)
    return [[name for layer in layers[start : start + each] for name in layer] for start in range(0, len(layers), each)]


def _joined(folded: Folded, groups: Sequence[Sequence[str]]) -> Folded:
    """Each group as one box, in place of its first."""
    into = {name: group[0] for group in groups for name in group}
    members = {group[0]: group for group in groups}
    boxes: dict[str, Box] = {}
    inputs: dict[str, tuple[str, ...]] = {}
    for name, box in folded.boxes.items():
        if into.get(name, name) != name:
            continue
        group = members.get(name, (name,))
        steps = tuple(step for member in group for step in folded.boxes[member].steps)
        boxes[name] = Box(steps) if len(group) > 1 else box
        sources = dict.fromkeys(into.get(s, s) for member in group for s in folded.inputs[member])
        sources.pop(name, None)
        inputs[name] = tuple(sources)
    return Folded(boxes, inputs)
