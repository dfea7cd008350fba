"""The deck's figures from a PostgreSQL server are those from SQLite."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from typing import Any

import pg8000.native
import pytest
from tests.agents.tools.postgres import programs, server
from tests.workflows.deck.shop import sampled

from planloom.errors import ToolError, TransientError
from planloom.workflows.deck import requests
from planloom.workflows.deck.shapes import REQUESTS

pytestmark = pytest.mark.skipif(programs() is None, reason="no PostgreSQL: install the extra `dev`")

TODAY = dt.date(2026, 1, 15)
YEAR = ("2025-01-01", "2025-12-31")
TABLES = """
CREATE TABLE about (note text);
CREATE TABLE merchants (id int PRIMARY KEY, name text, currency text);
CREATE TABLE customers (id int PRIMARY KEY, age_band text, gender text, region text);
CREATE TABLE orders (id int PRIMARY KEY, merchant_id int, customer_id int, amount_cents bigint, product text,
                     status text, created_at timestamp);
"""


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The same rows in SQLite and PostgreSQL, where a role may only read."""
    lite = sampled(tmp_path_factory.mktemp("shop") / "orders.sqlite", orders=1200)
    with server() as port:
        owner = pg8000.native.Connection("owner", "127.0.0.1", "postgres", port, "s3cret")
        try:
            _copied(lite, owner)
        finally:
            owner.close()
        yield {
            "lite": lite,
            "post": f"postgresql://reader:r3ad3r@127.0.0.1:{port}/postgres",
            "wrong": f"postgresql://reader:wr0ng-one@127.0.0.1:{port}/postgres",
        }


def _copied(path: str, owner: Any) -> None:
    for statement in filter(str.strip, TABLES.split(";")):
        owner.run(statement)
    with sqlite3.connect(path) as connection:
        for table in ("about", "merchants", "customers", "orders"):
            rows = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
            for start in range(0, len(rows), 500):
                values = ", ".join(map(_literal, rows[start : start + 500]))
                owner.run(f"INSERT INTO {table} VALUES {values}")  # noqa: S608
    connection.close()
    owner.run("CREATE ROLE reader LOGIN PASSWORD 'r3ad3r'")
    owner.run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")


def _literal(row: tuple[Any, ...]) -> str:
    cells = ("'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value) for value in row)
    return f"({', '.join(cells)})"


@pytest.mark.parametrize("name", REQUESTS)
def test_reports_are_the_same_whatever_the_database(addresses, name):
    lite, post = (
        requests.report(addresses[kind], "Aurora Home", *YEAR, request=name, today=TODAY) for kind in ("lite", "post")
    )
    assert {**post, "sql": []} == {**lite, "sql": []}


def test_sql_that_is_shown_can_be_run_by_hand(addresses):
    report = requests.report(addresses["post"], "Aurora Home", *YEAR, request="monthly_sales", today=TODAY)
    port = int(addresses["post"].rsplit(":", 1)[1].split("/")[0])
    reader = pg8000.native.Connection("reader", "127.0.0.1", "postgres", port, "r3ad3r")
    try:
        assert all(reader.run(sql) for sql in report["sql"])
    finally:
        reader.close()


def test_merchants_and_briefs_are_the_same(addresses):
    assert requests.merchants(addresses["post"]) == requests.merchants(addresses["lite"])
    briefs = [requests.brief(addresses[kind], "Aurora Home", *YEAR, TODAY) for kind in ("lite", "post")]
    assert briefs[0] == briefs[1]


def test_refusals_of_the_server_tell_no_password(addresses):
    with pytest.raises((ToolError, TransientError)) as error:
        requests.merchants(addresses["wrong"])
    assert "wr0ng-one" not in str(error.value) and "reader" in str(error.value)
