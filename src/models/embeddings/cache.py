"""Vectors kept by the content of their texts, in a SQLite file. Rule: losing it loses nothing but time and money.

Texts themselves are not in it, only their hashes. Calls touch the disk: in a thread when the loop must not wait.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...sqlitefile import SqliteFile

if TYPE_CHECKING:
    import sqlite3

    from .space import Vectors

_SCHEMA = """
PRAGMA secure_delete = ON;
CREATE TABLE IF NOT EXISTS vectors (at INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, vector BLOB NOT NULL);
"""
_VARIABLES = 500


def key_of(space_key: str, text: str) -> bytes:
    """The name under which the vector of a text is kept."""
    content = f"{space_key}\0{text}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(content, digest_size=20).digest()


class VectorCache:
    """Vectors by key. `max_bytes` bounds them, all together; 0: nothing is kept. The oldest go first."""

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self._file = SqliteFile(path, _SCHEMA, "kept vectors", busy_s=10.0)

    @property
    def notice(self) -> str | None:
        """Why nothing is found, for a person; None: all is well."""
        return self._file.notice

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Vectors]:
        """The vectors that are kept, (d,) each."""
        import numpy as np

        nothing: list[tuple[bytes, bytes]] = []
        found = self._file.use(lambda base: _select(base, keys), nothing, create=False)
        return {key: np.frombuffer(vector, dtype="<f4") for key, vector in found if vector and len(vector) % 4 == 0}

    def put(self, vectors: Mapping[bytes, Vectors]) -> None:
        """Keeps vectors, in place of those with the same keys."""
        rows = [(key, vector.astype("<f4").tobytes()) for key, vector in vectors.items()]
        if rows and self.max_bytes:
            self._file.use(lambda base: _insert(base, rows, self.max_bytes), None)

    def clear(self) -> None:
        """Removes all vectors."""
        self._file.use(lambda base: base.execute("DELETE FROM vectors"), None, create=False)

    def forget(self, keys: Sequence[bytes]) -> None:
        """Removes vectors, so that their bytes are gone from the file too."""
        self._file.use(lambda base: _delete(base, keys), None, create=False)


def _blocks(keys: Sequence[bytes]) -> Iterator[tuple[str, Sequence[bytes]]]:
    for at in range(0, len(keys), _VARIABLES):
        block = keys[at : at + _VARIABLES]
        yield ", ".join("?" * len(block)), block


def _select(base: sqlite3.Connection, keys: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    for marks, block in _blocks(keys):
        found += base.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", block)  # noqa: S608  # marks
    return found


def _insert(base: sqlite3.Connection, rows: list[tuple[bytes, bytes]], max_bytes: int) -> None:
    base.executemany("INSERT OR REPLACE INTO vectors (key, vector) VALUES (?, ?)", rows)
    size = len(rows[-1][1])
    (count,) = base.execute("SELECT MAX(at) - MIN(at) + 1 FROM vectors").fetchone()
    if count * size > max_bytes:
        keep = max_bytes * 9 // 10 // size  # some room at once, so that not every call has to make it
        base.execute("DELETE FROM vectors WHERE at <= (SELECT MAX(at) FROM vectors) - ?", (keep,))


def _delete(base: sqlite3.Connection, keys: Sequence[bytes]) -> None:
    for marks, block in _blocks(keys):
        base.execute(f"DELETE FROM vectors WHERE key IN ({marks})", block)  # noqa: S608  # marks
