"""Requests and replies as OpenAI clients have them. Rule: pure; what Planloom has no use for is left alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from ..http.endpoint import Body

MODEL = "planloom"
_ROLES = ("user", "assistant")


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
        return "\n".join(part.text for part in self.content if part.type == "text")


class StreamOptions(Body):
    include_usage: bool = False


class ChatBody(Body):
    model: Annotated[str, StringConstraints(max_length=200)] = MODEL
    messages: list[ChatMessage] = Field(min_length=1, max_length=2_000)
    stream: bool | None = False
    stream_options: StreamOptions | None = None

    @property
    def goal(self) -> str:
        """The last thing the user said; empty when the last message is not the user's."""
        last = self.messages[-1]
        return last.text if last.role == "user" else ""

    @property
    def earlier(self) -> list[tuple[str, str]]:
        """What was said before, as role and text."""
        return [(m.role, m.text) for m in self.messages[:-1] if m.role in _ROLES and m.text]


def completion(call_id: str, created: int, text: str, usage: dict[str, int]) -> dict[str, Any]:
    """A whole reply."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop", "logprobs": None}
    head = {"id": call_id, "object": "chat.completion", "created": created, "model": MODEL}
    return {**head, "choices": [choice], "usage": usage}


def chunk(
    call_id: str, created: int, delta: dict[str, Any], *, finish: Literal["stop"] | None = None
) -> dict[str, Any]:
    """A piece of a streamed reply."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    head = {"id": call_id, "object": "chat.completion.chunk", "created": created, "model": MODEL}
    return {**head, "choices": [choice]}


def models(created: int) -> dict[str, Any]:
    """The list of models: this one."""
    return {"object": "list", "data": [model(created)]}


def model(created: int) -> dict[str, Any]:
    """This model."""
    return {"id": MODEL, "object": "model", "created": created, "owned_by": "planloom"}


def as_error(message: str, code: str | None, kind: str = "invalid_request_error") -> dict[str, Any]:
    """An error as these clients expect it."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def yes_or_no(text: str) -> bool | None:
    """What a short answer to an open question says; None: it is none."""
    word = text.strip().strip(".!").casefold()
    if word in _YES:
        return True
    return False if word in _NO else None


_YES: Sequence[str] = ("yes", "y", "ok", "okay", "approve", "approved", "allow", "go ahead", "ja", "oui", "sí", "si")
_NO: Sequence[str] = ("no", "n", "refuse", "refused", "deny", "stop", "don't", "nein", "non")
