"""What actions took in earlier runs, for estimates. Rule: losing it loses nothing but estimates, so it never raises.

A SQLite file keeps the last calls of each action. A damaged file is set aside, and a new one begun.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..sqlitefile import SqliteFile

if TYPE_CHECKING:
    import sqlite3

KEPT = 50
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

    `notice` says, for a person, why estimates are missing: the file was set aside or can't be used; None: all is well.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = SqliteFile(path, _SCHEMA, "estimates")

    @property
    def notice(self) -> str | None:
        """Why nothing is found, for a person; None: all is well."""
        return self._file.notice

    @property
    def set_aside(self) -> Path | None:
        """Where a damaged file went; None: it was not damaged."""
        return self._file.set_aside

    def record(self, calls: Iterable[Call]) -> None:
        """Adds finished calls in one transaction; keeps the last 50 of each action."""
        rows = [(call.action, call.seconds, call.tokens, call.usd) for call in calls]
        if rows:
            self._file.use(lambda base: _insert(base, rows), None)

    def estimate(self, action: str) -> Estimate:
        """The medians of an action."""
        rows: list[Row] = self._file.use(lambda base: _select(base, action), [], create=False)
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
