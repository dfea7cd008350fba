"""The causes of a metric's change as the page and the texts show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import causes as parts
from .months import TITLES, Metric, Period
from .shapes import Causes, Contribution, Effects, RootCause

if TYPE_CHECKING:
    import polars as pl

_MOST_CAUSES = 5


def explain(frame: pl.DataFrame, metric: Metric, *, period: Period, first: int) -> Causes:
    """Why a metric changed against the year before, or against the period before where the ledger is younger."""
    against = next((p for p in (period.year_before, period.previous) if p.first >= first), None)
    made = Causes(
        metric=metric, title=TITLES[metric], against="", change=0, tables={}, causes=[], effects=None,
        note="The ledger has no earlier months to compare with.",
    )  # fmt: skip
    if against is None:
        return made
    found = {name: parts.sums(frame, metric, name, period, against) for name in parts.DIMENSIONS}
    found = {name: one for name, one in found.items() if one}
    tables = {name: [_contribution(part) for part in parts.contributions(one)] for name, one in found.items()}
    change = sum(part.change for part in next(iter(found.values()), {}).values())
    ranked = [_cause(one) for one in parts.ranked(found)[:_MOST_CAUSES]]
    mixed = parts.price_volume_mix(frame, period, against) if metric == "revenue" else None
    effects = Effects(price=mixed.price, volume=mixed.volume, mix=mixed.mix, unknown=mixed.unknown) if mixed else None
    return {**made, "against": against.name, "change": change, "tables": tables, "causes": ranked, "effects": effects,
            "note": ""}  # fmt: skip


def _contribution(part: parts.Part) -> Contribution:
    return Contribution(member=part.member, before=part.before, now=part.now, change=part.change)


def _cause(one: parts.Cause) -> RootCause:
    return RootCause(dimension=one.dimension, member=one.member, before=one.before, now=one.now,
                     change=one.now - one.before, excess=one.excess)  # fmt: skip
