"""What actions took in earlier runs, for estimates. Rule: losing it loses nothing but estimates.

A SQLite file keeps the last calls of each action. A damaged file is set aside, and a new one begun.
"""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

KEPT = 50
_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (id INTEGER PRIMARY KEY, action TEXT, seconds REAL, tokens REAL, usd REAL);
CREATE INDEX IF NOT EXISTS calls_action ON calls (action, id);
"""


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
    """Estimates by action. The file is opened on first use, and safe for several processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set_aside: Path | None = None

    def record(self, calls: Iterable[Call]) -> None:
        """Adds finished calls in one transaction; keeps the last 50 of each action."""
        rows = [(call.action, call.seconds, call.tokens, call.usd) for call in calls]
        if not rows:
            return
        with self._open() as base:
            base.executemany("INSERT INTO calls (action, seconds, tokens, usd) VALUES (?, ?, ?, ?)", rows)
            for action in {row[0] for row in rows}:
                base.execute(
                    "DELETE FROM calls WHERE action = ?1 AND id NOT IN "
                    "(SELECT id FROM calls WHERE action = ?1 ORDER BY id DESC LIMIT ?2)",
                    (action, KEPT),
                )

    def estimate(self, action: str) -> Estimate:
        """The medians of an action."""
        if not self.path.exists():
            return Estimate()
        with self._open() as base:
            rows = base.execute("SELECT seconds, tokens, usd FROM calls WHERE action = ?", (action,)).fetchall()
        columns = [[value for value in column if value is not None] for column in zip(*rows, strict=True)]
        if not columns:
            return Estimate()
        seconds, tokens, usd = (statistics.median(c) if c else None for c in columns)
        return Estimate(seconds, tokens, usd, len(rows))

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        import sqlite3

        base = self._connect()
        try:
            with base:
                yield base
        except sqlite3.OperationalError:
            return  # locked for long or a full disk: estimates are not worth failing a run
        finally:
            base.close()

    def _connect(self) -> sqlite3.Connection:
        import sqlite3

        self.path.parent.mkdir(parents=True, exist_ok=True)
        for attempt in (1, 2):
            base = sqlite3.connect(self.path, timeout=5)
            try:
                base.executescript(_SCHEMA)
                return base
            except sqlite3.DatabaseError as error:
                base.close()
                if attempt == 2 or isinstance(error, sqlite3.OperationalError):
                    raise
                self.set_aside = self.path.with_suffix(".damaged")
                self.path.replace(self.set_aside)
        raise AssertionError("unreachable")
