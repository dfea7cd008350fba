"""Tokens, estimated: one for every four bytes of UTF-8, begun. Rule: the same text has the same count everywhere.

English is counted at about 4 characters a token, Chinese at about 1.3. A prompt is counted as one text: the tools, the
format asked for, then each message behind a mark with its role; so a shared beginning is shared in tokens too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

BYTES_A_TOKEN = 4


def tokens(text: str) -> int:
    """How many tokens a text is; 0 only for the empty text."""
    return count(text.encode("utf-8", "surrogatepass"))


def count(data: bytes) -> int:
    """As `tokens`, for text that is encoded already."""
    return -(-len(data) // BYTES_A_TOKEN)


def cut(text: str, limit: int) -> str:
    """The beginning of a text that is at most `limit` tokens."""
    return text.encode("utf-8", "surrogatepass")[: limit * BYTES_A_TOKEN].decode("utf-8", "ignore")


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal data, equal text."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def prompt(messages: Iterable[Mapping[str, Any]], tools: Any = None, response_format: Any = None) -> bytes:
    """The whole prompt as the one text that is counted and whose beginnings are cached."""
    parts = [canonical(part) for part in (tools, response_format) if part]
    for message in messages:
        rest = {key: value for key, value in message.items() if key not in ("role", "content") and value is not None}
        parts.append(f"<|{message.get('role', '')}|>\n{content_text(message.get('content'))}")
        if rest:
            parts.append(canonical(rest))
    parts.append("<|assistant|>\n")
    return "\n".join(parts).encode("utf-8", "surrogatepass")


def content_text(content: Any) -> str:
    """The text of a message's content: a text, or a list of parts; pictures and sounds count by their data."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return "" if content is None else canonical(content)
    return "\n".join(_part(part) for part in content)


def _part(part: Any) -> str:
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return str(part["text"])
    return part if isinstance(part, str) else canonical(part)
