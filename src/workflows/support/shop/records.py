"""Reads customers and orders. Rule: nothing is ever written here, and the connection could not.

Needed are `customers` (id, name, language, tier) and `orders` (see `NEEDED`); views of these names will do. A table
`about` with `today` sets the shop's day, as in the sample; else it is the machine's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....agents.tool import ToolContext
from ....errors import ToolError
from ..shapes import Order
from .sample import sample_database

if TYPE_CHECKING:
    from sqlalchemy import Connection

NEEDED = {
    "customers": ("id", "name", "language", "tier"),
    "orders": (
        "id", "customer_id", "item", "kind", "quantity", "unit_cents", "discount_cents", "shipping_cents", "currency",
        "status", "ordered_on", "delivered_on", "charges", "refunded_cents", "in_stock",
    ),
}  # fmt: skip
_NUMBERS = ("quantity", "unit_cents", "discount_cents", "shipping_cents", "charges", "refunded_cents", "in_stock")
_DAYS = ("ordered_on", "delivered_on")
_NAME = "support"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """`orders` counts all orders."""

    id: str
    name: str
    language: str
    tier: str
    orders: int


@dataclass(frozen=True, slots=True)
class Records:
    """An open database. `source` names it for people, `today` is the shop's day."""

    connection: Connection
    source: str
    today: str

    def customer(self, name: str) -> Customer | None:
        """The customer with this id, None if nobody has it."""
        found = self._row("SELECT id, name, language, tier FROM customers WHERE id = :id", id=name)
        if found is None:
            return None
        count = self._row("SELECT COUNT(*) AS orders FROM orders WHERE customer_id = :id", id=name)
        return Customer(
            id=str(found["id"]),
            name=str(found["name"] or ""),
            language=str(found["language"] or "")[:2].lower(),
            tier=str(found["tier"] or ""),
            orders=int(count["orders"]) if count else 0,
        )

    def order(self, name: str) -> tuple[str, Order] | None:
        """Whose order it is, and the order; None if there is none of this id.

        Raises:
            ToolError: its figures are no whole numbers, or its days no days.
        """
        columns = ", ".join(NEEDED["orders"])
        found = self._row(f"SELECT {columns} FROM orders WHERE id = :id", id=name)  # noqa: S608  # constants
        return None if found is None else (str(found["customer_id"]), _order(found))

    def _row(self, sql: str, **values: Any) -> dict[str, Any] | None:
        from sqlalchemy import text

        found = self.connection.execute(text(sql), values).mappings().first()
        return None if found is None else dict(found)


@contextmanager
def opened(address: str, context: ToolContext) -> Iterator[Records]:
    """The database at an address: a name in `tools.sql.databases`, a SQLite file, a URL; "": the sample.

    Raises:
        ToolError: it is not there, or lacks a table or column; names each.
        TransientError: it can't be reached now.
    """
    from ....agents.tools.sql import opening

    state = Path(context.config.state).expanduser().resolve()
    address = address or context.config.support.database.get_secret_value()
    where = address or str(sample_database(state / "samples" / "support.sqlite"))
    context, name = _named(where, context)
    with opening.opened(opening.located(name, context), context) as connection:
        _check(connection)
        today = _today(connection)
        yield Records(connection, "the shop's database" if address else "sample data", today)


def _named(address: str, context: ToolContext) -> tuple[ToolContext, str]:
    """A context in which the address has a name; addresses are never told in errors."""
    if "://" not in address:
        return context, address
    from pydantic import SecretStr

    sql = context.config.tools.sql
    databases = {**sql.databases, _NAME: SecretStr(address)}
    tools = context.config.tools.model_copy(update={"sql": sql.model_copy(update={"databases": databases})})
    return replace(context, config=context.config.model_copy(update={"tools": tools})), _NAME


def _check(connection: Connection) -> None:
    """Whether all columns are there, by asking for none of the rows."""
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    for table, columns in NEEDED.items():
        try:
            connection.execute(text(f"SELECT {', '.join(columns)} FROM {table} WHERE 1 = 0"))  # noqa: S608
        except SQLAlchemyError as error:
            raise ToolError(
                f"expected a table or view {table} with {', '.join(columns)}, got: "
                f"{str(getattr(error, 'orig', error))[:200]}; see docs/support.md"
            ) from None


def _today(connection: Connection) -> str:
    from sqlalchemy import inspect, text

    names = {column["name"] for column in inspect(connection).get_columns("about")} if _has_about(connection) else set()
    if "today" in names:
        return str(connection.execute(text("SELECT today FROM about")).scalar_one())[:10]
    return datetime.now().astimezone().date().isoformat()


def _has_about(connection: Connection) -> bool:
    from sqlalchemy import inspect

    return inspect(connection).has_table("about")


def _order(row: dict[str, Any]) -> Order:
    for name in _NUMBERS:
        value = row[name]
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ToolError(
                f"expected {name} of order {row['id']!r} as a whole number of cents or pieces, got {value!r}"
            )
    days = {name: str(row[name] or "")[:10] for name in _DAYS}
    for name, day in days.items():
        try:
            if day or name == "ordered_on":
                datetime.strptime(day, "%Y-%m-%d")  # noqa: DTZ007  # a day has no zone
        except ValueError as error:
            raise ToolError(f"expected {name} of order {row['id']!r} as a day like 2025-03-31, got {day!r}") from error
    made: Any = {name: str(row[name] or "") for name in ("id", "item", "kind", "currency", "status")}
    return made | {name: row[name] for name in _NUMBERS} | days  # type: ignore[no-any-return]
