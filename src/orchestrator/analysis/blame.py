"""What a run waited for at every moment: a walk along its actual critical path, from the end back to the beginning.

Rule: the walk only ever moves back, and each move names what the time went to, so the segments are a partition of the
stretch by construction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import events
from .causes import FINISHED, anything, last_input, last_part, latest, made_ready
from .figures import Category, Segment
from .timeline import Mark, Time, Timeline
from .trail import Trail, Uses, by_step

_WHOLE = ("plan", "file", "playbook", "cache")  # plans that are there before the run begins
_NEVER = 1 << 62


def blame(timeline: Timeline) -> list[Segment]:
    """The segments of all stretches, in order; times are Unix seconds."""
    uses = by_step(timeline)
    return [segment for time in timeline.times for segment in _Walk(timeline, time, uses).segments()]


class _Walk:
    """One stretch. A handler takes the time in front of its event, and gives the event that it waited for."""

    def __init__(self, timeline: Timeline, time: Time, uses: Uses) -> None:
        self.timeline = timeline
        self.time = time
        self.round = time.rounds[-1]
        self.trail = Trail(time, uses)
        self.handlers: dict[type, Callable[[Mark, Any], Mark | None]] = {
            events.StepStarted: self._started,
            events.StepFinished: self._finished,
            events.StepVerified: self._verified,
            events.StepRetrying: self._retrying,
            events.StepAdded: self._added,
            events.PlanReady: self._added,
            events.ApprovalAsked: self._asked,
            events.ApprovalAnswered: self._answered,
        }

    def segments(self) -> list[Segment]:
        """The stretch's segments, in order."""
        trail, began = self.trail, self.time.began
        mark = self._end()
        while mark is not None and trail.at > began:
            trail.take(mark.at, "overhead")
            earlier = self.handlers.get(type(mark.payload), self._other)(mark, mark.payload)
            if earlier is not None and earlier.number >= mark.number:
                earlier = anything(self.round, mark.number)
            mark = earlier
        if not self.round.marks and not self.round.is_replan and (not self.time.is_resumed or self.time.planned):
            self._planned()
        trail.take(began, "overhead", None, "starting")
        return trail.found[::-1]

    # ---- where the walk begins

    def _end(self) -> Mark | None:
        """The last thing the run waited for; what came after it is the answer."""
        turn = self.round
        last = turn.last_end(_NEVER)
        match self.time.finish.status if self.time.finish is not None else "cut":
            case "done" | "failed":
                last = latest((last, turn.whole))
                if last is not None:
                    self.trail.take_answer(last.at)
                return last
            case "needs_approval":
                return latest((last, *(turn.last(step, _NEVER, events.ApprovalAsked) for step in turn.marks)))
            case "cancelled" if self.time.cancelled is not None:
                self.trail.take(self.time.cancelled.at, "overhead", None, "cancelling")
                return self._under_way(self.time.cancelled.number)
            case "budget" | "cancelled":
                stopped = self._stopped(last)
                if stopped is not last:
                    return self._under_way(stopped.number if stopped is not None else _NEVER)
                is_planning = turn.whole is None and not any(_is_cancelled(mark) for mark in turn.ends)
                return self._under_way(_NEVER) if is_planning else last
            case _:
                return self._under_way(_NEVER)

    def _stopped(self, last: Mark | None) -> Mark | None:
        """The first of the steps that were ended all at once at the end, `last` itself if it was not ended so."""
        first = last
        for mark in reversed(self.round.ends):
            if not _is_cancelled(mark):
                return first
            self.trail.take(mark.at, "overhead")
            first = mark
        return first

    def _under_way(self, number: int) -> Mark | None:
        """What the run waited for when it was stopped: the step that ran longest, a retry, a verdict, the plan, a
        person, in this order."""
        turn = self.round
        lasts = [mark for step in turn.marks if (mark := turn.last(step, number)) is not None]
        waits: list[tuple[Category, list[Mark]]] = [
            ("tool", [mark for mark in lasts if isinstance(mark.payload, events.StepStarted)]),
            ("back_off", [mark for mark in lasts if isinstance(mark.payload, events.StepRetrying)]),
            ("verification", [mark for mark in lasts if self._is_unjudged(mark)]),
            ("planning", [] if turn.whole is not None or self.time.is_resumed else lasts),
            ("approval", [mark for mark in lasts if isinstance(mark.payload, events.ApprovalAsked)]),
        ]
        for category, marks in waits:
            if not marks:
                continue
            first = min(marks, key=lambda mark: mark.number)
            if category == "tool":
                return self.trail.take_run(first)
            if category == "planning":
                self._planned()
                return None
            self.trail.take(first.at, category, first.step)
            return first
        return anything(turn, number)

    def _is_unjudged(self, mark: Mark) -> bool:
        """Whether a result was there and its verdict was not."""
        said, turn = mark.payload, self.round
        has_none = mark.step in turn.kids or self.timeline.verify_of(turn, mark.step) == "off"
        return isinstance(said, events.StepFinished) and said.status == "ok" and not has_none

    # ---- what came before an event

    def _since(self, mark: Mark | None, step: str | None, category: Category = "overhead") -> Mark | None:
        """The time since an event went to this; without a name, to work of our own."""
        if mark is not None:
            self.trail.take(mark.at, category, step)
        return mark

    def _started(self, mark: Mark, said: events.StepStarted) -> Mark | None:
        added, own = self.round.added.get(mark.step), mark.before
        refused = mark.at - said.limited_s
        self.trail.take(refused, "limit_wait", mark.step, added.action if added is not None else "")
        self.trail.take(refused - said.queued_s, "queue", mark.step)
        if own is not None and isinstance(own.payload, events.StepRetrying):
            return self._since(own, mark.step, "back_off")
        if own is not None and isinstance(own.payload, events.StepStarted):
            return self._again(mark, own)
        return self._since(made_ready(self.timeline, self.round, mark, said), mark.step)

    def _again(self, mark: Mark, own: Mark) -> Mark:
        """A call that is started again without an end of its own: it was merged and failed, or waited for a person."""
        answers = (a for a in self.round.answers if own.number < a.number < mark.number and _is_below(a.step, own.step))
        answer = latest(answers)
        if answer is not None and answer.before is not None:
            self.trail.take(answer.at, "overhead", own.step)
            self.trail.take(answer.before.at, "approval", own.step)
        return self.trail.take_run(own)

    def _finished(self, mark: Mark, said: events.StepFinished) -> Mark | None:
        own = mark.before
        match own.payload if own is not None else None:
            case events.StepStarted() if own is not None and said.reused:
                return self._since(own, mark.step)
            case events.StepStarted(batch=batch) if own is not None:
                is_known = said.status == "ok" and not batch
                return self.trail.take_run(own, seconds=said.seconds if is_known else 0.0)
            case events.StepRetrying():
                return self._since(own, mark.step, "back_off")
            case events.ApprovalAsked():
                return self._since(own, mark.step, "approval")
            case events.ApprovalAnswered() | events.StepVerified(verdict="fail"):
                return self._since(own, mark.step)
        if said.caused_by:
            return self._since(latest((own, self.round.last(said.caused_by, mark.number, *FINISHED))), mark.step)
        return self._since(last_part(self.timeline, self.round, mark), mark.step)

    def _verified(self, mark: Mark, said: events.StepVerified) -> Mark | None:
        result = self.round.last(mark.step, mark.number, events.StepFinished)
        if result is None:
            return anything(self.round, mark.number)
        self.trail.take_verification(result.at, mark.step)
        return result

    def _retrying(self, mark: Mark, said: events.StepRetrying) -> Mark | None:
        started = mark.before
        if started is not None and isinstance(started.payload, events.StepStarted):
            return self.trail.take_run(started)
        return self._since(started or anything(self.round, mark.number), mark.step)

    def _answered(self, mark: Mark, said: events.ApprovalAnswered) -> Mark | None:
        return self._since(mark.before, mark.step, "approval") or anything(self.round, mark.number)

    def _asked(self, mark: Mark, said: events.ApprovalAsked) -> Mark | None:
        own = mark.before
        if own is not None and isinstance(own.payload, events.StepStarted):
            return self.trail.take_run(own)
        return self._since(last_input(self.timeline, self.round, mark, settled=True), mark.step)

    def _added(self, mark: Mark, said: Any) -> Mark | None:
        if isinstance(said, events.StepAdded) and said.parent is not None:
            parent = self.round.last(said.parent, mark.number, events.StepAdded)
            return self._since(latest((parent, last_input(self.timeline, self.round, mark))), mark.step)
        if self.round.is_replan:
            return self._replanned(mark)
        self._planned()
        return None

    def _planned(self) -> None:
        """The time to the beginning of the stretch went to planning, or, where a plan was there, to getting ready."""
        time, start = self.time, self.timeline.start
        if time.is_resumed and time.planned is None:
            return
        self.trail.take_review()
        if start is not None and start.plan_source.partition(":")[0] in _WHOLE and time.planned is not None:
            self.trail.take(time.planned, "overhead")
        self.trail.take_planning(time.accepted)

    def _replanned(self, mark: Mark) -> Mark | None:
        """The walk goes on at the end of the round before; what lies between was planning."""
        self.round = self.time.rounds[self.time.rounds.index(self.round) - 1]
        last = self.round.last_end(mark.number)
        if last is not None:
            self.trail.take_planning(last.at)
        return last

    def _other(self, mark: Mark, said: Any) -> Mark | None:
        return self._since(mark.before or anything(self.round, mark.number), mark.step)


def _is_below(name: str, step: str) -> bool:
    return name == step or name.startswith(f"{step}/")


def _is_cancelled(mark: Mark) -> bool:
    return isinstance(mark.payload, events.StepFinished) and mark.payload.status == "cancelled"
