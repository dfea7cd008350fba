"""A ledger from a table of a database, read only, through the same gate as the sql tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ....agents.tools.sql.fetching import pieces
from ....agents.tools.sql.opening import located, opened
from ....agents.tools.sql.statements import Statement
from ....agents.tools.tables.source import Notes, Row, Source
from ....errors import ToolError
from .ledger import Findings, read

if TYPE_CHECKING:
    import polars as pl
    from sqlalchemy import Connection

    from ....agents.tool import ToolContext

_LEAST_S = 900.0  # one statement reads all of a ledger


def read_database(
    name: str, table: str, context: ToolContext, *, currency: str = "", given: Mapping[str, str] | None = None
) -> tuple[pl.DataFrame, Findings, str]:
    """The rows of a table or view: of a configured database, or a SQLite file. No more than a piece is held at a time.

    `table` may name its schema. Without one: the only table, or `ledger`.

    Raises:
        ToolError: it can't be opened, or has no such table.
    """
    context = _patient(context)
    database = located(name, context)
    with opened(database, context) as connection:
        wanted = _table(connection, database.name, table)
        names, arriving = pieces(connection, database, Statement(f"SELECT * FROM {wanted}", ()), {})  # noqa: S608
        frame, findings = read(Source(names, _texts(arriving), Notes()), currency=currency, given=given)
    return frame, findings, f"table {table or wanted}"


def _patient(context: ToolContext) -> ToolContext:
    config = context.config
    sql = config.tools.sql.model_copy(update={"timeout_s": max(_LEAST_S, config.tools.sql.timeout_s)})
    tools = config.tools.model_copy(update={"sql": sql})
    return replace(context, config=config.model_copy(update={"tools": tools}))


def _table(connection: Connection, database: str, table: str) -> str:
    """The table, quoted as the database wants it."""
    from sqlalchemy import inspect

    schema, _, name = table.rpartition(".")
    inspector = inspect(connection)
    known = [*inspector.get_table_names(schema or None), *inspector.get_view_names(schema or None)]
    wanted = name or ("ledger" if "ledger" in known else known[0] if len(known) == 1 else "")
    if wanted not in known:
        there = f"there are {', '.join(known[:20])}" if known else "it has none"
        raise ToolError(f"expected a table of {database!r} as `table`, got {table!r}; {there}")
    quote = connection.dialect.identifier_preparer.quote
    return f"{quote(schema)}.{quote(wanted)}" if schema else quote(wanted)


def _texts(arriving: Iterator[Sequence[Sequence[Any]]]) -> Iterator[Row]:
    for rows in arriving:
        yield from ([None if cell is None else str(cell) for cell in row] for row in rows)
