"""What an agent does inside its step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from .payload import Payload


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
