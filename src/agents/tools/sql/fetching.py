"""Rows of a query as plain data, a piece at a time. Rule: a limit that cut something is said."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .opening import Database
from .statements import Statement

if TYPE_CHECKING:
    from sqlalchemy import Connection

_PIECE, _FIRST = 1000, 20
_PIECE_BYTES = 4_000_000
_SHOWN_BYTES = 32
_EXACT_DIGITS = 15


@dataclass(slots=True)
class Fetched:
    """The rows up to the limits; `cut` says which limit was reached, empty: all rows are there."""

    columns: list[str]
    rows: list[list[Any]] = field(default_factory=list)
    cut: str = ""


def pieces(
    connection: Connection, database: Database, statement: Statement, parameters: Mapping[str, Any]
) -> tuple[list[str], Iterator[Sequence[Sequence[Any]]]]:
    """The names of the columns, and the rows in pieces; no more than a piece is held here or by the driver."""
    values = statement.values(parameters)
    driver: Any = connection.connection.driver_connection
    if database.path is not None:
        cursor = driver.execute(statement.text, dict(zip(statement.names, values, strict=True)))
        return _unique(column[0] for column in cursor.description), _grouped(cursor)
    # A cursor, as the driver would fetch everything at once. `execute_unnamed` speaks the extended protocol, in which
    # the server takes one statement and no more, whatever the parser here made of the text.
    driver.execute_unnamed(f"DECLARE planloom NO SCROLL CURSOR FOR {statement.text}", vals=values)
    first = driver.execute_unnamed(f"FETCH {_FIRST} FROM planloom")

    def fetched() -> Iterator[Sequence[Sequence[Any]]]:
        rows = first.rows
        while rows:
            yield rows
            fitting = _PIECE_BYTES * len(rows) // max(1, sum(map(_size, rows)))
            count = max(1, min(_PIECE, fitting))
            rows = driver.execute_unnamed(f"FETCH {count} FROM planloom").rows

    return _unique(column["name"] for column in first.columns), fetched()


def _grouped(cursor: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    """Rows in pieces that are neither long nor large."""
    piece: list[Sequence[Any]] = []
    size = 0
    for row in cursor:
        piece.append(row)
        size += _size(row)
        if len(piece) == _PIECE or size > _PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _size(row: Sequence[Any]) -> int:
    return sum(len(value) if isinstance(value, (str, bytes)) else 8 for value in row)


def change(connection: Connection, database: Database, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> int:
    """How many rows a statement changed, run once for each of `rows`; -1 where the database does not say."""
    driver: Any = connection.connection.driver_connection
    changed = 0
    for values in [statement.values(parameters) for parameters in rows]:
        if database.path is not None:
            changed += driver.execute(statement.text, dict(zip(statement.names, values, strict=True))).rowcount
        else:
            changed += driver.execute_unnamed(statement.text, vals=values).row_count
    return changed if changed >= 0 else -1


def fetch(
    connection: Connection,
    database: Database,
    statement: Statement,
    parameters: Mapping[str, Any],
    *,
    rows: int,
    size: int,
) -> Fetched:
    """At most `rows` rows and `size` bytes of values."""
    columns, arriving = pieces(connection, database, statement, parameters)
    made, held = Fetched(columns), 0
    for piece in arriving:
        for row in piece:
            values = [plain_value(value) for value in row]
            held += sum(len(value) if isinstance(value, str) else 8 for value in values)
            if len(made.rows) == rows:
                made.cut = f"only the first {rows:,} rows"
                return made
            if held > size:
                made.cut = f"only the first {len(made.rows):,} rows: more would be above {size:,} bytes"
                return made
            made.rows.append(values)
    return made


def plain_value(value: Any) -> Any:
    """A value as JSON has it: exact numbers stay numbers up to 15 digits, dates become ISO texts, bytes hexadecimal."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Decimal():
            return _number(value)
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat(" ") if isinstance(value, dt.datetime) else value.isoformat()
        case bytes() | bytearray() | memoryview():
            raw = bytes(value)
            more = f"… ({len(raw):,} bytes)" if len(raw) > _SHOWN_BYTES else ""
            return f"0x{raw[:_SHOWN_BYTES].hex()}{more}"
        case list() | tuple():
            return [plain_value(inner) for inner in value]
        case Mapping():
            return {str(key): plain_value(inner) for key, inner in value.items()}
        case _:
            return str(value)


def _number(value: Decimal) -> Any:
    if not value.is_finite() or len(value.as_tuple().digits) > _EXACT_DIGITS:
        return str(value)
    return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else float(value)


def _unique(names: Any) -> list[str]:
    """Names of columns, numbered where two are the same."""
    made: list[str] = []
    for name in names:
        text, number = str(name) or "column", 2
        while text in made:
            text, number = f"{name}_{number}", number + 1
        made.append(text)
    return made
