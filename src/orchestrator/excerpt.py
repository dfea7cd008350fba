"""Results as text for a model's prompt: whole when they fit, else beginning and end. Rule: what is left out is said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_HEAD_SHARE = 0.6
_BYTES_PER_TOKEN = 2  # tables of numbers are that dense; prose has 4
_NOTE = 64  # about the bytes that say what is left out


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


def shares(sizes: Sequence[int], total: int) -> list[int]:
    """How much each of some parts may take of `total`: small ones all they need, the rest evenly."""
    given = [0] * len(sizes)
    left = max(0, total)
    order = sorted(range(len(sizes)), key=lambda i: sizes[i])
    for place, index in enumerate(order):
        given[index] = min(sizes[index], left // (len(order) - place))
        left -= given[index]
    return given
