"""Requests and replies as OpenAI clients have them.

Rule: pure. What would change the answer and can't be done is refused; settings of a bare model (temperature, length,
seed) are left alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from ..http.endpoint import Body

MODEL = "planloom"
_ROLES = ("user", "assistant")
_TEXTS = ("text", "input_text")


class Part(Body):
    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    text: Annotated[str, StringConstraints(max_length=1_000_000)] = ""


class ChatMessage(Body):
    role: Annotated[str, StringConstraints(max_length=40)]
    content: Annotated[str, StringConstraints(max_length=1_000_000)] | list[Part] | None = None

    @property
    def text(self) -> str:
        """What is said, texts of parts joined; pictures and the like say nothing."""
        if self.content is None or isinstance(self.content, str):
            return self.content or ""
        return "\n".join(part.text for part in self.content if part.type in _TEXTS)

    @property
    def others(self) -> list[str]:
        """The kinds of its parts that are no text, each once."""
        parts = self.content if isinstance(self.content, list) else []
        return sorted({part.type for part in parts if part.type not in _TEXTS})


class StreamOptions(Body):
    include_usage: bool | None = False


class ResponseFormat(Body):
    type: str = "text"


class ChatBody(Body):
    model: Annotated[str, StringConstraints(max_length=200)] = MODEL
    messages: list[ChatMessage] = Field(min_length=1, max_length=2_000)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: int | None = 1
    response_format: ResponseFormat | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    tool_choice: Any = None

    @property
    def goal(self) -> str:
        """The last thing the user said; empty when the last message is not the user's."""
        last = self.messages[-1]
        return last.text if last.role == "user" else ""

    @property
    def earlier(self) -> list[tuple[str, str]]:
        """What was said before, as role and text; instructions for a bare model and calls of tools are left out."""
        return [(m.role, m.text) for m in self.messages[:-1] if m.role in _ROLES and m.text]

    @property
    def notice(self) -> str:
        """What the client should know of a request that is carried out otherwise than it reads; empty: nothing."""
        if self.tools or self.functions:
            return "The client's tools are not used: a run uses those of the server."
        return ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not carried out; `param` names the field."""

    status: int
    code: str
    param: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        """The body of the response."""
        return as_error(self.message, self.code, self.param)


def refusal(body: ChatBody) -> Refusal | None:
    """Why a request can't be carried out as it is meant; None: it can."""
    last = body.messages[-1]
    if body.model != MODEL:
        return no_model(body.model)
    if last.role == "user" and last.others:
        told = f"expected text, got {', '.join(last.others)[:100]}; put the file into the workspace and name its path"
        return Refusal(400, "unsupported_content", "messages", told)
    if not body.goal.strip():
        told = "expected the last message to be the user's, with a goal in words"
        return Refusal(400, "malformed", "messages", told)
    if body.n not in (None, 1):
        return Refusal(400, "unsupported_value", "n", f"expected one choice, got {body.n}; ask again for another")
    if body.response_format is not None and body.response_format.type != "text":
        told = f"expected answers as text, got {body.response_format.type[:40]!r}; read results at /api/runs/RUN"
        return Refusal(400, "unsupported_value", "response_format", told)
    if body.tool_choice not in (None, "none", "auto"):
        told = "expected a choice of auto or none: a run uses the server's tools and calls none of the client's"
        return Refusal(400, "unsupported_value", "tool_choice", told)
    return None


def no_model(name: str) -> Refusal:
    """That there is no such model."""
    return Refusal(404, "model_not_found", "model", f"expected the model {MODEL!r}, got {name[:80]!r}")


def completion(
    call_id: str, created: int, text: str, usage: dict[str, int] | None = None, *, notes: str = ""
) -> dict[str, Any]:
    """A whole reply; `notes` is what happened on the way."""
    message = {"role": "assistant", "content": text} | ({"reasoning_content": notes} if notes else {})
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    head = {"id": call_id, "object": "chat.completion", "created": created, "model": MODEL}
    return {**head, "choices": [choice], "usage": usage or usage_of(0, 0)}


def chunk(
    call_id: str, created: int, delta: dict[str, Any], *, finish: Literal["stop"] | None = None
) -> dict[str, Any]:
    """A piece of a streamed reply."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    head = {"id": call_id, "object": "chat.completion.chunk", "created": created, "model": MODEL}
    return {**head, "choices": [choice]}


def usage_of(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    """Tokens as these clients count them."""
    total = prompt_tokens + completion_tokens
    return {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens, "total_tokens": total}


def sse(data: dict[str, Any]) -> str:
    """One server-sent event."""
    return f"data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"


DONE = "data: [DONE]\n\n"


def models(created: int) -> dict[str, Any]:
    """The list of models: this one."""
    return {"object": "list", "data": [model(created)]}


def model(created: int) -> dict[str, Any]:
    """This model."""
    return {"id": MODEL, "object": "model", "created": created, "owned_by": "planloom"}


def as_error(
    message: str, code: str | None, param: str | None = None, kind: str = "invalid_request_error"
) -> dict[str, Any]:
    """An error as these clients expect it."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def yes_or_no(text: str) -> bool | None:
    """What a short answer to an open question says; None: it is none."""
    word = text.strip().strip(".!").casefold()
    if word in _YES:
        return True
    return False if word in _NO else None


_YES: Sequence[str] = ("yes", "y", "ok", "okay", "approve", "approved", "allow", "go ahead", "ja", "oui", "sí", "si")
_NO: Sequence[str] = ("no", "n", "refuse", "refused", "deny", "stop", "don't", "nein", "non")

_THOUGHTS = (("<think>", "</think>"), ('<details type="reasoning"', "</details>"))


def conversation_key(owner: str, said: Sequence[tuple[str, str]]) -> str:
    """The same for the same conversation, however a client spaced it, split it, or kept the notes on the way in it."""
    turns: list[list[str]] = []
    for role, text in said:
        words = " ".join(_unthought(text).split())
        if turns and turns[-1][0] == role:
            turns[-1][1] = f"{turns[-1][1]} {words}".strip()
        else:
            turns.append([role, words])
    return hashlib.sha256(json.dumps([owner, turns], ensure_ascii=False).encode("utf-8", "replace")).hexdigest()


def _unthought(text: str) -> str:
    """The text without the notes on the way, as programs keep them; in linear time, whatever it is."""
    for begins, ends in _THOUGHTS:
        parts = text.split(begins)
        text = parts[0] + "".join(part.partition(ends)[2] if ends in part else begins + part for part in parts[1:])
    return text
