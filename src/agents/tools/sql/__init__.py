"""SQL: ask SQLite and PostgreSQL databases, and change them by a tool of its own that needs approval.

Rule: values are only ever bound, never written into a statement; asking can't change anything (see `opening`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from ....errors import ToolError
from ...tool import ToolContext, tool
from . import fetching
from .describing import Schema, described
from .opening import located, opened
from .statements import changing, reading

if TYPE_CHECKING:
    import polars as pl

_TIMEOUT_S = 900.0
_MOST_POINTS = 5_000
_SAMPLE = 10_000

Text = Annotated[str, Field(min_length=1)]


class Named(TypedDict):
    """A database of the settings; addresses are not shown."""

    name: str
    dialect: str


class Databases(TypedDict):
    databases: list[Named]


class Rows(TypedDict):
    """`cut` says what limit left rows out, empty: these are all."""

    columns: list[str]
    rows: list[list[Any]]
    count: int
    cut: str


class Stored(TypedDict):
    """`table` is a Parquet file that all tools of tables take."""

    table: str
    rows: int
    columns: list[str]


class Series(TypedDict):
    """Values in the order of x."""

    name: str
    values: list[Any]


class Points(TypedDict):
    """Data as charts.draw takes it."""

    x: list[Any]
    series: list[Series]


class Changed(TypedDict):
    """`rows` are those inserted, changed or deleted; None where that is not known, such as for tables."""

    database: str
    rows: int | None


@tool(effect="read")
def databases(context: ToolContext) -> Databases:
    """Lists the databases that the settings name (tools.sql.databases); SQLite files need no name."""
    made: list[Named] = []
    for name, address in sorted(context.config.tools.sql.databases.items()):
        scheme = address.get_secret_value().partition("://")[0] if "://" in address.get_secret_value() else "sqlite"
        made.append({"name": name, "dialect": scheme.partition("+")[0]})
    return {"databases": made}


@tool(effect="read", timeout_s=_TIMEOUT_S)
def schema(database: Text, context: ToolContext, tables: list[str] | None = None) -> Schema:
    """Describes the tables and views of a database: columns, types, keys and what they refer to.

    `database` is a name of the settings or the path of a SQLite file.
    """
    found = located(database, context)
    with opened(found, context) as connection:
        made, others = described(connection, tables or [])
    return {"database": database, "dialect": found.dialect, "tables": made, "others": others}


@tool(effect="read", timeout_s=_TIMEOUT_S)
def query(
    database: Text,
    sql: Text,
    context: ToolContext,
    *,
    parameters: dict[str, Any] | None = None,
    limit: Annotated[int, Field(ge=1)] = 1000,
) -> Rows:
    """Returns the rows of one SELECT over a database that can't be changed by it.

    `database` is a name of the settings or the path of a SQLite file. Values stand in `parameters` and are named in the
    statement as :name. `limit` is the most rows to return; sql.extract takes any number.
    """
    found = located(database, context)
    settings = context.config.tools.sql
    statement = reading(sql, found.dialect)
    with opened(found, context) as connection:
        most = min(limit, settings.max_rows)
        made = fetching.fetch(connection, found, statement, parameters or {}, rows=most, size=settings.max_bytes)
    return {"columns": made.columns, "rows": made.rows, "count": len(made.rows), "cut": made.cut}


@tool(effect="read", timeout_s=_TIMEOUT_S)
def series(database: Text, sql: Text, context: ToolContext, *, parameters: dict[str, Any] | None = None) -> Points:
    """Returns the columns of one SELECT as data for charts.draw: the first is x, the others are series of numbers."""
    made = query.function(database, sql, context, parameters=parameters, limit=_MOST_POINTS)
    columns, found = made["columns"], made["rows"]
    if len(columns) < 2:
        raise ToolError(f"expected at least two columns, x and a series of numbers, got {', '.join(columns)}")
    if made["cut"]:
        raise ToolError(f"expected at most {_MOST_POINTS:,} points, got {made['cut']}; group them in the statement")
    for place, name in enumerate(columns[1:], 1):
        if odd := next((row[place] for row in found if isinstance(row[place], (str, list, dict))), None):
            raise ToolError(f"expected numbers in the column {name!r}, got {str(odd)[:40]!r}; put texts first, as x")
    lines: list[Series] = [{"name": name, "values": [row[at] for row in found]} for at, name in enumerate(columns)]
    return {"x": [str(row[0]) if row[0] is None else row[0] for row in found], "series": lines[1:]}


@tool(effect="read", timeout_s=_TIMEOUT_S)
def extract(
    database: Text, sql: Text, context: ToolContext, *, parameters: dict[str, Any] | None = None, name: str = "rows"
) -> Stored:
    """Puts all rows of one SELECT into a table (Parquet) that the tools of tables describe, filter, join and write."""
    found = located(database, context)
    statement = reading(sql, found.dialect)
    target = context.workspace.output(f"data/{name}.parquet")
    try:
        with opened(found, context) as connection:
            columns, arriving = fetching.pieces(connection, found, statement, parameters or {})
            count = _store(columns, arriving, target, context)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return {"table": str(target), "rows": count, "columns": columns}


@tool(effect="write", destructive=True, timeout_s=_TIMEOUT_S)
def execute(
    database: Text,
    sql: Text,
    context: ToolContext,
    *,
    parameters: dict[str, Any] | None = None,
    rows: list[dict[str, Any]] | None = None,
    all_rows: bool = False,
) -> Changed:
    """Changes a database by one INSERT, UPDATE, DELETE or CREATE, ALTER, DROP, whole or not at all.

    Values are named :name in the statement and stand in `parameters`, or in `rows`, once for each row. Changing every
    row of a table needs `all_rows`. A SQLite file that is not there is made by CREATE TABLE.
    """
    found = located(database, context, new=True)
    statement = changing(sql, found.dialect, all_rows=all_rows)
    if found.path is not None and not found.path.exists() and not statement.creates:
        raise ToolError(f"expected an existing database, got {database!r}; CREATE TABLE makes a new one")
    wanted = [{**(parameters or {}), **row} for row in rows] if rows is not None else [parameters or {}]
    with opened(found, context, write=True) as connection:
        changed = fetching.change(connection, found, statement, wanted)
    return {"database": database, "rows": changed if changed >= 0 else None}


def _store(columns: list[str], arriving: Iterator[Sequence[Any]], target: Path, context: ToolContext) -> int:
    """Writes rows as they arrive, some thousands at a time, so that any number of them fits into memory."""
    import polars as pl

    parts: list[Path] = []
    held: list[list[Any]] = []
    count = 0
    try:
        for piece in arriving:
            held += [[fetching.plain_value(value) for value in row] for row in piece]
            count += len(piece)
            context.progress(count, None, f"{count:,} rows")
            if len(held) >= 20 * _SAMPLE:
                parts.append(_part(columns, held, target, len(parts)))
                held = []
        parts.append(_part(columns, held, target, len(parts)))
        frames = [pl.scan_parquet(part) for part in parts]
        pl.concat(frames, how="vertical_relaxed").sink_parquet(target)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    return count


def _part(columns: list[str], held: list[list[Any]], target: Path, number: int) -> Path:
    part = target.with_name(f".{target.stem}.{number}.parquet")
    _frame(columns, held).write_parquet(part)
    return part


def _frame(columns: list[str], held: list[list[Any]]) -> pl.DataFrame:
    """A column with values of several kinds, which SQLite allows, becomes text."""
    import polars as pl

    made = {}
    for place, name in enumerate(columns):
        values = [row[place] for row in held]
        kinds = {type(value) for value in values if value is not None}
        if kinds <= {int, float}:
            values = [float(v) if v is not None and float in kinds else v for v in values]
        elif len(kinds) > 1 or kinds & {list, dict}:
            values = [None if value is None else str(value) for value in values]
        made[name] = pl.Series(name, values, strict=True) if kinds else pl.Series(name, values, dtype=pl.Null)
    return pl.DataFrame(made)
