"""A made-up ledger of three years with planted events, and the truth about them. Rule: the seed decides every cent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

Dimension = Literal["category", "department", "counterparty"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """From month `start` on, for `months`, all of `member` is multiplied by `factor`. `months` 0: to the end."""

    dimension: Dimension
    member: str
    start: int
    factor: float
    months: int = 0
    metric: str = "revenue"


@dataclass(frozen=True, slots=True)
class _Flow:
    category: str
    monthly: float  # all counterparties together
    growth: float  # a year
    season: float  # amplitude, its peak in month `peak`
    peak: int
    departments: tuple[tuple[str, float], ...]
    parties: tuple[str, ...]


_SALES = (("Online", 0.5), ("Studio", 0.3), ("Academy", 0.2))
_ALL = (("Studio", 0.4), ("Online", 0.3), ("Operations", 0.3))
_FLOWS = (
    _Flow("Subscriptions", 62_000, 0.10, 0.03, 10, _SALES,
          ("Harbour Books", "Nordwind Foods", "Cedar Clinic", "Atlas Tools", "Blue Kite", "Fern & Co", "Lumen Labs")),
    _Flow("Projects", 54_000, 0.05, 0.12, 11, (("Studio", 0.7), ("Online", 0.3)),
          ("Quarry Bank", "Nordwind Foods", "Vista Rail", "Marlow Hotels", "Pine Energy")),
    _Flow("Training", 18_000, 0.04, 0.25, 9, (("Academy", 0.8), ("Studio", 0.2)),
          ("City College", "Cedar Clinic", "Vista Rail", "Open Classes")),
    _Flow("Licences", 24_000, 0.07, 0.05, 3, _SALES, ("Atlas Tools", "Lumen Labs", "Delta Press", "Orchard Media")),
    _Flow("Salaries", -66_000, 0.04, 0.02, 12, _ALL, ("Payroll",)),
    _Flow("Cloud hosting", -11_000, 0.08, 0.04, 11, (("Online", 0.8), ("Studio", 0.2)), ("Skyrack", "Edgeworks")),
    _Flow("Marketing", -13_000, 0.05, 0.18, 10, _SALES, ("Adline", "Brightpage", "Fairs United")),
    _Flow("Rent", -9_500, 0.02, 0.0, 1, _ALL, ("Mill Street Estates",)),
    _Flow("Travel", -5_200, 0.03, 0.25, 6, _ALL, ("Railways", "Airlines", "Hotels")),
    _Flow("Software", -4_800, 0.06, 0.02, 1, _ALL, ("Pencilcase", "Ledgerly", "Mailhouse")),
    _Flow("Materials", -8_400, 0.03, 0.08, 11, (("Studio", 1.0),), ("Paperworks", "Inkwell", "Carton King")),
    _Flow("Insurance", -2_300, 0.02, 0.0, 1, _ALL, ("Harbour Mutual",)),
    _Flow("Depreciation", -6_000, 0.0, 0.0, 1, _ALL, ("Book entry",)),
    _Flow("Loan repayment", -4_000, 0.0, 0.0, 1, (("Operations", 1.0),), ("Quarry Bank",)),
)  # fmt: skip
DEFAULT_EVENTS = (
    Event(dimension="counterparty", member="Nordwind Foods", start=26, factor=0.0),
    Event(dimension="counterparty", member="Skyrack", start=24, factor=2.1, metric="expenses"),
    Event(dimension="category", member="Training", start=29, factor=3.2, months=1),
    Event(dimension="category", member="Travel", start=16, factor=6.0, months=1, metric="expenses"),
)


def ledger(
    seed: int = 7, *, rows: int = 20_000, months: int = 36, first: dt.date = dt.date(2023, 1, 1),
    events: Sequence[Event] = DEFAULT_EVENTS,
) -> pl.DataFrame:  # fmt: skip
    """Rows of entry, date, paid, category, department, counterparty, amount (text), quantity and note."""
    import numpy as np
    import polars as pl

    chance = np.random.default_rng(seed)
    parts = [_flow(flow, chance, months, rows, events) for flow in _FLOWS]
    made: dict[str, Any] = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    month, count = made.pop("month"), len(made["cents"])
    starts = np.array([dt.date(first.year + (first.month - 1 + m) // 12, (first.month - 1 + m) % 12 + 1, 1)
                       for m in range(months)], dtype="datetime64[D]")  # fmt: skip
    day = starts[month] + chance.integers(0, 28, count)
    lag = np.where(made["lagged"], chance.integers(5, 35, count), 0)
    frame = pl.DataFrame(
        {"date": day, "paid": day + lag, **{name: made[name] for name in ("category", "department", "counterparty")},
         "cents": made["cents"], "quantity": made["quantity"]}
    ).sort("date", "category", "cents")  # fmt: skip
    sign = pl.when(pl.col("cents") < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    size = pl.col("cents").abs()
    amount = pl.concat_str(sign, size // 100, pl.lit("."), (size % 100).cast(pl.String).str.zfill(2))
    entry = pl.concat_str(pl.lit("E"), pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(7))
    return frame.select(
        entry.alias("entry"), "date", "paid", "category", "department", "counterparty", amount.alias("amount"),
        pl.when(pl.col("quantity") > 0).then("quantity").alias("quantity"), pl.lit("EUR").alias("currency"),
        pl.lit("sample").alias("note"),
    )  # fmt: skip


def _flow(
    flow: _Flow, chance: np.random.Generator, months: int, rows: int, events: Sequence[Event]
) -> dict[str, np.ndarray]:
    """The rows of one category: each counterparty has a level of its own, and each month its noise."""
    import numpy as np

    weight = abs(flow.monthly) ** 0.5 / sum(abs(one.monthly) ** 0.5 for one in _FLOWS)
    each = max(1, round(rows * weight / months / len(flow.parties)))
    at = np.arange(months)
    shares = chance.dirichlet(np.full(len(flow.parties), 12.0))
    season = 1 + flow.season * np.cos((at % 12 + 1 - flow.peak) / 12 * 2 * np.pi)
    names = np.array([name for name, _ in flow.departments])
    odds = np.array([share for _, share in flow.departments])
    made: dict[str, list[np.ndarray]] = {}
    for party, share in zip(flow.parties, shares, strict=True):
        noise = np.exp(chance.normal(0, 0.045 if flow.season else 0.004, months))
        level = flow.monthly * share * (1 + flow.growth) ** (at / 12) * season * noise
        month = np.repeat(at, each)
        value = level[month] / each * chance.uniform(0.6, 1.4, months * each)
        department = names[np.searchsorted(np.cumsum(odds) - 1e-9, (np.tile(np.arange(each) + 0.5, months) / each))]
        one = {"category": flow.category, "counterparty": party}
        value = value * _factor(events, month, one, department)
        made.setdefault("month", []).append(month)
        made.setdefault("cents", []).append(np.rint(value * 100).astype(np.int64))
        made.setdefault("department", []).append(department)
        for name, text in one.items():
            made.setdefault(name, []).append(np.full(len(month), text))
        priced = flow.category in ("Training", "Licences")
        price = (80 + 4 * (month // 12)) if priced else 1
        made.setdefault("quantity", []).append(np.rint(value / price).astype(np.int64) if priced else month * 0)
        made.setdefault("lagged", []).append(np.full(len(month), flow.category not in ("Salaries", "Rent")))
    whole = {name: np.concatenate(pieces) for name, pieces in made.items()}
    kept = whole["cents"] != 0
    return {name: values[kept] for name, values in whole.items()}


def _factor(events: Sequence[Event], month: Any, one: dict[str, str], department: Any) -> Any:
    import numpy as np

    factor = np.ones(len(month))
    for event in events:
        within = (month >= event.start) & ((event.months == 0) | (month < event.start + event.months))
        if event.dimension == "department":
            within &= (department == event.member) & (
                one["category"] in _SPENDING if event.metric == "expenses" else True
            )
        elif one[event.dimension] != event.member:
            continue
        factor[within] *= event.factor
    return factor


_SPENDING = frozenset(flow.category for flow in _FLOWS if flow.monthly < 0)


def write(path: Path, seed: int = 7, *, rows: int = 20_000) -> None:
    """The sample as a CSV file."""
    ledger(seed, rows=rows).write_csv(path)


def planted(seed: int) -> tuple[Event, int]:
    """The cause planted into the ledger of this seed, by rotation, and the seed for its chance."""
    import numpy as np

    chance = np.random.default_rng(seed + 10_000)
    start = int(chance.integers(24, 28))
    choices = (
        Event(dimension="counterparty", member=str(chance.choice(["Quarry Bank", "Marlow Hotels", "Pine Energy"])),
              start=start, factor=0.0),
        Event(dimension="counterparty", member=str(chance.choice(["Skyrack", "Adline"])), start=start,
              factor=float(chance.uniform(2.0, 3.0)), metric="expenses"),
        Event(dimension="category", member=str(chance.choice(["Training", "Licences", "Projects"])), start=start,
              factor=float(chance.choice([0.5, 1.7]))),
        Event(dimension="category", member=str(chance.choice(["Marketing", "Cloud hosting"])), start=start,
              factor=float(chance.uniform(1.8, 2.5)), metric="expenses"),
    )  # fmt: skip
    return choices[seed % len(choices)], seed
