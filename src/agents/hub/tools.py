"""The tools by which agents of a run talk to each other. Rule: they work in a run only, for the step that calls."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from ...errors import ToolError
from ..tool import Tool, ToolContext, tool
from . import Hub, Kind

_LONGEST_WAIT_S = 120.0


class Delivered(TypedDict):
    """`reached` has the message; `full` did not take it because the mailbox was full: try later."""

    id: str
    correlation: str
    reached: list[str]
    full: list[str]


class Message(TypedDict):
    """One message; `correlation` is that of the message it answers, else its own."""

    id: str
    sender: str
    kind: str
    body: Any
    correlation: str


class Received(TypedDict):
    """What was in the mailbox, oldest first; empty when nothing came in time."""

    messages: list[Message]


@tool(effect="read", name="hub.send")
async def send(to: str, body: Any, kind: Kind = "data", correlation: str = "", *, context: ToolContext) -> Delivered:
    """Sends a message to another agent of the run, named by its step, or to all with `*`; it is data to them."""
    hub, member = _seat(context)
    sent = hub.send(member, to, kind, body, correlation)
    return {"id": sent.id, "correlation": sent.correlation, "reached": list(sent.reached), "full": list(sent.full)}


@tool(effect="read", name="hub.receive")
async def receive(
    wait_s: Annotated[float, Field(ge=0, le=_LONGEST_WAIT_S)] = 0.0, correlation: str = "", *, context: ToolContext
) -> Received:
    """Takes the messages other agents sent, waiting up to `wait_s` seconds; with `correlation` only its answers."""
    hub, member = _seat(context)
    found = await hub.receive(member, correlation, wait_s=wait_s)
    return {
        "messages": [
            {"id": m.id, "sender": m.sender, "kind": m.kind, "body": m.body, "correlation": m.correlation}
            for m in found
        ]
    }


def _seat(context: ToolContext) -> tuple[Hub, str]:
    if context.hub is None:
        raise ToolError("hub.send and hub.receive work for agents of a run only")
    return context.hub, context.step_id.partition("/")[0]


TOOLS: dict[str, Tool] = {item.name: item for item in (send, receive)}
