"""The events of a run: the one contract that the command line, the socket and Python share.

Rule: an event is a fact, numbered per session, plain data inside, and in the journal before anyone sees it.
`Event` is the envelope; each payload class names its `type`. Times are Unix seconds, durations seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .agents import AgentCalled, AgentMessage, AgentReturned, AgentTurn
from .conversation import ContextSet, MessageAdded
from .limits import AlertChanged, BudgetWarning, LimitChanged, LimitWaiting, ModelCall
from .payload import Payload, RunStatus, StepStatus, VerdictStatus
from .runs import (
    AnswerToken,
    CancelRequested,
    IntakeDone,
    Notice,
    PlanChanged,
    PlanReady,
    RunAccepted,
    RunFinished,
    RunResumed,
    RunStarted,
)
from .steps import (
    ApprovalAnswered,
    ApprovalAsked,
    ArtifactCreated,
    StepAdded,
    StepFinished,
    StepInvalidated,
    StepProgress,
    StepRetrying,
    StepStarted,
    StepVerified,
)

__all__ = [
    "Event",
    "Payload",
    "PAYLOADS",
    "payload_from",
    "RunStatus",
    "StepStatus",
    "VerdictStatus",
    "AgentCalled",
    "AgentMessage",
    "AgentReturned",
    "AgentTurn",
    "AlertChanged",
    "AnswerToken",
    "ApprovalAnswered",
    "ApprovalAsked",
    "ArtifactCreated",
    "BudgetWarning",
    "CancelRequested",
    "ContextSet",
    "IntakeDone",
    "LimitChanged",
    "LimitWaiting",
    "MessageAdded",
    "ModelCall",
    "Notice",
    "PlanChanged",
    "PlanReady",
    "RunAccepted",
    "RunFinished",
    "RunResumed",
    "RunStarted",
    "StepAdded",
    "StepFinished",
    "StepInvalidated",
    "StepProgress",
    "StepRetrying",
    "StepStarted",
    "StepVerified",
]


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
