"""The records of a session, whoever writes it meanwhile. Rule: whole groups or an error; nothing is left out silently.

A reader takes no lock. What is not whole at the very end of the last segment is a group that is being written, or that
was torn when its writer died; anywhere else it is damage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import JournalError
from .frames import END, GROUP, HEAD, LOST, PACKED, SKIP, Broken, Frame, end_seq, walk
from .packing import unpacked
from .records import Group, Record, group_of, head_of, lost_of
from .segments import Segment, as_journal_error, current
from .version1 import next_place, places


@dataclass(slots=True)
class Progress:
    """How far a reader is: the last number read, whether the last process ended cleanly, and the torn bytes."""

    last: int = 0
    is_clean: bool = True
    torn_bytes: int = 0
    torn_at: int = 0
    groups: int = 0


def read(path: Path, *, after: int = 0) -> Iterator[Record]:
    """The records of a session's folder (or of one file of format 1), in order, from number `after` + 1.

    Raises:
        JournalError: something is damaged or missing; names the file, the offset and what to run.
    """
    for group in groups(path, after=after):
        for record in group.records:
            if record.seq > after:
                yield record


def groups(path: Path, *, after: int = 0, progress: Progress | None = None) -> Iterator[Group]:
    """The groups, those before number `after` left out where that can be told from outside."""
    seen = Progress() if progress is None else progress
    while True:
        segments: list[Segment] = []
        try:
            segments = [Segment(0, path)] if path.is_file() else current(path)
            yield from _from(segments, max(after, seen.last), seen)
            return
        except FileNotFoundError:
            if segments == current(path):
                raise JournalError(f"session {path.name!r}: its files go away while they are read; try again") from None
        except OSError as error:
            raise as_journal_error(path, error) from error


def _from(segments: list[Segment], after: int, progress: Progress) -> Iterator[Group]:
    """As `groups`; a compaction may swap the files meanwhile, so that what was read before is not given again."""
    chain = Progress()
    start = _start(segments, after)
    for place, segment in enumerate(segments):
        if place < start:
            continue
        is_last = place == len(segments) - 1
        for group in segment_groups(segment, chain, is_last=is_last, trusts_head=place == start > 0):
            if group.last > progress.last:
                new = [record for record in group.records if record.seq > progress.last]
                progress.last = group.last
                yield Group(group.before, new)
    progress.last = max(progress.last, chain.last)
    progress.is_clean, progress.torn_bytes, progress.torn_at = chain.is_clean, chain.torn_bytes, chain.torn_at
    progress.groups = chain.groups


def _start(segments: list[Segment], after: int) -> int:
    """The first segment that may have numbers above `after`."""
    if after > 0:
        for place in range(len(segments) - 1, 0, -1):
            head = segments[place].head()
            if head is not None and head.after <= after:
                return place
    return 0


def segment_groups(
    segment: Segment, chain: Progress, *, is_last: bool = True, trusts_head: bool = False
) -> Iterator[Group]:
    """The groups of one file; `chain` is what was read before it, and is carried on.

    `trusts_head`: reading begins here, so what the head says stood before it counts.

    Raises:
        JournalError: it is damaged, or something between it and what was read before is missing.
    """
    if segment.is_old or segment.path.suffix != ".journal":
        yield from _old_groups(segment, chain, is_last=is_last)
        return
    chain.is_clean = False
    with segment.path.open("rb") as file:
        try:
            for frame in walk(file):
                yield from _frame_groups(segment, frame, frame.offset, chain, trusts_head=trusts_head)
        except Broken as broken:
            if broken.resumes is not None or not is_last:
                raise damaged(segment, broken) from None
            chain.torn_bytes, chain.torn_at = broken.size - broken.offset, broken.offset


def _frame_groups(
    segment: Segment, frame: Frame, offset: int, chain: Progress, *, trusts_head: bool
) -> Iterator[Group]:
    try:
        match frame.kind:
            case k if k == HEAD:
                head = head_of(frame.body)
                if head.first or trusts_head:
                    chain.last = head.after
                _check(segment, offset, chain.last, head.after)
            case k if k == PACKED:
                for inner in unpacked(frame):
                    yield from _frame_groups(segment, inner, offset, chain, trusts_head=False)
            case k if k == GROUP:
                group = group_of(frame.body)
                _check(segment, offset, chain.last, group.before)
                chain.last, chain.is_clean = group.last, False
                chain.groups += 1
                yield group
            case k if k == END:
                _check(segment, offset, chain.last, end_seq(frame.body))
                chain.is_clean = True
            case k if k in (LOST, SKIP):
                lost = lost_of(frame.body)
                _check(segment, offset, chain.last, lost.after)
                chain.last = lost.before
            case _:
                raise ValueError(f"expected a known kind of frame, got {frame.kind!r}; update Planloom")
    except (ValueError, TypeError, Broken) as error:
        raise JournalError(
            f"session {_name(segment)!r}: unreadable content at byte {offset} of {str(segment.path)!r}: {error}; "
            f"run: planloom sessions repair {_name(segment)}"
        ) from error


def _check(segment: Segment, offset: int, last: int, before: int) -> None:
    if last != before:
        raise JournalError(
            f"session {_name(segment)!r}: expected number {last} before byte {offset} of {str(segment.path)!r}, got "
            f"{before}: events in between are missing; run: planloom sessions repair {_name(segment)}"
        )


def _old_groups(segment: Segment, chain: Progress, *, is_last: bool) -> Iterator[Group]:
    data = segment.path.read_bytes()
    end = 0
    for place in places(data):
        yield Group(chain.last, [place.record])
        chain.last, end = place.record.seq, place.end
        chain.groups += 1
    if end < len(data):
        resumes = next_place(data, end + 1)
        if resumes is not None or not is_last:
            raise damaged(segment, Broken(end, len(data), None if resumes is None else resumes.offset))
        chain.torn_bytes, chain.torn_at = len(data) - end, end


def damaged(segment: Segment, broken: Broken) -> JournalError:
    """What a person is told of damage."""
    upto = f"to {broken.resumes}" if broken.resumes is not None else "on"
    return JournalError(
        f"session {_name(segment)!r}: expected whole records in {str(segment.path)!r}, got damaged bytes from "
        f"{broken.offset} {upto}; run: planloom sessions repair {_name(segment)}"
    )


def _name(segment: Segment) -> str:
    return segment.path.parent.name
