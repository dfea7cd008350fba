"""Opens databases: by the name they have in the settings, or SQLite files by path. Rule: reading can't write.

SQLite files are opened with `mode=ro` and an authorizer that lets nothing but reading through; PostgreSQL gets a
transaction that is READ ONLY. Addresses with passwords are never in arguments, results or errors.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ....errors import ConfigError, PlanloomError, ToolError, TransientError
from ...tool import ToolContext
from .statements import Dialect

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

_HEADER = b"SQLite format 3\0"
_LONGEST_VALUE = 64_000_000
_ASKING_ABOUT = frozenset(
    {"table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list"}
)
_ASKING = _ASKING_ABOUT | {"database_list", "data_version", "encoding", "user_version", "read_uncommitted"}
_BLOCKED = frozenset({"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit", "regexp"})
_BUSY = re.compile(r"locked|busy|could not serialize|deadlock|too many clients|starting up|shutting down", re.I)


@dataclass(frozen=True, slots=True)
class Database:
    """`path` is the file of SQLite, None for PostgreSQL, which has a `url`."""

    name: str
    dialect: Dialect
    path: Path | None = None
    url: URL | None = field(default=None, repr=False)


def located(name: str, context: ToolContext, *, new: bool = False) -> Database:
    """The database of a name in the settings, or the SQLite file at a path.

    `new`: a file that is not there yet will do.

    Raises:
        ToolError: there is none, or an address was given where a name belongs.
    """
    named = context.config.tools.sql.databases
    if name in named:
        return _configured(name, named[name].get_secret_value(), context, new=new)
    if "://" in name:
        raise ToolError(
            "expected the name of a database in tools.sql.databases or the path of a SQLite file, got an address; "
            "write it into the settings, where its password is kept"
        )
    return _file(name, name, context, new=new, known=", ".join(sorted(named)))


def _configured(name: str, address: str, context: ToolContext, *, new: bool) -> Database:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    if "://" not in address:
        return _file(name, address, context, new=new)
    try:
        url = make_url(_expanded(name, address))
    except (ArgumentError, ValueError):
        raise ConfigError(
            f"tools.sql.databases.{name}: expected an address such as postgresql://user@host/db"
        ) from None
    match url.get_backend_name():
        case "sqlite" if url.database:
            return _file(name, url.database, context, new=new)
        case "postgresql" | "postgres":
            return Database(name, "postgresql", url=url.set(drivername="postgresql+pg8000"))
        case other:
            raise ConfigError(f"tools.sql.databases.{name}: expected sqlite or postgresql, got {other!r}")


def _expanded(name: str, address: str) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise ConfigError(f"tools.sql.databases.{name}: expected the variable {match[1]} to be set; export it")
        return quote(os.environ[match[1]], safe="")

    return re.sub(r"\$\{ENV:([A-Za-z_][A-Za-z0-9_]*)\}", value, address)


def _file(name: str, path: str, context: ToolContext, *, new: bool, known: str = "") -> Database:
    if new:
        target = context.workspace.writable(path)
        if not target.exists():
            if target.suffix.lower() not in (".db", ".sqlite", ".sqlite3"):
                raise ToolError(f"expected a new database to end in .db, .sqlite or .sqlite3, got {target.name!r}")
            return Database(name, "sqlite", path=target)
    try:
        source = context.workspace.readable(path)
    except ToolError as error:
        more = f"; the settings know {known}" if known else "; tools.sql.databases in the settings is empty"
        raise ToolError(f"{error}{more}") from error
    with source.open("rb") if source.is_file() else _no_file(source) as file:
        head = file.read(len(_HEADER))
    if head and head != _HEADER:
        raise ToolError(f"expected a SQLite database, got {source.name!r}, which is none; see tables.read")
    return Database(name, "sqlite", path=source)


def _no_file(path: Path) -> Any:
    raise ToolError(f"expected a SQLite database, got {str(path)!r}, which is no file")


@contextmanager
def opened(database: Database, context: ToolContext, *, write: bool = False) -> Iterator[Connection]:
    """A connection in a transaction, which is committed at the end when `write`; else nothing can be changed.

    Raises:
        ToolError, TransientError: what the database says, without its address.
    """
    from pg8000.exceptions import Error as PostgresError
    from sqlalchemy.exc import SQLAlchemyError

    seconds = context.config.tools.sql.timeout_s
    until = time.monotonic() + seconds
    engine = _sqlite(database, context, until, write=write) if database.path else _postgresql(database, seconds)
    committing = False
    try:
        with engine.connect() as connection:
            if database.path is None:
                _begin(connection, seconds, write=write)
            yield connection
            if write:
                committing = True
                connection.connection.commit()
    except (SQLAlchemyError, sqlite3.Error, PostgresError, OSError) as error:
        raise _told(database, error, until, committing=committing) from None  # its text may hold the address
    finally:
        engine.dispose()


def _sqlite(database: Database, context: ToolContext, until: float, *, write: bool) -> Engine:
    from sqlalchemy import NullPool, create_engine

    place = f"file:{quote(str(database.path))}?mode={'rwc' if write else 'ro'}"

    def connect() -> sqlite3.Connection:
        made = sqlite3.connect(
            place, uri=True, timeout=min(5.0, max(0.1, until - time.monotonic())), check_same_thread=False
        )
        made.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        made.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
        made.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000)
        made.execute("PRAGMA trusted_schema = OFF")
        made.execute("PRAGMA foreign_keys = ON" if write else "PRAGMA query_only = ON")
        made.set_progress_handler(lambda: int(time.monotonic() > until or context.cancelled()), 10_000)
        made.set_authorizer(_writer if write else _reader)
        return made

    return create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)


def _reader(action: int, first: str | None, second: str | None, _database: str | None, _trigger: str | None) -> int:
    """What SQLite asks before it prepares a statement: only reading is allowed."""
    if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_RECURSIVE):
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_UPDATE and first == "sqlite_master":
        return sqlite3.SQLITE_OK  # asked when a full-text table is opened; the file is read-only anyway
    return _asking(action, first, second)


def _asking(action: int, first: str | None, second: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if (second or "").lower() in _BLOCKED else sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_PRAGMA and (first or "").lower() in (_ASKING_ABOUT if second else _ASKING):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _writer(action: int, first: str | None, second: str | None, _database: str | None, _trigger: str | None) -> int:
    """All but other files, settings of the connection, and functions that leave the database."""
    if action in (sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_PRAGMA):
        return _asking(action, first, second)
    if action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_CREATE_VTABLE):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _postgresql(database: Database, seconds: float) -> Engine:
    from sqlalchemy import NullPool, create_engine

    assert database.url is not None
    return create_engine(
        database.url,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"timeout": seconds + 5, "application_name": "planloom"},
    )


def _begin(connection: Connection, seconds: float, *, write: bool) -> None:
    """The first words of the transaction: nothing that comes later can take READ ONLY back."""
    say: Callable[[str], Any] = connection.exec_driver_sql
    if not write:
        say("SET TRANSACTION READ ONLY")
        say("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")  # and any that would follow
    say(f"SET LOCAL statement_timeout = {max(1, round(seconds * 1000))}")
    say(f"SET LOCAL lock_timeout = {max(1, round(seconds * 500))}")


def _told(database: Database, error: Exception, until: float, *, committing: bool) -> PlanloomError:
    """What the database said, without its address and without the statement's values."""
    orig = getattr(error, "orig", None) or error
    said = orig.args[0] if orig.args else type(orig).__name__
    code = ""
    if isinstance(said, dict):  # pg8000: the fields of the server's error
        code = str(said.get("C", ""))
        said = ". ".join(str(said[key]) for key in ("M", "H") if said.get(key))
    text = f"{database.name}: {said}"
    if code == "57014" or (str(said) == "interrupted" and time.monotonic() > until):
        return ToolError(f"{text}; it took too long: ask for less, or raise tools.sql.timeout_s")
    if code == "25006" or re.search(r"not authorized|readonly database|authorization denied", str(said)):
        return ToolError(f"{text}; this connection only reads: sql.execute changes a database")
    lost = isinstance(orig, (ConnectionError, TimeoutError)) or type(orig).__name__ == "InterfaceError"
    if lost or code.startswith(("08", "57P")) or _BUSY.search(str(said)):
        return TransientError(text, outcome_unknown=committing)
    return ToolError(text)
