"""Time: which period suits a span, counts and values by period, and the straight line through them."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .frame import Table, number_text, slug, words

if TYPE_CHECKING:
    import polars as pl

# the longest span in days, its name, and how polars writes the period
PERIODS = (
    (2.1, "hour", "1h"),
    (93, "day", "1d"),
    (550, "week", "1w"),
    (3700, "month", "1mo"),
    (9200, "quarter", "1q"),
    (float("inf"), "year", "1y"),
)
_MEAN_WORDS = re.compile(
    r"(?i)price|rate|ratio|mean|average|avg|percent|pct|%|temp|score|age\b|rating|index|level|lat|lon|speed|weight|height"
)
_SUM_WORDS = re.compile(
    r"(?i)amount|sales|revenue|turnover|quantity|qty|units|total|count|cost|spend|orders|visits|hours|clicks|volume|profit"
)


def period_for(first: dt.date, last: dt.date, *, has_time: bool) -> tuple[str, str]:
    """Name and width of the period that gives some ten to a hundred points."""
    days = (last - first).total_seconds() / 86_400
    name, width = next((name, width) for limit, name, width in PERIODS if days <= limit)
    return ("day", "1d") if name == "hour" and not has_time else (name, width)


def label(moment: dt.date, period: str) -> str:
    """A period's name: 2024-01-02 13:00, 2024-01-02, 2024-01, 2024 Q1, 2024."""
    match period:
        case "hour":
            return moment.strftime("%Y-%m-%d %H:00")
        case "month":
            return moment.strftime("%Y-%m")
        case "quarter":
            return f"{moment.year} Q{(moment.month + 2) // 3}"
        case "year":
            return str(moment.year)
        case _:
            return moment.strftime("%Y-%m-%d")


def counts_by_period(present: pl.Series) -> tuple[list[str], list[int], str]:
    """Labels, rows of each period (0 where there are none) and the period's name."""
    import polars as pl

    first, last = present.min(), present.max()
    period, width = period_for(first, last, has_time=present.dtype == pl.Datetime)  # type: ignore[arg-type]
    starts = present.dt.truncate(width).rename("t")
    counts = starts.value_counts().sort("t")
    full = counts.upsample("t", every=width) if counts.height > 1 else counts
    return [label(t, period) for t in full["t"]], full["count"].fill_null(0).to_list(), period


@dataclass(frozen=True, slots=True)
class Line:
    """Least squares through equally spaced points: change each period, and the share of variance explained (0 to 1)."""

    slope: float
    r_squared: float


def line_through(values: list[float | None]) -> Line | None:
    """The straight line through values at 0, 1, 2, ...; None for fewer than 3 points."""
    import numpy as np

    points = [(i, v) for i, v in enumerate(values) if v is not None]
    if len(points) < 3:
        return None
    x, y = np.array(points, dtype=float).T
    dx, dy = x - x.mean(), y - y.mean()
    slope = float((dx @ dy) / (dx @ dx))
    total = float(dy @ dy)
    return Line(slope, float((slope * (dx @ dy)) / total) if total > 0 else 0.0)


def trends(table: Table, date: str, columns: list[str]) -> list[dict[str, Any]]:
    """Each numeric column by period of `date`: sums where its name says amount, units and the like, else means.

    Empty when `date` has fewer than two different values.
    """
    import polars as pl

    key = table.key(date)
    span = table.frame.select(pl.col(key).min().alias("a"), pl.col(key).max().alias("b")).collect(engine="streaming")
    first, last = span.row(0)
    if first is None or first == last:
        return []
    period, width = period_for(first, last, has_time=table.type_of(date) == pl.Datetime)
    by_period = _by_period(table, key, width, columns)
    partial = _partial_ends(by_period["t"].to_list(), first, last, period)
    wanted = [(i, name) for i, name in enumerate(columns) if by_period[f"n{i}"].sum()]
    return [
        _trend(name, slug(name, int(table.key(name)[1:])), _points(by_period, i, name, period, partial), period)
        for i, name in wanted
    ]


def _by_period(table: Table, key: str, width: str, columns: list[str]) -> pl.DataFrame:
    """Column t: the periods without gaps; v0, v1, ...: sum or mean of each column; n0, n1, ...: how many values."""
    import polars as pl

    values = [getattr(pl.col(table.key(name)), way(name))().alias(f"v{i}") for i, name in enumerate(columns)]
    counts = [pl.col(table.key(name)).count().alias(f"n{i}") for i, name in enumerate(columns)]
    frame = (
        table.frame.filter(pl.col(key).is_not_null())
        .group_by(pl.col(key).dt.truncate(width).alias("t"))
        .agg(*values, *counts)
        .collect(engine="streaming")
        .sort("t")
    )
    return frame.upsample("t", every=width) if frame.height > 1 else frame


def way(name: str) -> str:
    """sum for what adds up over time, mean for the rest."""
    return "sum" if _SUM_WORDS.search(name) and not _MEAN_WORDS.search(name) else "mean"


def _partial_ends(starts: list[dt.date], first: dt.date, last: dt.date, period: str) -> tuple[bool, bool]:
    """Whether the first and the last period are only partly covered by data (by more than a tenth)."""
    if period in ("hour", "day") or len(starts) < 4:
        return False, False
    length = _day(starts[1]) - _day(starts[0])
    late = (_day(first) - _day(starts[0])) / length
    early = (
        1 - ((_day(last) - _day(starts[-1])).days + 1) / {"week": 7, "month": 30, "quarter": 91, "year": 365}[period]
    )
    return late > 0.1, early > 0.1


def _day(moment: dt.date) -> dt.date:
    return moment.date() if isinstance(moment, dt.datetime) else moment


def _points(
    frame: pl.DataFrame, i: int, name: str, period: str, partial: tuple[bool, bool]
) -> tuple[list[str], list[Any]]:
    """Labels and values; None where a period has no value."""
    values = [v if n else None for v, n in zip(frame[f"v{i}"], frame[f"n{i}"].fill_null(0), strict=True)]
    labels = [label(t, period) for t in frame["t"]]
    if way(name) == "mean":
        return labels, values
    # a period that data covers in part has a lower sum for that reason alone
    start, end = int(partial[0]), len(values) - int(partial[1])
    return labels[start:end], values[start:end]


def _trend(name: str, file_name: str, points: tuple[list[str], list[Any]], period: str) -> dict[str, Any]:
    labels, values = points
    how = way(name)
    line = line_through(values)
    text, direction = _told(name, points, line, period)
    title = f"{name}: {'total' if how == 'sum' else 'mean'} by {period}"
    return {
        "column": name,
        "period": period,
        "aggregate": how,
        "direction": direction,
        "slope": line.slope if line else None,
        "r_squared": line.r_squared if line else None,
        "text": text,
        "chart": {
            "kind": "line",
            "title": title,
            "data": {"x": labels, "series": [{"name": name, "values": values}]},
            "x_label": "",
            "y_label": f"{how} of {name}" if len(name) < 30 else how,
            "value_format": "number",
            "name": f"trend-{file_name}",
        },
    }


def _told(name: str, points: tuple[list[str], list[Any]], line: Line | None, period: str) -> tuple[str, str]:
    """What the trend is in a sentence, and its direction: up, down, flat, unknown."""
    labels, values = points
    known = [(v, t) for v, t in zip(values, labels, strict=True) if v is not None]
    if line is None or len(known) < 3:
        return f"{words(name)}: too few {period}s for a trend.", "unknown"
    top = max(known, key=lambda pair: pair[0])
    bottom = min(known, key=lambda pair: pair[0])
    level = sum(abs(v) for v, _ in known) / len(known)
    change = line.slope * (len(values) - 1)
    what = f"The {'total' if way(name) == 'sum' else 'mean'} of {words(name)}"
    ends = f"highest in {top[1]} ({number_text(top[0])}), lowest in {bottom[1]} ({number_text(bottom[0])})"
    if line.r_squared < 0.1 or abs(change) < 0.02 * level:
        return f"{what} shows no steady trend; {ends}.", "flat"
    moves, direction = ("rises", "up") if line.slope > 0 else ("falls", "down")
    fit = f"a straight line explains {100 * line.r_squared:.0f}% of its variation"
    return f"{what} {moves} by about {number_text(abs(line.slope), 3)} each {period} ({fit}); {ends}.", direction
