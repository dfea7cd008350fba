"""The chain: each line holds the hash of the one before it, so that none can be changed, left out or moved unseen.

Rule: pure. A line is one JSON object `{n, at, kind, ..., seal, prev, salt, told, hash}`; `hash` is SHA-256 of the line
without it, `salt` and `told`, and `seal` is SHA-256 of these two. So what was told can be taken out without breaking
the chain, and that something was there stays. What a chain alone can't show, that its last lines are gone, shows by the
head that is kept beside it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
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
    """What `check` found. `finding` None: the chain is whole. `emptied` are lines whose content was taken out."""

    lines: int
    last: Link
    emptied: int = 0
    finding: Finding | None = None


def linked(entry: Mapping[str, Any], before: Link) -> tuple[str, Link]:
    """An entry as a line of the chain, newline included, and the link it makes. Under `told` stands what may go."""
    body = {"n": before.number + 1, **entry}
    told = body.pop("told", None)
    if told:
        salt = secrets.token_hex(8)
        body["seal"] = _seal(salt, told)
    body["prev"] = before.hash
    text = _written(body)
    digest = hashlib.sha256(text.encode()).hexdigest()
    more = f',"salt":"{salt}","told":{_written(told)}' if told else ""
    return f'{text[:-1]}{more},"hash":"{digest}"}}\n', Link(before.number + 1, digest)


def emptied(line: str) -> str:
    """A line without what it told; its link is the same."""
    body = json.loads(line)
    return _written({name: value for name, value in body.items() if name not in ("salt", "told")}) + "\n"


def entry_of(line: str) -> dict[str, Any] | None:
    """A line as it stands, None when it is no JSON object."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def link_of(line: str) -> Link | None:
    """The link that a line of the chain is, None when the line is none or was altered."""
    try:
        body = json.loads(line)
        digest = body.pop("hash")
        number = body["n"]
        told, salt = body.pop("told", None), body.pop("salt", None)
    except (ValueError, KeyError, AttributeError, TypeError):
        return None
    if (told is not None or salt is not None) and body.get("seal") != _seal(str(salt), told):
        return None
    is_whole = hashlib.sha256(_written(body).encode()).hexdigest() == digest
    return Link(number, digest) if is_whole and isinstance(number, int) else None


def check(lines: Iterable[tuple[str, str]], head: Link | None = None) -> Report:
    """Follows a chain of (place, line) to its first fault. `head`: the link its last line had; None: not known."""
    rows = list(lines)
    last = Link()
    without = 0
    for at, (place, line) in enumerate(rows):
        link = link_of(line)
        if link is None:
            is_tail = at == len(rows) - 1 and not line.endswith("\n")
            told = (
                "the last line is not whole: its writing was cut off" if is_tail else "its text does not fit its hash"
            )
            return Report(lines=at, last=last, finding=_finding("cut" if is_tail else "altered", place, last, told))
        body = json.loads(line)
        if link.number != last.number + 1 or body["prev"] != last.hash:
            return Report(lines=at, last=last, finding=_displaced(link, last, place, rows[at:]))
        without += "seal" in body and "told" not in body
        last = link
    return Report(lines=len(rows), last=last, emptied=without, finding=_of_head(head, last))


def _of_head(head: Link | None, last: Link) -> Finding | None:
    """What the head that is kept beside a chain says of its end."""
    if head is None or head.number < last.number:
        return None
    if head.number > last.number:
        told = f"{head.number - last.number} lines at the end are gone; the last one was number {head.number}"
        return _finding("cut", "the end", last, told)
    if head.hash != last.hash:
        return _finding("altered", "the end", last, "the last line is another one than was written")
    return None


def _displaced(link: Link, last: Link, place: str, rest: list[tuple[str, str]]) -> Finding:
    """What it means that a line, whole in itself, does not follow the one before it."""
    expected = last.number + 1
    later = {found.number for _, line in rest if (found := link_of(line)) is not None}
    if link.number > expected and expected not in later:
        return _finding("missing", place, last, f"line {expected} is gone; here stands {link.number}")
    if link.number != expected:
        return _finding("reordered", place, last, f"line {link.number} stands where {expected} belongs")
    return _finding("altered", place, last, "it does not follow the line before it")


def _finding(fault: Fault, place: str, last: Link, told: str) -> Finding:
    return Finding(fault=fault, place=place, number=last.number + 1, told=told)


def _seal(salt: str, told: Any) -> str:
    """A salted digest, so that short contents can't be guessed from it once they are gone."""
    return hashlib.sha256(f"{salt}{_written(told)}".encode()).hexdigest()


def _written(body: Any) -> str:
    return json.dumps(body, ensure_ascii=True, separators=(",", ":"), default=str)
