"""The events of a run in the order a reader needs them: stretches, rounds in them, and each step's own events.

Rule: a fold, nothing is judged here. Times never run backwards, whatever the machine's clock did.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ... import events
from ...events import Event, Payload

_FROM_OUTSIDE = (events.ApprovalAnswered, events.CancelRequested)  # may be written while no process runs the run
_OF_STEPS = (
    events.StepAdded,
    events.StepStarted,
    events.StepRetrying,
    events.StepFinished,
    events.StepVerified,
    events.StepInvalidated,
    events.ApprovalAsked,
    events.ApprovalAnswered,
)


@dataclass(slots=True, eq=False)
class Mark:
    """An event of a step. `number` is its place among all events of the run, `before` the step's event before it."""

    number: int
    at: float
    payload: Payload
    step: str
    before: Mark | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """A model call: it waited at a limit from `asked`, was sent at `sent`, and ended at `ended`."""

    asked: float
    sent: float
    ended: float
    call: events.ModelCall


@dataclass(slots=True)
class Round:
    """One plan's events in one stretch. `ends` are the events that let others go on, in order; `whole` that of a plan
    that is ready."""

    began: float
    is_replan: bool = False
    marks: dict[str, list[Mark]] = field(default_factory=lambda: defaultdict(list))
    added: dict[str, events.StepAdded] = field(default_factory=dict)
    kids: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    ends: list[Mark] = field(default_factory=list)
    answers: list[Mark] = field(default_factory=list)
    whole: Mark | None = None

    def last(self, step: str, before: int, *kinds: type[Payload]) -> Mark | None:
        """The last event of a step with a lower number, of one of these kinds where some are given."""
        for mark in reversed(self.marks.get(step, ())):
            if mark.number < before and (not kinds or isinstance(mark.payload, kinds)):
                return mark
        return None

    def last_end(self, before: int, *kinds: type[Payload]) -> Mark | None:
        """The last event that let others go on, with a lower number, of one of these kinds where some are given."""
        place = bisect_left(self.ends, before, key=lambda mark: mark.number)
        while place and kinds and not isinstance(self.ends[place - 1].payload, kinds):
            place -= 1
        return self.ends[place - 1] if place else None

    def inputs(self, step: str) -> Iterator[str]:
        """The steps whose results went into this one, directly."""
        added = self.added.get(step)
        if added is not None:
            yield from added.dependencies
            parent = self.added.get(added.parent or "")
            for name in parent.dependencies if parent is not None else ():
                if not any(kid in added.dependencies for kid in self.kids.get(name, ())):
                    yield name  # else it needs its item of that list, not the whole
        yield from self.kids.get(step, ())

    def ancestors(self, step: str) -> set[str]:
        """The steps whose results went into this one, directly or not."""
        found: set[str] = set()
        stack = [step]
        while stack:
            for name in self.inputs(stack.pop()):
                if name not in found and name != step:
                    found.add(name)
                    stack.append(name)
        return found


@dataclass(slots=True)
class Time:
    """A stretch in which a process ran the run, Unix seconds.

    Planning began at `accepted` (0: at once); `planned` is when a plan was there or began to come, `reviewed` when a
    person had answered whether it may run, or was asked, while there is no answer.

    `finish` None: nothing says how it ended.
    """

    began: float
    ended: float
    is_resumed: bool = False
    accepted: float = 0.0
    planned: float | None = None
    reviewed: Mark | None = None
    rounds: list[Round] = field(default_factory=list)
    finish: events.RunFinished | None = None
    cancelled: Mark | None = None


@dataclass(slots=True)
class Timeline:
    """A whole run. `start` is its first event's payload, None when the journal does not have it any more."""

    run_id: str = ""
    session_id: str = ""
    start: events.RunStarted | None = None
    goal: str = ""
    times: list[Time] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    replans: int = 0
    numbers: int = 0
    _at: float = 0.0

    @classmethod
    def of(cls, told: Iterable[Event]) -> Timeline:
        """The timeline of one run's events, in order."""
        timeline = cls()
        for event in told:
            timeline.add(event)
        return timeline

    def add(self, event: Event) -> None:
        """Takes in the next event."""
        self._at = at = max(self._at, event.at)
        self.numbers += 1
        payload = event.payload
        if not self.times:
            self.run_id, self.session_id = event.run_id, event.session_id
            self.times.append(Time(_beginning(at, payload), at, rounds=[Round(at)]))
        elif isinstance(payload, events.RunResumed):
            self.times.append(Time(at, at, is_resumed=True, rounds=[Round(at)]))
        time = self.times[-1]
        if time.finish is None and not isinstance(payload, _FROM_OUTSIDE):
            time.ended = at
        self._sort(time, payload, at)

    @property
    def schedule(self) -> str:
        """When steps of the run start, as in `config.Performance`."""
        return str(self.start.settings.get("schedule") or "dataflow") if self.start is not None else "dataflow"

    def verify_of(self, turn: Round, step: str) -> str:
        """When a step's result is checked: off, background or blocking; a for_each says it for its steps."""
        added = turn.added.get(step)
        if added is not None and added.parent is not None:
            added = turn.added.get(added.parent)
        own = (added.options or {}).get("verify") if added is not None else None
        return str(own or (self.start.settings.get("verify") if self.start else None) or "background")

    def _sort(self, time: Time, payload: Payload, at: float) -> None:
        match payload:
            case events.PlanChanged():
                self.replans += 1
                time.rounds.append(Round(at, is_replan=True))
            case events.PlanReady():
                time.rounds[-1].whole = Mark(self.numbers, at, payload, "")
            case events.ModelCall(seconds=seconds, waited_s=waited):
                self.uses.append(Use(at - seconds - waited, at - seconds, at, payload))
            case events.Notice(text=text, step=step):
                self.notices.append(f"{step}: {text}" if step else text)
            case events.ApprovalAsked(kind="plan", step=step):
                time.reviewed = Mark(self.numbers, at, payload, step)
            case events.ApprovalAnswered(step=step) if _is_answer(time.reviewed, step):
                time.reviewed = Mark(self.numbers, at, payload, step, time.reviewed)
            case events.CancelRequested(step=None):
                time.cancelled = Mark(self.numbers, at, payload, "")
            case _:
                self._bound(time, payload, at)
                self._mark(time.rounds[-1], payload, at)

    def _bound(self, time: Time, payload: Payload, at: float) -> None:
        """Takes in the beginning or the end of a run."""
        match payload:
            case events.RunAccepted(goal=goal):
                self.goal, time.accepted = goal, at
            case events.RunStarted():
                self.start, self.goal = payload, payload.goal or self.goal
                time.planned = at
            case events.RunFinished(seconds=seconds):
                time.finish = payload
                if len(self.times) == 1:
                    time.began = min(time.began, at - seconds)

    def _mark(self, turn: Round, payload: Payload, at: float) -> None:
        if not isinstance(payload, _OF_STEPS):
            return
        step = payload.step
        own = turn.marks[step]
        mark = Mark(self.numbers, at, payload, step, own[-1] if own else None)
        own.append(mark)
        match payload:
            case events.StepAdded(parent=parent):
                turn.added[step] = payload
                if parent is not None and step not in turn.kids[parent]:
                    turn.kids[parent].append(step)
            case events.StepFinished() | events.StepVerified():
                turn.ends.append(mark)
            case events.ApprovalAnswered():
                turn.answers.append(mark)


def _beginning(at: float, payload: Payload) -> float:
    """When what the first event tells of began."""
    return at - payload.seconds - payload.waited_s if isinstance(payload, events.ModelCall) else at


def _is_answer(asked: Mark | None, step: str) -> bool:
    """Whether an answer under this name is the one to the question about the plan."""
    return asked is not None and asked.step == step and isinstance(asked.payload, events.ApprovalAsked)
