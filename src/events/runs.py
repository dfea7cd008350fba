"""What happens to a run as a whole: taken on, planned, changed, over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from .payload import Payload, RunStatus


@dataclass(frozen=True, slots=True)
class RunAccepted(Payload):
    """A goal was taken on, before anything is planned; `plan` is the plan it came with, as in a plan file."""

    type: ClassVar[str] = "run.accepted"
    goal: str
    inputs: Mapping[str, Any]
    playbook: str | None = None
    plan: Mapping[str, Any] | None = None
    out: str = ""


@dataclass(frozen=True, slots=True)
class IntakeDone(Payload):
    """What was found out about a goal before planning: `kind` goal, follow_up, session or greeting; `language` empty:
    not sure; how many tools and facts fit it and how many earlier messages it goes on from; `failed` parts, with why.
    `recalled` are the ids of the facts.
    """

    type: ClassVar[str] = "intake.done"
    kind: str
    language: str
    tools: int
    facts: int
    earlier: int
    seconds: float
    failed: Mapping[str, str]
    recalled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunStarted(Payload):
    """A run began; `plan_source` is playbook:NAME, cache:NAME, plan or model.

    `plan` is the plan as in a plan file, as far as it was known; `out` the folder for the run's files.
    """

    type: ClassVar[str] = "run.started"
    goal: str
    inputs: Mapping[str, Any]
    plan_source: str
    settings: Mapping[str, Any]
    plan: Mapping[str, Any] | None = None
    out: str = ""


@dataclass(frozen=True, slots=True)
class RunResumed(Payload):
    """A run goes on after its process ended.

    `retried` are steps whose failures count no more, `forgotten` those whose results don't either.
    """

    type: ClassVar[str] = "run.resumed"
    goal: str = ""
    retried: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanReady(Payload):
    """The plan is whole; `answer` is the template that came with streamed steps, None: there is none."""

    type: ClassVar[str] = "plan.ready"
    steps: int
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class PlanChanged(Payload):
    """A replan: steps removed and added; `plan` is the whole changed plan as in a plan file."""

    type: ClassVar[str] = "plan.changed"
    removed: tuple[str, ...]
    added: tuple[str, ...]
    reason: str
    plan: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class CancelRequested(Payload):
    """Cancel of a step, or of the run when `step` is None."""

    type: ClassVar[str] = "cancel.requested"
    step: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Notice(Payload):
    """Something a person should know that changes nothing: a lint note, a fallback that was used."""

    type: ClassVar[str] = "notice"
    text: str
    step: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerToken(Payload):
    """A piece of the answer's text."""

    type: ClassVar[str] = "answer.token"
    text: str


@dataclass(frozen=True, slots=True)
class RunFinished(Payload):
    """The run is over; `reason` names what ended it when it was not the plan's end.

    `forgotten`: texts of it were removed since, with facts that were forgotten, so it can't go on any more.
    """

    type: ClassVar[str] = "run.finished"
    status: RunStatus
    reason: str
    answer: str
    seconds: float
    cost: Mapping[str, Any]
    forgotten: bool = False
