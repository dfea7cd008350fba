"""The orders database: opened read-only, its tables checked, its merchants found. Rule: paid orders count.

Needed are `merchants` (id, name, currency), `customers` (id, age_band, gender, region) and `orders` (id, merchant_id,
customer_id, amount_cents, product, status, created_at); status `paid` counts. SQLite and PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...agents.tool import ToolContext
from ...agents.workspace import Workspace
from ...config import Config
from ...errors import ToolError
from .shapes import SAMPLE, Merchant, Row

if TYPE_CHECKING:
    from sqlalchemy import Connection

NEEDED = {
    "merchants": {"id", "name", "currency"},
    "customers": {"id", "age_band", "gender", "region"},
    "orders": {"id", "merchant_id", "customer_id", "amount_cents", "product", "status", "created_at"},
}
USABLE = "o.status = 'paid' AND o.amount_cents >= 0"
_NAME = "merchants"
_SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True)
class Shop:
    """A merchant of the database."""

    id: Any
    name: str
    currency: str

    @property
    def shown(self) -> str:
        """The name inside a sentence: one line, not longer than reads well."""
        flat = " ".join(self.name.split())
        return flat if len(flat) <= _SHOWN_CHARS else f"{flat[: _SHOWN_CHARS - 1].rstrip()}…"


@dataclass(slots=True)
class Orders:
    """An open database. `asked` are the statements that were run, with their values in place."""

    connection: Connection
    is_sqlite: bool
    asked: list[str] = field(default_factory=list)

    @property
    def month(self) -> str:
        """The month of an order, such as 2025-03, in the database's words."""
        return "substr(o.created_at, 1, 7)" if self.is_sqlite else "to_char(CAST(o.created_at AS timestamp), 'YYYY-MM')"

    def within(self, start: str = "start", until: str = "until", column: str = "o.created_at") -> str:
        """The condition that an order is of a period, whose ends are parameters."""
        first, last = (f":{start}", f":{until}")
        if not self.is_sqlite:
            column, first, last = (f"CAST({text} AS timestamp)" for text in (column, first, last))
        return f"{column} >= {first} AND {column} < {last}"

    def rows(self, sql: str, **values: Any) -> list[Row]:
        """The rows of a statement with `:name` in the places of values."""
        from sqlalchemy import text

        self.asked.append(_filled(sql, values))
        return [tuple(row) for row in self.connection.execute(text(sql), values)]

    def shop(self, name: str) -> Shop:
        """The merchant of this name; case and blanks do not count.

        Raises:
            ToolError: there is none; names the nearest.
        """
        known = [Shop(*row) for row in self.rows("SELECT id, name, currency FROM merchants ORDER BY name, id")]
        wanted = " ".join(name.split()).casefold()
        found = [shop for shop in known if " ".join(str(shop.name).split()).casefold() == wanted]
        if found:
            return Shop(found[0].id, str(found[0].name), str(found[0].currency or "USD"))
        raise ToolError(_unknown(name, [str(shop.name) for shop in known]))

    def merchants(self) -> list[Merchant]:
        """All merchants with their paid orders."""
        first, last = ("MIN(o.created_at)", "MAX(o.created_at)")
        found = self.rows(
            f"SELECT m.name, m.currency, COUNT(o.id), {first}, {last} FROM merchants m "  # noqa: S608  # constants
            f"LEFT JOIN orders o ON o.merchant_id = m.id AND {USABLE} GROUP BY m.id, m.name, m.currency ORDER BY m.name"
        )
        return [
            {
                "name": str(name),
                "currency": str(currency or "USD"),
                "orders": int(count),
                "first": str(start or "")[:10],
                "last": str(end or "")[:10],
            }
            for name, currency, count, start, end in found
        ]

    @property
    def source(self) -> str:
        """Where the figures are from, in words."""
        return SAMPLE if self._is_sample else "the orders database"

    @property
    def _is_sample(self) -> bool:
        from sqlalchemy import inspect

        if "about" not in inspect(self.connection).get_table_names():
            return False
        notes = self.connection.exec_driver_sql("SELECT note FROM about").scalars()
        return any(str(note).startswith("Sample data") for note in notes)


@contextmanager
def opened(address: str) -> Iterator[Orders]:
    """The database at an address (a SQLite file, or a SQLAlchemy URL), which can't be changed through it.

    Raises:
        ToolError: it is not there, or lacks a table or column; names each.
        TransientError: it can't be reached now.
    """
    from ...agents.tools.sql import opening

    context = _context(address)
    database = opening.located(_NAME, context)
    with opening.opened(database, context) as connection:
        _check(connection)
        yield Orders(connection, database.path is not None)


def _context(address: str) -> ToolContext:
    here = Path.cwd()
    config = Config.model_validate({"tools": {"sql": {"databases": {_NAME: address}, "timeout_s": 120}}})
    return ToolContext(workspace=Workspace(here, here), config=config)


def _check(connection: Connection) -> None:
    from sqlalchemy import inspect

    inspector = inspect(connection)
    there = {*inspector.get_table_names(), *inspector.get_view_names()}
    lacking = []
    for table, columns in NEEDED.items():
        if table not in there:
            lacking.append(f"table {table}")
            continue
        missing = columns - {column["name"] for column in inspector.get_columns(table)}
        lacking += [f"column {table}.{column}" for column in sorted(missing)]
    if lacking:
        raise ToolError(
            f"expected an orders database, got one without {', '.join(lacking)}; "
            "make views of these names, see docs/deck.md"
        )


def _unknown(name: str, known: list[str]) -> str:
    from rapidfuzz import fuzz, process, utils

    shown = name if len(name) <= _SHOWN_CHARS else name[: _SHOWN_CHARS - 1] + "…"
    near = process.extract(name, known, scorer=fuzz.WRatio, processor=utils.default_process, limit=3, score_cutoff=45)
    names = [found for found, _, _ in near] or known[:5]
    word = "nearest are" if near else "there are"
    return f"expected a merchant of the database, got {shown!r}; " + (
        f"{word}: {', '.join(found[:_SHOWN_CHARS] for found in names)}" if names else "the database has none"
    )


def _filled(sql: str, values: Mapping[str, Any]) -> str:
    """A statement as it can be run by hand."""
    import re

    def value(match: re.Match[str]) -> str:
        given = values.get(match[1], match[0])
        return str(given) if isinstance(given, (int, float)) else "'" + str(given).replace("'", "''") + "'"

    return re.sub(r"(?<![:\w]):([a-z_]+)", value, " ".join(sql.split()))
