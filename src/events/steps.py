"""What happens to a step: from joining the plan to its verdict, the questions about it and the files it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from .payload import Payload, StepStatus, VerdictStatus


@dataclass(frozen=True, slots=True)
class StepAdded(Payload):
    """A step joined the plan; `parent` is the for_each step it was expanded from, None for others.

    `options` is what else the step says, as in a plan file; None: nothing.
    """

    type: ClassVar[str] = "plan.step_added"
    step: str
    action: str
    dependencies: tuple[str, ...]
    effect: str
    parent: str | None = None
    parameters: Mapping[str, Any] | None = None
    options: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StepStarted(Payload):
    """A step's call began; `batch` lists all steps of a merged call, empty when alone.

    It was ready for `queued_s` without a place in the run, then for `limited_s` without one at its action's limit.
    `because` is what made it ready: added, finished, verified, answered, inputs or time; `after` is the step that
    ended, was verified or answered, empty for the others.
    """

    type: ClassVar[str] = "step.started"
    step: str
    attempt: int
    epoch: int
    batch: tuple[str, ...] = ()
    queued_s: float = 0.0
    limited_s: float = 0.0
    because: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class StepProgress(Payload):
    """How far a running step is; `total` None means unknown."""

    type: ClassVar[str] = "step.progress"
    step: str
    done: float
    total: float | None
    note: str


@dataclass(frozen=True, slots=True)
class StepRetrying(Payload):
    """A try failed in a way that may pass; the next one starts in `delay_s`."""

    type: ClassVar[str] = "step.retrying"
    step: str
    attempt: int
    delay_s: float
    error: str


@dataclass(frozen=True, slots=True)
class StepFinished(Payload):
    """A step is terminal (or, when ok, has a result that may still be verified).

    `value` is the result when small; otherwise None and `stored` is the artifact's sha256. `key` is the content key,
    `reused` says the result came from an earlier round. `caused_by` is the failed ancestor of a skipped step.
    `cost_usd` is the declared price of the action that was paid, model calls not counted.
    """

    type: ClassVar[str] = "step.finished"
    step: str
    status: StepStatus
    epoch: int
    attempts: int
    seconds: float
    error: str | None = None
    caused_by: str | None = None
    digest: str | None = None
    value: Any = None
    stored: str | None = None
    key: str | None = None
    reused: bool = False
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class StepVerified(Payload):
    """A verdict; `by` names the checks that decided."""

    type: ClassVar[str] = "step.verified"
    step: str
    epoch: int
    verdict: VerdictStatus
    reason: str
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepInvalidated(Payload):
    """A step that used a rejected or changed input will run again; `because` is that input's step."""

    type: ClassVar[str] = "step.invalidated"
    step: str
    epoch: int
    because: str


@dataclass(frozen=True, slots=True)
class ApprovalAsked(Payload):
    """A person is needed: `kind` is step, plan or in_doubt; `arguments` is what will happen."""

    type: ClassVar[str] = "approval.asked"
    step: str
    kind: Literal["step", "plan", "in_doubt"]
    question: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ApprovalAnswered(Payload):
    """The person's answer; `changes` are input values that were changed with it."""

    type: ClassVar[str] = "approval.answered"
    step: str
    granted: bool
    note: str
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ArtifactCreated(Payload):
    """A step made a file."""

    type: ClassVar[str] = "artifact.created"
    step: str
    path: str
    sha256: str
    media_type: str
    size_bytes: int
