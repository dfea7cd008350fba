"""Looking over a journal, and making a damaged one readable again.

Rule: every whole record is kept, before and behind the damage; what is lost is named by its numbers, in the report and
in the journal itself; the damaged file stays beside the new one as `….damaged`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...clock import Clock
from .frames import GROUP, HEAD, LOST, framed
from .lock import Lock
from .records import VERSION, Group, Head, Lost, group_body, head_body, lost_body, repacked
from .salvage import Gap, Part, parts
from .segments import Segment, as_journal_error, current, named, swap, tidy


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a file that are nothing whole."""

    file: str
    offset: int
    size: int


@dataclass(slots=True)
class Report:
    """What is in a session's journal.

    `torn_bytes`: an unfinished group at the very end, which opening cuts off; no damage. `lost`: numbers that are
    missing, `lost_before` those that an earlier repair already gave up. `is_clean`: its last process closed it.
    """

    session: str
    files: int = 0
    size_bytes: int = 0
    events: int = 0
    last: int = 0
    is_clean: bool = True
    torn_bytes: int = 0
    damages: list[Damage] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    lost_before: list[Lost] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything that was confirmed can be read."""
        return not self.damages and not self.lost


def verify(folder: Path) -> Report:
    """What can be read of a journal, and what not. Takes no lock and changes nothing.

    Raises:
        JournalError: a file can't be read at all.
    """
    report = Report(folder.name)
    try:
        _looked_over(folder, report)
    except OSError as error:
        raise as_journal_error(folder, error) from error
    return report


def repair(folder: Path, clock: Clock) -> Report:
    """Makes a damaged journal readable; gives what was wrong. One that is whole stays untouched.

    Raises:
        BusyError: another process writes the session.
        JournalError: it can't be read or written; nothing was changed but by whole files.
    """
    lock = Lock(folder, purpose="repair", now=clock.wall())
    try:
        tidy(folder)
        report = Report(folder.name)
        for rebuilt in _looked_over(folder, report):
            if rebuilt.is_changed:
                _replace(folder, rebuilt)
    except OSError as error:
        raise as_journal_error(folder, error) from error
    finally:
        lock.release()
    return report


@dataclass(slots=True)
class _Rebuilt:
    """A segment as it should be."""

    segment: Segment
    pieces: list[bytes] = field(default_factory=list)
    is_changed: bool = False


def _looked_over(folder: Path, report: Report) -> list[_Rebuilt]:
    segments = current(folder)
    report.files = len(segments)
    rebuilt = []
    for place, segment in enumerate(segments):
        report.size_bytes += segment.path.stat().st_size
        report.is_clean = segment.is_old
        found = parts(segment)
        if place == len(segments) - 1 and found and isinstance(found[-1], Gap):
            report.torn_bytes = found[-1].size
            del found[-1]
        rebuilt.append(_rebuild(segment, found, report, is_first=place == 0))
    return rebuilt


def _rebuild(segment: Segment, found: Sequence[Part | Gap], report: Report, *, is_first: bool) -> _Rebuilt:
    made = _Rebuilt(segment)
    if not segment.is_old and not _has_head(found):
        made.pieces.append(framed(HEAD, head_body(Head(VERSION, report.last, is_first))))
        made.is_changed = bool(found)
    for part in found:
        if isinstance(part, Gap):
            report.damages.append(Damage(segment.path.name, part.offset, part.size))
            made.is_changed = True
            continue
        _take(made, part, report, is_first=is_first)
    if segment.is_old:
        made.pieces.insert(0, framed(HEAD, head_body(Head(VERSION, 0, True))))
    return made


def _has_head(found: Sequence[Part | Gap]) -> bool:
    return bool(found) and isinstance(found[0], Part) and isinstance(found[0].says[0], Head)


def _take(made: _Rebuilt, part: Part, report: Report, *, is_first: bool) -> None:
    """Adds a whole frame, and before it what is lost between it and the one before."""
    as_it_is = framed(part.frame.kind, part.frame.body) if not made.segment.is_old else part.frame.body
    before = report.last
    for said in part.says:
        match said:
            case Head():
                as_it_is = _take_head(made, said, report, is_first=is_first)
            case Group():
                if said.last <= report.last and said.records:
                    made.is_changed = True  # a copy of what was read before
                    return
                if said.before < report.last:
                    kept = [repacked(record) for record in said.records if record.seq > report.last]
                    as_it_is = framed(GROUP, group_body(report.last, kept))
                    made.is_changed = True
                else:
                    _missing(made, report, said.before)
                report.last, report.is_clean = said.last, False
                report.events += len(said.records)
            case Lost():
                _missing(made, report, said.after)
                report.last = max(report.last, said.before)
                if part.frame.kind == LOST:
                    report.lost_before.append(said)
            case int():
                _missing(made, report, said)
                report.is_clean = True
    if as_it_is or report.last != before:
        made.pieces.append(as_it_is)


def _take_head(made: _Rebuilt, head: Head, report: Report, *, is_first: bool) -> bytes:
    if head.first:
        report.last = head.after
        return framed(HEAD, head_body(head))
    if head.after == report.last and not is_first:
        return framed(HEAD, head_body(head))
    made.pieces.append(framed(HEAD, head_body(Head(VERSION, report.last, is_first))))
    made.is_changed = True
    _missing(made, report, head.after)
    return b""


def _missing(made: _Rebuilt, report: Report, before: int) -> None:
    if before > report.last:
        lost = Lost(report.last, before)
        report.lost.append(lost)
        made.pieces.append(framed(LOST, lost_body(lost)))
        made.is_changed = True
        report.last = before


def _replace(folder: Path, rebuilt: _Rebuilt) -> None:
    old = rebuilt.segment.path
    _keep(old)
    target = named(folder, 0).path if rebuilt.segment.is_old else old
    swap(target, rebuilt.pieces)
    if rebuilt.segment.is_old:
        old.unlink()


def _keep(path: Path) -> None:
    """A second name for the damaged file, so that there is a journal at every moment."""
    number, kept = 1, path.with_name(path.name + ".damaged")
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.name}.damaged{number}")
    try:
        os.link(path, kept)
    except OSError:
        shutil.copy2(path, kept)
