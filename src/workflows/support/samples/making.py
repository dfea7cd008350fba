"""An inbox of sample tickets about the sample shop."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

from ....config import Config
from ..shapes import Inbox
from ..shop.sample import TODAY, sample_database
from .generator import Half, Sample, Subject, samples

_FRESH_DAYS, _LATE_DAYS = 40, 14


def subjects(database: Path, seed: int = 1) -> list[Subject]:
    """Every order of a sample database with its customer, in an order that the seed makes."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as base:
        rows = base.execute(
            "SELECT customer_id, id, item, status, charges, delivered_on, ordered_on FROM orders ORDER BY id"
        ).fetchall()
    random.Random(seed).shuffle(rows)  # noqa: S311  # not a secret
    return [Subject(customer, order, item, _suits(*rest)) for customer, order, item, *rest in rows]


def _suits(status: str, charges: int, delivered_on: str | None, ordered_on: str) -> frozenset[str]:
    suits = {"billing"} if charges > 1 else set()
    if delivered_on is not None:
        days = (TODAY - date.fromisoformat(delivered_on)).days
        suits |= {"damaged"} if days <= _FRESH_DAYS else set()
        suits |= {"refund"} if days <= _FRESH_DAYS // 2 else set()
    elif status == "shipped" and (TODAY - date.fromisoformat(ordered_on)).days > _LATE_DAYS:
        suits |= {"delivery"}
    return frozenset(suits | {"account", "praise", "abuse"})


def tickets(config: Config, count: int, seed: int, *, half: Half = "both", **shares: float) -> list[Sample]:
    """Sample tickets about the sample shop of the settings, which is made if it is not there."""
    database = sample_database(Path(config.state).expanduser().resolve() / "samples" / "support.sqlite")
    return samples(subjects(database, seed), count, seed, half=half, **shares)


def inbox(config: Config, count: int, seed: int) -> Inbox:
    """An inbox of sample tickets, the last ones such as every desk gets: another's order, nobody's, nothing at all."""
    found = _odd(tickets(config, count, seed))
    return Inbox(tickets=[one.ticket() for one in found], broken=[], source=f"{len(found)} sample tickets, made up")


def _odd(found: Iterable[Sample]) -> list[Sample]:
    made = list(found)
    if len(made) < 6:
        return made
    first, last = made[0], len(made) - 1
    made[last - 2] = replace(made[last - 2], customer=first.customer)  # the order is another customer's
    made[last - 1] = replace(made[last - 1], customer="C-9")
    made[last] = replace(made[last], text="")
    return made
