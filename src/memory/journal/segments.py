"""The files of a session's journal. Rule: a file is only ever appended to, or swapped whole for another.

`00000001.journal` and up; `journal.msgpack` is the single file of format 1. A file being made ends in `.new`.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...errors import JournalError
from .frames import HEAD, Broken, walk
from .records import Head, head_of

OLD_NAME = "journal.msgpack"
_NAME = re.compile(r"(\d{8})\.journal")
sync_data = getattr(os, "fdatasync", os.fsync)


@dataclass(frozen=True, slots=True)
class Segment:
    """One file; number 0 may be one of format 1."""

    number: int
    path: Path

    @property
    def is_old(self) -> bool:
        return self.path.name == OLD_NAME

    def head(self) -> Head | None:
        """What the file says of itself; None: its first frame is not whole.

        Raises:
            JournalError: the format is newer than this Planloom.
        """
        if self.is_old:
            return Head(1, 0, True)
        try:
            with self.path.open("rb") as file:
                frame = next(walk(file), None)
        except Broken:
            return None
        if frame is None or frame.kind != HEAD:
            return None
        try:
            return head_of(frame.body)
        except ValueError as error:
            raise JournalError(f"{str(self.path)!r}: {error}") from error


def named(folder: Path, number: int) -> Segment:
    """The segment of a number, there or not."""
    return Segment(number, folder / f"{number:08}.journal")


def found(folder: Path) -> list[Segment]:
    """The segments in a folder, in order; those that a newer first one replaced too."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names are all that is needed
    except FileNotFoundError:
        return []
    numbers = sorted(int(match[1]) for name in names if (match := _NAME.fullmatch(name)))
    segments = [named(folder, number) for number in numbers]
    if OLD_NAME in names and 0 not in numbers:
        segments.insert(0, Segment(0, folder / OLD_NAME))
    return segments


def is_new(folder: Path) -> bool:
    """Whether no journal was begun in a folder that is there."""
    return not any("journal" in name for name in os.listdir(folder))  # noqa: PTH208 - names are all that is needed


def current(folder: Path) -> list[Segment]:
    """The segments that count: from the newest one that says nothing belongs before it."""
    segments = found(folder)
    for place in range(len(segments) - 1, 0, -1):
        head = segments[place].head()
        if head is not None and head.first:
            return segments[place:]
    return segments


def swap(path: Path, pieces: Iterable[bytes]) -> int:
    """Puts a new file in the place of another, or of none, whole or not at all; gives its size in bytes.

    Raises:
        OSError: it can't be written; what was there is untouched.
    """
    new = path.with_name(path.name + ".new")
    size = 0
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            for piece in pieces:
                size += file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()
        raise
    sync_folder(path.parent)
    return size


def sync_folder(folder: Path) -> None:
    """Has the disk keep which files a folder has."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def tidy(folder: Path) -> None:
    """Removes files that were never finished and segments that a newer first one replaced; needs the lock."""
    kept = set(current(folder))
    gone = [segment.path for segment in found(folder) if segment not in kept]
    for path in [*gone, *folder.glob("*.journal.new"), *folder.glob("*.msgpack.new")]:
        with contextlib.suppress(OSError):
            path.unlink()


def as_journal_error(folder: Path, error: OSError) -> JournalError:
    """An error of the disk, as a person is told of it."""
    return JournalError(
        f"session {folder.name!r}: expected a journal that can be read and written in {str(folder)!r}, got: {error}; "
        f"make room or check permissions, then run: planloom sessions verify {folder.name}"
    )
