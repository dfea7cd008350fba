"""Customers and orders in a PostgreSQL database that the desk may only read."""

from __future__ import annotations

from collections.abc import Iterator

import pg8000.native
import pytest
from tests.agents.tools.postgres import programs, server

pytestmark = pytest.mark.skipif(programs() is None, reason="no PostgreSQL: install the extra `dev`")

TABLES = """
CREATE TABLE about (today date);
CREATE TABLE customers (id text PRIMARY KEY, name text, language text, tier text);
CREATE TABLE orders (id text PRIMARY KEY, customer_id text, item text, kind text, quantity int, unit_cents bigint,
    discount_cents int, shipping_cents int, currency text, status text, ordered_on timestamp, delivered_on date,
    charges int, refunded_cents int, in_stock int);
INSERT INTO about VALUES ('2025-06-30');
INSERT INTO customers VALUES ('C-1', 'Ada Bauer', 'de', 'gold');
INSERT INTO orders VALUES ('A-10001', 'C-1', 'Kettle', 'goods', 1, 4990, 0, 390, 'EUR', 'delivered',
    '2025-06-01 12:30', '2025-06-04', 2, 0, 5);
CREATE ROLE reader LOGIN PASSWORD 'r3ad3r';
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with server() as port:
        owner = pg8000.native.Connection("owner", "127.0.0.1", "postgres", port, "s3cret")
        try:
            for statement in TABLES.split(";"):
                owner.run(statement)
        finally:
            owner.close()
        yield f"postgresql://reader:r3ad3r@127.0.0.1:{port}/postgres"


async def test_a_second_charge_is_found_and_paid_back(desk, address):
    desk.settings["support"] = {"database": address}

    result = await desk.handle("I was charged twice for order A-10001.", "C-1")

    assert result.status == "done", result.reason
    (payment,) = desk.actions("duplicate")
    assert (payment["cents"], payment["day"]) == (5380, "2025-06-30")
    assert "53.80 EUR" in result.steps["close"].value["reply"]


async def test_without_a_table_the_desk_says_which_and_shows_no_password(desk, address):
    desk.settings["support"] = {"database": address.replace("/postgres", "/template1")}

    result = await desk.handle("I was charged twice for order A-10001.", "C-1")

    assert result.status == "failed"
    told = result.steps["history"].error
    assert "table or view customers" in told or "permission" in told or "does not exist" in told
    assert "r3ad3r" not in told
