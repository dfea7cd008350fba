"""The context guard: every request is measured before it is sent, and pruned by rule when it is too large.

Rule: what is left out is said. Old tool outputs become digests first, then the oldest turns go, then the tool outputs
of the current turn become shorter and shorter digests. System messages and the last message of the user stay whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import ContextError
from . import tokens
from .tokens import Corrections

Message = Mapping[str, Any]
Keep = Callable[[str], str]

_OLD_CHARACTERS = (2_048, 512)
_CURRENT_CHARACTERS = (131_072, 32_768, 8_192, 2_048, 512)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Estimated tokens of a request by part, `expected` in all, and the `most` it can hardly pass."""

    messages: int
    tools: int
    schema: int
    expected: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A request that fits. `digested` tool outputs were shortened, `dropped` messages left out; 0: all as it was."""

    messages: tuple[Message, ...]
    measure: Measure
    digested: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Guard:
    """Measures and prunes; `corrections` come from the real usage of earlier calls."""

    corrections: Corrections = field(default_factory=Corrections)

    def measure(self, model: str, messages: Sequence[Message], *, tools: Any = None, schema: Any = None) -> Measure:
        """The size of a request. Messages, tools and schema are in OpenAI's form."""
        return self._measure(model, [tokens.of_message(message) for message in messages], tools, schema)

    def fit(
        self,
        model: str,
        messages: Sequence[Message],
        *,
        limit: int,
        reserve_output: int,
        tools: Any = None,
        schema: Any = None,
        keep: Keep | None = None,
    ) -> Fitted:
        """The request, pruned so that it and a reply of `reserve_output` tokens are within `limit` tokens.

        `limit` 0: no limit is known. `keep` stores a text that becomes a digest and gives the handle by which it is
        found; None: the handle is its hash.

        Raises:
            ContextError: it does not fit, whatever may be left out.
        """
        pruning = _Pruning(list(messages), keep or _by_hash)
        for _ in pruning.steps():
            size = self._measure(model, [c for c in pruning.costs if c is not None], tools, schema)
            if not limit or size.most + reserve_output <= limit:
                return pruning.fitted(size)
        raise ContextError(
            f"expected at most {limit} tokens for {model!r} with {reserve_output} of them for the reply, got "
            f"{size.most} at least after all that may be left out was left out; shorten the instructions or the "
            "last message, offer fewer tools, or choose a model with more context",
            tokens=size.most,
            limit=limit - reserve_output,
        )

    def _measure(self, model: str, costs: Sequence[int], tools: Any, schema: Any) -> Measure:
        parts = sum(costs) + tokens.PER_REPLY, tokens.of_data(tools), tokens.of_data(schema)
        return Measure(
            messages=parts[0],
            tools=parts[1],
            schema=parts[2],
            expected=self.corrections.expected(model, sum(parts)),
            most=self.corrections.most(model, sum(parts)),
        )


class _Pruning:
    """Messages that are made smaller step by step; a cost of None: left out."""

    def __init__(self, messages: list[Message], keep: Keep) -> None:
        self._whole = messages
        self._now = list(messages)
        self._keep = keep
        self._handles: dict[int, str] = {}
        self.costs: list[int | None] = [tokens.of_message(message) for message in messages]
        users = [i for i, message in enumerate(messages) if message.get("role") == "user"]
        self._last = users[-1] if users else -1

    def steps(self) -> Iterator[None]:
        """Yields after each reduction, the first time before any."""
        yield
        yield from self._shorten(range(self._last), _OLD_CHARACTERS)
        yield from self._drop(self._groups(0, self._last, "user"))
        current = range(self._last + 1, len(self._whole))
        yield from self._shorten(current, _CURRENT_CHARACTERS)
        yield from self._drop(self._groups(self._last + 1, len(self._whole), "assistant")[:-1])

    def fitted(self, measure: Measure) -> Fitted:
        kept = tuple(m for m, cost in zip(self._now, self.costs, strict=True) if cost is not None)
        digested = sum(self.costs[i] is not None for i in self._handles)
        return Fitted(messages=kept, measure=measure, digested=digested, dropped=len(self._whole) - len(kept))

    def _shorten(self, indexes: range, levels: Sequence[int]) -> Iterator[None]:
        for characters in levels:
            for i in indexes:
                text = _output(self._whole[i])
                if text is not None and len(text) > characters + 200:
                    handle = self._handles.setdefault(i, "") or self._keep(text)
                    self._handles[i] = handle
                    self._now[i] = {**self._whole[i], "content": digest(text, characters, handle)}
                    self.costs[i] = tokens.of_message(self._now[i])
                    yield

    def _drop(self, groups: Sequence[Sequence[int]]) -> Iterator[None]:
        for group in groups:
            for i in group:
                self.costs[i] = None
            yield

    def _groups(self, start: int, end: int, first: str) -> list[list[int]]:
        """Messages that go together: each begins with a message of role `first`. System messages are in none."""
        groups: list[list[int]] = []
        for i in range(start, end):
            role = self._whole[i].get("role")
            if role in ("system", "developer"):
                continue
            if role == first or not groups:
                groups.append([])
            groups[-1].append(i)
        return groups


def digest(text: str, characters: int, handle: str) -> str:
    """The first and last lines of a text, about `characters` in all, with what is missing and where it is."""
    half = characters // 2
    head, tail = text[:half], text[-half:]
    if (cut := head.rfind("\n")) > half // 2:
        head = head[:cut]
    if 0 <= (cut := tail.find("\n")) < half // 2:
        tail = tail[cut + 1 :]
    left = len(text) - len(head) - len(tail)
    return f"{head}\n[... {left:,} of {len(text):,} characters left out; whole text: {handle} ...]\n{tail}"


def _output(message: Message) -> str | None:
    """The text of a tool's output; None for other messages."""
    if message.get("role") not in ("tool", "function"):
        return None
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content)
    return content if isinstance(content, str) else None


def _by_hash(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
