"""The events of a run: the one contract that the command line, the socket and Python share.

Rule: an event is a fact, numbered per session, plain data inside, and in the journal before anyone sees it.
`Event` is the envelope; each payload class names its `type`. Times are Unix seconds, durations seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

StepStatus = Literal["ok", "failed", "skipped", "cancelled", "in_doubt", "waiting"]
RunStatus = Literal["done", "failed", "cancelled", "budget", "needs_approval"]
VerdictStatus = Literal["pass", "fail", "unsure", "off"]


@dataclass(frozen=True, slots=True)
class Payload:
    """What an event says; subclasses are the event types."""

    type: ClassVar[str] = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, without the type."""
        return {name: getattr(self, name) for name in _names(type(self))}


_NAMES: dict[type, tuple[str, ...]] = {}


def _names(cls: type[Payload]) -> tuple[str, ...]:
    names = _NAMES.get(cls)
    if names is None:
        names = _NAMES[cls] = tuple(f.name for f in fields(cls))
    return names


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
    """

    type: ClassVar[str] = "intake.done"
    kind: str
    language: str
    tools: int
    facts: int
    earlier: int
    seconds: float
    failed: Mapping[str, str]


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


@dataclass(frozen=True, slots=True)
class CancelRequested(Payload):
    """Cancel of a step, or of the run when `step` is None."""

    type: ClassVar[str] = "cancel.requested"
    step: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class ModelCall(Payload):
    """One request to a model. `cost_usd` None: the price is unknown. `waited_s` at the ledger, not in `seconds`."""

    type: ClassVar[str] = "model.call"
    step: str | None
    role: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cost_usd: float | None
    seconds: float
    waited_s: float
    outcome: str


@dataclass(frozen=True, slots=True)
class LimitWaiting(Payload):
    """A step is ready but waits for a place at `limit`."""

    type: ClassVar[str] = "limit.waiting"
    step: str
    limit: str


@dataclass(frozen=True, slots=True)
class LimitChanged(Payload):
    """The number of steps side by side was lowered or raised again (additive increase, multiplicative decrease)."""

    type: ClassVar[str] = "limit.changed"
    parallel_steps: int
    reason: str


@dataclass(frozen=True, slots=True)
class BudgetWarning(Payload):
    """A budget is 80 % or wholly used."""

    type: ClassVar[str] = "budget.warning"
    budget: str
    used: float
    limit: float


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
    """The run is over; `reason` names what ended it when it was not the plan's end."""

    type: ClassVar[str] = "run.finished"
    status: RunStatus
    reason: str
    answer: str
    seconds: float
    cost: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AgentTurn(Payload):
    """A reply of an agent's model, so that an interrupted agent goes on where it was.

    `thread` is the content key of the conversation; `calls` are `{id, tool, arguments}`, empty: it answered.
    """

    type: ClassVar[str] = "agent.turn"
    step: str
    agent: str
    thread: str
    turn: int
    text: str
    calls: tuple[Mapping[str, Any], ...] = ()
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class AgentCalled(Payload):
    """A tool call of an agent began: `call` is the step and a number (`research/2`), `key` the content key."""

    type: ClassVar[str] = "agent.tool_called"
    step: str
    call: str
    tool: str
    arguments: Mapping[str, Any]
    effect: str
    key: str


@dataclass(frozen=True, slots=True)
class AgentReturned(Payload):
    """A tool call of an agent ended. `value` and `stored` as for a step; `error` says why there is none.

    `files` are the paths of those it made.
    """

    type: ClassVar[str] = "agent.tool_returned"
    step: str
    call: str
    key: str
    status: Literal["ok", "failed", "refused", "denied"]
    seconds: float
    value: Any = None
    stored: str | None = None
    error: str | None = None
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentMessage(Payload):
    """A message between agents of the run; `receiver` is a step or `*`, `reached` who has it in the mailbox."""

    type: ClassVar[str] = "agent.message"
    id: str
    sender: str
    receiver: str
    kind: Literal["request", "response", "data", "error"]
    body: Any
    correlation: str
    reached: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageAdded(Payload):
    """A message of the conversation that no run asked for or answered, as in an imported session."""

    type: ClassVar[str] = "message.added"
    role: str
    text: str


@dataclass(frozen=True, slots=True)
class ContextSet(Payload):
    """A value that all runs of the session share; None takes it away."""

    type: ClassVar[str] = "context.set"
    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Event:
    """The envelope: number in the session (from 1), Unix time, ids, and the payload."""

    seq: int
    at: float
    session_id: str
    run_id: str
    payload: Payload

    @property
    def type(self) -> str:
        return self.payload.type

    def to_dict(self) -> dict[str, Any]:
        """One flat JSON object: seq, at, session_id, run_id, type and the payload's fields."""
        head = {
            "seq": self.seq,
            "at": self.at,
            "session_id": self.session_id,
            "run_id": self.run_id,
            "type": self.payload.type,
        }
        return head | self.payload.to_dict()


PAYLOADS: dict[str, type[Payload]] = {cls.type: cls for cls in Payload.__subclasses__()}


def payload_from(type_name: str, data: Mapping[str, Any]) -> Payload:
    """The payload that `to_dict` made.

    Raises:
        KeyError: no event has this type (a journal of a newer version).
    """
    return PAYLOADS[type_name](**data)
