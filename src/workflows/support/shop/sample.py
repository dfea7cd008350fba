"""The sample shop: made up, the same for the same seed, and the database says so itself.

Its day stands still at the one it was made for, so that a ticket about it has the same outcome next year.
"""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

SEED = 2025
TODAY = date(2025, 6, 30)
CUSTOMERS, ORDERS = 600, 6000
NOTE = "Sample data, made up by a program; no customer or order in it is real."
_SCHEMA = """
CREATE TABLE about (note TEXT NOT NULL, today TEXT NOT NULL);
CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL, language TEXT NOT NULL, tier TEXT NOT NULL);
CREATE TABLE orders (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    item TEXT NOT NULL,
    kind TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    unit_cents INTEGER NOT NULL,
    discount_cents INTEGER NOT NULL,
    shipping_cents INTEGER NOT NULL,
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    ordered_on TEXT NOT NULL,
    delivered_on TEXT,
    charges INTEGER NOT NULL,
    refunded_cents INTEGER NOT NULL,
    in_stock INTEGER NOT NULL
);
CREATE INDEX orders_by_customer ON orders (customer_id, ordered_on);
"""
_ITEMS = (
    ("Desk lamp", "goods", 3490), ("Kettle", "goods", 4990), ("Office chair", "goods", 18900),
    ("Headphones", "goods", 7990), ("Backpack", "goods", 6450), ("Coffee grinder", "goods", 5900),
    ("Robot vacuum", "goods", 32900), ("Wool blanket", "goods", 4200), ("Electric toothbrush", "hygiene", 8900),
    ("Face cream", "hygiene", 1890), ("Language course", "digital", 2900), ("Photo software", "digital", 5990),
)  # fmt: skip
_FIRST = ("Ada", "Ben", "Clara", "David", "Elena", "Félix", "Greta", "Hugo", "Inès", "Jonas", "Kim", "Lucía", "Mara")
_LAST = ("Almeida", "Bauer", "Carter", "Dubois", "Engel", "Fuentes", "Girard", "Hoffmann", "Iglesias", "Jones")
_COLUMNS = 15


def sample_database(path: Path) -> Path:
    """The sample at `path`, made when it is not there; safe with others that make it at the same time."""
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".sqlite")
    os.close(handle)
    made = Path(name)
    try:
        write(made)
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)
    return path


def write(path: Path, *, seed: int = SEED, customers: int = CUSTOMERS, orders: int = ORDERS) -> None:
    """Writes the sample's tables into an empty file."""
    chance = random.Random(seed)  # noqa: S311  # not a secret
    with contextlib.closing(sqlite3.connect(path)) as base, base:
        base.executescript(_SCHEMA)
        base.execute("INSERT INTO about VALUES (?, ?)", (NOTE, TODAY.isoformat()))
        base.executemany("INSERT INTO customers VALUES (?, ?, ?, ?)", _customers(chance, customers))
        base.executemany(
            f"INSERT INTO orders VALUES ({', '.join('?' * _COLUMNS)})",  # noqa: S608  # question marks
            _orders(chance, orders, customers),
        )


def customer_id(number: int) -> str:
    return f"C-{1001 + number}"


def _customers(chance: random.Random, count: int) -> Iterator[tuple[str, str, str, str]]:
    for number in range(count):
        name = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
        language = chance.choices(("en", "de", "fr", "es"), (4, 3, 2, 2))[0]
        yield customer_id(number), name, language, chance.choices(("standard", "plus", "gold"), (7, 2, 1))[0]


def _orders(chance: random.Random, count: int, customers: int) -> Iterator[tuple[Any, ...]]:
    for number in range(count):
        item, kind, unit = chance.choice(_ITEMS)
        quantity = chance.choices((1, 2, 3), (8, 2, 1))[0]
        ordered = TODAY - timedelta(days=chance.randint(0, 160))
        status, delivered = _state(chance, (TODAY - ordered).days, kind)
        yield (
            f"A-{10001 + number}", customer_id(number % customers), item, kind, quantity, unit,
            chance.choice((0, 0, 0, unit // 10)), 0 if kind == "digital" else chance.choice((0, 390, 590)), "EUR",
            status, ordered.isoformat(), (ordered + timedelta(days=delivered)).isoformat() if delivered >= 0 else None,
            2 if chance.random() < 0.08 else 1, 0, chance.choice((0, 3, 12, 40)),
        )  # fmt: skip


def _state(chance: random.Random, age: int, kind: str) -> tuple[str, int]:
    """Status, and the days from order to delivery; -1: not delivered."""
    if chance.random() < 0.03:
        return "cancelled", -1
    days = 0 if kind == "digital" else chance.randint(1, 9)
    if days > age:
        return "processing" if age < 2 else "shipped", -1
    return ("shipped", -1) if chance.random() < 0.12 else ("delivered", days)
