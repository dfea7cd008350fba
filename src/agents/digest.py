"""Results as text for a model's prompt: whole when they fit, else shortened everywhere it is long, never at one end.

Rule: what is left out is said in its place, with how much it is. A long text keeps its beginning and its end, a long
list its first and last items, and an object all its fields, so that no end of anything is lost to the size of another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_HEAD_SHARE = 0.6
_BYTES_PER_TOKEN = 2  # tables of numbers are that dense; prose has 4
_NOTE = 64  # about the bytes that say what is left out
_LEAST = 24  # bytes a part needs to say anything
_SAMPLED = 50


@dataclass(frozen=True, slots=True)
class Excerpt:
    """`text` as it is shown, `size_bytes` of the whole as UTF-8."""

    text: str
    size_bytes: int
    whole: bool


def as_bytes(tokens: int) -> int:
    """Bytes of text that fit into a number of tokens, also when they are dense."""
    return tokens * _BYTES_PER_TOKEN


def written(value: Any) -> str:
    """A value as text: text as it is, data as JSON. Linear in its size; call it in a thread when it is large."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def excerpt(text: str, max_bytes: int) -> Excerpt:
    """A text of at most about `max_bytes` bytes; of a longer one its first and last parts and how much is between."""
    data = text.encode("utf-8", "replace")
    size = len(data)
    if size <= max_bytes:
        return Excerpt(data.decode(), size, True)
    room = max(0, max_bytes - _NOTE)
    head = int(room * _HEAD_SHARE)
    first = data[:head].decode("utf-8", "ignore")
    last = data[size - (room - head) :].decode("utf-8", "ignore")
    return Excerpt(f"{first}\n[... {size - room:,} of {size:,} bytes left out here ...]\n{last}", size, False)


def digest(value: Any, max_bytes: int) -> Excerpt:
    """A value as text of about `max_bytes`: whole, or with every long part shortened in its place.

    Linear in the size of the value; call it in a thread when that is large.
    """
    text = written(value)
    if isinstance(value, str):
        return excerpt(text, max_bytes)
    size = len(text.encode("utf-8", "replace"))
    if size <= max_bytes:
        return Excerpt(text.encode("utf-8", "replace").decode(), size, True)
    shown = written(_shortened(value, max_bytes)).encode("utf-8", "replace").decode()
    return Excerpt(shown if len(shown.encode()) <= 1.2 * max_bytes else excerpt(shown, max_bytes).text, size, False)


def outline(value: Any, depth: int = 3) -> str:
    """What a value is made of, in words: `object: rows: list of 9,000 of {day: text, n: number}, note: text`."""
    match value:
        case Mapping():
            if depth == 0 or not value:
                return f"object of {len(value):,} fields"
            fields = [f"{name}: {outline(inner, depth - 1)}" for name, inner in list(value.items())[: _SAMPLED // 2]]
            more = f", and {len(value) - len(fields):,} more fields" if len(value) > len(fields) else ""
            return "{" + ", ".join(fields) + more + "}"
        case list() | tuple():
            kinds = dict.fromkeys(outline(item, depth - 1 if depth else 0) for item in _sample(value))
            told = " or ".join(list(kinds)[:3]) + (" or others" if len(kinds) > 3 else "")
            return f"list of {len(value):,}" + (f" of {told}" if depth and value else "")
        case str():
            return f"text of {len(value):,} characters" if len(value) > 200 else "text"
        case bool():
            return "yes or no"
        case int() | float():
            return "number"
        case _:
            return "nothing" if value is None else type(value).__name__


def lines(value: Any, width: int = 200) -> Iterator[str]:
    """A value as lines to search and to cut: a text's own, or JSON in which a line is a row or field, split while
    longer than `width`."""
    if isinstance(value, str):
        yield from value.splitlines() or [""]
        return
    yield from _lines(value, width, "", "")


def shares(sizes: Sequence[int], total: int) -> list[int]:
    """How much each of some parts may take of `total`: small ones all they need, the rest evenly."""
    given = [0] * len(sizes)
    left = max(0, total)
    order = sorted(range(len(sizes)), key=lambda i: sizes[i])
    for place, index in enumerate(order):
        given[index] = min(sizes[index], left // (len(order) - place))
        left -= given[index]
    return given


def _shortened(value: Any, room: int) -> Any:
    size = _size(value)
    if size <= room:
        return value
    match value:
        case str():
            return excerpt(value, max(_NOTE + 16, room - (size - len(value.encode("utf-8", "replace"))))).text
        case Mapping():
            return _fields(value, room)
        case list() | tuple():
            return _items(value, room)
        case _:
            return value


def _fields(value: Mapping[str, Any], room: int) -> dict[str, Any]:
    """All fields, each with a share of the room; only as many as can say anything."""
    most = max(2, room // (2 * _LEAST))
    names = list(value)
    kept = names if len(names) <= most else [*names[: most - most // 2], *names[-(most // 2) :]]
    given = shares([_size(value[name]) for name in kept], room - sum(len(str(name)) + 6 for name in kept))
    told = {name: _shortened(value[name], share) for name, share in zip(kept, given, strict=True)}
    if len(kept) < len(names):
        told["..."] = f"[... {len(names) - len(kept):,} of {len(names):,} fields left out here ...]"
    return told


def _items(value: Sequence[Any], room: int) -> list[Any]:
    """The first and the last items that fit; those of a short list, or larger than that, are shortened themselves."""
    room -= _NOTE
    head = _taken(value, int(room * _HEAD_SHARE))
    tail = _taken(value[: len(head) - 1 if head else None : -1], room - int(room * _HEAD_SHARE))[::-1]
    left = len(value) - len(head) - len(tail)
    if left <= 0:
        return [*head, *tail]
    return [*head, f"[... {left:,} of {len(value):,} items left out here ...]", *tail]


def _taken(items: Sequence[Any], room: int) -> list[Any]:
    """The first items within some bytes; at least one, shortened when it is larger than all of it."""
    taken: list[Any] = []
    for item in items:
        size = _size(item) + 2
        if size > room:
            if not taken or room > 4 * _NOTE:
                taken.append(_shortened(item, max(_LEAST, room)))
            break
        taken.append(item)
        room -= size
    return taken


def _lines(value: Any, width: int, label: str, end: str) -> Iterator[str]:
    """JSON over several lines; `label` stands before the first, `end` behind the last."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    if len(text) <= width or not isinstance(value, (dict, list)) or not value:
        yield f"{label}{text}{end}"
        return
    yield f"{label}{text[0]}"
    entries = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    for number, (name, inner) in enumerate(entries, start=1):
        key = "" if name is None else f"{json.dumps(name, ensure_ascii=False)}: "
        yield from _lines(inner, width, key, "," if number < len(value) else "")
    yield f"{text[-1]}{end}"


def _sample(value: Sequence[Any]) -> Iterator[Any]:
    """Items from all over a list."""
    return iter(value[:: max(1, len(value) // _SAMPLED)])


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace"))
