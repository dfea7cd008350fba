"""What a server sent, read with care. Rule: it may be anything; what can't be used becomes an error in plain words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ModelError
from .structured import parse, without_thoughts
from .usage import Usage, usage_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a model said. `data` is the checked JSON when a schema was asked for; `usage` None: the server said none.

    `finish` is the server's word for why it ended: stop, length, ...; "" when it said none.
    """

    text: str
    model: str
    finish: str
    data: Any = None
    usage: Usage | None = None


class CutError(ModelError):
    """A reply ended at the token limit; another way of asking would not make it shorter."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="reply")


class WithheldError(ModelError):
    """The model refused, or the server kept its words back; asking in another way would be no better."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="reply")


def json_of(content: bytes) -> Any:
    """The JSON of a body, None if it is none."""
    try:
        return json.loads(content) if content else None
    except (ValueError, RecursionError):
        return None


def reply_of(data: Any) -> Reply:
    """The reply in the JSON of a completion, its text without thoughts.

    Raises:
        WithheldError: the model refused.
        ModelError: it is no completion, or holds a call instead of text.
    """
    message = _message(data)
    text = without_thoughts(text_of(message.get("content")))
    if not text:
        _check_silence(data, message)
    return _made(data, text)


def structured_of(data: Any, schema: Mapping[str, Any]) -> Reply:
    """The reply whose `data` fits a schema: out of its text, the arguments of a call, or what it was thinking.

    Raises:
        CutError, WithheldError: it is not whole.
        ModelError: it is no completion, or nothing in it fits.
    """
    message = _message(data)
    text = without_thoughts(text_of(message.get("content")))
    made = _made(data, text)
    if made.finish == "length":
        raise CutError("expected a whole reply, got one cut at the token limit; raise models.max_output_tokens")
    if not text and not message.get("tool_calls"):
        _check_silence(data, message)
    fault: ModelError | None = None
    for candidate in (text, *_arguments(message), text_of(message.get("reasoning_content"))):
        if not candidate and fault is not None:
            continue
        try:
            found = parse(candidate, schema)
        except ModelError as error:
            fault = fault or error
            continue
        return Reply(text=made.text, model=made.model, finish=made.finish, usage=made.usage, data=found)
    assert fault is not None, "the text is always tried"
    raise fault


def text_of(content: Any) -> str:
    """The text of a message's content: a text, or parts of which some are text; clean for every encoding."""
    if isinstance(content, str):
        return clean(content)
    if not isinstance(content, list):
        return ""
    parts = (part.get("text") for part in content if isinstance(part, Mapping) and part.get("type") != "thinking")
    return "".join(clean(part) for part in parts if isinstance(part, str))


def clean(text: str) -> str:
    """A text without halves of characters, which JSON lets through and no file takes."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def vectors_of(data: Any, count: int) -> list[list[float]]:
    """The vectors in the JSON of an embeddings reply, in the order of their texts.

    Raises:
        ModelError: it is none, or has another number of them.
    """
    rows = data.get("data") if isinstance(data, Mapping) else None
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise ModelError(f"expected embeddings, got {_short(data)}", kind="reply")
    if len(rows) != count:
        raise ModelError(f"expected {count} embeddings, got {len(rows)}", kind="reply")
    places = [row.get("index") for row in rows]
    if set(places) == set(range(count)):
        rows = sorted(rows, key=lambda row: int(row["index"]))
    vectors = [row.get("embedding") for row in rows]
    for vector in vectors:
        if not isinstance(vector, list):
            raise ModelError(f"expected a vector of numbers, got {_short(vector)}", kind="reply")
    return [list(vector) for vector in vectors if isinstance(vector, list)]


def _message(data: Any) -> Mapping[str, Any]:
    choices = data.get("choices") if isinstance(data, Mapping) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, Mapping) else None
    if not isinstance(message, Mapping):
        raise ModelError(f"expected a chat completion, got {_short(data)}", kind="reply")
    return message


def _made(data: Any, text: str) -> Reply:
    finish, model = data["choices"][0].get("finish_reason"), data.get("model")
    return Reply(
        text=text,
        model=model if isinstance(model, str) else "",
        finish=finish if isinstance(finish, str) else "",
        usage=usage_of(data),
    )


def _check_silence(data: Any, message: Mapping[str, Any]) -> None:
    """Says why there is no text, where the reply says it."""
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal.strip():
        raise WithheldError(f"the model refused: {clean(refusal)[:200]!r}")
    if data["choices"][0].get("finish_reason") == "content_filter":
        raise WithheldError("the server's content filter kept the reply back")
    for name in _called(message):
        raise ModelError(f"expected text, got a call of the tool {name!r}, which nobody offered", kind="reply")


def _called(message: Mapping[str, Any]) -> Iterator[str]:
    for function in _functions(message):
        yield str(function.get("name"))[:80]


def _arguments(message: Mapping[str, Any]) -> Iterator[str]:
    for function in _functions(message):
        if isinstance(arguments := function.get("arguments"), str):
            yield arguments


def _functions(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(function, Mapping):
            yield function


def _short(data: Any) -> str:
    return repr(str(data)[:120])
