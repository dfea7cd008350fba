"""Sample orders for trying the deck out: made up, the same for the same seed, and the database says so itself.

Twelve merchants with customers and orders over three years, with growth, seasons, and a few planted anomalies.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

SEED = 2025
FIRST_YEAR, YEARS = 2023, 3
_SCHEMA = """
CREATE TABLE about (note TEXT NOT NULL);
CREATE TABLE merchants (id INTEGER PRIMARY KEY, name TEXT NOT NULL, currency TEXT NOT NULL);
CREATE TABLE customers (
    id INTEGER PRIMARY KEY, age_band TEXT NOT NULL, gender TEXT NOT NULL, region TEXT NOT NULL
);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    merchant_id INTEGER NOT NULL REFERENCES merchants (id),
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    amount_cents INTEGER,
    product TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at TEXT NOT NULL
);
"""
_INDEX = "CREATE INDEX orders_by_merchant ON orders (merchant_id, created_at)"
_NOTE = "Sample data, made up by a program; no merchant, customer or order in it is real."
AGES = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")
GENDERS = ("female", "male", "other")
REGIONS = ("North", "South", "East", "West", "Central")
PRODUCTS = ("pay in 3", "pay in 4", "pay later")
# of the year, January first
_GIFTS = (0.82, 0.78, 0.9, 0.93, 1.0, 0.97, 0.92, 0.95, 1.0, 1.07, 1.42, 1.5)
_SUMMER = (0.7, 0.75, 0.95, 1.1, 1.25, 1.4, 1.42, 1.25, 1.0, 0.85, 0.75, 0.8)
_SCHOOL = (1.05, 0.9, 0.92, 0.9, 0.88, 0.85, 1.0, 1.4, 1.35, 0.95, 0.95, 1.0)
_EVEN = (0.98, 0.93, 1.0, 0.99, 1.01, 1.0, 1.0, 1.01, 1.0, 1.02, 1.03, 1.05)


@dataclass(frozen=True, slots=True)
class Shop:
    """How one merchant's orders are: orders in three years, growth a year, median basket, seasons, ages, products."""

    name: str
    orders: int
    growth: float
    basket: float
    seasons: tuple[float, ...]
    ages: tuple[float, ...]
    women: float
    products: tuple[float, ...]
    drift: float  # share a year that moves from the first product to the last
    anomaly: tuple[int, int, float]  # year, month, factor


SHOPS = (
    Shop("Aurora Home", 26_000, 0.22, 118,
         _GIFTS, (9, 31, 28, 17, 10, 5), 0.63, (46, 38, 16), 0.05, (2025, 6, 0.62)),
    Shop("Bluepeak Outdoors", 21_000, 0.15, 142,
         _SUMMER, (14, 34, 27, 15, 7, 3), 0.44, (40, 40, 20), 0.03, (2024, 3, 1.7)),
    Shop("Cedar & Loom", 15_000, 0.09, 96,
         _GIFTS, (8, 24, 29, 21, 12, 6), 0.71, (52, 30, 18), 0.02, (2025, 2, 1.6)),
    Shop("Dockside Electronics", 30_000, 0.18, 310,
         _GIFTS, (20, 37, 24, 12, 5, 2), 0.35, (28, 47, 25), 0.06, (2025, 9, 0.55)),
    Shop("Elm Street Books", 14_000, -0.06, 34,
         _SCHOOL, (18, 24, 22, 16, 12, 8), 0.57, (60, 25, 15), 0.01, (2024, 8, 1.5)),
    Shop("Fernway Beauty", 22_000, 0.31, 62,
         _GIFTS, (27, 39, 20, 9, 4, 1), 0.86, (50, 36, 14), 0.04, (2025, 4, 1.8)),
    Shop("Granite Gym", 13_000, 0.04, 78,
         _EVEN, (24, 38, 22, 11, 4, 1), 0.46, (35, 45, 20), 0.02, (2024, 1, 2.1)),
    Shop("Harbor Kids", 17_000, 0.12, 71,
         _SCHOOL, (6, 41, 39, 10, 3, 1), 0.74, (48, 37, 15), 0.03, (2025, 8, 1.4)),
    Shop("Ivory Optics", 12_000, 0.07, 205,
         _EVEN, (10, 22, 24, 21, 15, 8), 0.52, (33, 42, 25), 0.02, (2024, 10, 0.5)),
    Shop("Juniper Pets", 16_000, 0.26, 55,
         _EVEN, (15, 33, 25, 15, 8, 4), 0.64, (55, 33, 12), 0.03, (2025, 5, 1.5)),
    Shop("Kestrel Travel", 14_000, 0.35, 420,
         _SUMMER, (13, 35, 25, 15, 8, 4), 0.53, (22, 43, 35), 0.05, (2024, 7, 0.6)),
    Shop("Lumen Furniture", 12_000, 0.11, 265,
         _EVEN, (7, 30, 31, 18, 10, 4), 0.58, (38, 40, 22), 0.04, (2025, 11, 1.9)),
)  # fmt: skip


def sample_database(path: Path, seed: int = SEED) -> Path:
    """The database at `path`, made there first when it is not there yet; appears whole or not at all."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix=".sqlite", dir=path.parent)
    os.close(handle)
    made = Path(name)
    try:
        write_sample(made, seed)
        made.replace(path)  # who comes second writes the same bytes over it
    finally:
        made.unlink(missing_ok=True)
    return path


def write_sample(path: Path, seed: int = SEED, shops: tuple[Shop, ...] = SHOPS) -> None:
    """Writes the tables into an empty file."""
    import numpy as np

    chance = np.random.default_rng(seed)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _SCHEMA)
        connection.execute("INSERT INTO about VALUES (?)", (_NOTE,))
        orders, customers = 0, 0
        for number, shop in enumerate(shops, 1):
            connection.execute("INSERT INTO merchants VALUES (?, ?, 'USD')", (number, shop.name))
            people = max(1, shop.orders * 2 // 5)
            connection.executemany(
                "INSERT INTO customers VALUES (?, ?, ?, ?)", _customers(chance, shop, people, customers)
            )
            rows = _orders(chance, shop, people)
            connection.executemany(
                "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?)",
                ((orders + at, number, customers + who, *rest) for at, (who, *rest) in enumerate(rows, 1)),
            )
            orders, customers = orders + shop.orders, customers + people
        connection.execute(_INDEX)
        connection.commit()


def _customers(chance: np.random.Generator, shop: Shop, count: int, before: int) -> Iterator[tuple[Any, ...]]:
    ages = chance.choice(len(AGES), count, p=_shares(shop.ages))
    genders = chance.choice(len(GENDERS), count, p=_shares((shop.women, 0.98 - shop.women, 0.02)))
    regions = chance.choice(len(REGIONS), count, p=_shares((24, 21, 19, 23, 13)))
    for at in range(count):
        yield before + at + 1, AGES[ages[at]], GENDERS[genders[at]], REGIONS[regions[at]]


def _orders(chance: np.random.Generator, shop: Shop, people: int) -> Iterator[tuple[Any, ...]]:
    """Customer (from 1), cents, product, status and time of each order, oldest first."""
    import numpy as np

    months = [(FIRST_YEAR + at // 12, at % 12 + 1) for at in range(12 * YEARS)]
    weights = [_weight(shop, year, month, at) for at, (year, month) in enumerate(months)]
    when = np.sort(chance.choice(len(months), shop.orders, p=_shares(weights)))
    # customers come one after the other, and those who came early come back more often
    reach = np.maximum(1, (people * (np.arange(shop.orders) + 1) / shop.orders) ** 1.0).astype(int)
    who = 1 + np.floor(reach * chance.random(shop.orders) ** 0.62).astype(int).clip(0, people - 1)
    cents = np.round(shop.basket * 100 * np.exp(chance.normal(0, 0.55, shop.orders)) * (1.03 ** (when / 12)))
    status = chance.choice(("paid", "refunded", "failed"), shop.orders, p=(0.93, 0.045, 0.025))
    draws, seconds = chance.random(shop.orders), chance.random(shop.orders)
    for at in range(shop.orders):
        year, month = months[when[at]]
        product = _product(shop, when[at] / 12, draws[at])
        factor = (1.0, 1.12, 0.86)[product]
        yield int(who[at]), int(cents[at] * factor), PRODUCTS[product], str(status[at]), _time(year, month, seconds[at])


def _weight(shop: Shop, year: int, month: int, at: int) -> float:
    factor = shop.anomaly[2] if (year, month) == shop.anomaly[:2] else 1.0
    return float(shop.seasons[month - 1] * (1 + shop.growth) ** (at / 12) * factor)


def _product(shop: Shop, years: float, draw: float) -> int:
    first, second, _ = _shares(shop.products)
    moved = min(first, shop.drift * years)
    return 0 if draw < first - moved else 1 if draw < first - moved + second else 2


def _time(year: int, month: int, share: float) -> str:
    from calendar import monthrange

    minutes = int(share * monthrange(year, month)[1] * 1440)
    day, minute = divmod(minutes, 1440)
    return f"{year}-{month:02d}-{day + 1:02d} {minute // 60:02d}:{minute % 60:02d}:00"


def _shares(weights: Any) -> Any:
    import numpy as np

    given = np.asarray(weights, dtype=float)
    return given / given.sum()
