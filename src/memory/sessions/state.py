"""What a session is at a moment: a fold over its journal. Rule: no I/O, and the same events give the same state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...events import Event
from ..journal.records import VERSION, Record

RUNNING = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What was said: `role` user, assistant or what an import brought; `at` Unix seconds; `run_id` empty: no run's."""

    role: str
    text: str
    at: float
    run_id: str = ""


@dataclass(slots=True, kw_only=True)
class RunState:
    """A run of the session; `status` is running until its end is known, which a killed process never told."""

    id: str
    goal: str
    began: float
    status: str = RUNNING
    reason: str = ""
    seconds: float = 0.0
    cost: Mapping[str, Any] = field(default_factory=dict)
    plan_source: str = ""
    ended: float | None = None
    is_answered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenApproval:
    """A question that nobody has answered yet."""

    run_id: str
    step: str
    kind: str
    question: str
    arguments: Mapping[str, Any]
    at: float


@dataclass(slots=True)
class State:
    """Messages, shared context, runs and open approvals; `last` is the last number taken, `updated` its Unix time."""

    messages: list[Message] = field(default_factory=list)
    context: dict[str, Any] = field(default_factory=dict)
    runs: dict[str, RunState] = field(default_factory=dict)
    approvals: dict[tuple[str, str], OpenApproval] = field(default_factory=dict)
    last: int = 0
    events: int = 0
    began: float = 0.0
    updated: float = 0.0

    @property
    def title(self) -> str:
        """The first thing a person said, empty when nobody did."""
        return next((message.text for message in self.messages if message.role == "user"), "")

    def take(self, record: Record) -> None:
        """Takes in one record; kinds it does not know change nothing."""
        self.last, self.updated = record.seq, record.at
        self.events += 1
        self.began = self.began or record.at
        change = _CHANGES.get(record.type)
        if change is not None:
            change(self, record)

    def take_event(self, event: Event) -> None:
        """Takes in one event as it happens."""
        payload = event.payload.to_dict() if event.payload.type in _CHANGES else {}
        self.take(Record(VERSION, event.seq, event.at, event.run_id, event.payload.type, payload))


def folded(records: Iterable[Record]) -> State:
    """The state after all of the records."""
    state = State()
    for record in records:
        state.take(record)
    return state


def _begin(state: State, record: Record) -> None:
    run = state.runs.setdefault(record.run_id, RunState(id=record.run_id, goal="", began=record.at))
    goal = record.payload.get("goal", "")
    if goal and not run.goal:  # a plan file's goal is known only when the run starts
        run.goal = goal
        state.messages.append(Message(role="user", text=goal, at=record.at, run_id=record.run_id))
    run.plan_source = record.payload.get("plan_source", run.plan_source)
    run.status = RUNNING


def _resume(state: State, record: Record) -> None:
    if (run := state.runs.get(record.run_id)) is not None:
        run.status, run.ended = RUNNING, None


def _finish(state: State, record: Record) -> None:
    run = state.runs.setdefault(record.run_id, RunState(id=record.run_id, goal="", began=record.at))
    run.status = record.payload["status"]
    run.reason = record.payload.get("reason", "")
    run.seconds = record.payload.get("seconds", 0.0)
    run.cost = record.payload.get("cost", {})
    if run.status == "needs_approval":
        return
    run.ended = record.at
    for key in [key for key in state.approvals if key[0] == run.id]:
        del state.approvals[key]
    if answer := record.payload.get("answer"):
        if run.is_answered:  # it went on after its end: the newer answer counts
            state.messages = [m for m in state.messages if m.run_id != run.id or m.role != "assistant"]
        run.is_answered = True
        state.messages.append(Message(role="assistant", text=answer, at=record.at, run_id=run.id))


def _ask(state: State, record: Record) -> None:
    asked = record.payload
    state.approvals[record.run_id, asked["step"]] = OpenApproval(
        run_id=record.run_id,
        step=asked["step"],
        kind=asked["kind"],
        question=asked["question"],
        arguments=asked["arguments"],
        at=record.at,
    )


def _settle(state: State, record: Record) -> None:
    state.approvals.pop((record.run_id, record.payload["step"]), None)


def _say(state: State, record: Record) -> None:
    said = record.payload
    state.messages.append(Message(role=said["role"], text=said["text"], at=record.at, run_id=record.run_id))


def _set(state: State, record: Record) -> None:
    name, value = record.payload["name"], record.payload.get("value")
    if value is None:
        state.context.pop(name, None)
    else:
        state.context[name] = value


_CHANGES = {
    "run.accepted": _begin,
    "run.started": _begin,
    "run.resumed": _resume,
    "run.finished": _finish,
    "approval.asked": _ask,
    "approval.answered": _settle,
    "step.finished": _settle,
    "message.added": _say,
    "context.set": _set,
}
