"""One metric, measured: its value, what it is compared with, what is usual, odd and expected."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .months import TITLES, Metric, Period, day_column, month_code, month_name, series
from .shapes import Comparison, Expected, Finding, Measure

if TYPE_CHECKING:
    import polars as pl

    from .model import Fit

_AHEAD = 6
_NAMES = [month_name(at).split()[0] for at in range(12)]


def measure(
    frame: pl.DataFrame, metric: Metric, *, period: Period, first: int, last: int, gaps: list[int], currency: str
) -> Measure:
    """The measure of a metric over a period; the series runs over the whole ledger."""
    from . import model

    cents = series(frame, metric, first, last)
    skip = _unsettled(frame, metric, len(cents))
    unknown = [gap - first - skip for gap in gaps if gap >= first + skip]
    fitted = model.fit([value / 100 for value in cents[skip:]], (first + skip) % 12, unknown)
    made = Measure(
        metric=metric, title=TITLES[metric], currency=currency, period=period.name,
        value=_sum(cents, first, period), previous=_compared(cents, first, last, period, period.previous),
        year_before=_compared(cents, first, last, period, period.year_before),
        months=[month_code(month) for month in range(first, last + 1)], cents=cents, usual=[], trend=[], season=[],
        trend_share=None, season_share=None, season_peak="", season_low="", found=[], forecast=[],
        note=f"Fewer than {model.LEAST_MONTHS} months with bookings: no trend, season or forecast.",
    )  # fmt: skip
    return made if fitted is None else {**made, **_modelled(fitted, cents, first + skip, skip, unknown)}  # type: ignore[typeddict-item]


def _modelled(fitted: Fit, cents: list[int], start: int, skip: int, unknown: list[int]) -> dict[str, object]:
    from . import model

    told = model.forecast(fitted, _AHEAD, gaps=unknown)
    last = start + len(fitted.values) - 1
    ahead = [
        Expected(month=month_code(last + 1 + at), cents=_cents(mid), low=_cents(low), high=_cents(high))
        for at, (mid, low, high) in enumerate(zip(told.expected, told.low, told.high, strict=True))
    ]
    found = [
        Finding(kind=one.kind, month=month_code(start + one.at), cents=cents[skip + one.at], usual=_cents(one.usual))
        for one in fitted.found
    ]
    level = float(abs(fitted.usual).mean())
    a_year = 12 * fitted.trend_per_month
    share = math.exp(a_year) - 1 if fitted.is_log else (a_year / level if level else None)
    parts = model.decomposed([float(value) for value in fitted.values])
    made: dict[str, object] = {
        "usual": [0] * skip + [_cents(value) for value in fitted.usual], "found": found, "forecast": ahead,
        "trend_share": share, "note": "",
    }  # fmt: skip
    if parts is not None:
        made["trend"] = [_cents(value) for value in parts[0]]
        made["season"] = [_cents(value) for value in parts[1]]
    if fitted.season and level:
        peak, low = int(fitted.seasons.argmax()), int(fitted.seasons.argmin())
        swing = float(fitted.seasons[peak] - fitted.seasons[low])
        made |= {"season_peak": _NAMES[peak], "season_low": _NAMES[low]}
        made["season_share"] = math.exp(swing) - 1 if fitted.is_log else swing / level
    return made


def _unsettled(frame: pl.DataFrame, metric: Metric, months: int) -> int:
    """Months at the start whose cash is incomplete, as what was booked before the ledger begins is not in it."""
    late = day_column(metric) == "paid" and bool((frame["paid"] != frame["date"]).any())
    return 2 if late and months > 12 else 0


def _sum(cents: list[int], first: int, period: Period) -> int:
    return sum(cents[max(0, period.first - first) : max(0, period.last - first + 1)])


def _compared(cents: list[int], first: int, last: int, now: Period, before: Period) -> Comparison | None:
    """None unless the ledger covers the months compared with."""
    if before.first < first or before.last > last:
        return None
    old, new = _sum(cents, first, before), _sum(cents, first, now)
    share = (new - old) / old if old > 0 else None
    return Comparison(name=before.name, cents=old, change=new - old, share=share)


def _cents(value: float) -> int:
    return round(float(value) * 100)
