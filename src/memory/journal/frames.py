"""The frames a segment file is made of: `C1 50 4C kind, length (4), XXH3-64 (8), body`; numbers big-endian.

Rule: a frame is whole or it is not there. The checksum covers kind, length and body. The byte C1 occurs neither in
UTF-8 nor as a msgpack type, so that the next whole frame is found behind damage.

Kinds: h the segment's head, g a group of records that were committed together, z frames compressed with zstd, e the end
of a process that closed the journal, l numbers that a repair could not save, s numbers that were dropped on purpose.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import xxhash

SYNC = b"\xc1PL"
HEAD, GROUP, PACKED, END, LOST, SKIP = b"h", b"g", b"z", b"e", b"l", b"s"
_HEAD = struct.Struct(">4sIQ")
OVERHEAD = _HEAD.size
MAX_BODY = (1 << 32) - 1
_END = struct.Struct(">QQ")
END_SIZE = OVERHEAD + _END.size


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole frame; `offset` and `end` are its first byte and the one behind it."""

    kind: bytes
    body: bytes
    offset: int
    end: int


@dataclass(slots=True)
class Broken(Exception):  # noqa: N818 - caught where it is known whether it is a torn tail or damage
    """The bytes from `offset` on are no whole frame; `resumes` is where the next whole one is, None: nowhere."""

    offset: int
    size: int
    resumes: int | None


def framed(kind: bytes, body: bytes) -> bytes:
    """The frame of a body; bodies have at most 4 GiB."""
    return _HEAD.pack(SYNC + kind, len(body), _checksum(kind, body)) + body


def ending(seq: int, offset: int) -> bytes:
    """The frame that a clean end leaves at `offset`; `seq` is the last number given."""
    return framed(END, _END.pack(seq, offset))


def ended(frame: Frame, at: int) -> int | None:
    """The last number given when a process ended cleanly; None: the frame, which stands at `at`, does not say so."""
    if frame.kind != END or len(frame.body) != _END.size:
        return None
    seq, offset = _END.unpack(frame.body)
    return int(seq) if offset == at else None


def end_seq(body: bytes) -> int:
    """The last number given, from the body of an end frame.

    Raises:
        ValueError: the body is something else.
    """
    if len(body) != _END.size:
        raise ValueError(f"expected an end of {_END.size} bytes, got {len(body)}")
    return int(_END.unpack(body)[0])


def walk(file: BinaryIO) -> Iterator[Frame]:
    """The whole frames of a file, from its position on.

    Raises:
        Broken: what follows is no whole frame.
    """
    offset = file.tell()
    while head := file.read(OVERHEAD):
        frame = _whole(head, file, offset)
        if frame is None:
            raise _broken(file, offset)
        yield frame
        offset = frame.end


def frame_at(data: bytes, offset: int) -> Frame | None:
    """The whole frame that begins at an offset, None if there is none."""
    if offset + OVERHEAD > len(data):
        return None
    sync, length, checksum = _HEAD.unpack_from(data, offset)
    end = offset + OVERHEAD + length
    if sync[:3] != SYNC or end > len(data):
        return None
    body = data[offset + OVERHEAD : end]
    return Frame(sync[3:], body, offset, end) if _checksum(sync[3:], body) == checksum else None


def next_frame(data: bytes, offset: int) -> Frame | None:
    """The first whole frame that begins at an offset or behind it."""
    at = data.find(SYNC, offset)
    while at >= 0:
        frame = frame_at(data, at)
        if frame is not None:
            return frame
        at = data.find(SYNC, at + 1)
    return None


def _whole(head: bytes, file: BinaryIO, offset: int) -> Frame | None:
    if len(head) < OVERHEAD:
        return None
    sync, length, checksum = _HEAD.unpack(head)
    if sync[:3] != SYNC:
        return None
    body = file.read(length)
    if len(body) < length or _checksum(sync[3:], body) != checksum:
        return None
    return Frame(sync[3:], body, offset, offset + OVERHEAD + length)


def _broken(file: BinaryIO, offset: int) -> Broken:
    file.seek(offset)
    data = file.read()
    found = next_frame(data, 1)
    return Broken(offset, offset + len(data), None if found is None else offset + found.offset)


def _checksum(kind: bytes, body: bytes) -> int:
    return xxhash.xxh3_64_intdigest(body, seed=len(body) << 8 | kind[0])
