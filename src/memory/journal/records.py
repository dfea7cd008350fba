"""Records, and how a group of them is laid out in a frame's body.

Rule: a group says which number stood before it, so that a missing group is noticed wherever it was.
A body is the msgpack list `[before, record, record, ...]`; a record is `[seq, at, run_id, type, payload]`, where fields
that have their default are left out of the payload. A default, once released, never changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, NamedTuple

from ...events import Event, Payload, payload_from
from ..codec import pack, pack_list, unpack

VERSION = 2


class Record(NamedTuple):
    """An event as it is on disk; `version` is the format's it was written in, `at` Unix seconds."""

    version: int
    seq: int
    at: float
    run_id: str
    type: str
    payload: dict[str, Any]

    def event(self, session_id: str) -> Event | None:
        """The event; None: it is of a newer version of Planloom."""
        try:
            payload = payload_from(self.type, self.payload)
        except (KeyError, TypeError):
            return None
        return Event(self.seq, self.at, session_id, self.run_id, payload)


class Group(NamedTuple):
    """Records that were committed together, and the number that stood before them."""

    before: int
    records: list[Record]

    @property
    def last(self) -> int:
        return self.records[-1].seq if self.records else self.before


class Head(NamedTuple):
    """What a segment says of itself: the number `after` which it goes on; `first`: nothing belongs before it."""

    version: int
    after: int
    first: bool


class Lost(NamedTuple):
    """Numbers that are not there: those above `after`, up to `before`, as far as they were given."""

    after: int
    before: int

    def __str__(self) -> str:
        return f"{self.after + 1} to {self.before}"


def packed(event: Event) -> bytes:
    """The record of an event.

    Raises:
        TypeError, ValueError, OverflowError: the payload is not plain data.
    """
    return pack([event.seq, event.at, event.run_id, event.payload.type, _lean(event.payload)])


def repacked(record: Record) -> bytes:
    """The record again."""
    return pack(record[1:])


def group_body(before: int, records: Sequence[bytes]) -> bytes:
    """The body of a group's frame."""
    return pack_list([pack(before), *records])


def group_of(body: bytes) -> Group:
    """What `group_body` was given.

    Raises:
        ValueError: the body is something else.
    """
    data = unpack(body)
    if not isinstance(data, list) or not data:
        raise ValueError("expected a group of records")
    return Group(data[0], [Record(VERSION, *record) for record in data[1:]])


def lost_body(lost: Lost) -> bytes:
    return pack(list(lost))


def lost_of(body: bytes) -> Lost:
    """What `lost_body` was given.

    Raises:
        ValueError: the body is something else.
    """
    after, before = unpack(body)
    return Lost(after, before)


def head_body(head: Head) -> bytes:
    return pack({"v": head.version, "after": head.after, "first": head.first})


def head_of(body: bytes) -> Head:
    """What `head_body` was given.

    Raises:
        ValueError: the body is something else, or of a newer format.
    """
    data = unpack(body)
    if not isinstance(data, dict) or not isinstance(data.get("v"), int):
        raise ValueError("expected the head of a segment")
    if data["v"] > VERSION:
        raise ValueError(f"expected a journal of format {VERSION} or older, got format {data['v']}; update Planloom")
    return Head(data["v"], data["after"], data["first"])


_DEFAULTS: dict[type, tuple[tuple[str, Any], ...]] = {}


def _lean(payload: Payload) -> dict[str, Any]:
    """The payload's fields, without those that are at their default."""
    kind = type(payload)
    known = _DEFAULTS.get(kind)
    if known is None:
        known = _DEFAULTS[kind] = tuple((f.name, f.default) for f in fields(kind))
    return {name: value for name, default in known if (value := getattr(payload, name)) is not default}
