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
from typing import TYPE_CHECKING, Any, TypeVar

from ..clock import Clock

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")

_BUSY_S = 2.0
_TOUCH_S = 60.0  # a use is noted once a minute, so that reading seldom writes
_SCHEMA = """
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
        self.max_bytes = max_bytes
        self.notice: str | None = None
        self.set_aside: Path | None = None
        self._clock = clock

    def get(self, key: str) -> Any:
        """The reply kept under a key; None: there is none."""
        if not self.path.is_file():
            return None
        text: str | None = self._use(lambda base: _select(base, key, self._clock.wall()), None)
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
            self._use(lambda base: _insert(base, (key, text, len(text), self._clock.wall()), self.max_bytes), None)

    def clear(self) -> None:
        """Forgets all replies."""
        if self.path.is_file():
            self._use(lambda base: base.execute("DELETE FROM replies"), None)

    def _use(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """What `work` gives, tried again on a new file when this one is damaged; `otherwise` when neither goes."""
        import sqlite3

        for _ in range(2):
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.closing(sqlite3.connect(self.path, timeout=_BUSY_S)) as base:
                    base.executescript(_SCHEMA)
                    with base:
                        return work(base)
            except (sqlite3.DatabaseError, OSError) as error:
                self.notice = f"no kept replies from {str(self.path)!r}: {error}"
                if not _is_damage(error) or not self._replace():
                    break
        return otherwise

    def _replace(self) -> bool:
        """Moves the file away; False when that does not go."""
        target = self.path.with_suffix(".damaged")
        try:
            self.path.replace(target)
        except OSError:
            return False
        self.set_aside = target
        self.notice = f"the kept replies were damaged and are begun anew; the old file is {str(target)!r}"
        return True


def _is_damage(error: Exception) -> bool:
    """Whether the file itself is bad: not SQLite, corrupt, or with other tables. Locked or full is no damage."""
    import sqlite3

    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


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
