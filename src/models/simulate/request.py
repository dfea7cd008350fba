"""A chat request, read and checked as the real API checks it. Rule: pure; what is wrong is a `ApiError`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import counting
from .problems import ApiError, invalid
from .strictness import check as check_schema

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_MAX_CHOICES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """What is asked. `max_tokens` 0: no limit. `schema` None: none asked for; `json` : the reply must be JSON.

    `prompt` is the one text whose tokens are counted; `tools` are the function definitions.
    """

    model: str
    messages: tuple[Mapping[str, Any], ...]
    prompt: bytes
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: Any = "auto"
    schema: Mapping[str, Any] | None = None
    json: bool = False
    max_tokens: int = 0
    stop: tuple[str, ...] = ()
    choices: int = 1
    stream: bool = False
    stream_usage: bool = False
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def prompt_tokens(self) -> int:
        return counting.count(self.prompt)

    def text(self, *roles: str) -> str:
        """The text of the messages with these roles, all of them without any."""
        told = (counting.content_text(m.get("content")) for m in self.messages if not roles or m.get("role") in roles)
        return "\n\n".join(told)

    @property
    def last_user_text(self) -> str:
        """The text of the last user message, empty if there is none."""
        found = [m for m in self.messages if m.get("role") == "user"]
        return counting.content_text(found[-1].get("content")) if found else ""


def read(body: Any, *, without: frozenset[str] = frozenset(), model: str = "") -> ChatRequest:
    """The request in a body. `without` are abilities this server lacks; `model` stands in where the body has none.

    Raises:
        ApiError: what the real API would say.
    """
    if not isinstance(body, Mapping):
        raise invalid("We could not parse the JSON body of your request: expected a JSON object.")
    name = body.get("model") or model
    if not isinstance(name, str) or not name:
        raise invalid("you must provide a model parameter")
    messages = _messages(body.get("messages"))
    tools = _tools(body.get("tools"), without)
    wanted = body.get("response_format")
    schema, is_json = _format(wanted, messages, without)
    stream = body.get("stream") is True
    if stream and "streaming" in without:
        raise invalid("Streaming is not supported by this server.", param="stream")
    options = body.get("stream_options")
    if options is not None and not stream:
        raise invalid("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
    return ChatRequest(
        model=name,
        messages=messages,
        prompt=counting.prompt(messages, tools, wanted if schema is not None else None),
        tools=tools,
        tool_choice=_tool_choice(body.get("tool_choice"), tools),
        schema=schema,
        json=is_json,
        max_tokens=_whole(body, "max_completion_tokens") or _whole(body, "max_tokens"),
        stop=_stop(body.get("stop")),
        choices=min(_whole(body, "n") or 1, _MAX_CHOICES),
        stream=stream,
        stream_usage=isinstance(options, Mapping) and options.get("include_usage") is True,
        body=body,
    )


def _messages(found: Any) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(found, list) or not found:
        raise invalid("Invalid 'messages': expected an array with at least 1 element.", "messages")
    open_calls: set[str] = set()
    for number, message in enumerate(found):
        where = f"messages.[{number}]"
        if not isinstance(message, Mapping) or message.get("role") not in _ROLES:
            got = message.get("role") if isinstance(message, Mapping) else message
            raise invalid(f"Invalid value: {got!r}. Supported values are: {', '.join(_ROLES)}.", f"{where}.role")
        if message["role"] == "tool":
            if message.get("tool_call_id") not in open_calls:
                raise invalid(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceding message with "
                    "'tool_calls'.",
                    f"{where}.role",
                )
            open_calls.discard(str(message["tool_call_id"]))
            continue
        _check_answered(open_calls, where)
        open_calls = _calls(message, where)
    _check_answered(open_calls, "messages")
    return tuple(found)


def _calls(message: Mapping[str, Any], where: str) -> set[str]:
    """The ids of a message's tool calls; a message without any must have content."""
    calls = message.get("tool_calls") or []
    content = message.get("content")
    if not isinstance(content, (str, list)) and not (message["role"] == "assistant" and (calls or content is None)):
        raise invalid(f"Invalid type for '{where}.content': expected a string or an array.", f"{where}.content")
    if not isinstance(calls, list) or not all(isinstance(call, Mapping) and call.get("id") for call in calls):
        raise invalid("Invalid 'tool_calls': expected an array of objects with an id.", f"{where}.tool_calls")
    return {str(call["id"]) for call in calls}


def _check_answered(open_calls: set[str], where: str) -> None:
    if open_calls:
        raise invalid(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(open_calls)}",
            where,
        )


def _tools(found: Any, without: frozenset[str]) -> tuple[Mapping[str, Any], ...]:
    if not found:
        return ()
    if "tools" in without:
        raise invalid("Tools are not supported by this server.", "tools")
    functions = []
    for number, tool in enumerate(found if isinstance(found, list) else [found]):
        function = tool.get("function") if isinstance(tool, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise invalid("Missing required parameter: 'tools[].function.name'.", f"tools[{number}].function")
        functions.append(function)
    return tuple(functions)


def _tool_choice(choice: Any, tools: Sequence[Mapping[str, Any]]) -> Any:
    """`auto`, `none`, `required`, or the name of a function as `{"name": ...}`."""
    if isinstance(choice, Mapping):
        function = choice.get("function")
        named = function if isinstance(function, Mapping) else choice
        if named.get("name") not in {tool["name"] for tool in tools}:
            raise invalid(f"Tool choice {named.get('name')!r} not found in 'tools' parameter.", "tool_choice")
        return {"name": named["name"]}
    if choice in (None, "auto", "none", "required", "any"):
        return "required" if choice == "any" else choice or "auto"
    raise invalid(f"Invalid value: {choice!r}. Supported values are: 'none', 'auto', and 'required'.", "tool_choice")


def _format(
    wanted: Any, messages: Sequence[Mapping[str, Any]], without: frozenset[str]
) -> tuple[Mapping[str, Any] | None, bool]:
    """The schema asked for, and whether the reply must be JSON."""
    kind = wanted.get("type") if isinstance(wanted, Mapping) else wanted
    if kind in (None, "text"):
        return None, False
    if kind in without:
        raise invalid(f"Invalid parameter: 'response_format' of type '{kind}' is not supported.", "response_format")
    if kind == "json_object":
        schema = wanted.get("schema")
        if schema is None and not any("json" in counting.content_text(m.get("content")).lower() for m in messages):
            raise invalid(
                "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
                "messages",
            )
        return (schema if isinstance(schema, Mapping) else None), True
    if kind != "json_schema":
        raise invalid(f"Invalid value: {kind!r}. Supported values are: 'json_object' and 'json_schema'.")
    named = wanted.get("json_schema")
    if not isinstance(named, Mapping) or not isinstance(named.get("name"), str):
        raise invalid("Missing required parameter: 'response_format.json_schema.name'.", "response_format")
    schema = named.get("schema", {})
    if not isinstance(schema, Mapping):
        raise invalid("Invalid 'response_format.json_schema.schema': expected an object.", "response_format")
    if fault := check_schema(schema, is_strict=named.get("strict") is True):
        raise _bad_schema(named["name"], fault)
    return schema, True


def _bad_schema(name: str, fault: str) -> ApiError:
    return invalid(f"Invalid schema for response_format '{name}': {fault}", "response_format", "invalid_json_schema")


def _whole(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise invalid(f"Invalid '{name}': expected an integer of at least 1, got {value!r}.", name)
    return value


def _stop(found: Any) -> tuple[str, ...]:
    stops = [found] if isinstance(found, str) else found or []
    return tuple(stop for stop in stops if isinstance(stop, str) and stop)
