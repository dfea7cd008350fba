"""What is whole in a segment, damaged or not. Rule: a frame counts only when its content can be read too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .frames import END, GROUP, HEAD, LOST, PACKED, SKIP, Broken, Frame, end_seq, framed, next_frame
from .packing import unpacked
from .records import Group, Head, Lost, group_body, group_of, head_of, lost_of, repacked
from .segments import Segment
from .version1 import next_place


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes of a file that belong to no whole frame."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Part:
    """A whole frame and what it says; a packed one says several things."""

    frame: Frame
    says: tuple[Head | Group | Lost | int, ...]


def parts(segment: Segment) -> list[Part | Gap]:
    """The whole frames of a segment and the gaps between them, in order; records of format 1 as groups.

    Raises:
        OSError: the file can't be read.
    """
    data = segment.path.read_bytes()
    found = _old_parts(data) if segment.is_old else _parts(data)
    result: list[Part | Gap] = []
    end = 0
    for part in found:
        if part.frame.offset > end:
            result.append(Gap(end, part.frame.offset - end))
        result.append(part)
        end = part.frame.end
    if end < len(data):
        result.append(Gap(end, len(data) - end))
    return result


def _parts(data: bytes) -> Iterator[Part]:
    offset = 0
    while (frame := next_frame(data, offset)) is not None:
        try:
            yield Part(frame, tuple(_said(frame)))
            offset = frame.end
        except (ValueError, TypeError, Broken):
            offset = frame.offset + 1


def _said(frame: Frame) -> Iterator[Head | Group | Lost | int]:
    match frame.kind:
        case k if k == HEAD:
            yield head_of(frame.body)
        case k if k == GROUP:
            yield group_of(frame.body)
        case k if k == PACKED:
            for inner in unpacked(frame):
                yield from _said(inner)
        case k if k in (LOST, SKIP):
            yield lost_of(frame.body)
        case k if k == END:
            yield end_seq(frame.body)
        case _:
            raise ValueError(f"expected a known kind of frame, got {frame.kind!r}")


def _old_parts(data: bytes) -> Iterator[Part]:
    offset = last = 0
    while (place := next_place(data, offset)) is not None:
        # Numbers rose by one: behind a gap it is known what was in it.
        before = last if place.offset == offset else place.record.seq - 1
        group = Group(before, [place.record])
        body = framed(GROUP, group_body(before, [repacked(place.record)]))
        yield Part(Frame(GROUP, body, place.offset, place.end), (group,))
        last, offset = place.record.seq, place.end
