"""A run as its journal tells it, so that another process can go on with it. Rule: a pure fold over events.

What was acknowledged counts: results with their verdicts, answers, cancels, the plan as far as it was known. What was
under way does not, except that a write that was running is remembered as interrupted.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from ... import events
from ...errors import UsageError
from ...events import ApprovalAnswered, ApprovalAsked, ArtifactCreated, Event, StepFinished
from ..planning import dag
from ..planning.files import parse
from ..planning.plan import Plan, Step
from ..running.past import Kept, Past, judged, question_key
from ..running.ticks import Verdict
from ..running.values import Stored


@dataclass(slots=True, kw_only=True)
class Recovered:
    """A run so far. `plan` None: it was accepted and not planned yet; `is_whole`: all of its steps are known.

    `status` None: its process ended in the middle. `is_forgotten`: texts of it went with facts that were forgotten.
    `open` are the approvals that wait for an answer, by step. `seconds` is the time in which a process worked on it.
    """

    run_id: str
    session_id: str
    goal: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    playbook: str | None = None
    given: Plan | None = None
    source: str = ""
    plan: Plan | None = None
    is_whole: bool = False
    out: str = ""
    replans: int = 0
    past: Past = field(default_factory=Past)
    overrides: dict[str, dict[str, Any]] = field(default_factory=dict)
    status: events.RunStatus | None = None
    reason: str = ""
    answer: str = ""
    cancelled: str | None = None
    is_forgotten: bool = False
    open: dict[str, ApprovalAsked] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    finished: dict[str, StepFinished] = field(default_factory=dict)
    verified: dict[str, events.VerdictStatus] = field(default_factory=dict)
    files: dict[str, tuple[ArtifactCreated, ...]] = field(default_factory=dict)
    actions: dict[str, str] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do: it ended, and not only to wait for people."""
        return self.status is not None and self.status != "needs_approval"


def recover(run_id: str, session_id: str, told: Iterable[Event]) -> Recovered | None:
    """What the events of a session tell of one run; None when they don't mention it."""
    fold = _Fold(run_id, session_id)
    for event in told:
        if event.run_id == run_id:
            fold.add(event)
    return fold.finish() if fold.heard else None


def reopened(run: Recovered, from_step: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The steps whose failures count no more when the run goes on, and those whose results don't either.

    Raises:
        UsageError: the run has no step `from_step`.
    """
    retried = tuple(n for n, event in run.finished.items() if event.status != "ok") if run.is_over else ()
    if from_step is None:
        return retried, ()
    if run.plan is None or from_step not in run.actions:
        raise UsageError(f"expected a step of run {run.run_id!r}, got {from_step!r}; it has: {', '.join(run.actions)}")
    return retried, tuple(_behind(run.plan, from_step, run.actions))


def _behind(plan: Plan, start: str, names: Iterable[str]) -> list[str]:
    """A step and all that depend on it, with the steps that a for_each among them became."""
    own = {step.id for step in plan.steps}
    origin = start if start in own else start.partition("[")[0]
    reached = {origin} | dag.descendants(plan, origin)
    items = [name for name in names if name not in own and name.partition("[")[0] in reached]
    if start != origin:  # one item of a for_each: its siblings keep their results
        items = [name for name in items if name == start or name.partition("[")[0] != origin]
    return [*reached, *items]


class _Fold:
    """Takes events in order. An outcome belongs to (step, key); `_turn` counts which of them comes next in a replay."""

    def __init__(self, run_id: str, session_id: str) -> None:
        self.run = Recovered(run_id=run_id, session_id=session_id)
        self.heard = False
        self._steps: dict[str, Step] = {}
        self._answer: str | None = None
        self._outcomes: dict[tuple[str, str], list[Kept]] = {}
        self._turn: Counter[tuple[str, str]] = Counter()
        self._current: dict[str, tuple[tuple[str, str], int]] = {}
        self._made: dict[str, list[ArtifactCreated]] = {}
        self._effects: dict[str, str] = {}
        self._confirmed: set[str] = set()
        self._began_at: float | None = None
        self._last_at = 0.0

    def add(self, event: Event) -> None:
        if not self.heard:
            self._began_at = event.at
        self.heard = True
        if isinstance(event.payload, events.RunResumed):
            self._end_stretch()
            self._began_at = event.at
        self._last_at = event.at
        handle = _HANDLERS.get(type(event.payload))
        if handle is not None:
            handle(self, event.payload)

    def _end_stretch(self) -> None:
        if self._began_at is not None:
            self.run.seconds += max(0.0, self._last_at - self._began_at)
        self._began_at = None

    def finish(self) -> Recovered:
        run = self.run
        self._end_stretch()
        if run.plan is not None:
            run.plan = replace(run.plan, steps=tuple(self._steps.values()), answer=self._answer, inputs=run.inputs)
        run.past.outcomes = {place: deque(kept) for place, kept in self._outcomes.items()}
        return run

    # ---- the run and its plan

    def accepted(self, said: events.RunAccepted) -> None:
        self.run.goal, self.run.inputs = said.goal, dict(said.inputs)
        self.run.playbook, self.run.out = said.playbook, said.out
        self.run.given = parse(said.plan) if said.plan is not None else None

    def started(self, said: events.RunStarted) -> None:
        run = self.run
        run.goal, run.inputs, run.source, run.out = said.goal, dict(said.inputs), said.plan_source, said.out
        run.is_whole = said.plan is not None
        self._set_plan(parse(said.plan) if said.plan is not None else Plan(goal=said.goal))

    def _set_plan(self, plan: Plan) -> None:
        self.run.plan, self._answer = plan, plan.answer
        self._steps = {step.id: step for step in plan.steps}

    def added(self, said: events.StepAdded) -> None:
        self._effects[said.step] = said.effect
        self.run.actions[said.step] = said.action
        if said.parent is None and said.step not in self._steps:
            self._steps[said.step] = _step(said)

    def ready(self, said: events.PlanReady) -> None:
        self.run.is_whole = True
        self._answer = said.answer if said.answer is not None else self._answer

    def changed(self, said: events.PlanChanged) -> None:
        """A new round: what was final serves every step with its key; all else of the old round is over."""
        self.run.replans += 1
        for event in self.run.finished.values():
            if event.status == "failed" and event.key is not None:
                self.run.past.keep(event.key, Kept(error=event.error or ""))
            if event.status == "ok" and self._effects.get(event.step) == "write":
                self.run.past.again.add(event.step)
        self.run.finished.clear()
        self.run.actions.clear()
        for place, kept in ((p, outcomes[-1]) for p, outcomes in self._outcomes.items()):
            if kept.stored is not None and not _failed(kept):
                self.run.past.keep(place[1], judged(kept, kept.verdict or Verdict("off")))
        self._outcomes.clear()
        self._current.clear()
        self._turn.clear()
        if said.plan is not None:
            self._set_plan(parse(said.plan))

    def resumed(self, said: events.RunResumed) -> None:
        run = self.run
        run.status, run.reason, run.answer = None, "", ""
        run.open.clear()
        self._turn.clear()
        self._current.clear()
        retried, forgotten = set(said.retried), set(said.forgotten)
        if retried or forgotten:
            self._forget(retried, forgotten)

    def _forget(self, retried: set[str], forgotten: set[str]) -> None:
        for place, outcomes in list(self._outcomes.items()):
            if place[0] in forgotten:
                del self._outcomes[place]
            elif place[0] in retried:
                is_write = self._effects.get(place[0]) == "write"
                kept = [k for k in outcomes if k.stored is not None and (is_write or not _failed(k))]
                self._outcomes[place] = kept
        past = self.run.past
        done = {name for name in forgotten if name in self.run.finished and self.run.finished[name].status == "ok"}
        past.again |= {name for name in done if self._effects.get(name) == "write"}
        if forgotten:
            past.rounds.clear()
        for name in forgotten:
            past.threads.by_step.pop(name, None)
        gone = retried | forgotten
        past.answers = {k: a for k, a in past.answers.items() if k[0] not in gone}
        past.cancelled = {step: reason for step, reason in past.cancelled.items() if step not in gone}

    def ended(self, said: events.RunFinished) -> None:
        self._end_stretch()
        self.run.status, self.run.reason, self.run.answer = said.status, said.reason, said.answer
        self.run.is_forgotten = said.forgotten

    # ---- steps

    def began(self, said: events.StepStarted) -> None:
        if self._effects.get(said.step) == "write":
            past = self.run.past
            past.interrupted.add(said.step)
            past.answers = {k: a for k, a in past.answers.items() if not _is_denial(k, a, said.step)}

    def retrying(self, said: events.StepRetrying) -> None:
        self.run.past.interrupted.discard(said.step)

    def file(self, said: ArtifactCreated) -> None:
        self._made.setdefault(said.step, []).append(said)

    def done(self, said: StepFinished) -> None:
        run = self.run
        run.finished[said.step] = said
        run.past.interrupted.discard(said.step)
        run.used["usd"] += 0 if said.reused else said.cost_usd  # type: ignore[assignment]  # dollars are no integers
        files = tuple(self._made.pop(said.step, ()))
        if said.key is None or said.status not in ("ok", "failed"):
            return
        place = (said.step, said.key)
        outcomes = self._outcomes.setdefault(place, [])
        turn = self._turn[place]
        self._turn[place] += 1
        if said.reused and turn < len(outcomes):
            run.files[said.step] = outcomes[turn].files
        elif said.status == "ok":
            stored = Stored(said.digest or "", said.value, said.stored)
            verdict = Verdict("off") if said.step in self._confirmed else None
            outcomes[turn:] = [Kept(stored=stored, files=files, verdict=verdict)]
            run.files[said.step] = files
        elif not (turn and turn == len(outcomes) and _failed(outcomes[-1])):
            outcomes[turn:] = [Kept(error=said.error or "")]
        self._current[said.step] = (place, turn)

    def verified(self, said: events.StepVerified) -> None:
        self.run.verified[said.step] = said.verdict
        place, turn = self._current.get(said.step, (None, 0))
        if place is not None and turn < len(self._outcomes.get(place, ())):
            verdict = Verdict(said.verdict, said.reason, tuple(said.by))
            self._outcomes[place][turn] = judged(self._outcomes[place][turn], verdict)

    # ---- people, cancels, costs

    def asked(self, said: ApprovalAsked) -> None:
        self.run.open[said.step] = said

    def answered(self, said: ApprovalAnswered) -> None:
        asked = self.run.open.pop(said.step, None)
        if asked is None:
            return
        run = self.run
        inputs = {name: value for name, value in said.changes.items() if name in run.inputs}
        own = {name: value for name, value in said.changes.items() if name not in inputs}
        run.inputs.update(inputs)
        if own and asked.kind != "plan":
            run.overrides.setdefault(said.step, {}).update(own)
        run.past.answers[question_key(asked, own)] = said
        if asked.kind == "in_doubt" and said.granted:
            self._confirmed.add(said.step)
        elif asked.kind == "in_doubt":
            run.past.interrupted.discard(said.step)

    def cancelling(self, said: events.CancelRequested) -> None:
        if said.step is None:
            self.run.cancelled = said.reason or "the run was cancelled"
        else:
            self.run.past.cancelled[said.step] = said.reason or "cancelled"

    def talked(self, said: events.Payload) -> None:
        self.run.past.threads.apply(said)

    def messaged(self, said: events.AgentMessage) -> None:
        self.run.past.messages.append(said)

    def called(self, said: events.ModelCall) -> None:
        used = self.run.used
        used["model_calls"] += 1
        used["tokens"] += said.prompt_tokens + said.completion_tokens
        used["usd"] += said.cost_usd or 0  # type: ignore[assignment]


def _is_denial(question: tuple[str, str, str], answered: ApprovalAnswered, step: str) -> bool:
    """Whether it was said that an effect had not happened; true only until the write begins again."""
    return question[:2] == (step, "in_doubt") and not answered.granted


def _failed(kept: Kept) -> bool:
    return kept.verdict is not None and kept.verdict.status == "fail"


def _step(said: events.StepAdded) -> Step:
    given: dict[str, Any] = {**(said.options or {})}
    given["expects"] = tuple(given.get("expects", ()))
    return Step(
        id=said.step,
        action=said.action,
        parameters=said.parameters or {},
        dependencies=tuple(said.dependencies),
        **given,
    )


_HANDLERS: dict[type, Callable[[_Fold, Any], None]] = {
    events.RunAccepted: _Fold.accepted,
    events.RunStarted: _Fold.started,
    events.StepAdded: _Fold.added,
    events.PlanReady: _Fold.ready,
    events.PlanChanged: _Fold.changed,
    events.RunResumed: _Fold.resumed,
    events.RunFinished: _Fold.ended,
    events.StepStarted: _Fold.began,
    events.StepRetrying: _Fold.retrying,
    ArtifactCreated: _Fold.file,
    StepFinished: _Fold.done,
    events.StepVerified: _Fold.verified,
    ApprovalAsked: _Fold.asked,
    ApprovalAnswered: _Fold.answered,
    events.CancelRequested: _Fold.cancelling,
    events.ModelCall: _Fold.called,
    events.AgentTurn: _Fold.talked,
    events.AgentCalled: _Fold.talked,
    events.AgentReturned: _Fold.talked,
    events.AgentMessage: _Fold.messaged,
}
