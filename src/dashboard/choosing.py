"""Which runs a view shows. Rule: pure; an empty choice is everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Filters; `within_s` 0: whenever they began. `words` all have to be in the goal or the run's id."""

    within_s: float = 0.0
    sessions: frozenset[str] = frozenset()
    statuses: frozenset[str] = frozenset()
    arrangements: frozenset[str] = frozenset()
    words: str = ""


def chosen(runs: Sequence[Run], choice: Choice, *, now: float) -> list[Run]:
    """The runs that fit every filter, in their order."""
    words = choice.words.casefold().split()
    return [
        run
        for run in runs
        if (not choice.within_s or run.began >= now - choice.within_s)
        and (not choice.sessions or run.session in choice.sessions)
        and (not choice.statuses or run.status in choice.statuses)
        and (not choice.arrangements or run.arrangement in choice.arrangements)
        and all(word in f"{run.goal} {run.id}".casefold() for word in words)
    ]
