"""Replies that clients get beside events. Rule: no reply has a `seq`; that is what tells it from an event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

Code = Literal[
    "malformed",
    "unauthorized",
    "not_found",
    "refused",
    "input",
    "plan",
    "too_large",
    "too_slow",
    "rate",
    "busy",
    "stopping",
    "internal",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What every reply has: `id` is that of the frame it answers."""

    type: ClassVar[str] = ""
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello(Reply):
    """The first frame on every connection, and again once a token was accepted.

    `authorized` false: send `hello` with a token. `notice`: something the person should know, empty: nothing.
    `has_model` false: playbooks plan, nothing else. `max_frame_bytes`: larger frames end the connection.
    """

    type: ClassVar[str] = "hello"
    version: int
    product: str
    authorized: bool
    owner: str = ""
    notice: str = ""
    has_model: bool = False
    plan_approval: bool = False
    max_frame_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted(Reply):
    """The frame was carried out, durably. `frame` is its type; `run_id` the run it began or is about."""

    type: ClassVar[str] = "accepted"
    frame: str
    session_id: str = ""
    run_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(Reply):
    """The frame was not carried out, or a run could not begin. `input`: the input that is missing, for `input`.

    `findings`: faults of a plan, each with code, step, expected, got and fix. `retry_after_s`: for `rate` and `busy`.
    """

    type: ClassVar[str] = "error"
    code: Code
    message: str
    session_id: str = ""
    run_id: str = ""
    input: str = ""
    findings: tuple[Mapping[str, Any], ...] = ()
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong(Reply):
    """The answer to `ping`; `at` is the server's Unix time."""

    type: ClassVar[str] = "pong"
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed(Reply):
    """All events up to `last_seq` were sent; what follows is live."""

    type: ClassVar[str] = "replayed"
    session_id: str
    last_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionList(Reply):
    """Sessions in short, the one used last first.

    Each has session_id, title, messages (count), runs (status by run id), open_approvals, began, updated (Unix
    seconds), size_bytes, problem (null: none).
    """

    type: ClassVar[str] = "sessions"
    sessions: tuple[Mapping[str, Any], ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Reply):
    """A session as it is after event `last_seq`; events from there on follow.

    `messages`: role, text, at, run_id. `runs`: run_id, goal, status (running, or as in run.finished), reason, began,
    ended (null: not yet), seconds, cost, plan_source. `approvals`: run_id, step, kind, question, arguments, at.
    """

    type: ClassVar[str] = "session"
    session_id: str
    last_seq: int
    title: str = ""
    messages: tuple[Mapping[str, Any], ...] = ()
    runs: tuple[Mapping[str, Any], ...] = ()
    approvals: tuple[Mapping[str, Any], ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict)


REPLIES: tuple[type[Reply], ...] = (Hello, Accepted, Fault, Pong, Replayed, SessionList, Snapshot)
