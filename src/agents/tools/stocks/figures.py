"""What prices tell: returns, moving averages, volatility, drawdown. Rule: pure functions of prices in order of days."""

from __future__ import annotations

import datetime as dt
import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

from typing_extensions import TypedDict

from .prices import Price

_YEAR_DAYS = 365.25
_LEAST_YEARS = 30 / _YEAR_DAYS


class Fall(TypedDict):
    """The deepest fall from a high; `share` is negative, 0 when prices only rose. `recovered` empty: not yet."""

    share: float
    high_on: str
    low_on: str
    recovered: str


class Figures(TypedDict):
    """Shares are fractions: 0.05 is 5 %. `yearly` None for less than 30 days, `volatility` (a year's) for few prices.

    `averages` are the latest simple moving averages by their number of days; None where there are fewer prices.
    """

    first_on: str
    last_on: str
    prices: int
    first: float
    last: float
    change: float
    yearly: float | None
    volatility: float | None
    best_on: str
    best: float
    worst_on: str
    worst: float
    high: float
    low: float
    drawdown: Fall
    averages: dict[str, float | None]


def figures(prices: Sequence[Price], windows: Sequence[int]) -> Figures:
    """The figures of two or more prices."""
    closes = [price["close"] for price in prices]
    daily = returns(closes)
    best, worst = max(range(len(daily)), key=daily.__getitem__), min(range(len(daily)), key=daily.__getitem__)
    years = (_date(prices[-1]) - _date(prices[0])).days / _YEAR_DAYS
    return {
        "first_on": prices[0]["date"],
        "last_on": prices[-1]["date"],
        "prices": len(prices),
        "first": closes[0],
        "last": closes[-1],
        "change": closes[-1] / closes[0] - 1,
        "yearly": (closes[-1] / closes[0]) ** (1 / years) - 1 if years >= _LEAST_YEARS else None,
        "volatility": volatility(closes, len(daily) / years if years else 0.0),
        "best_on": prices[best + 1]["date"],
        "best": daily[best],
        "worst_on": prices[worst + 1]["date"],
        "worst": daily[worst],
        "high": max(closes),
        "low": min(closes),
        "drawdown": drawdown(prices),
        "averages": {str(window): average(closes, window) for window in windows},
    }


def returns(closes: Sequence[float]) -> list[float]:
    """Simple returns from each price to the next."""
    return [after / before - 1 for before, after in pairwise(closes)]


def volatility(closes: Sequence[float], a_year: float) -> float | None:
    """Standard deviation of logarithmic returns, for a year with so many of them; None for fewer than 3 prices."""
    if len(closes) < 3 or not a_year:
        return None
    logs = [math.log(after / before) for before, after in pairwise(closes)]
    return statistics.stdev(logs) * math.sqrt(a_year)


def average(closes: Sequence[float], window: int) -> float | None:
    """The mean of the last prices."""
    return statistics.fmean(closes[-window:]) if len(closes) >= window else None


def averages(closes: Sequence[float], window: int) -> list[float | None]:
    """The moving average at each price; None where there are too few before it. Linear in the prices."""
    found: list[float | None] = []
    total = 0.0
    for place, close in enumerate(closes):
        total += close - (closes[place - window] if place >= window else 0.0)
        found.append(total / window if place + 1 >= window else None)
    return found


def drawdown(prices: Sequence[Price]) -> Fall:
    """The deepest fall from a high before it."""
    high = prices[0]
    deepest: Fall = {"share": 0.0, "high_on": high["date"], "low_on": high["date"], "recovered": high["date"]}
    level = high["close"]
    for price in prices[1:]:
        if price["close"] >= level and not deepest["recovered"]:
            deepest["recovered"] = price["date"]
        if price["close"] > high["close"]:
            high = price
        elif (share := price["close"] / high["close"] - 1) < deepest["share"]:
            deepest = {"share": share, "high_on": high["date"], "low_on": price["date"], "recovered": ""}
            level = high["close"]
    return deepest


def correlation(one: Sequence[Price], other: Sequence[Price]) -> tuple[float | None, int]:
    """How alike the returns on common days are, -1 to 1, and how many days; None for fewer than 3 or no change."""
    closes = {price["date"]: price["close"] for price in other}
    common = [(price["close"], closes[price["date"]]) for price in one if price["date"] in closes]
    if len(common) < 3:
        return None, len(common)
    first, second = returns([a for a, _ in common]), returns([b for _, b in common])
    try:
        return statistics.correlation(first, second), len(common)
    except statistics.StatisticsError:
        return None, len(common)


def _date(price: Price) -> dt.date:
    return dt.date.fromisoformat(price["date"])
