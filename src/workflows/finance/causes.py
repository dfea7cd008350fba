"""Why a metric changed between two periods. Rule: the parts of a change add up to it, to the cent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from .months import Metric, Period, rows_of

if TYPE_CHECKING:
    import polars as pl

DIMENSIONS = ("category", "department", "counterparty")
MOST_PARTS = 9
REST = "all others"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one member adds to the change, in cents."""

    member: str
    before: int
    now: int

    @property
    def change(self) -> int:
        return self.now - self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A member that moved otherwise than its neighbours: by `excess` cents more than they would have it move."""

    dimension: str
    member: str
    before: int
    now: int
    excess: int
    score: float


def sums(
    frame: pl.DataFrame, metric: Metric, dimension: str, now: Period, before: Period
) -> dict[tuple[str, str], Part]:
    """Cents of both periods by flow and member."""
    import polars as pl

    rows = rows_of(frame, metric)
    if dimension not in rows.columns:
        return {}
    month = pl.col("month")
    totals = rows.group_by("flow", dimension).agg(
        before=pl.col("cents").filter(month.is_between(before.first, before.last)).sum(),
        now=pl.col("cents").filter(month.is_between(now.first, now.last)).sum(),
    )
    return {
        (flow, member): Part(member=member, before=int(b), now=int(n))
        for flow, member, b, n in totals.sort("flow", dimension).iter_rows()
    }


def contributions(parts: Mapping[tuple[str, str], Part], most: int = MOST_PARTS) -> list[Part]:
    """Members by the size of their change, the largest first; what is left is one last part. Sums to the change."""
    joined: dict[str, tuple[int, int]] = {}
    for part in parts.values():
        before, now = joined.get(part.member, (0, 0))
        joined[part.member] = (before + part.before, now + part.now)
    made = [Part(member=member, before=before, now=now) for member, (before, now) in joined.items()]
    made.sort(key=lambda part: (-abs(part.change), part.member))
    if len(made) <= most + 1:
        return made
    rest = made[most:]
    return [*made[:most], Part(member=REST, before=sum(p.before for p in rest), now=sum(p.now for p in rest))]


def ranked(by_dimension: Mapping[str, Mapping[tuple[str, str], Part]]) -> list[Cause]:
    """What explains the change, the best explanation first.

    A member's excess is its change beyond the usual growth of its kind (the median of the members of that kind,
    weighted by size). The score prefers what is large, and what changed much of itself: a customer that left is a
    better explanation than the category that shrank because of it.
    """
    made: list[Cause] = []
    for dimension, parts in by_dimension.items():
        for flow in sorted({flow for flow, _ in parts}):
            kin = [part for (own, _), part in parts.items() if own == flow]
            if len(kin) < 2:
                continue
            usual = _usual_growth(kin)
            for part in kin:
                excess = part.now - round(part.before * usual)
                size = max(abs(part.before), abs(part.now), 1)
                score = abs(excess) * min(1.0, abs(excess) / size)
                made.append(Cause(dimension=dimension, member=part.member, before=part.before, now=part.now,
                                  excess=excess, score=score))  # fmt: skip
    made = [cause for cause in made if cause.excess]
    return sorted(made, key=lambda cause: (-cause.score, DIMENSIONS.index(cause.dimension), cause.member))


def _usual_growth(parts: Sequence[Part]) -> float:
    """Now as a multiple of before, the median weighted by what was before."""
    grown = sorted((part.now / part.before, abs(part.before)) for part in parts if part.before)
    total, passed = sum(weight for _, weight in grown), 0
    for ratio, weight in grown:
        passed += weight
        if passed * 2 >= total:
            return min(max(ratio, 0.2), 5.0)
    return 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceVolumeMix:
    """A change in cents as the effects of prices, of volume and of mix; `unknown` is of rows without units."""

    price: int
    volume: int
    mix: int
    unknown: int


def price_volume_mix(frame: pl.DataFrame, now: Period, before: Period) -> PriceVolumeMix | None:
    """The change of revenue where units are known; None where they are nowhere.

    Volume: the change of all units at the average price before. Mix: the units' shift between products, at prices
    before. Price: units now times the change of each product's price. New and dropped products count as mix.
    """
    import polars as pl

    if "quantity" not in frame.columns:
        return None
    rows = rows_of(frame, "revenue")
    month, units = pl.col("month"), pl.col("quantity")
    has = units.is_not_null() & (units > 0)
    named = []
    for name, period in (("before", before), ("now", now)):
        within = month.is_between(period.first, period.last)
        named += [
            pl.col("cents").filter(within & has).sum().alias(f"cents_{name}"),
            units.filter(within & has).sum().alias(f"units_{name}"),
            pl.col("cents").filter(within & ~has).sum().alias(f"other_{name}"),
        ]
    table = rows.group_by("category").agg(named).to_dicts()
    units_before = sum(int(row["units_before"]) for row in table)
    units_now = sum(int(row["units_now"]) for row in table)
    if not units_before or not units_now:
        return None
    cents_before = sum(int(row["cents_before"]) for row in table)
    change = sum(int(row["cents_now"]) for row in table) - cents_before
    price = round(sum((_price_effect(row) for row in table), Fraction(0)))
    volume = round(Fraction(cents_before, units_before) * (units_now - units_before))
    unknown = sum(int(row["other_now"]) - int(row["other_before"]) for row in table)
    return PriceVolumeMix(price=price, volume=volume, mix=change - price - volume, unknown=unknown)


def _price_effect(row: Mapping[str, int]) -> Fraction:
    if not row["units_before"] or not row["units_now"]:
        return Fraction(0)
    return row["cents_now"] - Fraction(int(row["cents_before"]), int(row["units_before"])) * int(row["units_now"])
