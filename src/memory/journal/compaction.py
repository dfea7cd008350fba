"""A journal rewritten smaller: what runs that ended no longer need is left out, the rest is packed.

Rule: nothing of a run that has not ended is touched, and facts stay: of ended runs go progress, pieces of answers, and
the values of results that were redone. The new file takes the place of all old ones in one step.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ...clock import Clock
from ...errors import JournalError
from .frames import GROUP, HEAD, PACKED, SKIP, Frame, ending, framed, walk
from .lock import Lock
from .opening import opened
from .packing import blocks
from .policy import GAP, SOFT_TYPES
from .reading import read
from .records import VERSION, Head, Lost, Record, group_body, head_body, lost_body, repacked
from .segments import as_journal_error, current, named, swap, tidy

_GROUP_RECORDS = 64
_GROUP_BYTES = 1 << 13
_RESULT = ("value", "stored")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """What a compaction did: bytes before and after, events and values left out."""

    session: str
    before_bytes: int
    after_bytes: int
    events_dropped: int = 0
    values_dropped: int = 0


def compact(
    folder: Path,
    clock: Clock,
    *,
    drop_runs: Container[str] = (),
    compression: Literal["zstd", "none"] = "zstd",
) -> Compacted:
    """Rewrites a session's journal. `drop_runs`: all events of these runs go, if they have ended.

    Cost is linear in the journal's size, memory is not.

    Raises:
        BusyError: somebody writes the session.
        JournalError: it is damaged, or can't be written; it is as it was.
    """
    lock = Lock(folder, purpose="compaction", now=clock.wall())
    try:
        return _compacted(folder, drop_runs, compression)
    except OSError as error:
        raise as_journal_error(folder, error) from error
    finally:
        lock.release()


def ended_runs(records: Iterable[Record]) -> dict[str, float]:
    """The runs that have ended, and when, in Unix seconds; those that wait for people have not."""
    return _survey(records).ended


def restore(folder: Path, records: Iterable[Record], clock: Clock) -> int:
    """Makes a session of records that came from elsewhere, numbers and times as they are; gives its size in bytes.

    Raises:
        BusyError: somebody writes the session.
        JournalError: there is a journal already, or it can't be written.
    """
    lock = Lock(folder, purpose="import", now=clock.wall())
    try:
        if current(folder):
            raise JournalError(f"session {folder.name!r}: expected a new session, got one that has a journal already")
        kept = list(records)
        last = kept[-1].seq if kept else 0
        return swap(named(folder, 1).path, file_of(kept, last, is_packed=False))
    except OSError as error:
        raise as_journal_error(folder, error) from error
    finally:
        lock.release()


@dataclass(slots=True)
class _Survey:
    """What a first look at all records gives: ended runs, and the number of each step's last result."""

    ended: dict[str, float] = field(default_factory=dict)
    results: dict[tuple[str, str], int] = field(default_factory=dict)


def _survey(records: Iterable[Record]) -> _Survey:
    survey = _Survey()
    for record in records:
        if record.type == "run.finished" and record.payload["status"] != "needs_approval":
            survey.ended[record.run_id] = record.at
        elif record.type not in SOFT_TYPES:
            survey.ended.pop(record.run_id, None)
        if record.type == "step.finished":
            survey.results[record.run_id, record.payload["step"]] = record.seq
    return survey


def _compacted(folder: Path, drop_runs: Container[str], compression: str) -> Compacted:
    found = opened(folder)
    segments = current(folder)
    before = sum(segment.path.stat().st_size for segment in segments)
    survey = _survey(read(folder))
    choice = _Choice(survey, drop_runs)
    for record in read(folder):
        choice.of(record)
    is_packed = len(segments) == 1 and not segments[0].is_old and found.is_clean and _is_packed(segments[0].path)
    if not segments or (is_packed and not choice.dropped and not choice.stripped):
        return Compacted(session=folder.name, before_bytes=before, after_bytes=before)
    kept = (record for record in map(choice.of, read(folder)) if record is not None)
    dropped, stripped = choice.dropped, choice.stripped
    last = found.last if found.is_clean else found.last + GAP
    target = named(folder, segments[-1].number + 1).path
    after = swap(target, file_of(kept, last, is_packed=compression == "zstd"))
    tidy(folder)
    return Compacted(
        session=folder.name,
        before_bytes=before,
        after_bytes=after,
        events_dropped=dropped,
        values_dropped=stripped,
    )


class _Choice:
    """Which records stay, and how; counts what goes."""

    def __init__(self, survey: _Survey, drop_runs: Container[str]) -> None:
        self.survey = survey
        self.drop_runs = drop_runs
        self.dropped = 0
        self.stripped = 0

    def of(self, record: Record) -> Record | None:
        """The record as it stays, None when it goes."""
        if record.run_id not in self.survey.ended:
            return record
        if record.type in SOFT_TYPES or record.run_id in self.drop_runs:
            self.dropped += 1
            return None
        if record.type == "step.finished" and any(name in record.payload for name in _RESULT):
            last = self.survey.results[record.run_id, record.payload["step"]]
            if last != record.seq:
                self.stripped += 1
                payload = {name: value for name, value in record.payload.items() if name not in _RESULT}
                return record._replace(payload=payload)
        return record


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        kinds = {frame.kind for frame in walk(file)}
    return GROUP not in kinds and PACKED in kinds


def file_of(records: Iterable[Record], last: int, *, is_packed: bool) -> Iterator[bytes]:
    """The bytes of the new file, with a clean end; `last` is the last number in use."""
    frames = _frames(records, last)
    size = 0
    for piece in blocks(frames) if is_packed else (framed(frame.kind, frame.body) for frame in frames):
        size += len(piece)
        yield piece
    yield ending(last, size)


def _frames(records: Iterable[Record], last: int) -> Iterator[Frame]:
    yield _frame(HEAD, head_body(Head(VERSION, 0, True)))
    before = seq = size = 0
    waiting: list[bytes] = []
    for record in records:
        waiting.append(repacked(record))
        size += len(waiting[-1])
        seq = record.seq
        if len(waiting) >= _GROUP_RECORDS or size >= _GROUP_BYTES:
            yield _frame(GROUP, group_body(before, waiting))
            waiting, size, before = [], 0, seq
    if waiting:
        yield _frame(GROUP, group_body(before, waiting))
    if seq < last:
        yield _frame(SKIP, lost_body(Lost(seq, last)))


def _frame(kind: bytes, body: bytes) -> Frame:
    return Frame(kind, body, 0, 0)
