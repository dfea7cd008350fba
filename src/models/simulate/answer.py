"""What the model says, and the JSON it is told in: a completion, or the chunks of a stream. Rule: pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from . import counting

_PIECE = 16  # characters of a chunk
_MOST_PIECES = 400


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a function; `arguments` is JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A reply. `brain` says who thought of it. `seconds_per_line` 0: the token rate decides.

    `usage` replaces counted tokens (`prompt_tokens`, `completion_tokens`).
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str = "stop"
    seconds_per_line: float = 0.0
    brain: str = "text"
    usage: Mapping[str, int] | None = None

    @property
    def tokens(self) -> int:
        """Its length; an empty one counts 1, as its end is a token."""
        calls = sum(counting.tokens(call.name) + counting.tokens(call.arguments) for call in self.tool_calls)
        return max(1, counting.tokens(self.text) + counting.tokens(self.reasoning) + calls)

    @property
    def reason(self) -> str:
        """The `finish_reason`."""
        return "tool_calls" if self.tool_calls and self.finish == "stop" else self.finish


def limited(answer: Answer, max_tokens: int, stop: tuple[str, ...]) -> Answer:
    """The answer up to the first stop text and the token limit (0: none)."""
    text = answer.text
    for mark in stop:
        text = text.split(mark, 1)[0]
    answer = replace(answer, text=text)
    if not max_tokens or answer.tokens <= max_tokens:
        return answer
    left = max_tokens - counting.tokens(answer.reasoning)
    if left <= 0:
        return replace(answer, reasoning=counting.cut(answer.reasoning, max_tokens), text="", finish="length")
    return replace(answer, text=counting.cut(text, left), finish="length", tool_calls=())


def broken_off(answer: Answer) -> Answer:
    """The answer as far as a model came that was stopped in the middle."""
    calls = tuple(ToolCall(call.name, call.arguments[: len(call.arguments) // 2]) for call in answer.tool_calls)
    return replace(answer, text=answer.text[: (len(answer.text) + 1) // 2], tool_calls=calls, finish="length")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What all chunks of a reply share. `created` is Unix seconds."""

    id: str
    model: str
    created: int

    def made(self, kind: str, **rest: Any) -> dict[str, Any]:
        """An object with these fields in front."""
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model, **rest}


def usage(prompt_tokens: int, cached_tokens: int, answers: tuple[Answer, ...]) -> dict[str, Any]:
    """The usage as the API tells it."""
    told = answers[0].usage or {}
    prompt = told.get("prompt_tokens", prompt_tokens)
    completion = told.get("completion_tokens", sum(answer.tokens for answer in answers))
    reasoning = sum(counting.tokens(answer.reasoning) for answer in answers)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": min(cached_tokens, prompt), "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": 0},
    }


def completion(head: Head, answers: tuple[Answer, ...], used: Mapping[str, Any]) -> dict[str, Any]:
    """The whole reply as one object."""
    choices = [
        {"index": index, "message": _message(head, answer), "logprobs": None, "finish_reason": answer.reason}
        for index, answer in enumerate(answers)
    ]
    return head.made("chat.completion", choices=choices, usage=dict(used), system_fingerprint="fp_simulated")


def _message(head: Head, answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.tool_calls:
        message["content"] = answer.text or None
        message["tool_calls"] = [_call(head, number, call) for number, call in enumerate(answer.tool_calls)]
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    return message


def _call(head: Head, number: int, call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": f"call_{head.id[-12:]}_{number}", "type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class Delta:
    """A part of a reply: what is added, and how many seconds after the first token it is there."""

    after_s: float
    added: Mapping[str, Any]


def deltas(head: Head, answer: Answer, token_rate: float) -> Iterator[Delta]:
    """The parts of a reply in order; the first one carries the role and comes at 0."""
    yield Delta(0.0, {"role": "assistant", "content": None if answer.tool_calls else "", "refusal": None})
    sent = 0.0
    for piece in _pieces(answer.reasoning):
        sent += counting.tokens(piece)
        yield Delta(_seconds(sent, token_rate), {"reasoning_content": piece})
    if answer.seconds_per_line:
        yield from _lines(answer)
        return
    for piece in _pieces(answer.text):
        sent += len(piece.encode("utf-8", "surrogatepass")) / counting.BYTES_A_TOKEN
        yield Delta(_seconds(sent, token_rate), {"content": piece})
    for number, call in enumerate(answer.tool_calls):
        opened = _call(head, number, call)
        opened["function"] = {"name": call.name, "arguments": ""}
        yield Delta(_seconds(sent, token_rate), {"tool_calls": [{"index": number, **opened}]})
        for piece in _pieces(call.arguments):
            sent += counting.tokens(piece)
            part = {"index": number, "function": {"arguments": piece}}
            yield Delta(_seconds(sent, token_rate), {"tool_calls": [part]})


def _lines(answer: Answer) -> Iterator[Delta]:
    """The lines, each spread over its seconds and whole at their end."""
    for number, line in enumerate(answer.text.splitlines(keepends=True)):
        size = max(1, -(-len(line) // 4))
        parts = [line[start : start + size] for start in range(0, len(line), size)]
        for place, part in enumerate(parts, 1):
            yield Delta((number + place / len(parts)) * answer.seconds_per_line, {"content": part})


def _pieces(text: str) -> Iterator[str]:
    size = max(_PIECE, -(-len(text) // _MOST_PIECES))
    for start in range(0, len(text), size):
        yield text[start : start + size]


def _seconds(tokens: float, rate: float) -> float:
    return tokens / rate if rate else 0.0


def duration_s(answers: tuple[Answer, ...], token_rate: float) -> float:
    """Seconds from the first token to the last."""
    return max(
        len(a.text.splitlines()) * a.seconds_per_line if a.seconds_per_line else _seconds(a.tokens, token_rate)
        for a in answers
    )


def as_json(data: Any) -> bytes:
    """Compact JSON as bytes."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
