"""A journal rewritten without what has to go for good, in every record and every file beside it.

Rule: numbers, times and kinds of events stay; texts inside go. A run that lost some of its texts can't go on: what it
would be given is not what it was given before. The new file takes the place of all old ones in one step, so a kill
leaves the old journal or the new one; done again, it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ...clock import Clock
from ...events import RunFinished
from .compaction import ended_runs, file_of
from .lock import NAME as LOCK
from .lock import Lock
from .opening import opened
from .policy import GAP, SOFT_TYPES
from .reading import read
from .records import VERSION, Record
from .segments import as_journal_error, current, named, swap, sync_folder, tidy

REASON = "what it worked with was forgotten; run its goal again"
_KEPT = frozenset((LOCK, "owner"))

Change = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """What a redaction did: events that lost texts, runs they belong to, other files that were removed."""

    events: int = 0
    runs: tuple[str, ...] = ()
    files: int = 0


def redact(
    folder: Path,
    clock: Clock,
    change: Change,
    holds: Callable[[bytes], bool],
    *,
    compression: Literal["zstd", "none"] = "zstd",
) -> Redacted:
    """Rewrites a session's journal with the payloads that `change` gives; the same object: nothing of it goes.

    `holds` says whether the bytes of another file hold what has to go: leftovers of repairs, orders. Cost is linear in
    the journal's size.

    Raises:
        BusyError: somebody writes the session.
        JournalError: it is damaged, or can't be written; it is as it was.
    """
    lock = Lock(folder, purpose="forgetting", now=clock.wall())
    try:
        return _redacted(folder, clock, change, holds, compression)
    except OSError as error:
        raise as_journal_error(folder, error) from error
    finally:
        lock.release()


def _redacted(folder: Path, clock: Clock, change: Change, holds: Callable[[bytes], bool], compression: str) -> Redacted:
    found = opened(folder)
    touched, count = _touched(read(folder), change)
    if count:
        last = found.last if found.is_clean else found.last + GAP
        records = _kept(folder, change, touched)
        ends = [_end(run, last + place, clock) for place, run in enumerate(_unended(folder, touched), 1)]
        target = named(folder, current(folder)[-1].number + 1).path
        swap(target, file_of(_chained(records, ends), last + len(ends), is_packed=compression == "zstd"))
        tidy(folder)
    return Redacted(events=count, runs=tuple(sorted(touched)), files=_removed(folder, holds, is_touched=count > 0))


def _touched(records: Iterable[Record], change: Change) -> tuple[set[str], int]:
    """The runs with records that lose something, and how many records do."""
    runs: set[str] = set()
    count = 0
    for record in records:
        if change(record.payload) is not record.payload:
            count += 1
            runs.add(record.run_id)
    return runs - {""}, count


def _kept(folder: Path, change: Change, touched: set[str]) -> Iterator[Record]:
    """The records as they stay; pieces of texts, which may hold a part of what goes, are left out."""
    for record in read(folder):
        if record.run_id in touched and record.type in SOFT_TYPES:
            continue
        payload = change(record.payload)
        if record.type == RunFinished.type and record.run_id in touched:
            payload = {**payload, "forgotten": True}
        yield record._replace(payload=payload)


def _unended(folder: Path, touched: set[str]) -> list[str]:
    return sorted(touched - set(ended_runs(read(folder)))) if touched else []


def _end(run: str, seq: int, clock: Clock) -> Record:
    """The end of a run that could have gone on."""
    payload = {"status": "cancelled", "reason": REASON, "answer": "", "seconds": 0.0, "cost": {}, "forgotten": True}
    return Record(VERSION, seq, clock.wall(), run, RunFinished.type, payload)


def _chained(records: Iterable[Record], ends: Iterable[Record]) -> Iterator[Record]:
    yield from records
    yield from ends


def beside(folder: Path) -> list[Path]:
    """The files of a session besides its journal: leftovers of repairs, orders, whatever is derived."""
    segments = {segment.path for segment in current(folder)}
    found = [*folder.iterdir(), *folder.glob("inbox/*")]
    return [path for path in found if path.is_file() and path not in segments and path.name not in _KEPT]


def _removed(folder: Path, holds: Callable[[bytes], bool], *, is_touched: bool) -> int:
    """Removes what stands beside the journal and may hold the texts; gives how many files.

    Leftovers of repairs and whatever is derived from a touched journal go whole: they are copies of it.
    """
    count = 0
    for path in beside(folder):
        is_copy = is_touched and path.parent == folder
        if is_copy or holds(path.read_bytes()):
            path.unlink(missing_ok=True)
            count += 1
    if count:
        sync_folder(folder)
    return count
