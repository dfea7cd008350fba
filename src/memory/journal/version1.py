"""Journals of format 1, which are read and never written: `length (4), CRC-32 (4), body` after one another.

A body is the msgpack list `[1, seq, at, run_id, type, payload]`; numbers rise by one. Rule: read only.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from ..codec import unpack
from .records import Record

_HEAD = struct.Struct(">II")
# A list of six whose first item is 1: how every body begins.
_BEGIN = b"\x96\x01"


class Place(NamedTuple):
    """A whole record, and the bytes it takes."""

    record: Record
    offset: int
    end: int


def places(data: bytes, offset: int = 0) -> Iterator[Place]:
    """The whole records from an offset on; ends before the first that is not whole."""
    while (place := _at(data, offset)) is not None:
        yield place
        offset = place.end


def next_place(data: bytes, offset: int) -> Place | None:
    """The first whole record that begins at an offset or behind it."""
    at = data.find(_BEGIN, offset + _HEAD.size)
    while at >= 0:
        place = _at(data, at - _HEAD.size)
        if place is not None:
            return place
        at = data.find(_BEGIN, at + 1)
    return None


def _at(data: bytes, offset: int) -> Place | None:
    if offset + _HEAD.size > len(data):
        return None
    length, checksum = _HEAD.unpack_from(data, offset)
    end = offset + _HEAD.size + length
    body = data[offset + _HEAD.size : end]
    if end > len(data) or zlib.crc32(body) != checksum or not body.startswith(_BEGIN):
        return None
    try:
        return Place(Record(*unpack(body)), offset, end)
    except (ValueError, TypeError):
        return None
