"""The figures that texts may use: each computed value with a name, and as people read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..shapes import Causes, Measure

_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}
Unit = Literal["money", "share", "count"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A value (money in units of the currency, shares as a part of 1), and its text."""

    name: str
    value: float
    unit: Unit
    text: str


def money(cents: int, currency: str) -> str:
    """€1,234,567; cents only below 1,000."""
    size = abs(cents)
    digits = f"{size / 100:,.2f}" if size < 100_000 else f"{(size + 50) // 100:,}"
    sign = "-" if cents < 0 else ""
    if currency in _SIGNS:
        return f"{sign}{_SIGNS[currency]}{digits}"
    return f"{sign}{digits} {currency}".strip()


def percent(share: float) -> str:
    """12.3 %, one place, none from 1000 % on."""
    return f"{share * 100:,.0f} %" if abs(share) >= 10 else f"{share * 100:.1f} %"


def figures(measure: Measure, causes: Causes | None) -> list[Figure]:
    """All figures of a metric."""
    currency = measure["currency"]
    made = [_money(f"{measure['title']} in {measure['period']}", measure["value"], currency)]
    for before in (measure["previous"], measure["year_before"]):
        if before is not None:
            made.append(_money(f"{measure['title']} in {before['name']}", before["cents"], currency))
            made.append(_money(f"change against {before['name']}", before["change"], currency))
            if before["share"] is not None:
                made.append(_share(f"change against {before['name']}, in percent", before["share"]))
    if measure["trend_share"] is not None:
        made.append(_share("trend a year, in percent of the level", measure["trend_share"]))
    if measure["season_share"] is not None:
        between = f"from {measure['season_low']} to {measure['season_peak']}"
        made.append(_share(f"swing of the season {between}, in percent", measure["season_share"]))
    for one in measure["found"]:
        what = "odd month" if one["kind"] == "odd" else "lasting shift from"
        made.append(_money(f"{what} {one['month']}: value", one["cents"], currency))
        made.append(_money(f"{what} {one['month']}: usual value", one["usual"], currency))
    if measure["forecast"]:
        ahead = measure["forecast"]
        span = f"{ahead[0]['month']} to {ahead[-1]['month']}"
        made.append(_money(f"expected for {span} together", sum(one["cents"] for one in ahead), currency))
        for name, key in (("expected", "cents"), ("90 % interval from", "low"), ("90 % interval to", "high")):
            made.append(_money(f"{name} in {ahead[0]['month']}", ahead[0][key], currency))  # type: ignore[literal-required]
        made.append(_share("probability of the intervals", 0.9))
    return [*made, *_cause_figures(causes, currency)]


def _cause_figures(causes: Causes | None, currency: str) -> list[Figure]:
    if causes is None or not causes["against"]:
        return []
    made = []
    for one in causes["causes"][:3]:
        name = f"{one['dimension']} {one['member']}"
        made.append(_money(f"{name}: now", one["now"], currency))
        made.append(_money(f"{name}: before", one["before"], currency))
        made.append(_money(f"{name}: change", one["change"], currency))
        made.append(_money(f"{name}: change beyond the usual growth", one["excess"], currency))
    if (effects := causes["effects"]) is not None:
        made.append(_money("effect of prices", effects["price"], currency))
        made.append(_money("effect of volume", effects["volume"], currency))
        made.append(_money("effect of mix", effects["mix"], currency))
    return made


def total_figures(measures: Sequence[Measure]) -> list[Figure]:
    """The figures of the text about all metrics."""
    made = [one for measure in measures for one in figures(measure, None)[:5]]
    by_name = {measure["metric"]: measure["value"] for measure in measures}
    if by_name.get("revenue", 0) > 0 and "net_income" in by_name:
        made.append(_share("net income as a share of revenue", by_name["net_income"] / by_name["revenue"]))
    return made


def _money(name: str, cents: int, currency: str) -> Figure:
    return Figure(name=name, value=cents / 100, unit="money", text=money(cents, currency))


def _share(name: str, share: float) -> Figure:
    return Figure(name=name, value=share, unit="share", text=percent(share))
