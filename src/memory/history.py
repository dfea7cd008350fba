"""What actions took in earlier runs, for estimates. Rule: losing it loses nothing but estimates, so it never raises.

A SQLite file keeps the last calls of each action. A damaged file is set aside, and a new one begun.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..sqlitefile import SqliteFile

if TYPE_CHECKING:
    import sqlite3

KEPT = 50
_LATE_S = 1.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (id INTEGER PRIMARY KEY, action TEXT, seconds REAL, tokens REAL, usd REAL);
CREATE INDEX IF NOT EXISTS calls_action ON calls (action, id);
"""
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """Medians over the last calls; None where nothing is known. `samples` is how many calls."""

    seconds: float | None = None
    tokens: float | None = None
    usd: float | None = None
    samples: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One finished call; `tokens` and `usd` None: it used no model, or the price is unknown."""

    action: str
    seconds: float
    tokens: float | None = None
    usd: float | None = None


class History:
    """Estimates by action. The file is opened for each use, and safe for several processes.

    Within an event loop calls are written a second late, many at once and in a thread, so that no run waits for the
    disk; what was read is kept until then. `notice` says, for a person, why estimates are missing: the file was set
    aside or can't be used; None: all is well.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = SqliteFile(path, _SCHEMA, "estimates")
        self._known: dict[str, Estimate] = {}
        self._waiting: list[Row] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def notice(self) -> str | None:
        """Why nothing is found, for a person; None: all is well."""
        return self._file.notice

    @property
    def set_aside(self) -> Path | None:
        """Where a damaged file went; None: it was not damaged."""
        return self._file.set_aside

    def record(self, calls: Iterable[Call]) -> None:
        """Adds finished calls, of which the last 50 of each action are kept; `close` writes what waits."""
        self._waiting += [(call.action, call.seconds, call.tokens, call.usd) for call in calls]
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._save()
            return
        if self._waiting and self._timer is None:
            self._timer = loop.call_later(_LATE_S, self._save_beside, loop)

    def record_seconds(self, seconds: Mapping[str, Iterable[float]]) -> None:
        """As `record`, for seconds of calls by action."""
        self.record(Call(action=action, seconds=s) for action, values in seconds.items() for s in values)

    def estimate(self, action: str) -> Estimate:
        """The medians of an action."""
        known = self._known.get(action)
        if known is None:
            rows: list[Row] | None = self._file.use(lambda base: _select(base, action), None, create=False)
            if rows is None:  # no file, or one that can't be read just now
                return Estimate()
            known = self._known[action] = _medians(rows)
        return known

    def close(self) -> None:
        """Writes what waits; may be called again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._save()

    def _save_beside(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        loop.run_in_executor(None, self._save)

    def _save(self) -> None:
        rows, self._waiting = self._waiting, []
        if rows:
            self._file.use(lambda base: _insert(base, rows), None)
            self._known = {}


def _medians(rows: list[Row]) -> Estimate:
    if not rows:
        return Estimate()
    columns = ([value for value in column if value is not None] for column in zip(*rows, strict=True))
    seconds, tokens, usd = (statistics.median(column) if column else None for column in columns)
    return Estimate(seconds, tokens, usd, len(rows))


def _insert(base: sqlite3.Connection, rows: list[Row]) -> None:
    base.executemany("INSERT INTO calls (action, seconds, tokens, usd) VALUES (?, ?, ?, ?)", rows)
    for action in {row[0] for row in rows}:
        base.execute(
            "DELETE FROM calls WHERE action = ?1 AND id NOT IN "
            "(SELECT id FROM calls WHERE action = ?1 ORDER BY id DESC LIMIT ?2)",
            (action, KEPT),
        )


def _select(base: sqlite3.Connection, action: str) -> list[Row]:
    return base.execute("SELECT seconds, tokens, usd FROM calls WHERE action = ?", (action,)).fetchall()
