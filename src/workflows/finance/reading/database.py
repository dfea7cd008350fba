"""A ledger from a table of a database, read only, through the same gate as the sql tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ....agents.tools.sql.opening import located, opened
from ....agents.tools.tables.source import Notes, Row, Source
from ....errors import ToolError
from .ledger import Findings, read

if TYPE_CHECKING:
    import polars as pl

    from ....agents.tool import ToolContext

_PIECE = 10_000


def read_database(
    name: str, table: str, context: ToolContext, *, currency: str = "", given: Mapping[str, str] | None = None
) -> tuple[pl.DataFrame, Findings, str]:
    """The rows of a table: a configured database, or a SQLite file. Without a name, the only table or `ledger`.

    Raises:
        ToolError: it can't be opened, or has no such table.
    """
    import sqlalchemy as sql

    database = located(name, context)
    with opened(database, context) as connection:
        tables = sql.inspect(connection).get_table_names()
        wanted = table or ("ledger" if "ledger" in tables else tables[0] if len(tables) == 1 else "")
        if wanted not in tables:
            raise ToolError(
                f"expected a table of {database.name!r}, got {wanted!r}; there are {', '.join(tables[:20])}"
            )
        result = connection.execute(sql.select(sql.text("*")).select_from(sql.table(wanted)))
        source = Source(list(result.keys()), _texts(result), Notes())
        frame, findings = read(source, currency=currency, given=given)
    return frame, findings, f"table {wanted}"


def _texts(result: Any) -> Iterator[Row]:
    while rows := result.fetchmany(_PIECE):
        yield from ([None if cell is None else str(cell) for cell in row] for row in rows)
