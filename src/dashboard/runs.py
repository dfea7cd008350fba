"""One run in numbers, from its events. Rule: pure; texts of goals are kept short, results not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import events
from ..events import Event
from ..loadtest.folding import kind
from ..printable import printable

_GOAL = 120
RUNNING = "running"


@dataclass(slots=True)
class Step:
    """A call that a run made; times are Unix seconds. `ended` None: it is under way."""

    id: str
    action: str
    began: float
    ended: float | None = None
    status: str = RUNNING


@dataclass(slots=True)
class Call:
    """A request to a model, which ended at `at`; `usd` None: its price is unknown."""

    at: float
    role: str
    model: str
    tokens: int
    usd: float | None
    seconds: float
    waited_s: float
    outcome: str


@dataclass(slots=True, kw_only=True)
class Run:
    """A run. `seconds` None: it is not over. `arrangement` is how it was planned, or what its inputs call it."""

    session: str
    id: str
    began: float
    goal: str = ""
    arrangement: str = ""
    status: str = RUNNING
    kind: str = ""
    seconds: float | None = None
    approvals: int = 0
    steps: dict[str, Step] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)

    @property
    def ended(self) -> float | None:
        """Unix seconds of its end."""
        return None if self.seconds is None else self.began + self.seconds

    @property
    def tokens(self) -> int:
        """Tokens of all its calls."""
        return sum(call.tokens for call in self.calls)

    @property
    def usd(self) -> float | None:
        """Dollars of all its calls; None: a price is unknown."""
        known = [call.usd for call in self.calls if call.usd is not None]
        return sum(known) if len(known) == len(self.calls) else None


class Runs:
    """The runs of one session."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._runs: dict[str, Run] = {}
        self._actions: dict[tuple[str, str], str] = {}

    def all(self) -> list[Run]:
        """Every run, in the order in which they began."""
        return list(self._runs.values())

    def take(self, event: Event) -> None:
        """Takes one event in."""
        if not event.run_id:
            return
        run = self._runs.get(event.run_id)
        if run is None:
            run = self._runs[event.run_id] = Run(session=self._session, id=event.run_id, began=event.at)
        match event.payload:
            case events.RunAccepted() as said:
                run.goal = _short(said.goal)
                run.arrangement = f"playbook:{said.playbook}" if said.playbook else ""
            case events.RunStarted() as said:
                run.goal = run.goal or _short(said.goal)
                run.arrangement = arrangement(said.plan_source, said.inputs, said.settings)
            case events.RunResumed():
                run.status, run.seconds = RUNNING, None
            case events.RunFinished() as said:
                run.status, run.seconds = said.status, event.at - run.began
                run.kind = "" if said.status == "done" else run.kind or kind(said.reason or said.status)
            case events.ApprovalAsked():
                run.approvals += 1
            case events.ModelCall() as said:
                tokens = said.prompt_tokens + said.completion_tokens
                run.calls.append(
                    Call(
                        event.at,
                        said.role,
                        said.model,
                        tokens,
                        said.cost_usd,
                        said.seconds,
                        said.waited_s,
                        said.outcome,
                    )
                )
            case events.StepAdded() as said:
                self._actions[run.id, said.step] = said.action
            case events.StepStarted() as said:
                run.steps[said.step] = Step(said.step, self._actions.get((run.id, said.step), ""), event.at)
            case events.StepFinished() as said:
                self._ended(run, said, event.at)

    def _ended(self, run: Run, said: events.StepFinished, at: float) -> None:
        step = run.steps.get(said.step)
        if step is not None and not said.reused:
            step.ended, step.status = at, said.status
        if said.status == "failed" and not run.kind:
            run.kind = kind(said.error or "failed")


def arrangement(plan_source: str, inputs: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """How a run was arranged: what its inputs say, else where its plan came from and in what order its steps ran."""
    named = inputs.get("arrangement") if isinstance(inputs, Mapping) else None
    schedule = settings.get("schedule", "") if isinstance(settings, Mapping) else ""
    told = f"{plan_source}, {named}" if isinstance(named, str) and named else plan_source
    return told if schedule in ("", "dataflow") else f"{told}, {schedule}"


def _short(text: str) -> str:
    line = " ".join(printable(text).split())
    return line if len(line) <= _GOAL else line[: _GOAL - 1] + "…"
