"""What is said in a session beside its runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .payload import Payload


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
