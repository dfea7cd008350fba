"""Four metrics a month, in whole cents, from the rows of a ledger."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars as pl

Metric = Literal["revenue", "expenses", "net_income", "cash_flow"]
METRICS: tuple[Metric, ...] = ("revenue", "expenses", "net_income", "cash_flow")
TITLES: dict[str, str] = {
    "revenue": "Revenue", "expenses": "Expenses", "net_income": "Net income", "cash_flow": "Cash flow"
}  # fmt: skip
_FLOWS: dict[Metric, tuple[str, ...]] = {
    "revenue": ("revenue",),
    "expenses": ("expense", "noncash"),
    "net_income": ("revenue", "expense", "noncash"),
    "cash_flow": ("revenue", "expense", "balance"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Whole months, both ends included, counted as year * 12 + month - 1."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1

    @property
    def previous(self) -> Period:
        """As many months, right before."""
        return Period(first=self.first - self.length, last=self.first - 1)

    @property
    def year_before(self) -> Period:
        """The same months, a year before; of more than a year, as many years as it has."""
        back = 12 * max(1, -(-self.length // 12))
        return Period(first=self.first - back, last=self.last - back)

    @property
    def name(self) -> str:
        """As people say it: 2025, March 2025, January to March 2025."""
        if self.first % 12 == 0 and self.length == 12:
            return str(self.first // 12)
        if self.length == 1:
            return month_name(self.first)
        short = self.first // 12 == self.last // 12
        start = _NAMES[self.first % 12] if short else month_name(self.first)
        return f"{start} to {month_name(self.last)}"


_NAMES = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December"]  # fmt: skip


def month_name(month: int) -> str:
    """January 2025."""
    return f"{_NAMES[month % 12]} {month // 12}"


def month_code(month: int) -> str:
    """2025-01."""
    return f"{month // 12}-{month % 12 + 1:02d}"


def month_of(day: dt.date) -> int:
    """The number of a day's month."""
    return day.year * 12 + day.month - 1


def day_column(metric: Metric) -> str:
    """Cash counts when it moves, everything else when it is booked."""
    return "paid" if metric == "cash_flow" else "date"


def rows_of(frame: pl.DataFrame, metric: Metric) -> pl.DataFrame:
    """The rows that make up a metric, with `month` and `cents`; of expenses, spending is positive."""
    import polars as pl

    day = pl.col(day_column(metric))
    sign = -1 if metric == "expenses" else 1
    return frame.filter(pl.col("flow").is_in(_FLOWS[metric])).with_columns(
        month=day.dt.year().cast(pl.Int64) * 12 + day.dt.month() - 1, cents=pl.col("amount") * sign
    )


def series(frame: pl.DataFrame, metric: Metric, first: int, last: int) -> list[int]:
    """Cents of each month from `first` to `last`; 0 in months without rows."""
    import polars as pl

    sums = rows_of(frame, metric).group_by("month").agg(pl.col("cents").sum())
    known = dict(sums.iter_rows())
    return [int(known.get(month, 0)) for month in range(first, last + 1)]


def span(frame: pl.DataFrame) -> tuple[int, int]:
    """The first and the last month with bookings."""
    low, high = frame["date"].min(), frame["date"].max()
    assert isinstance(low, dt.date) and isinstance(high, dt.date)
    return month_of(low), month_of(high)


def gaps(frame: pl.DataFrame, first: int, last: int) -> list[int]:
    """Months in between without any row."""
    import polars as pl

    day = pl.col("date")
    known = set(frame.select((day.dt.year().cast(pl.Int64) * 12 + day.dt.month() - 1).unique()).to_series())
    return [month for month in range(first, last + 1) if month not in known]
