"""Stands between langchain's agent loop and the world: every call of a model or a tool goes through the session.

Rule: nothing of langchain's own reaches a tool, and no error of the server leaves as anything but ours.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from ...errors import ContextError, ModelError
from ...models.client import Endpoint
from ...models.failures import explained
from ...models.guard import Guard
from ...models.structured import instruction, parse
from .pruning import Room, pruned
from .session import Session

if TYPE_CHECKING:
    from langchain.agents.middleware.types import ToolCallRequest
    from langgraph.types import Command

_REFUSED = ("tool", "function")
_WAYS: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "calls": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"tool": {"type": "string"}, "arguments": {"type": "object"}},
                "required": ["tool"],
            },
        },
        "answer": {"type": "string"},
    },
    "additionalProperties": False,
}
_HOW = (
    'To call tools, answer with {"calls": [{"tool": name, "arguments": {...}}]}. When you have what the task asks '
    'for, answer with {"answer": text}.'
)


@dataclass(slots=True, kw_only=True)
class Work:
    """What one run of the loop is handed: the session, and the model with what it takes.

    `conceal` takes keys out of what is sent; `toolless` holds endpoints that refused tools and are asked in JSON.
    """

    session: Session
    endpoint: Endpoint
    room: Room
    guard: Guard
    tools: list[dict[str, Any]]
    conceal: Callable[[str], str] = str
    toolless: set[tuple[str, str]] = field(default_factory=set)

    @property
    def place(self) -> tuple[str, str]:
        """The endpoint and model, as far as they decide what is understood."""
        return self.endpoint.base_url, self.endpoint.model


class Governor(AgentMiddleware[Any, Work, Any]):
    """The middleware; without state of its own, so that one graph serves any number of conversations."""

    async def awrap_model_call(
        self, request: ModelRequest[Work], handler: Callable[[ModelRequest[Work]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        work = request.runtime.context

        async def ask(messages: list[AnyMessage], is_last: bool) -> AIMessage:
            return await _asked(work, request, handler, messages, is_last=is_last)

        return ModelResponse(result=[await work.session.turn(request.messages, ask)])

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]]
    ) -> ToolMessage | Command[Any]:
        call, work = request.tool_call, request.runtime.context
        assert isinstance(work, Work) and call["id"] is not None
        text = await work.session.call(call["id"])
        return ToolMessage(content=text, tool_call_id=call["id"], name=call["name"])


async def _asked(
    work: Work, request: ModelRequest[Work], handler: Any, messages: list[AnyMessage], *, is_last: bool
) -> AIMessage:
    tools = [] if is_last else work.tools
    if work.place not in work.toolless:
        try:
            return await _sent(work, request, handler, messages, tools)
        except ModelError as error:
            if not tools or not _is_about_tools(error):
                raise
            work.toolless.add(work.place)
    reply = await _sent(work, request, handler, _told_in_words(messages, tools), [])
    return _read(reply) if tools else reply


async def _sent(
    work: Work, request: ModelRequest[Work], handler: Any, messages: list[AnyMessage], tools: list[dict[str, Any]]
) -> AIMessage:
    """One request that fits; when the server takes less than was thought, a smaller one."""
    room = work.room
    for is_second in (False, True):
        fitting = pruned(work.guard, room, messages, tools or None, work.session.invoke.keep)
        fitting = [_concealed(message, work.conceal) for message in fitting]
        try:
            with explained(work.endpoint):
                response = await handler(request.override(messages=fitting, tools=[*tools]))
            break
        except ContextError as error:
            if is_second or not room.tokens:
                raise
            room = room.smaller(min(0.9, 0.9 * error.limit / max(1, error.tokens)))
    reply = response.result[0]
    if not isinstance(reply, AIMessage):
        raise ModelError(f"expected a reply of the model, got {type(reply).__name__}", kind="reply")
    return reply


def _concealed(message: AnyMessage, conceal: Callable[[str], str]) -> AnyMessage:
    content = message.content
    if not isinstance(content, str) or (told := conceal(content)) == content:
        return message
    return message.model_copy(update={"content": told})


def _is_about_tools(error: ModelError) -> bool:
    """Whether a server refused a request because of its tools."""
    told = str(error).lower()
    return error.kind in ("reply", "schema") and "refused with" in told and any(word in told for word in _REFUSED)


def _told_in_words(messages: list[AnyMessage], tools: list[dict[str, Any]]) -> list[AnyMessage]:
    """The conversation without anything a server must know of tools: calls and results are ordinary messages."""
    plain: list[AnyMessage] = []
    for message in messages:
        match message:
            case AIMessage(tool_calls=[_, *_] as calls):
                made = [{"tool": call["name"], "arguments": call["args"]} for call in calls]
                plain.append(AIMessage(content=_json({"calls": made})))
            case ToolMessage():
                plain.append(HumanMessage(content=f"Result of {message.name}:\n{message.text}"))
            case _:
                plain.append(message)
    if tools:
        listed = "\n".join(_json(tool["function"]) for tool in tools)
        plain.append(HumanMessage(f"Your tools, one a line:\n{listed}\n\n{_HOW}\n{instruction(_WAYS)}"))
    return plain


def _read(reply: AIMessage) -> AIMessage:
    """A reply in JSON as one with calls; text that is no such JSON is an answer."""
    try:
        said = parse(reply.text, _WAYS)
    except ModelError:
        return reply
    calls = [
        {"name": call["tool"], "args": call.get("arguments", {}), "id": str(place), "type": "tool_call"}
        for place, call in enumerate(said.get("calls", ()))
    ]
    update = {"content": said.get("answer", ""), "tool_calls": calls, "invalid_tool_calls": []}
    return reply.model_copy(update=update)


def _json(data: Any) -> str:
    import json

    return json.dumps(data, ensure_ascii=False)
