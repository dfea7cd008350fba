"""Refunds: amounts against a calculation of its own, and processes killed around the moment of paying.

Rule: the calculation here is written from the policy's text alone, with fractions, and shares nothing with the formula.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

from planloom import Planloom
from planloom.agents.sandbox import Sandbox
from planloom.config import Config
from planloom.workflows.support.policy.file import load
from planloom.workflows.support.refunds.amounts import amounts
from planloom.workflows.support.shop.sample import sample_database

from .desk_load import config

_BATCH = 1000
PATIENCE_S = 60.0


def claims(count: int, seed: int) -> list[dict[str, Any]]:
    """Random orders and rules, with small and large figures, and those where nothing is left."""
    chance = random.Random(seed)
    return [{"order": _order(chance, number), "rule": _rule(chance)} for number in range(count)]


def _order(chance: random.Random, number: int) -> dict[str, Any]:
    unit = chance.choice((1, 99, 100, chance.randrange(1, 10_000), chance.randrange(1, 10_000_000)))
    quantity = chance.choice((1, 1, 2, 3, 17))
    discount = chance.choice((0, 0, chance.randrange(0, unit * quantity + 1)))
    shipping = chance.choice((0, 390, chance.randrange(0, 5000)))
    paid = unit * quantity - discount + shipping
    return {
        "id": f"R-{number}",
        "unit_cents": unit,
        "quantity": quantity,
        "discount_cents": discount,
        "shipping_cents": shipping,
        "charges": chance.choice((1, 1, 1, 2, 3)),
        "refunded_cents": chance.choice((0, 0, 0, paid, chance.randrange(0, paid + 1))),
        "currency": "EUR",
    }


def _rule(chance: random.Random) -> dict[str, Any]:
    return {
        "name": "random",
        "share_percent": chance.choice((100, 100, 50, 0, chance.randrange(0, 101))),
        "restocking_percent": chance.choice((0, 10, chance.randrange(0, 101))),
        "restocking_most_cents": chance.choice((0, 0, 2500, chance.randrange(1, 10_000))),
        "shipping": chance.random() < 0.5,
        "most_cents": chance.choice((0, 0, 0, chance.randrange(1, 50_000))),
        "duplicate_only": chance.random() < 0.2,
    }


def expected(order: Mapping[str, Any], rule: Mapping[str, Any]) -> int:
    """What docs/support.md says is due, in cents."""

    def whole(value: Fraction) -> int:
        return floor(value + Fraction(1, 2))

    goods = order["unit_cents"] * order["quantity"] - order["discount_cents"]
    once = goods + order["shipping_cents"]
    if rule["duplicate_only"]:
        due = once * (order["charges"] - 1) - order["refunded_cents"]
        room = once * order["charges"] - order["refunded_cents"]
    else:
        due = whole(Fraction(goods * rule["share_percent"], 100))
        kept = whole(Fraction(due * rule["restocking_percent"], 100))
        due -= min(kept, rule["restocking_most_cents"]) if rule["restocking_most_cents"] else kept
        due += order["shipping_cents"] if rule["shipping"] else 0
        room = once - order["refunded_cents"]
    if rule["most_cents"] and due > rule["most_cents"]:
        due = rule["most_cents"]
    return min(max(due, 0), max(room, 0))


def wrong(count: int, seed: int = 3) -> int:
    """How many amounts of the sandbox differ from the calculation."""
    asked, sandbox, found = claims(count, seed), Sandbox(), 0
    for start in range(0, count, _BATCH):
        batch = asked[start : start + _BATCH]
        for one, amount in zip(batch, amounts(sandbox, batch), strict=True):
            found += amount["cents"] != expected(one["order"], one["rule"])
    return found


# ---- kills


def twice(kills: int, seed: int = 5) -> Counter[str]:
    """Kills processes that handle refund tickets, takes the runs up again, and counts what was paid or told twice."""
    import langgraph.graph  # noqa: F401  # once here, instead of in each process

    import planloom.workflows.support.steps  # noqa: F401

    chance, found = random.Random(seed), Counter[str](paid_twice=0, unapproved=0, wrong=0, unaudited=0, stuck=0)
    home = Path(tempfile.mkdtemp(prefix="desk-kills-"))
    shop = _shop(home)
    while found["kills"] < kills:
        folder = Path(tempfile.mkdtemp(dir=home))
        order = shop[found["runs"] % len(shop)]
        found["kills"] += _one(folder, order, chance, kills - found["kills"], found)
        found["runs"] += 1
        shutil.rmtree(folder)
    shutil.rmtree(home)
    return found


def _shop(home: Path) -> list[tuple[str, str]]:
    """(customer, order) of orders that were charged twice, small and large."""
    base = sqlite3.connect(sample_database(home / "state" / "samples" / "support.sqlite"))
    with contextlib.closing(base):
        sql = "SELECT customer_id, id FROM orders WHERE charges > 1 AND status != 'cancelled' ORDER BY {} LIMIT 40"
        large = base.execute(sql.format("unit_cents * quantity DESC")).fetchall()
        small = base.execute(sql.format("unit_cents * quantity, id")).fetchall()
    return [pair for both in zip(large, small, strict=True) for pair in both]


def _one(folder: Path, order: tuple[str, str], chance: random.Random, most: int, found: Counter[str]) -> int:
    (folder / "state" / "samples").mkdir(parents=True)
    sample = folder.parent / "state" / "samples" / "support.sqlite"
    (folder / "state" / "samples" / "support.sqlite").symlink_to(sample)
    kills = 0
    while True:
        how = _death(chance) if kills < most else ("never", 0.0)
        made = multiprocessing.get_context("fork").Process(target=_work, args=(folder, order, how))
        made.start()
        made.join(PATIENCE_S)
        if made.is_alive():
            made.kill()
            made.join()
            found["stuck"] += 1
            return kills
        if made.exitcode == 0:
            break
        if made.exitcode != -signal.SIGKILL:
            found["stuck"] += 1
            return kills
        kills += 1
    found += _broken(folder, order)
    return kills


def _death(chance: random.Random) -> tuple[str, float]:
    kind = chance.random()
    if kind < 0.4:
        return "paid", chance.random() * 0.004
    if kind < 0.8:
        return "events", float(chance.randrange(5, 70))
    return "seconds", chance.random() * 0.6


def _work(folder: Path, order: tuple[str, str], how: tuple[str, float]) -> None:
    sys.stderr = (folder / "stderr").open("a", buffering=1)
    if how[0] == "paid":
        threading.Thread(target=_die_when_paid, args=(folder, how[1]), daemon=True).start()
    if how[0] == "seconds":
        threading.Timer(how[1], os.kill, (os.getpid(), signal.SIGKILL)).start()
    asyncio.run(_go_on(folder, order, int(how[1]) if how[0] == "events" else 0))
    os._exit(0)


def _die_when_paid(folder: Path, after_s: float) -> None:
    """Ends the process a moment after the ledger has the payment, mostly before the run knows of it."""
    path = folder / "state" / "support" / "desk.sqlite"
    before = sum(_payments(path).values())
    while sum(_payments(path).values()) == before:
        time.sleep(0.0005)
    time.sleep(after_s)
    os.kill(os.getpid(), signal.SIGKILL)


def _payments(path: Path) -> Counter[str]:
    if not path.exists():
        return Counter()
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as base,
    ):
        rows = base.execute("SELECT order_id FROM actions WHERE action IN ('refund', 'duplicate')").fetchall()
        return Counter(order for (order,) in rows)
    return Counter()


async def _go_on(folder: Path, order: tuple[str, str], events: int) -> None:
    async def granted(asked: Any) -> bool:
        with (folder / "asked").open("a") as file:
            file.write(asked.step + "\n")
        return True

    heard = 0

    def hear(event: Any) -> None:
        nonlocal heard
        heard += 1
        if not (folder / "run").exists():
            (folder / "run").write_text(event.run_id)
        if heard == events:
            os.kill(os.getpid(), signal.SIGKILL)

    settings: Config = config(folder, "", 0)
    async with Planloom(settings) as loom:
        if (folder / "run").exists():
            await loom.resume((folder / "run").read_text(), approve=granted, on_event=hear)
            return
        inputs = {"text": f"I was charged twice for order {order[1]}.", "customer": order[0]}
        await loom.run(playbook="support-ticket", inputs=inputs, approve=granted, on_event=hear, session_id="desk")


def _broken(folder: Path, order: tuple[str, str]) -> Counter[str]:
    """The promises that were broken."""
    with contextlib.closing(sqlite3.connect(folder / "state" / "support" / "desk.sqlite")) as base:
        paid = base.execute("SELECT cents, approved FROM actions WHERE action IN ('refund', 'duplicate')").fetchall()
    with contextlib.closing(sqlite3.connect(folder / "state" / "samples" / "support.sqlite")) as base:
        row = base.execute(
            "SELECT unit_cents * quantity - discount_cents + shipping_cents FROM orders WHERE id = ?", (order[1],)
        ).fetchone()
    limit = load(None).approval_above_cents
    asked = (folder / "asked").exists()
    begun = [one for one in _audited(folder) if one["kind"] == "begun"]
    tools = {one["tool"] for one in begun}
    return Counter(
        paid_twice=len(paid) > 1,
        wrong=len(paid) != 1 or paid[0][0] != row[0],
        unapproved=sum(cents > limit and not (approved and asked) for cents, approved in paid),
        unaudited=sum(("support.refund_approved" if approved else "support.act") not in tools for _, approved in paid),
    )


def _audited(folder: Path) -> Iterator[dict[str, Any]]:
    """The entries of the audit log; a last line that was cut off by a kill is none."""
    for path in sorted((folder / "state" / "audit").glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            with contextlib.suppress(ValueError):
                yield json.loads(line)
