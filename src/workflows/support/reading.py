"""Tickets as they come in, alone or line by line from an inbox. Rule: what can't be read is said, not guessed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from ...errors import ToolError
from .shapes import Inbox, Line, Ticket

LONGEST = 20_000
_FIELDS = ("id", "customer", "channel", "text", "order", "transcript", "received")
_MOST_LINES = 10_000
_MOST_BYTES = 64_000_000
_ODD_SHARE = 0.1


def ticket(told: Mapping[str, Any]) -> Ticket:
    """The ticket in plain data; texts longer than 20,000 characters are cut, and say so."""
    given = {name: _text(told.get(name)) for name in _FIELDS}
    text, notes = given["text"].strip(), []
    if len(text) > LONGEST:
        notes.append(f"read the first {LONGEST:,} of {len(text):,} characters")
    trouble = _trouble(text)
    if trouble == "binary":
        text = ""
    digest = hashlib.sha256("\0".join((given["customer"], given["order"], given["text"])).encode("utf-8", "replace"))
    return Ticket(
        id=f"{given['id'].strip()[:40] or 'T'}.{digest.hexdigest()[:8]}",
        customer=given["customer"].strip()[:100],
        channel=given["channel"].strip()[:20] or "chat",
        text=text[:LONGEST],
        order=given["order"].strip()[:40],
        transcript=given["transcript"][-LONGEST:],
        received=given["received"] or datetime.now().astimezone().date().isoformat(),
        trouble=trouble,
        notes=notes,
    )


def inbox(path: Path) -> Inbox:
    """The tickets of a JSON Lines file, or of a JSON list; lines that are none are named.

    Raises:
        ToolError: it can't be read, is too large, or holds no ticket.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ToolError(
                f"expected an inbox of at most {_MOST_BYTES:,} bytes, got {path.stat().st_size:,}; split it"
            )
        text = path.read_bytes().decode("utf-8-sig", "replace")
    except OSError as error:
        raise ToolError(f"expected a readable inbox, got {str(path)!r}: {error}") from error
    broken: list[str] = []
    found = [one for number, line in _lines(text) if (one := _read(line, number, broken)) is not None]
    if not found:
        raise ToolError(
            f"expected tickets in {path.name}, one JSON object a line with a text, got none"
            + (f": {broken[0]}" if broken else "")
        )
    return Inbox(tickets=found[:_MOST_LINES], broken=broken, source=path.name)


def _lines(text: str) -> list[tuple[int, Any]]:
    if text.lstrip().startswith("["):
        try:
            return [(number + 1, json.dumps(one)) for number, one in enumerate(json.loads(text))]
        except ValueError:
            return []
    return [(number + 1, line) for number, line in enumerate(text.splitlines()) if line.strip()]


def _read(line: str, number: int, broken: list[str]) -> Line | None:
    try:
        data = json.loads(line)
    except ValueError as error:
        broken.append(f"line {number}: no JSON ({error})"[:200])
        return None
    if not isinstance(data, dict) or not isinstance(data.get("text", ""), str):
        broken.append(f"line {number}: expected an object with a text, got {str(data)[:60]!r}")
        return None
    return Line(**{name: _text(data.get(name)) for name in _FIELDS})  # type: ignore[typeddict-item,no-any-return]


def _text(value: Any) -> str:
    """Text without lone surrogates; lists of a transcript become lines."""
    if isinstance(value, list):
        value = "\n".join(str(one) for one in value)
    return "" if value is None else str(value).encode("utf-8", "replace").decode("utf-8")


def _trouble(text: str) -> Literal["", "empty", "binary"]:
    if not any(char.isalnum() for char in text):
        return "empty" if not text or "\0" not in text else "binary"
    head = text[:LONGEST]
    odd = sum(char == "\ufffd" or (ord(char) < 32 and char not in "\n\r\t") for char in head)
    return "binary" if "\0" in head or odd > _ODD_SHARE * len(head) else ""
