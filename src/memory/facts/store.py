"""One person's facts in one SQLite file. Rule: what is deleted is overwritten; nothing of it stays in the file."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import SearchIndexError
from ...models.embeddings.probe import is_same_model
from .fact import Fact

if TYPE_CHECKING:
    import sqlite3

    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS person (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (
    id TEXT PRIMARY KEY, text TEXT NOT NULL, category TEXT NOT NULL, source TEXT NOT NULL, confidence REAL NOT NULL,
    created_at REAL NOT NULL, updated_at REAL NOT NULL, space TEXT NOT NULL DEFAULT '', vector BLOB);
CREATE TABLE IF NOT EXISTS probes (space TEXT PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS earlier (fact TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (fact, text)) WITHOUT ROWID;
"""
_COLUMNS = ("id", "text", "category", "source", "confidence", "created_at", "updated_at")


@dataclass(frozen=True, slots=True)
class Kept:
    """A fact with its vector, (d,), and the embedding that made it; None: it has none."""

    fact: Fact
    space: str = ""
    vector: Vector | None = None


class FactStore:
    """The facts of `user` below `folder`; the file is opened for each use, and safe for several processes."""

    def __init__(self, folder: Path, user: str) -> None:
        self.user = user
        self.path = folder / hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()[:32] / "facts.sqlite"

    def all(self) -> list[Kept]:
        """Every fact, oldest first."""
        if not self.path.is_file():
            return []
        with self._used() as base:
            names = ", ".join(_COLUMNS)
            rows = base.execute(f"SELECT {names}, space, vector FROM facts ORDER BY created_at, id").fetchall()  # noqa: S608
        found = []
        for row in rows:
            *values, space, blob = row
            vector = _vector(blob) if blob is not None else None
            found.append(Kept(Fact(**dict(zip(_COLUMNS, values, strict=True))), space, vector))
        return found

    def put(self, kept: Iterable[Kept]) -> None:
        """Writes facts, in place of those with the same ids, in one transaction. What they said before stands apart."""
        rows = [
            (
                *(getattr(one.fact, name) for name in _COLUMNS),
                one.space,
                one.vector.astype("<f4").tobytes() if one.vector is not None else None,
            )
            for one in kept
        ]
        with self._used() as base, base:
            base.executemany(
                "INSERT OR IGNORE INTO earlier SELECT id, text FROM facts WHERE id=? AND text<>?",
                [(row[0], row[1]) for row in rows],
            )
            base.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def wordings(self, ids: Sequence[str]) -> dict[str, list[str]]:
        """All texts that facts have and had, by id; those that are not there are left out."""
        if not self.path.is_file():
            return {}
        query = "SELECT text FROM facts WHERE id=?1 UNION SELECT text FROM earlier WHERE fact=?1"
        with self._used() as base:
            found = {id_: [row[0] for row in base.execute(query, (id_,))] for id_ in ids}
        return {id_: texts for id_, texts in found.items() if texts}

    def check_model(self, space: str, probe: Vector) -> bool:
        """Whether the model of the vectors is another now, told by what it makes of a text that is always the same;
        they count no more then."""
        if not self.path.is_file():
            return False
        with self._used() as base, base:
            row = base.execute("SELECT vector FROM probes WHERE space=?", (space,)).fetchone()
            is_another = row is not None and not is_same_model(_vector(row[0]), probe)
            if is_another:
                base.execute("UPDATE facts SET space='', vector=NULL WHERE space=?", (space,))
            if row is None or is_another:
                base.execute("INSERT OR REPLACE INTO probes VALUES (?, ?)", (space, probe.astype("<f4").tobytes()))
        return is_another

    def delete(self, ids: Sequence[str]) -> int:
        """Removes facts and overwrites their room; gives how many were there."""
        if not self.path.is_file():
            return 0
        with self._used() as base:
            with base:
                count = sum(base.execute("DELETE FROM facts WHERE id=?", (id_,)).rowcount for id_ in ids)
                base.executemany("DELETE FROM earlier WHERE fact=?", [(id_,) for id_ in ids])
            if count:
                base.execute("VACUUM")
        return count

    @contextlib.contextmanager
    def _used(self) -> Iterator[sqlite3.Connection]:
        """The file.

        Raises:
            SearchIndexError: it is locked, damaged, not writable, or another person's.
        """
        import sqlite3

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with contextlib.closing(sqlite3.connect(self.path, timeout=10.0)) as base:
                base.execute("PRAGMA secure_delete = ON")
                base.executescript(_SCHEMA)
                self._check_person(base)
                yield base
        except sqlite3.OperationalError as error:
            raise SearchIndexError(
                f"the facts in {str(self.path)!r} can't be used now: {error}", kind="busy"
            ) from error
        except (sqlite3.DatabaseError, OSError) as error:
            raise SearchIndexError(
                f"the facts in {str(self.path)!r} are not usable: {error}", kind="damaged"
            ) from error

    def _check_person(self, base: sqlite3.Connection) -> None:
        with base:
            base.execute("INSERT INTO person SELECT ? WHERE NOT EXISTS (SELECT 1 FROM person)", (self._printable,))
        (name,) = base.execute("SELECT name FROM person").fetchone()
        if name != self._printable:
            raise SearchIndexError(
                f"expected the facts of {self.user!r} in {str(self.path)!r}, got another's", kind="foreign"
            )

    @property
    def _printable(self) -> str:
        return self.user.encode("utf-8", "backslashreplace").decode()


def _vector(blob: bytes) -> Vector:
    import numpy as np

    return np.frombuffer(blob, dtype="<f4")
