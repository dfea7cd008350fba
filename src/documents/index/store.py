"""Files and passages in one SQLite file, with the words of each passage for full-text search.

Rule: this is the truth of the index; vectors are derived from it. Every change is one transaction. Calls touch the
disk: in a thread when the loop must not wait.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import SearchIndexError
from ..parsing.reading import Read
from ..passages import Passage
from ..places import place_from
from ..search.scope import Scope, scope
from ..search.terms import indexed
from .records import Failure, Known, Stored, embedded_text

if TYPE_CHECKING:
    import sqlite3

_VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS roots (path TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, kind TEXT, title TEXT, sha256 TEXT, size INTEGER,
    mtime_ns INTEGER, reason TEXT NOT NULL DEFAULT '', notes TEXT NOT NULL DEFAULT '[]',
    name TEXT NOT NULL DEFAULT '', ext TEXT NOT NULL DEFAULT '', author TEXT NOT NULL DEFAULT '',
    language TEXT NOT NULL DEFAULT '', modified REAL NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, file INTEGER NOT NULL REFERENCES files(id), number INTEGER NOT NULL,
    digest BLOB NOT NULL, text TEXT NOT NULL, place TEXT NOT NULL, refused TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS passages_file ON passages (file, number);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (about, body, tokenize = 'porter unicode61 remove_diacritics 2');
"""
_FROM_1 = """
ALTER TABLE files ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE files ADD COLUMN ext TEXT NOT NULL DEFAULT '';
ALTER TABLE files ADD COLUMN author TEXT NOT NULL DEFAULT '';
ALTER TABLE files ADD COLUMN language TEXT NOT NULL DEFAULT '';
ALTER TABLE files ADD COLUMN modified REAL NOT NULL DEFAULT 0;
UPDATE files SET sha256='', mtime_ns=0;
"""  # all files are read again at the next indexing; their passages and vectors stay
_PASSAGE = (
    "SELECT p.id, f.path, f.title, p.text, p.place, f.kind, f.modified FROM passages p JOIN files f ON f.id = p.file"
)
# What a passage says counts twice as much as its heading and its file's name, which others of the file share.
_BEST_FIRST = "ORDER BY bm25(words, 0.5, 1.0), rowid LIMIT ?"
_VARIABLES = 500
_INSIDE = "SELECT p.id FROM passages p JOIN files f ON f.id=p.file WHERE"
EVERYWHERE = Scope()


class Store:
    """The SQLite file; one connection, any thread. Close it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._base: sqlite3.Connection | None = None

    def close(self) -> None:
        """May be called again."""
        with self._lock:
            base, self._base = self._base, None
            if base is not None:
                base.close()

    # ---- files

    def known(self) -> dict[str, Known]:
        """All files by path."""
        with self._used() as base:
            rows = base.execute("SELECT id, path, sha256, size, mtime_ns, reason FROM files").fetchall()
        names = ("id", "path", "sha256", "size_bytes", "mtime_ns", "reason")
        return {row[1]: Known(**dict(zip(names, row, strict=True))) for row in rows}

    def put(self, path: str, read: Read) -> list[int]:
        """A file's new state; passages that are as before keep their ids. Gives the ids that are gone."""
        with self._used() as base, base:
            file_id, old = _file_row(base, path)
            base.execute(
                "UPDATE files SET kind=?, title=?, sha256=?, size=?, mtime_ns=?, reason='', notes=?, name=?, ext=?, "
                "author=?, language=?, modified=? WHERE id=?",
                (*_about(path, read), file_id),
            )
            for number, passage in enumerate(read.passages):
                digest = _digest(path, read.title, passage)
                place = json.dumps(passage.place.to_dict(), ensure_ascii=False)
                if same := old.get(digest):
                    base.execute("UPDATE passages SET number=?, place=? WHERE id=?", (number, place, same.pop()))
                else:
                    about = f"{_name(path)} {read.title} {passage.place.section}"
                    _insert(base, (file_id, number, digest, passage.text, place), about)
            gone = [id_ for ids in old.values() for id_ in ids]
            _delete(base, gone)
        return gone

    def touch(self, path: str, *, size_bytes: int, mtime_ns: int, modified: float) -> None:
        """Notes that a file with a new date has the content it had."""
        row = (size_bytes, mtime_ns, modified, path)
        with self._used() as base, base:
            base.execute("UPDATE files SET size=?, mtime_ns=?, modified=? WHERE path=?", row)

    def fail(self, path: str, reason: str, *, size_bytes: int, mtime_ns: int) -> list[int]:
        """Notes that a file can't be read; gives the ids of passages that are gone."""
        with self._used() as base, base:
            file_id, old = _file_row(base, path)
            gone = [id_ for ids in old.values() for id_ in ids]
            _delete(base, gone)
            base.execute(
                "UPDATE files SET reason=?, sha256='', size=?, mtime_ns=?, notes='[]' WHERE id=?",
                (reason, size_bytes, mtime_ns, file_id),
            )
        return gone

    def remove(self, paths: Iterable[str]) -> list[int]:
        """Forgets files; gives the ids of their passages."""
        gone: list[int] = []
        with self._used() as base, base:
            for path in paths:
                found = base.execute("SELECT id FROM files WHERE path=?", (path,)).fetchone()
                if found is not None:
                    ids = [row[0] for row in base.execute("SELECT id FROM passages WHERE file=?", found)]
                    _delete(base, ids)
                    base.execute("DELETE FROM files WHERE id=?", found)
                    gone += ids
        return gone

    # ---- passages

    def ids(self) -> list[int]:
        """The ids of all passages that can have a vector, ascending."""
        with self._used() as base:
            return [row[0] for row in base.execute("SELECT id FROM passages WHERE refused='' ORDER BY id")]

    def passages(self, ids: Sequence[int]) -> dict[int, Stored]:
        """Passages by id; those that are gone are left out."""
        found: dict[int, Stored] = {}
        with self._used() as base:
            for at in range(0, len(ids), _VARIABLES):
                block = list(ids[at : at + _VARIABLES])
                marks = ", ".join("?" * len(block))
                for row in base.execute(f"{_PASSAGE} WHERE p.id IN ({marks})", block):
                    found[row[0]] = _stored(row)
        return found

    def refuse(self, reasons: Iterable[tuple[int, str]]) -> None:
        """Notes passages that no vector can be made of; words still find them."""
        with self._used() as base, base:
            base.executemany("UPDATE passages SET refused=? WHERE id=?", [(why, id_) for id_, why in reasons])

    def refused(self) -> list[Failure]:
        """Files with passages that no vector could be made of."""
        query = (
            "SELECT f.path, p.refused FROM passages p JOIN files f ON f.id=p.file WHERE p.refused<>'' GROUP BY f.path"
        )
        with self._used() as base:
            return [Failure(path=path, reason=reason) for path, reason in base.execute(query)]

    def by_words(self, expression: str, count: int, *, inside: Scope = EVERYWHERE) -> list[int]:
        """Ids of the passages that fit a full-text query best (BM25), best first, of the files in a scope."""
        where = f" AND rowid IN ({_INSIDE} {inside.clause})" if inside else ""
        query = f"SELECT rowid FROM words WHERE words MATCH ?{where} {_BEST_FIRST}"  # noqa: S608  # our own words
        with self._used() as base:
            return [row[0] for row in base.execute(query, [expression, *inside.values, count])]

    def ids_in(self, inside: Scope) -> list[int]:
        """The ids of all passages of the files in a scope that is not empty."""
        with self._used() as base:
            return [row[0] for row in base.execute(f"{_INSIDE} {inside.clause}", inside.values)]

    def ids_under(self, under: str) -> list[int]:
        """The ids of all passages of a file or of a folder."""
        return self.ids_in(scope(under))

    # ---- the whole

    def roots(self) -> list[str]:
        """What was asked to be indexed."""
        with self._used() as base:
            return [row[0] for row in base.execute("SELECT path FROM roots ORDER BY path")]

    def set_roots(self, roots: Iterable[str]) -> None:
        with self._used() as base, base:
            base.execute("DELETE FROM roots")
            base.executemany("INSERT INTO roots VALUES (?)", [(root,) for root in sorted(set(roots))])

    def meta(self, key: str) -> str:
        """A value that `set_meta` kept, empty if there is none."""
        with self._used() as base:
            row = base.execute("SELECT value FROM meta WHERE key=?", (key,)).fetchone()
        return str(row[0]) if row else ""

    def set_meta(self, key: str, value: str) -> None:
        with self._used() as base, base:
            base.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def reset_refusals(self) -> None:
        """Gives every passage another chance, with another embedding."""
        with self._used() as base, base:
            base.execute("UPDATE passages SET refused='' WHERE refused<>''")

    def counts(self) -> tuple[int, int, dict[str, int]]:
        """Files that are readable, passages, and files by kind."""
        with self._used() as base:
            kinds = dict(base.execute("SELECT kind, COUNT(*) FROM files WHERE reason='' GROUP BY kind ORDER BY 2 DESC"))
            (passages,) = base.execute("SELECT COUNT(*) FROM passages").fetchone()
        return sum(kinds.values()), passages, kinds

    def failures(self) -> list[Failure]:
        """Files that could not be read."""
        with self._used() as base:
            rows = base.execute("SELECT path, reason FROM files WHERE reason<>'' ORDER BY path").fetchall()
        return [Failure(path=path, reason=reason) for path, reason in rows]

    def compact(self) -> None:
        """Gives the room of what was removed back, and overwrites it."""
        with self._used() as base:
            with base:
                base.execute("INSERT INTO words(words) VALUES ('optimize')")
            base.execute("VACUUM")
            base.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextlib.contextmanager
    def _used(self) -> Iterator[sqlite3.Connection]:
        """The connection, opened on first use.

        Raises:
            SearchIndexError: kind `damaged`, `busy` or `disk`.
        """
        import sqlite3

        with self._lock:
            try:
                if self._base is None:
                    self._base = self._opened()
                yield self._base
            except sqlite3.OperationalError as error:
                code = (error.sqlite_errorcode or 0) & 0xFF
                kind = "busy" if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) else "disk"
                raise SearchIndexError(f"the index {str(self.path)!r} can't be used now: {error}", kind=kind) from error
            except (sqlite3.DatabaseError, OSError) as error:
                kind = "disk" if isinstance(error, OSError) else "damaged"
                raise SearchIndexError(f"the index {str(self.path)!r} is not usable: {error}", kind=kind) from error

    def _opened(self) -> sqlite3.Connection:
        import sqlite3

        self.path.parent.mkdir(parents=True, exist_ok=True)
        base = sqlite3.connect(self.path, timeout=10.0, check_same_thread=False)
        try:
            base.execute("PRAGMA secure_delete = ON")
            base.execute("PRAGMA journal_mode = WAL")
            base.execute("PRAGMA synchronous = NORMAL")
            (version,) = base.execute("PRAGMA user_version").fetchone()
            if version not in (0, 1, _VERSION):
                raise SearchIndexError(
                    f"{str(self.path)!r}: expected an index of version {_VERSION}, got {version}; delete it",
                    kind="foreign",
                )
            base.create_function("folded", 1, lambda text: (text or "").casefold(), deterministic=True)
            if version == 1:
                base.executescript(f"BEGIN; {_FROM_1} PRAGMA user_version = {_VERSION}; COMMIT;")
            base.executescript(_SCHEMA)
            base.execute(f"PRAGMA user_version = {_VERSION}")
        except BaseException:
            base.close()
            raise
        return base


def _about(path: str, read: Read) -> tuple[Any, ...]:
    """What is known of a file, in the order of the columns that `put` sets."""
    name = _name(path)
    ext = name.rpartition(".")[2].lower() if "." in name else ""
    notes = json.dumps(list(read.notes))
    dated = (read.mtime_ns, notes, name, ext, read.author, read.language, read.modified)
    return (read.kind, read.title, read.sha256, read.size_bytes, *dated)


def _stored(row: Sequence[Any]) -> Stored:
    """A passage of `_PASSAGE`."""
    id_, path, title, text, place, kind, modified = row
    at = place_from(json.loads(place))
    return Stored(id=id_, path=path, title=title or "", text=text, place=at, kind=kind or "", modified=modified)


def _file_row(base: sqlite3.Connection, path: str) -> tuple[int, dict[bytes, list[int]]]:
    """A file's id, made if it is new, and the ids of its passages by digest."""
    base.execute("INSERT OR IGNORE INTO files (path) VALUES (?)", (path,))
    (file_id,) = base.execute("SELECT id FROM files WHERE path=?", (path,)).fetchone()
    old: dict[bytes, list[int]] = {}
    for id_, digest in base.execute("SELECT id, digest FROM passages WHERE file=? ORDER BY number DESC", (file_id,)):
        old.setdefault(digest, []).append(id_)
    return file_id, old


def _insert(base: sqlite3.Connection, row: tuple[int, int, bytes, str, str], about: str) -> None:
    """A new passage: file, number, digest, text, place; `about` is what it belongs to."""
    made = base.execute("INSERT INTO passages (file, number, digest, text, place) VALUES (?, ?, ?, ?, ?)", row)
    words = (made.lastrowid, indexed(about), indexed(row[3]))
    base.execute("INSERT INTO words (rowid, about, body) VALUES (?, ?, ?)", words)


def _delete(base: sqlite3.Connection, ids: Sequence[int]) -> None:
    base.executemany("DELETE FROM words WHERE rowid=?", [(id_,) for id_ in ids])
    base.executemany("DELETE FROM passages WHERE id=?", [(id_,) for id_ in ids])


def _digest(path: str, title: str, passage: Passage) -> bytes:
    text = embedded_text(path, title, passage.place.section, passage.text)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]
