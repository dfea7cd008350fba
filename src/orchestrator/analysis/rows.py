"""Which rows a picture of a run has when there are more steps than room.

Rule: what failed, what waits for people, and what the run waited for keep rows of their own; the rest is folded into
groups, and every step is in exactly one row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .figures import Analysis, StepFigures

_URGENT = ("failed", "asking", "in_doubt", "running")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: a step, or several of the same kind. `depth` 1: a step that a for_each became, below its own row."""

    label: str
    steps: tuple[StepFigures, ...]
    depth: int = 0

    @property
    def step(self) -> StepFigures | None:
        """The step of a row that has only one."""
        return self.steps[0] if len(self.steps) == 1 else None

    @property
    def start_s(self) -> float:
        """When the first of them began; steps that never did come last."""
        return min(_start(step) for step in self.steps)

    @property
    def is_critical(self) -> bool:
        return any(step.is_critical for step in self.steps)


def fold(analysis: Analysis, room: int) -> list[Row]:
    """At most `room` rows (at least 3), in the order the steps began; 0: all of them."""
    leaves = analysis.leaves
    if not room or len(leaves) <= room:
        return _ordered(Row(label=step.id, steps=(step,)) for step in leaves)
    room = max(3, room)
    for key in (_family, _action, _band, _all):
        groups = _groups(leaves, key)
        if len(groups) <= room:
            break
    return _ordered(_rows(groups, room - len(groups), 0.03 * analysis.wall_s))


def _groups(steps: Sequence[StepFigures], key: Callable[[StepFigures], str]) -> dict[str, list[StepFigures]]:
    groups: dict[str, list[StepFigures]] = defaultdict(list)
    for step in steps:
        groups[key(step)].append(step)
    return groups


def _family(step: StepFigures) -> str:
    return f"{step.parent}[…]" if step.parent is not None else step.id


def _action(step: StepFigures) -> str:
    return f"{step.action}, generation {step.generation + 1}" if step.parent is None else f"{step.parent}[…]"


def _band(step: StepFigures) -> str:
    return step.action


def _all(step: StepFigures) -> str:
    return "all others"


def _rows(groups: dict[str, list[StepFigures]], free: int, long_s: float) -> Iterable[Row]:
    """A row for each group; up to `free` rows more for steps of groups that stand out, the most important first."""
    folded = [step for steps in groups.values() if len(steps) > 1 for step in steps if _stands_out(step, long_s)]
    chosen = {step.id for step in sorted(folded, key=_importance)[: max(0, free)]}
    for label, steps in groups.items():
        rest = [step for step in steps if step.id not in chosen]
        if len(rest) == 1:
            chosen.add(rest[0].id)
        elif rest:
            yield Row(label=f"{label} · {len(rest)} steps", steps=tuple(rest))
        yield from (Row(label=step.id, steps=(step,)) for step in steps if step.id in chosen)


def _stands_out(step: StepFigures, long_s: float) -> bool:
    return step.status in _URGENT or step.is_critical or step.run_s >= long_s or step.rejected + step.retries > 0


def _importance(step: StepFigures) -> tuple[bool, bool, float]:
    return (step.status not in _URGENT, not step.is_critical, -(step.run_s + step.wait_s))


def _ordered(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row.start_s)


def _start(step: StepFigures) -> float:
    spans = [span.start_s for span in step.spans]
    return min(spans) if spans else float("inf")


def load(steps: Sequence[StepFigures], edges: Sequence[float]) -> list[float]:
    """How many of the steps ran in the mean between each two neighbouring moments (ascending)."""
    found = [0.0] * (len(edges) - 1)
    for step in steps:
        for span in step.spans:
            if span.kind != "run":
                continue
            for place in range(len(found)):
                left, right = max(span.start_s, edges[place]), min(span.end_s, edges[place + 1])
                if right > left:
                    found[place] += (right - left) / (edges[place + 1] - edges[place])
    return found


def ticks(end: float, most: int) -> list[float]:
    """Round moments from 0 to `end`, at most `most` (at least 2), for an axis."""
    if end <= 0:
        return [0.0]
    step = _round_up(end / max(1, most - 1))
    return [step * number for number in range(int(end / step + 1e-9) + 1)]


def _round_up(value: float) -> float:
    """The next larger of 1, 2, 5 times a power of ten; above a minute of 1, 2, 5, 10, 15, 30 minutes and so on."""
    for unit in (60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400):
        if 30 < value <= unit:
            return float(unit)
    power = 10.0
    while power > value:
        power /= 10
    while power * 10 <= value:
        power *= 10
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= value * (1 - 1e-9))
