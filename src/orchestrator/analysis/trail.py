"""The segments a walk leaves behind, laid one before the other. Rule: each ends where the next one begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from .figures import Category, Segment
from .splitting import split
from .timeline import Mark, Time, Timeline, Use

_PLANNING = ("planner", "intake")
_ASKS_MODELS = "model."

Uses = Mapping[str | None, Sequence[Use]]


def by_step(timeline: Timeline) -> Uses:
    """Model calls by the step they were made for; None: for the run as a whole.

    A call that answered several steps at once names none; it counts for each of those that ask models by their nature.
    """
    found: dict[str | None, list[Use]] = {}
    for use in timeline.uses:
        found.setdefault(use.call.step, []).append(use)
    shared = [use for use in found.get(None, ()) if use.call.role == "worker"]
    for turn in (turn for time in timeline.times for turn in time.rounds) if shared else ():
        for step in turn.added.values():
            if step.action.startswith(_ASKS_MODELS):
                found.setdefault(step.step, []).extend(shared)
    return found


class Trail:
    """The segments of one stretch, from its end back. `at` is how far back they reach, Unix seconds."""

    def __init__(self, time: Time, uses: Uses) -> None:
        self.time = time
        self.at = time.ended
        self.found: list[Segment] = []
        self._uses = uses

    def take(self, start: float, category: Category, step: str | None = None, detail: str = "") -> None:
        """The time from `start` on went to this; nothing of it is left when `start` is behind `at`."""
        start = max(start, self.time.began)
        if start >= self.at:
            return
        last = self.found[-1] if self.found else None
        if last is not None and (last.category, last.step, last.detail) == (category, step, detail):
            self.found[-1] = replace(last, start_s=start)
        else:
            self.found.append(Segment(start_s=start, end_s=self.at, category=category, step=step, detail=detail))
        self.at = start

    def take_run(self, started: Mark, *, seconds: float = 0.0) -> Mark:
        """A try of a step; `seconds` is what its call took, 0: not known. Gives its start."""
        step = started.step
        call_began = max(started.at, self.at - seconds) if seconds else started.at
        working = [use for use in self._uses.get(step, ()) if use.call.role != "verifier"]
        self._take_calls(call_began, "tool", step, working)
        self.take(started.at, "overhead", step)
        return started

    def take_verification(self, start: float, step: str) -> None:
        """Verification; waits of the judge at model limits are told apart."""
        uses = [*self._uses.get(None, ()), *self._uses.get(step, ())]
        judging = [use for use in uses if use.call.role == "verifier"]
        self._take_calls(start, "verification", step, judging, only_waits=True)

    def take_answer(self, start: float) -> None:
        """What comes behind the last step: the writer's model, and work of our own."""
        uses = [use for use in self._uses.get(None, ()) if use.call.role == "writer"]
        self._take_calls(start, "overhead", None, uses, detail="answering")

    def take_review(self) -> None:
        """The time since a person was asked whether the plan may run, if one was."""
        answered = self.time.reviewed
        if answered is None:
            return
        if answered.before is not None:
            self.take(answered.at, "overhead")
        self.take((answered.before or answered).at, "approval", None, "plan")

    def take_planning(self, start: float) -> None:
        """Planning; waits of the planner at model limits are told apart."""
        uses = [use for use in self._uses.get(None, ()) if use.call.role in _PLANNING]
        self._take_calls(start, "planning", None, uses, only_waits=True)

    def _take_calls(
        self,
        start: float,
        category: Category,
        step: str | None,
        uses: Sequence[Use],
        *,
        only_waits: bool = False,
        detail: str = "",
    ) -> None:
        """As `take`, with the waits for limits of model calls told apart, and, if wanted, the calls themselves."""
        start = max(start, self.time.began)
        if start >= self.at:
            return
        for piece in reversed(split(start, self.at, category, uses, only_waits=only_waits)):
            self.take(piece.start, piece.category, step, piece.detail or detail)
