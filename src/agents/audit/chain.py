"""The chain: each line holds the hash of the one before it, so that none can be changed, left out or moved unseen.

Rule: pure. A line is one JSON object `{n, at, kind, ..., prev, hash}`; `hash` is SHA-256 of the line without it. What
a chain alone can't show, that its last lines are gone, shows by the head that is kept beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

START = "0" * 64

Fault = Literal["altered", "missing", "reordered", "cut"]


@dataclass(frozen=True, slots=True)
class Link:
    """The last line so far: its number (0: none) and its hash."""

    number: int = 0
    hash: str = START


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The first thing that is wrong. `place` is file and line, `number` what the line should be."""

    fault: Fault
    place: str
    number: int
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What `check` found. `finding` None: the chain is whole."""

    lines: int
    last: Link
    finding: Finding | None = None


def linked(entry: Mapping[str, Any], before: Link) -> tuple[str, Link]:
    """An entry as a line of the chain, newline included, and the link it makes."""
    body = {"n": before.number + 1, **entry, "prev": before.hash}
    text = _written(body)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f'{text[:-1]},"hash":"{digest}"}}\n', Link(before.number + 1, digest)


def link_of(line: str) -> Link | None:
    """The link that a line of the chain is, None when the line is none or was altered."""
    try:
        body = json.loads(line)
        digest = body.pop("hash")
        number = body["n"]
    except (ValueError, KeyError, AttributeError, TypeError):
        return None
    whole = _written(body) if isinstance(body, dict) else ""
    is_whole = hashlib.sha256(whole.encode()).hexdigest() == digest
    return Link(number, digest) if is_whole and isinstance(number, int) else None


def check(lines: Iterable[tuple[str, str]], head: Link | None = None, *, start: Link | None = None) -> Report:
    """Follows a chain of (place, line) to its first fault. `head`: the link its last line had; None: not known.

    `start` is the link before the first line, for a chain whose oldest files are gone.
    """
    last = start
    count = 0
    rows = list(lines)
    for at, (place, line) in enumerate(rows):
        expected = (last.number if last else 0) + 1
        link = link_of(line)
        if link is None:
            is_tail = at == len(rows) - 1 and not line.endswith("\n")
            told = (
                "the last line is not whole: its writing was cut off" if is_tail else "its text does not fit its hash"
            )
            fault: Fault = "cut" if is_tail else "altered"
            return Report(lines=count, last=last or Link(), finding=_finding(fault, place, expected, told))
        previous = json.loads(line)["prev"]
        if last is None:
            last = Link(link.number - 1, previous)
            expected = link.number
        if link.number != expected or previous != last.hash:
            return Report(lines=count, last=last, finding=_displaced(link, previous, last, place, rows[at:]))
        last = link
        count += 1
    last = last or Link()
    if head is not None and head.number > last.number:
        told = f"{head.number - last.number} lines at the end are gone; the last one was number {head.number}"
        return Report(lines=count, last=last, finding=_finding("cut", "the end", last.number + 1, told))
    if head is not None and head.number == last.number and head.hash != last.hash:
        told = f"line {last.number} is another one than was written"
        return Report(lines=count, last=last, finding=_finding("altered", "the end", last.number, told))
    return Report(lines=count, last=last)


def _displaced(link: Link, previous: str, last: Link, place: str, rest: list[tuple[str, str]]) -> Finding:
    """What it means that a line, whole in itself, does not follow the one before it."""
    expected = last.number + 1
    later = {found.number for _, line in rest if (found := link_of(line)) is not None}
    if link.number > expected and expected not in later:
        return _finding("missing", place, expected, f"line {expected} is gone; here stands {link.number}")
    if link.number != expected:
        return _finding("reordered", place, expected, f"line {link.number} stands where {expected} belongs")
    return _finding("altered", place, expected, "it does not follow the line before it")


def _finding(fault: Fault, place: str, number: int, told: str) -> Finding:
    return Finding(fault=fault, place=place, number=number, told=told)


def _written(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=True, separators=(",", ":"), default=str)
