"""Which sessions there are, in short, and whose each run is. Rule: a cache; lost, it is made again from the journals.

A row counts only while its stamp, made of the names, sizes and times of the journal's files, is that of the folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import JournalError
from ...sqlitefile import SqliteFile
from ..journal import read
from ..journal.segments import found
from .names import is_id
from .state import State, folded

if TYPE_CHECKING:
    import sqlite3

_TITLE = 200
_SCHEMA = """
PRAGMA secure_delete = ON;
CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, stamp TEXT, summary TEXT);
CREATE TABLE IF NOT EXISTS runs (run TEXT PRIMARY KEY, session TEXT);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A session in short. `runs` are statuses by run id; times in Unix seconds; `problem` None: it can be read."""

    id: str
    title: str = ""
    messages: int = 0
    runs: Mapping[str, str] = field(default_factory=dict)
    open_approvals: int = 0
    events: int = 0
    began: float = 0.0
    updated: float = 0.0
    size_bytes: int = 0
    problem: str | None = None


class Index:
    """Summaries of all sessions in a folder."""

    def __init__(self, folder: Path, file: Path) -> None:
        self.folder = folder
        self._file = SqliteFile(file, _SCHEMA, "index of sessions")

    def all(self) -> list[Summary]:
        """Every session, the one used last first. Costs a look at each folder, and reads the journals that changed."""
        known: dict[str, tuple[str, str]] = self._file.use(_rows, {}, create=False)
        summaries, fresh = [], {}
        for folder in self._folders():
            stamp, size = _stamp(folder)
            kept = known.pop(folder.name, None)
            if kept is not None and kept[0] == stamp:
                summaries.append(Summary(**json.loads(kept[1])))
                continue
            summary = summarised(folder, size)
            summaries.append(summary)
            fresh[folder.name] = (stamp, summary)
        if fresh or known:
            self._file.use(lambda base: _update(base, fresh, known), None)
        return sorted(summaries, key=lambda summary: (-summary.updated, summary.id))

    def renew(self) -> None:
        """Has the file tell of sessions as they are now, and nothing of what they were."""
        if self._file.path.is_file():
            self.all()
            self._file.use(lambda base: base.execute("VACUUM"), None, create=False)

    def session_of(self, run_id: str) -> str | None:
        """The session of a run, None when no session that can be read has it."""
        known: str | None = self._file.use(lambda base: _session_of(base, run_id), None, create=False)
        if known is not None and (self.folder / known).is_dir():
            return known
        return next((summary.id for summary in self.all() if run_id in summary.runs), None)

    def _folders(self) -> Iterable[Path]:
        if not self.folder.is_dir():
            return []
        return [path for path in self.folder.iterdir() if is_id(path.name) and found(path)]


def summarised(folder: Path, size_bytes: int) -> Summary:
    """What the list shows of a session; a damaged one shows what is wrong."""
    try:
        state = folded(read(folder))
    except JournalError as error:
        return Summary(id=folder.name, size_bytes=size_bytes, problem=str(error))
    return summary_of(folder.name, state, size_bytes)


def summary_of(session_id: str, state: State, size_bytes: int) -> Summary:
    """A state in short."""
    return Summary(
        id=session_id,
        title=" ".join(state.title.split())[:_TITLE],
        messages=len(state.messages),
        runs={run.id: run.status for run in state.runs.values()},
        open_approvals=len(state.approvals),
        events=state.events,
        began=state.began,
        updated=state.updated,
        size_bytes=size_bytes,
    )


def _stamp(folder: Path) -> tuple[str, int]:
    parts, size = [], 0
    for segment in found(folder):
        try:
            about = segment.path.stat()
        except FileNotFoundError:
            continue
        parts.append(f"{segment.number}:{about.st_size}:{about.st_mtime_ns}")
        size += about.st_size
    return " ".join(parts), size


def _rows(base: sqlite3.Connection) -> dict[str, tuple[str, str]]:
    return {name: (stamp, summary) for name, stamp, summary in base.execute("SELECT id, stamp, summary FROM sessions")}


def _session_of(base: sqlite3.Connection, run_id: str) -> str | None:
    row = base.execute("SELECT session FROM runs WHERE run = ?", (run_id,)).fetchone()
    return None if row is None else str(row[0])


def _update(base: sqlite3.Connection, fresh: Mapping[str, tuple[str, Summary]], gone: Iterable[str]) -> None:
    for name in [*gone, *fresh]:
        base.execute("DELETE FROM sessions WHERE id = ?", (name,))
        base.execute("DELETE FROM runs WHERE session = ?", (name,))
    for name, (stamp, summary) in fresh.items():
        base.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?)", (name, stamp, json.dumps(asdict(summary))))
        base.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?)", [(run, name) for run in summary.runs])
