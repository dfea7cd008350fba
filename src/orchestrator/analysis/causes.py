"""Which event let a step go on. Rule: read from the events where they say it, else from who its inputs are."""

from __future__ import annotations

from collections.abc import Iterable

from ... import events
from .timeline import Mark, Round, Timeline

FINISHED = (events.StepFinished, events.StepVerified)


def made_ready(timeline: Timeline, turn: Round, mark: Mark, said: events.StepStarted) -> Mark | None:
    """The event that made the step of `mark`, its start, ready; None when there is none before."""
    number = mark.number
    match said.because:
        case "finished" if said.after == mark.step and mark.before is not None:
            return mark.before
        case "finished":
            found = turn.last(said.after, number, events.StepFinished)
        case "verified":
            found = turn.last(said.after, number, events.StepVerified)
        case "answered":
            found = turn.last(said.after, number, events.ApprovalAnswered)
        case "inputs":
            found = latest(answer for answer in turn.answers if answer.number < number)
        case "added":
            found = turn.last(mark.step, number, events.StepAdded)
        case _:
            found = None
    if found is not None:
        return found
    added = turn.added.get(mark.step)
    return last_input(timeline, turn, mark, settled=added is not None and added.effect == "write")


def last_input(timeline: Timeline, turn: Round, mark: Mark, *, settled: bool = False) -> Mark | None:
    """The last event of a step's inputs before `mark`; `settled`: it waited for every verdict on its way too."""
    names = turn.ancestors(mark.step) if settled else turn.inputs(mark.step)
    came = [_came(timeline, turn, name, mark.number, settled=settled) for name in names]
    joined = turn.last(mark.step, mark.number, events.StepAdded) if mark.before is not None else None
    return latest((*came, joined, _barrier(timeline, turn, mark))) or anything(turn, mark.number)


def last_part(timeline: Timeline, turn: Round, mark: Mark) -> Mark | None:
    """The last event of the steps that a for_each became, before its own end; that of its inputs if it became none."""
    kids = latest(_came(timeline, turn, kid, mark.number) for kid in turn.kids.get(mark.step, ()))
    if kids is None:
        return last_input(timeline, turn, mark)
    return latest((kids, _barrier(timeline, turn, mark)))


def anything(turn: Round, number: int) -> Mark | None:
    """The last event before this number that let others go on, else a step that joined."""
    last = turn.last_end(number)
    if last is not None:
        return last
    return latest(marks[0] for marks in turn.marks.values() if marks and marks[0].number < number)


def latest(marks: Iterable[Mark | None]) -> Mark | None:
    """The last of some events."""
    return max((mark for mark in marks if mark is not None), key=lambda mark: mark.number, default=None)


def _barrier(timeline: Timeline, turn: Round, mark: Mark) -> Mark | None:
    """The end of the generation before, where steps start in generations."""
    return turn.last_end(mark.number, events.StepFinished) if timeline.schedule == "generations" else None


def _came(timeline: Timeline, turn: Round, name: str, number: int, *, settled: bool = False) -> Mark | None:
    """The event with which a step's result could be used, or, for a for_each, its steps were known."""
    kinds = FINISHED if settled or timeline.verify_of(turn, name) == "blocking" else FINISHED[:1]
    found = turn.last(name, number, *kinds)
    if found is None and turn.kids.get(name):
        found = turn.last(turn.kids[name][-1], number, events.StepAdded)
    return found
