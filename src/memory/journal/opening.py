"""What a writer finds when it opens a session, and the torn tail it cuts off. Needs the lock.

Rule: cut bytes are kept beside the journal (`….cut-OFFSET`), so that nothing is ever destroyed by opening.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .frames import END_SIZE, ended, frame_at
from .reading import Progress, segment_groups
from .segments import Segment, current, is_new, named, swap, tidy


@dataclass(frozen=True, slots=True)
class Found:
    """Where writing goes on: the segment (one that is there or the next), its size, and the last number in use.

    `is_clean`: the last process closed the journal, so every number it gave is known. `cut_bytes` were torn.
    """

    segment: Segment
    size: int
    last: int
    is_clean: bool
    cut_bytes: int = 0


def opened(folder: Path) -> Found:
    """Looks at the end of the journal, and cuts it clean. Costs one segment at most, and little after a clean end.

    Raises:
        JournalError: the last segment is damaged before its end.
        OSError: the torn tail can't be cut off.
    """
    if is_new(folder):
        return Found(named(folder, 1), 0, 0, is_clean=True)
    tidy(folder)
    segments = current(folder)
    if not segments:
        return Found(named(folder, 1), 0, 0, is_clean=True)
    last = segments[-1]
    if not last.is_old:
        size = last.path.stat().st_size
        seq = _clean_end(last.path, size)
        if seq is not None:
            return Found(last, size, seq, is_clean=True)
    return _scanned(folder, segments)


def _clean_end(path: Path, size: int) -> int | None:
    """The last number, when the file ends with the frame of a clean end."""
    if size < END_SIZE:
        return None
    with path.open("rb") as file:
        file.seek(size - END_SIZE)
        frame = frame_at(file.read(), 0)
    return None if frame is None else ended(frame, size - END_SIZE)


def _scanned(folder: Path, segments: list[Segment]) -> Found:
    last = segments[-1]
    head = last.head()
    chain = Progress()
    for place, segment in enumerate(segments):
        # The head says what stood before it; where it is torn, only the segments before can.
        if place == len(segments) - 1 or head is None:
            for _ in segment_groups(segment, chain, is_last=segment is last, trusts_head=head is not None):
                pass
    if chain.torn_bytes:
        _cut(last, chain)
    if last.is_old:
        return Found(named(folder, 1), 0, chain.last, is_clean=True, cut_bytes=chain.torn_bytes)
    return Found(last, last.path.stat().st_size, chain.last, is_clean=chain.is_clean, cut_bytes=chain.torn_bytes)


def _cut(segment: Segment, chain: Progress) -> None:
    with segment.path.open("rb+") as file:
        file.seek(chain.torn_at)
        swap(segment.path.with_name(f"{segment.path.name}.cut-{chain.torn_at}"), [file.read()])
        file.truncate(chain.torn_at)
        os.fsync(file.fileno())
