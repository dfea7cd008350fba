"""Ledgers in databases are read as from files, and can't be changed."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pg8000.native
import pytest
from tests.agents.tools.postgres import programs, server

from planloom.agents.tool import ToolContext
from planloom.agents.workspace import Workspace
from planloom.config import Config
from planloom.errors import ToolError
from planloom.workflows.finance.reading.database import read_database

COLUMNS = "booked date, account text, amount numeric(12, 2), customer text"
ROWS = [("2025-01-31", "Sales", "1234.50", "Pine"), ("2025-02-28", "Rent", "-500.00", None),
        ("2025-02-28", "Sales", "99.99", "Pine")]  # fmt: skip


def context(folder: Path, **databases: str) -> ToolContext:
    config = Config.model_validate({"tools": {"sql": {"databases": databases}}})
    return ToolContext(workspace=Workspace(folder, folder / "out"), config=config)


def books(path: Path, table: str = "ledger") -> Path:
    connection = sqlite3.connect(path)
    connection.execute(f'CREATE TABLE "{table}" ({COLUMNS})')
    connection.executemany(f'INSERT INTO "{table}" VALUES (?, ?, ?, ?)', ROWS)  # noqa: S608
    connection.commit()
    connection.close()
    return path


def test_a_table_of_a_sqlite_file_is_a_ledger(tmp_path: Path):
    books(tmp_path / "books.db", "My Books")
    for name, known in (("books.db", {}), ("books", {"books": "sqlite:///books.db"})):
        frame, _, source = read_database(name, "", context(tmp_path, **known))
        assert frame["amount"].to_list() == [123450, -50000, 9999]
        assert frame["counterparty"].to_list() == ["Pine", "(none)", "Pine"] and "My Books" in source


def test_a_table_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path):
    books(tmp_path / "books.db")
    with pytest.raises(ToolError, match="there are ledger"):
        read_database("books.db", "ledgers", context(tmp_path))
    sqlite3.connect(tmp_path / "none.db").execute("VACUUM").connection.close()
    with pytest.raises(ToolError, match="it has none"):
        read_database("none.db", "", context(tmp_path))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    if programs() is None:
        pytest.skip("no PostgreSQL: install the extra `dev`")
    with server() as number:
        owner = pg8000.native.Connection("owner", "127.0.0.1", "postgres", number, "s3cret")
        owner.run("CREATE SCHEMA accounts")
        owner.run(f"CREATE TABLE accounts.bookings ({COLUMNS})")
        owner.run(
            "INSERT INTO accounts.bookings SELECT date '2025-01-01' + n % 300, 'Sales', n + 0.25, 'Pine' "
            "FROM generate_series(1, 30000) n"
        )
        owner.run("CREATE ROLE reader LOGIN PASSWORD 'r3ad3r'")
        owner.run("GRANT USAGE ON SCHEMA accounts TO reader")
        owner.run("GRANT SELECT ON accounts.bookings TO reader")
        owner.close()
        yield number


def test_a_table_of_postgresql_is_a_ledger(tmp_path: Path, port: int):
    known = context(tmp_path, books=f"postgresql://reader:r3ad3r@127.0.0.1:{port}/postgres")
    frame, _, source = read_database("books", "accounts.bookings", known)
    assert frame.height == 30_000 and source == "table accounts.bookings"
    assert frame["amount"].sum() == sum(100 * n + 25 for n in range(1, 30_001))
    assert frame["date"].min() == dt.date(2025, 1, 1) and frame["flow"].unique().to_list() == ["revenue"]


def test_an_address_is_no_argument_and_a_wrong_password_is_not_told(tmp_path: Path, port: int):
    address = f"postgresql://reader:wr0ng-one@127.0.0.1:{port}/postgres"
    with pytest.raises(ToolError, match="write it into the settings"):
        read_database(address, "accounts.bookings", context(tmp_path))
    with pytest.raises(ToolError) as error:
        read_database("books", "accounts.bookings", context(tmp_path, books=address))
    assert "wr0ng-one" not in str(error.value)
