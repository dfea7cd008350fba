"""Frames that clients send. Rule: what does not fit is refused with what was expected; nothing is guessed."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from ...printable import printable

SessionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
RunId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
StepId = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Note = Annotated[str, StringConstraints(max_length=4_000)]
Text = Annotated[str, StringConstraints(max_length=100_000)]


class _Frame(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Annotated[str, StringConstraints(max_length=100)] | None = Field(
        None, description="Any text; the reply to this frame carries it."
    )


class HelloFrame(_Frame):
    """Says who is there; needed first where the server has tokens and the connection came without one."""

    type: Literal["hello"]
    token: Annotated[str, StringConstraints(max_length=1_000)] = Field("", description="A token of the server.")


class MessageFrame(_Frame):
    """A goal, a question or a greeting. A run begins, and the connection hears its session from here on."""

    type: Literal["message"]
    message: Text = Field("", description="What the person says; may be empty when there is a plan or playbook.")
    session_id: SessionId | None = Field(None, description="The session; null: a new one. An id nobody has is made.")
    inputs: dict[str, Any] = Field(default_factory=dict, description="Named inputs of a playbook or plan.")
    playbook: Annotated[str, StringConstraints(max_length=200)] | None = Field(None, description="The one that plans.")
    plan: dict[str, Any] | None = Field(None, description="A plan to run as it is, as in a plan file.")


class ApproveFrame(_Frame):
    """Yes to an open approval."""

    type: Literal["approve"]
    run_id: RunId
    step: StepId = Field(description="The step of the approval; `plan` for the plan itself.")
    note: Note = ""
    changes: dict[str, Any] = Field(default_factory=dict, description="Inputs of the run to change with the answer.")


class RefuseFrame(_Frame):
    """No to an open approval: the step fails, or the plan does not run."""

    type: Literal["refuse"]
    run_id: RunId
    step: StepId
    note: Note = ""


class EditPlanFrame(_Frame):
    """Another plan instead of the one under review: that one is refused, and a new run of the session begins."""

    type: Literal["edit_plan"]
    run_id: RunId
    plan: dict[str, Any] = Field(description="The whole changed plan, as in a plan file.")
    note: Note = ""


class CancelFrame(_Frame):
    """Cancels a run, or one step of it."""

    type: Literal["cancel"]
    run_id: RunId
    step: StepId | None = Field(None, description="null: the whole run.")
    reason: Note = ""


class ContinueFrame(_Frame):
    """Goes on with a run that was interrupted, waits or failed."""

    type: Literal["continue"]
    run_id: RunId
    from_step: StepId | None = Field(None, description="This step and all behind it are done again. null: none.")


class ResumeFrame(_Frame):
    """Hears a session from event `last_seq` + 1 on: what was missed first, then what happens."""

    type: Literal["resume"]
    session_id: SessionId
    last_seq: int = Field(0, ge=0, description="The last event that was seen. 0: from the beginning.")


class OpenFrame(_Frame):
    """Asks for a session as it is now (`session`), and hears what happens in it from there on."""

    type: Literal["open"]
    session_id: SessionId | None = Field(None, description="null: a new session.")


class LeaveFrame(_Frame):
    """Hears a session no longer; its runs go on."""

    type: Literal["leave"]
    session_id: SessionId


class SessionsFrame(_Frame):
    """Asks for the list of sessions, the one used last first."""

    type: Literal["sessions"]
    search: Annotated[str, StringConstraints(max_length=200)] = Field("", description="Words of the title; empty: all.")
    limit: int = Field(100, ge=1, le=1_000, description="Sessions at most.")


class PingFrame(_Frame):
    """Asks for a `pong`."""

    type: Literal["ping"]


Frame = (
    HelloFrame
    | MessageFrame
    | ApproveFrame
    | RefuseFrame
    | EditPlanFrame
    | CancelFrame
    | ContinueFrame
    | ResumeFrame
    | OpenFrame
    | LeaveFrame
    | SessionsFrame
    | PingFrame
)
FRAMES: TypeAdapter[Frame] = TypeAdapter(Annotated[Frame, Field(discriminator="type")])
_KINDS = "hello, message, approve, refuse, edit_plan, cancel, continue, resume, open, leave, sessions, ping"
_DEEPEST = 64


class Malformed(ValueError):  # noqa: N818 - named as what it is
    """A frame that can't be taken; the text says what was expected. `id` is the frame's, None: it had none."""

    def __init__(self, message: str, *, frame_id: str | None = None) -> None:
        super().__init__(message)
        self.id = frame_id


def parsed(text: str) -> Frame:
    """The frame of one text message.

    Raises:
        Malformed: it is no JSON object of a known type with fields that fit.
    """
    data = object_of(text)
    given = data.get("id")
    try:
        return FRAMES.validate_python(data)
    except ValidationError as error:
        frame_id = given if isinstance(given, str) and len(given) <= 100 else None
        raise Malformed(told(error, skip=1), frame_id=frame_id) from error


def object_of(text: str) -> dict[str, Any]:
    """A JSON object from outside, as plain data that journals can write.

    Raises:
        Malformed: it is none, or nested too deeply.
    """
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"expected one JSON object, got {printable(text[:80])!r}: {error}") from error
    if not isinstance(data, dict):
        raise Malformed(f"expected one JSON object, got {type(data).__name__}")
    if _depth(data) > _DEEPEST:
        raise Malformed(f"expected at most {_DEEPEST} levels of nesting, got more")
    clean: dict[str, Any] = _clean(data)
    return clean


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _depth(value: Any) -> int:
    """How deep lists and objects are nested, without recursion."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        item, level = waiting.pop()
        if isinstance(item, (dict, list)):
            deepest = max(deepest, level)
            waiting += [(inner, level + 1) for inner in (item.values() if isinstance(item, dict) else item)]
    return deepest


def _clean(value: Any) -> Any:
    """The value without lone surrogates, which no journal can write, and with integers that it can."""
    match value:
        case str():
            return value if value.isascii() else value.encode("utf-8", "replace").decode()
        case dict():
            return {_clean(key): _clean(item) for key, item in value.items()}
        case list():
            return [_clean(item) for item in value]
        case bool():
            return value
        case int() if not -(2**63) <= value < 2**64:
            return float(value) if abs(value) < 10**300 else str(value)[:50]
        case _:
            return value


def told(error: ValidationError, *, skip: int = 0) -> str:
    """The first fault in words; `skip` parts of its place say nothing."""
    first = error.errors(include_url=False, include_context=False)[0]
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return f"expected a `type` of {_KINDS}; {printable(first['msg'])[:200]}"
    place = ".".join(str(part) for part in first["loc"][skip:]) or "object"
    return f"{printable(place)[:100]}: {printable(first['msg'])[:200]}, got {printable(repr(first['input']))[:80]}"
