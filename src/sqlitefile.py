"""A SQLite file whose loss costs nothing but comfort: estimates, kept replies.

Rule: it never raises for the file's sake. A damaged file is set aside and a new one begun; a locked, full or unwritable
one is gone without. `sqlite3` is imported on first use.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")


class SqliteFile:
    """One file, opened for each use, and safe for several processes.

    `what` names its content for people. `notice` says why nothing was found or kept, None: all is well; `set_aside`
    is where a damaged file went.
    """

    def __init__(self, path: Path, schema: str, what: str, *, busy_s: float = 2.0) -> None:
        self.path = path
        self.notice: str | None = None
        self.set_aside: Path | None = None
        self._schema = schema
        self._what = what
        self._busy_s = busy_s

    def use(self, work: Callable[[sqlite3.Connection], T], otherwise: T, *, create: bool = True) -> T:
        """What `work` gives, tried again on a new file when this one is damaged; `otherwise` when neither goes.

        `create` False: a file that is not there is not made.
        """
        import sqlite3

        if not create and not self.path.is_file():
            return otherwise
        for _ in range(2):
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.closing(sqlite3.connect(self.path, timeout=self._busy_s)) as base:
                    base.executescript(self._schema)
                    with base:
                        return work(base)
            except (sqlite3.DatabaseError, OSError) as error:
                self.notice = f"no {self._what} from {str(self.path)!r}: {error}"
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
        self.notice = f"the {self._what} were damaged and are begun anew; the old file is {str(target)!r}"
        return True


def _is_damage(error: Exception) -> bool:
    """Whether the file itself is bad: not SQLite, corrupt, or with other tables. Locked or full is no damage."""
    import sqlite3

    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
