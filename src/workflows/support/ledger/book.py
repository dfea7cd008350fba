"""The ledger's file. Rule: each action is checked and written in the same transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from ....errors import ToolError, TransientError
from ..shapes import Done

_SCHEMA = """
CREATE TABLE IF NOT EXISTS actions (
    key TEXT PRIMARY KEY,
    action TEXT NOT NULL,
    ticket TEXT NOT NULL,
    customer TEXT NOT NULL,
    order_id TEXT NOT NULL,
    cents INTEGER NOT NULL CHECK (cents >= 0),
    currency TEXT NOT NULL,
    approved INTEGER NOT NULL,
    told TEXT NOT NULL,
    run TEXT NOT NULL,
    at TEXT NOT NULL,
    day TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS actions_by_order ON actions (order_id, action);
CREATE INDEX IF NOT EXISTS actions_by_customer ON actions (customer, action, day);
CREATE TABLE IF NOT EXISTS tickets (
    id TEXT PRIMARY KEY,
    customer TEXT NOT NULL,
    status TEXT NOT NULL,
    summary TEXT NOT NULL,
    reply TEXT NOT NULL,
    run TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS tickets_by_customer ON tickets (customer, at);
"""
_BUSY_S = 30.0
T = TypeVar("T")
PAYING = ("refund", "duplicate")
_ONE_OF = (*PAYING, "replacement")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An action that is to be made. `most_cents` is what all refunds of the order together may come to.

    `action` is refund, duplicate (a charge too many), replacement, reply or escalation; `day` is the shop's day.
    """

    key: str
    action: str
    ticket: str
    customer: str
    order: str
    run: str
    day: str
    cents: int = 0
    currency: str = ""
    most_cents: int = 0
    approved: bool = False
    told: Mapping[str, Any] | None = None


class Ledger:
    """One file, opened for each use; for several threads and processes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, entry: Entry) -> Done:
        """Makes an action, once a key; gives what is there when it was made before.

        Raises:
            TransientError: the file is busy or the disk full; nothing was written.
            ToolError: the file is none.
        """
        return self._use(lambda base: _added(base, entry))

    def refunded(self, order: str) -> int:
        """Cents that were paid back for an order."""
        return self._use(lambda base: _refunded(base, order))

    def customer(self, name: str, since: str) -> tuple[int, int, list[str]]:
        """Refunds of a customer since a day, their cents, and the last five tickets in words."""

        def read(base: sqlite3.Connection) -> tuple[int, int, list[str]]:
            count, cents = base.execute(
                "SELECT COUNT(*), COALESCE(SUM(cents), 0) FROM actions "
                "WHERE customer = ? AND action IN ('refund', 'duplicate') AND day >= ?",
                (name, since),
            ).fetchone()
            rows = base.execute(
                "SELECT id, status, summary FROM tickets WHERE customer = ? ORDER BY at DESC, id LIMIT 5", (name,)
            )
            return int(count), int(cents), [f"{ticket} ({status}): {told}" for ticket, status, told in rows]

        return self._use(read)

    def close(self, ticket: str, *, customer: str, status: str, summary: str, reply: str, run: str) -> None:
        """Notes how a ticket stands."""
        row = (ticket, customer, status, summary, reply, run, _now())
        self._use(lambda base: base.execute("INSERT OR REPLACE INTO tickets VALUES (?, ?, ?, ?, ?, ?, ?)", row))

    def actions(self, ticket: str | None = None) -> list[dict[str, Any]]:
        """All actions, or those of one ticket, oldest first."""

        def read(base: sqlite3.Connection) -> list[dict[str, Any]]:
            base.row_factory = sqlite3.Row
            where, values = ("WHERE ticket = ?", (ticket,)) if ticket is not None else ("", ())
            rows = base.execute(f"SELECT * FROM actions {where} ORDER BY rowid", values)  # noqa: S608  # constants
            return [dict(row) | {"told": json.loads(row["told"])} for row in rows]

        return self._use(read)

    def ticket(self, name: str) -> dict[str, Any] | None:
        """How a ticket stands, None if it was never closed."""

        def read(base: sqlite3.Connection) -> dict[str, Any] | None:
            base.row_factory = sqlite3.Row
            row = base.execute("SELECT * FROM tickets WHERE id = ?", (name,)).fetchone()
            return None if row is None else dict(row)

        return self._use(read)

    def _use(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with self._opened() as base:
                return work(base)
        except sqlite3.OperationalError as error:
            raise TransientError(f"the desk's ledger {str(self.path)!r} can't be used now: {error}") from error
        except sqlite3.DatabaseError as error:
            raise ToolError(f"the desk's ledger {str(self.path)!r} can't be used: {error}; restore a copy") from error

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        is_new = not self.path.exists()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)) as base:
            if is_new:
                base.execute("PRAGMA journal_mode = WAL")
            base.execute("PRAGMA synchronous = FULL")
            base.executescript(_SCHEMA)
            base.execute("BEGIN IMMEDIATE")
            try:
                yield base
            except BaseException:
                base.execute("ROLLBACK")
                raise
            base.execute("COMMIT")


def _added(base: sqlite3.Connection, entry: Entry) -> Done:
    row = base.execute("SELECT ticket, action, order_id, cents, currency FROM actions WHERE key = ?", (entry.key,))
    before = row.fetchone()
    if before is not None:
        ticket, action, order, cents, currency = before
        refused = "" if ticket == entry.ticket else f"it was done for ticket {ticket} already"
        return Done(
            key=entry.key, action=action, order=order, cents=cents, currency=currency, repeated=True, refused=refused
        )
    refused = _refusal(base, entry)
    if not refused:
        told = json.dumps(entry.told or {}, ensure_ascii=False)
        base.execute(
            "INSERT INTO actions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                entry.key, entry.action, entry.ticket, entry.customer, entry.order, entry.cents, entry.currency,
                int(entry.approved), told, entry.run, _now(), entry.day,
            ),
        )  # fmt: skip
    return Done(
        key=entry.key,
        action=entry.action,
        order=entry.order,
        cents=entry.cents,
        currency=entry.currency,
        repeated=False,
        refused=refused,
    )


def _refusal(base: sqlite3.Connection, entry: Entry) -> str:
    """Why an action can't be made, with what else was done for the order; "" when it can."""
    if entry.action not in _ONE_OF:
        return ""
    before = _refunded(base, entry.order)
    if entry.action in PAYING and before + entry.cents > entry.most_cents:
        return f"{before} of {entry.most_cents} cents of order {entry.order} were paid back already"
    other = {"refund": "replacement", "replacement": "refund"}.get(entry.action, "")
    given = base.execute(
        "SELECT ticket FROM actions WHERE order_id = ? AND action = ?", (entry.order, other)
    ).fetchone()
    return "" if given is None else f"ticket {given[0]} had a {other} for order {entry.order} already"


def _refunded(base: sqlite3.Connection, order: str) -> int:
    found = base.execute(
        "SELECT COALESCE(SUM(cents), 0) FROM actions WHERE order_id = ? AND action IN ('refund', 'duplicate')", (order,)
    ).fetchone()
    return int(found[0])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
