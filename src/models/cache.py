"""Replies kept by the content of their requests, in a SQLite file. Rule: losing it loses nothing but time and money.

Off by default; meant for prompts whose replies may be used again. Safe for several processes; bounded in size, the
replies unused for longest go first. A damaged file is set aside, and a new one begun. Calls touch the disk: in a
thread when the loop must not wait.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..clock import Clock
from ..sqlitefile import SqliteFile

if TYPE_CHECKING:
    import sqlite3


_TOUCH_S = 60.0  # a use is noted once a minute, so that reading seldom writes
_SCHEMA = """
PRAGMA secure_delete = ON;
CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL, bytes INTEGER NOT NULL, used_at REAL)
WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS replies_used ON replies (used_at);
"""


def key_of(endpoint: str, request: Any) -> str:
    """The name under which the reply to a request is kept; `request` is plain data: model, messages, all parameters.

    Raises:
        TypeError: the request is not plain data.
    """
    text = json.dumps([endpoint, request], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


class ResponseCache:
    """Replies (plain data) by key. `max_bytes` bounds their JSON text, all together; 0: nothing is kept.

    `notice` says, for a person, why nothing is found: the file was set aside or can't be used; None: all is well.
    """

    def __init__(self, path: Path, *, max_bytes: int, clock: Clock) -> None:
        self.path = path
        self._file = SqliteFile(path, _SCHEMA, "kept replies")
        self.max_bytes = max_bytes
        self._clock = clock

    @property
    def notice(self) -> str | None:
        """Why nothing is found, for a person; None: all is well."""
        return self._file.notice

    @property
    def set_aside(self) -> Path | None:
        """Where a damaged file went; None: it was not damaged."""
        return self._file.set_aside

    def get(self, key: str) -> Any:
        """The reply kept under a key; None: there is none."""
        nothing: str | None = None
        text = self._file.use(lambda base: _select(base, key, self._clock.wall()), nothing, create=False)
        if text is None:
            return None
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return None

    def put(self, key: str, reply: Any) -> None:
        """Keeps a reply, in place of one with the same key; one above a tenth of `max_bytes` is not kept.

        Raises:
            TypeError: the reply is not plain data.
        """
        text = json.dumps(reply, separators=(",", ":"), allow_nan=False)
        if len(text) <= self.max_bytes // 10:
            self._file.use(lambda base: _insert(base, (key, text, len(text), self._clock.wall()), self.max_bytes), None)

    def forget(self, is_gone: Callable[[Any], bool]) -> int:
        """Removes the replies for which `is_gone` is true, so that nothing of them is left; gives how many."""
        count = self._file.use(lambda base: _forget(base, is_gone), 0, create=False)
        if count:
            self._file.use(lambda base: base.execute("VACUUM"), None, create=False)
        return count

    def clear(self) -> None:
        """Forgets all replies."""
        self._file.use(lambda base: base.execute("DELETE FROM replies"), None, create=False)


def _select(base: sqlite3.Connection, key: str, now: float) -> str | None:
    row = base.execute("SELECT reply, used_at FROM replies WHERE key = ?", (key,)).fetchone()
    if row is None:
        return None
    if now - row[1] > _TOUCH_S:
        with contextlib.suppress(base.OperationalError):  # locked: the reply is worth more than the note
            base.execute("UPDATE replies SET used_at = ? WHERE key = ?", (now, key))
    return str(row[0])


def _insert(base: sqlite3.Connection, row: tuple[str, str, int, float], max_bytes: int) -> None:
    base.execute("BEGIN IMMEDIATE")  # the size is read and changed by one process at a time
    base.execute("INSERT OR REPLACE INTO replies (key, reply, bytes, used_at) VALUES (?, ?, ?, ?)", row)
    (size,) = base.execute("SELECT SUM(bytes) FROM replies").fetchone()
    if size <= max_bytes:
        return
    target = max_bytes * 9 // 10  # some room at once, so that not every call has to make it
    old = base.execute("SELECT key, bytes FROM replies ORDER BY used_at, key").fetchall()
    for key, length in old:
        if size <= target:
            break
        base.execute("DELETE FROM replies WHERE key = ?", (key,))
        size -= length


def _forget(base: sqlite3.Connection, is_gone: Callable[[Any], bool]) -> int:
    count = 0
    for key, reply in base.execute("SELECT key, reply FROM replies").fetchall():
        if is_gone(_said(reply)):
            count += base.execute("DELETE FROM replies WHERE key = ?", (key,)).rowcount
    return count


def _said(reply: str) -> Any:
    try:
        return json.loads(reply)
    except json.JSONDecodeError:
        return reply
