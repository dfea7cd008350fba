"""What runs did, from the journals of a state folder. Rule: it takes no lock and reads only what changed.

A journal that is damaged, or goes away while it is read, is named and stops nobody else.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import JournalError
from ..events import Event
from ..memory.journal import read
from ..memory.journal.segments import found
from .runs import Run, Runs

_AT_ONCE = 400  # sessions read at one go, so that a page never waits for thousands
_MOST_RUNS = 20_000


@dataclass(slots=True)
class Recorded:
    """All runs of a state folder."""

    state: Path
    problems: dict[str, str] = field(default_factory=dict)
    _sessions: dict[str, tuple[Any, list[Run]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    left: int = 0

    def runs(self) -> list[Run]:
        """Every run that was read so far, the oldest first; `left` sessions are still to be read."""
        with self._lock:
            self._refresh()
            made = [run for _, runs in self._sessions.values() for run in runs]
        return sorted(made, key=lambda run: run.began)[-_MOST_RUNS:]

    def _refresh(self) -> None:
        folder = self.state / "sessions"
        folders = {path.name: path for path in folder.iterdir() if path.is_dir()} if folder.is_dir() else {}
        for gone in self._sessions.keys() - folders.keys():
            del self._sessions[gone]
        stamps = {name: stamp(path) for name, path in folders.items()}
        changed = [name for name in folders if self._sessions.get(name, (None,))[0] != stamps[name]]
        changed.sort(key=lambda name: max((one[2] for one in stamps[name]), default=0), reverse=True)
        self.left = max(0, len(changed) - _AT_ONCE)
        for name in changed[:_AT_ONCE]:
            self._read(name, folders[name], stamps[name])

    def _read(self, name: str, path: Path, seen: Any) -> None:
        runs = Runs(name)
        try:
            for event in events_of(name, path):
                runs.take(event)
            self.problems.pop(name, None)
        except (JournalError, OSError) as error:
            self.problems[name] = str(error)
        self._sessions[name] = (seen, runs.all())


def events_of(name: str, path: Path) -> list[Event]:
    """The events of a session that this version knows.

    Raises:
        JournalError: its journal is damaged.
    """
    return [event for record in read(path) if (event := record.event(name)) is not None]


def stamp(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Names, sizes and times of a journal's files: what changes when it does."""
    made = []
    for segment in found(path):
        try:
            about = segment.path.stat()
        except OSError:
            continue
        made.append((segment.path.name, about.st_size, about.st_mtime_ns))
    return tuple(made)
