"""Small orders databases for tests."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from planloom.workflows.deck import sample

Order = tuple[int, int | None, str, str, str]  # customer, cents, product, status, time


def sampled(path: Path, orders: int = 2500) -> str:
    """The sample with two merchants and few orders."""
    sample.write_sample(path, shops=tuple(replace(shop, orders=orders) for shop in sample.SHOPS[:2]))
    return str(path)


def made(path: Path, orders: Iterable[Order], *, name: str = "Elm", people: Sequence[Any] = ()) -> str:
    """A database with one merchant; customers are (age band, gender, region)."""
    connection = sqlite3.connect(path)
    connection.executescript(sample._SCHEMA.replace(" NOT NULL", ""))
    connection.execute("INSERT INTO merchants VALUES (1, ?, 'EUR')", (name,))
    rows = list(orders)
    folk = list(people) or [("25-34", "female", "North")] * max((row[0] for row in rows), default=0)
    connection.executemany("INSERT INTO customers VALUES (?, ?, ?, ?)", [(n, *who) for n, who in enumerate(folk, 1)])
    connection.executemany(
        "INSERT INTO orders VALUES (?, 1, ?, ?, ?, ?, ?)", [(n, *row) for n, row in enumerate(rows, 1)]
    )
    connection.commit()
    connection.close()
    return str(path)
