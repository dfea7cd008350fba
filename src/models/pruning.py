"""A history made smaller by rule, step by step, until it fits. Rule: nothing goes without a word.

First old tool outputs become digests that name where the whole is, then old turns become one line each, then the
oldest lines go and a mark counts them, then the same with what belongs to the present turn. System messages, the last
message of the user (the goal) and the last step after it stay.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from . import tokens

Message = Mapping[str, Any]
Keep = Callable[[str], str]

_OLD_CHARACTERS = (2_048, 512)
_CURRENT_CHARACTERS = (131_072, 32_768, 8_192, 2_048, 512)
_LINE = 160
_MARK = re.compile(r"\[(\d[\d,]*) earlier messages? left out\]")


class Pruning:
    """Messages that are made smaller step by step. A cost of None: the message is left out.

    `keep` stores a tool's output that becomes a digest and gives the handle by which it is found.
    """

    def __init__(self, messages: Sequence[Message], keep: Keep) -> None:
        self._whole = list(messages)
        self._now = list(messages)
        self._keep = keep
        self._handles: dict[int, str] = {}
        self._shortened: set[int] = set()
        self.costs: list[int | None] = [tokens.of_message(message) for message in messages]
        users = [i for i, message in enumerate(messages) if message.get("role") == "user" and not left_out(message)]
        self._last = users[-1] if users else -1

    @property
    def messages(self) -> tuple[Message, ...]:
        """What is left."""
        return tuple(m for m, cost in zip(self._now, self.costs, strict=True) if cost is not None)

    @property
    def digested(self) -> int:
        """How many tool outputs and turns stand there shortened."""
        return sum(self.costs[i] is not None for i in {*self._handles, *self._shortened})

    @property
    def dropped(self) -> int:
        """How many of the given messages are left out, those that were so before not counted."""
        return sum(map(left_out, self._now)) - sum(map(left_out, self._whole))

    def steps(self) -> Iterator[None]:
        """Yields after each reduction, the first time before any."""
        yield
        old = self._groups(0, self._last, "user")
        yield from self._shorten(range(self._last), _OLD_CHARACTERS)
        yield from self._to_lines(old)
        yield from self._drop(old)
        current = self._groups(self._last + 1, len(self._whole), "assistant")
        yield from self._shorten(range(self._last + 1, len(self._whole)), _CURRENT_CHARACTERS)
        yield from self._to_lines(current[:-1])
        yield from self._drop(current[:-1])

    def _shorten(self, indexes: range, levels: Sequence[int]) -> Iterator[None]:
        for characters in levels:
            for i in indexes:
                text = _output(self._whole[i])
                if text is not None and len(text) > characters + 200:
                    handle = self._handles.setdefault(i, "") or self._keep(text)
                    self._handles[i] = handle
                    self._put(i, {**self._whole[i], "content": digest(text, characters, handle)})
                    yield

    def _to_lines(self, groups: Sequence[Sequence[int]]) -> Iterator[None]:
        """One line for each turn, where that is shorter."""
        for group in groups:
            line = {"role": "user", "content": _line([self._whole[i] for i in group])}
            before = sum(cost for i in group if (cost := self.costs[i]) is not None)
            if left_out(self._whole[group[0]]) or tokens.of_message(line) >= before:
                continue
            for i in group:
                self.costs[i] = None
            self._put(group[0], line)
            self._shortened.add(group[0])
            yield

    def _drop(self, groups: Sequence[Sequence[int]]) -> Iterator[None]:
        """Leaves out turns, the oldest first; one mark in their place counts their messages."""
        count = 0
        for group in groups:
            count += sum(left_out(self._whole[i]) or 1 for i in group)
            for i in (*groups[0], *group):
                self.costs[i] = None
                self._now[i] = {"role": "user", "content": ""}
                self._shortened.discard(i)
            self._put(groups[0][0], mark(count))
            yield

    def _put(self, i: int, message: Message) -> None:
        self._now[i] = message
        self.costs[i] = tokens.of_message(message)

    def _groups(self, start: int, end: int, first: str) -> list[list[int]]:
        """Messages that go together: each begins with a message of role `first`. System messages are in none."""
        groups: list[list[int]] = []
        for i in range(start, end):
            role = self._whole[i].get("role")
            if role in ("system", "developer"):
                continue
            if role == first or not groups or left_out(self._whole[i]) or left_out(self._whole[i - 1]):
                groups.append([])
            groups[-1].append(i)
        return groups


def mark(count: int) -> Message:
    """What stands where messages were left out."""
    return {"role": "user", "content": f"[{count:,} earlier message{'s' * (count != 1)} left out]"}


def left_out(message: Message) -> int:
    """How many messages a mark stands for; 0 for any other message."""
    content = message.get("content")
    match = _MARK.fullmatch(content) if isinstance(content, str) else None
    return int(match[1].replace(",", "")) if match is not None else 0


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


def by_hash(text: str) -> str:
    """A handle for a text that nobody stores."""
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _line(group: Sequence[Message]) -> str:
    """A turn in one line: who said or called what, each shortened."""
    parts = []
    for message in group:
        said = _output(message) if message.get("role") in ("tool", "function") else _text(message.get("content"))
        if message.get("tool_calls"):
            calls = [call.get("function", {}) for call in message["tool_calls"]]
            parts.append(
                "called " + ", ".join(f"{c.get('name')}({_short(str(c.get('arguments', '')))})" for c in calls)
            )
        if said:
            parts.append(f"{_BY.get(str(message.get('role')), 'said')} {json.dumps(_short(said), ensure_ascii=False)}")
    shown = parts if len(parts) <= 4 else [*parts[:2], f"{len(parts) - 3} more", parts[-1]]
    return f"[shortened: {'; '.join(shown)}]"


_BY = {"user": "asked", "assistant": "answered", "tool": "got", "function": "got"}


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LINE else f"{text[: _LINE - 40]} ... {text[-30:]}"


def _output(message: Message) -> str | None:
    """The text of a tool's output; None for other messages."""
    if message.get("role") not in ("tool", "function"):
        return None
    return _text(message.get("content"))


def _text(content: Any) -> str | None:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content)
    return content if isinstance(content, str) else None
