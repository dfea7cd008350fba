"""What a run waited for at every moment: a walk along its actual critical path, from the end back to the beginning.

Rule: the walk only ever moves back, and each move names what the time went to, so the segments are a partition of the
stretch by construction. After whom a step started is read from the events, not guessed, where they say it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ... import events
from .figures import Category, Segment
from .splitting import split
from .timeline import Mark, Time, Timeline, Use

_PLANNING = ("planner", "intake")
_WHOLE = ("plan", "file", "playbook", "cache")  # plans that are there before the run begins
_FINISHED = (events.StepFinished, events.StepVerified)


def blame(timeline: Timeline) -> list[Segment]:
    """The segments of all stretches, in order; times are Unix seconds."""
    uses = _by_step(timeline.uses)
    return [segment for time in timeline.times for segment in _Walk(timeline, time, uses).segments()]


def _by_step(uses: Sequence[Use]) -> dict[str | None, list[Use]]:
    found: dict[str | None, list[Use]] = {}
    for use in uses:
        found.setdefault(use.call.step, []).append(use)
    return found


class _Walk:
    """One stretch. `at` is how far back the walk is."""

    def __init__(self, timeline: Timeline, time: Time, uses: dict[str | None, list[Use]]) -> None:
        self.timeline = timeline
        self.time = time
        self.uses = uses
        self.at = time.ended
        self.round = time.rounds[-1]
        self.found: list[Segment] = []
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
        mark = self._end()
        while mark is not None and self.at > self.time.began:
            self._take(mark.at, "overhead")
            earlier = self.handlers.get(type(mark.payload), self._other)(mark, mark.payload)
            if earlier is not None and earlier.number >= mark.number:
                earlier = self._any(mark.number)
            mark = earlier
        if not self.time.is_resumed and not self.round.marks and self.round is self.time.rounds[0]:
            self._plan(self.time.began)
        self._take(self.time.began, "overhead")
        self.found.reverse()
        return self.found

    # ---- moving back

    def _take(self, start: float, category: Category, step: str | None = None, detail: str = "") -> None:
        """The time from `start` to where the walk stands went to this."""
        start = max(start, self.time.began)
        if start < self.at:
            self.found.append(Segment(start_s=start, end_s=self.at, category=category, step=step, detail=detail))
            self.at = start

    def _take_calls(
        self, start: float, category: Category, step: str | None, uses: Sequence[Use], *, only_waits: bool = False
    ) -> None:
        """As `_take`, with the model calls in it told apart: their waits for limits, and, if asked, the calls."""
        start = max(start, self.time.began)
        if start >= self.at:
            return
        for piece in reversed(split(start, self.at, category, uses, only_waits=only_waits)):
            self._take(piece.start, piece.category, step, piece.detail)

    def _plan(self, start: float) -> None:
        """Planning; waits of the planner at model limits are told apart."""
        uses = [use for use in self.uses.get(None, ()) if use.call.role in _PLANNING]
        self._take_calls(start, "planning", None, uses, only_waits=True)

    def _ran(self, started: Mark, *, seconds: float = 0.0) -> Mark:
        """A try of a step, up to where the walk stands; `seconds` is what its call took, 0: not known."""
        step = started.step
        call_began = max(started.at, self.at - seconds) if seconds else started.at
        self._take_calls(call_began, "tool", step, self.uses.get(step, ()))
        self._take(started.at, "overhead", step)
        return started

    # ---- where the walk begins

    def _end(self) -> Mark | None:
        """The last thing the run waited for; what came after it is the answer."""
        turn, never = self.round, 1 << 62
        status = self.time.finish.status if self.time.finish is not None else "cut"
        match status:
            case "done" | "failed":
                last = _latest((turn.last_end(never), turn.whole))
                if last is not None:
                    answering = [use for use in self.uses.get(None, ()) if use.call.role not in _PLANNING]
                    self._take_calls(last.at, "overhead", None, answering)
                return last
            case "needs_approval":
                asked = (turn.last(step, never, events.ApprovalAsked) for step in turn.marks)
                return _latest((turn.last_end(never), *asked))
            case "cancelled" if self.time.cancelled is not None:
                self._take(self.time.cancelled.at, "overhead", None, "cancelling")
                return self._under_way(self.time.cancelled.number)
            case "budget" | "cancelled":
                last = turn.last_end(never)
                stopped = self._stopped(last)
                if stopped is not last:
                    return self._under_way(stopped.number if stopped is not None else never)
                is_planning = turn.whole is None and not any(_is_cancelled(mark) for mark in turn.ends)
                return self._under_way(never) if is_planning else last
            case _:
                return self._under_way(never)

    def _stopped(self, last: Mark | None) -> Mark | None:
        """The first of the steps that were ended all at once at the end, `last` itself if it was not ended so."""
        first = last
        for mark in reversed(self.round.ends):
            if not _is_cancelled(mark):
                return first
            self._take(mark.at, "overhead")
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
                return self._ran(first)
            if category == "planning":
                return self._added(first, first.payload)
            self._take(first.at, category, first.step)
            return first
        return self._any(number)

    def _is_unjudged(self, mark: Mark) -> bool:
        """Whether a result was there and its verdict was not."""
        said, turn = mark.payload, self.round
        has_verdict = mark.step in turn.kids or self.timeline.verify_of(turn, mark.step) == "off"
        return isinstance(said, events.StepFinished) and said.status == "ok" and not has_verdict

    def _any(self, number: int) -> Mark | None:
        """The last event before this number that let others go on, else a step that joined."""
        last = self.round.last_end(number)
        if last is not None:
            return last
        firsts = [marks[0] for marks in self.round.marks.values() if marks and marks[0].number < number]
        return max(firsts, key=lambda mark: mark.number, default=None)

    # ---- what came before an event

    def _since(self, mark: Mark | None, step: str | None = None) -> Mark | None:
        """The gap behind an event is overhead of our own."""
        if mark is not None:
            self._take(mark.at, "overhead", step)
        return mark

    def _started(self, mark: Mark, said: events.StepStarted) -> Mark | None:
        added = self.round.added.get(mark.step)
        limit = added.action if added is not None else ""
        self._take(mark.at - said.limited_s, "limit_wait", mark.step, limit)
        self._take(mark.at - said.limited_s - said.queued_s, "queue", mark.step)
        own = mark.before
        if own is not None and isinstance(own.payload, events.StepRetrying):
            self._take(own.at, "back_off", mark.step)
            return own
        return self._since(self._made_ready(mark, said), mark.step)

    def _made_ready(self, mark: Mark, said: events.StepStarted) -> Mark | None:
        """The event that made a step ready."""
        turn, number = self.round, mark.number
        match said.because:
            case "finished" if said.after == mark.step and mark.before is not None:
                is_merged = isinstance(mark.before.payload, events.StepStarted)  # which failed: it runs alone now
                return self._ran(mark.before) if is_merged else mark.before
            case "finished":
                found = turn.last(said.after, number, events.StepFinished)
            case "verified":
                found = turn.last(said.after, number, events.StepVerified)
            case "answered":
                found = turn.last(said.after, number, events.ApprovalAnswered)
            case "inputs":
                found = _latest(answer for answer in turn.answers if answer.number < number)
            case "added":
                found = turn.last(mark.step, number, events.StepAdded)
            case _:
                found = None
        if found is not None:
            return found
        added = turn.added.get(mark.step)
        return self._last_input(mark, settled=added is not None and added.effect == "write")

    def _last_input(self, mark: Mark, *, settled: bool = False) -> Mark | None:
        """The last event of a step's inputs before it; `settled`: it waited for every verdict on its way too."""
        turn = self.round
        names = turn.ancestors(mark.step) if settled else turn.inputs(mark.step)
        came = [self._came(name, mark.number, settled=settled) for name in names]
        joined = turn.last(mark.step, mark.number, events.StepAdded) if mark.before is not None else None
        return _latest((*came, joined, self._barrier(mark))) or self._any(mark.number)

    def _barrier(self, mark: Mark) -> Mark | None:
        """The end of the generation before, where steps start in generations."""
        return self.round.last_end(mark.number, _FINISHED[0]) if self.timeline.schedule == "generations" else None

    def _came(self, name: str, number: int, *, settled: bool = False) -> Mark | None:
        """The event with which a step's result could be used, or, for a for_each, its steps were known."""
        turn = self.round
        kinds = _FINISHED if settled or self.timeline.verify_of(turn, name) == "blocking" else _FINISHED[:1]
        found = turn.last(name, number, *kinds)
        if found is None and turn.kids.get(name):
            found = turn.last(turn.kids[name][-1], number, events.StepAdded)
        return found

    def _finished(self, mark: Mark, said: events.StepFinished) -> Mark | None:
        own = mark.before
        match own.payload if own is not None else None:
            case events.StepStarted(batch=batch):
                assert own is not None
                known = said.status == "ok" and not batch and not said.reused
                if said.reused:
                    return self._since(own, mark.step)
                return self._ran(own, seconds=said.seconds if known else 0.0)
            case events.StepRetrying():
                assert own is not None
                self._take(own.at, "back_off", mark.step)
                return own
            case events.ApprovalAsked():
                assert own is not None
                self._take(own.at, "approval", mark.step)
                return own
            case events.ApprovalAnswered() | events.StepVerified(verdict="fail"):
                return self._since(own, mark.step)
        if said.caused_by:
            cause = self.round.last(said.caused_by, mark.number, *_FINISHED)
            return self._since(_latest((own, cause)), mark.step)
        kids = _latest(self._came(kid, mark.number) for kid in self.round.kids.get(mark.step, ()))
        return self._since(_latest((kids, self._barrier(mark))) if kids else self._last_input(mark), mark.step)

    def _verified(self, mark: Mark, said: events.StepVerified) -> Mark | None:
        result = self.round.last(mark.step, mark.number, events.StepFinished)
        if result is None:
            return self._any(mark.number)
        judging = [use for use in self.uses.get(None, ()) if use.call.role == "verifier"]
        judging += [use for use in self.uses.get(mark.step, ()) if use.call.role == "verifier"]
        self._take_calls(result.at, "verification", mark.step, judging, only_waits=True)
        return result

    def _retrying(self, mark: Mark, said: events.StepRetrying) -> Mark | None:
        started = mark.before
        if started is not None and isinstance(started.payload, events.StepStarted):
            return self._ran(started)
        return self._since(started or self._any(mark.number), mark.step)

    def _answered(self, mark: Mark, said: events.ApprovalAnswered) -> Mark | None:
        asked = mark.before
        if asked is None:
            return self._any(mark.number)
        self._take(asked.at, "approval", mark.step)
        return asked

    def _asked(self, mark: Mark, said: events.ApprovalAsked) -> Mark | None:
        own = mark.before
        if said.kind == "in_doubt" and own is not None and isinstance(own.payload, events.StepStarted):
            return self._ran(own)
        return self._since(self._last_input(mark, settled=True), mark.step)

    def _added(self, mark: Mark, said: Any) -> Mark | None:
        if isinstance(said, events.StepAdded) and said.parent is not None:
            parent = self.round.last(said.parent, mark.number, events.StepAdded)
            return self._since(_latest((parent, self._last_input(mark))), mark.step)
        if self.round.is_replan:
            return self._replanned(mark)
        if self.time.is_resumed:
            return None
        start = self.timeline.start
        was_whole = start is not None and start.plan_source.partition(":")[0] in _WHOLE
        if was_whole and self.time.planned is not None:
            self._take(self.time.planned, "overhead")
        self._plan(self.time.began)
        return None

    def _replanned(self, mark: Mark) -> Mark | None:
        """The walk goes on at the end of the round before; what lies between was planning."""
        place = self.time.rounds.index(self.round) - 1
        self.round = self.time.rounds[place]
        last = self.round.last_end(mark.number)
        if last is not None:
            self._plan(last.at)
        return last

    def _other(self, mark: Mark, said: Any) -> Mark | None:
        return self._since(mark.before or self._any(mark.number), mark.step)


def _is_cancelled(mark: Mark) -> bool:
    return isinstance(mark.payload, events.StepFinished) and mark.payload.status == "cancelled"


def _latest(marks: Iterable[Mark | None]) -> Mark | None:
    return max((mark for mark in marks if mark is not None), key=lambda mark: mark.number, default=None)
