"""Periods: days, their months, the same days a year before, and how people write them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import ToolError

MOST_MONTHS = 60


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `start` to `end`, both included."""

    start: dt.date
    end: dt.date

    @property
    def until(self) -> dt.date:
        """The day after the last."""
        return self.end + dt.timedelta(days=1)

    @property
    def months(self) -> tuple[str, ...]:
        """Its months, also those it only touches: 2025-01."""
        return tuple(self._months())

    @property
    def before(self) -> Period:
        """The same days a year before."""
        return Period(_year_before(self.start), _year_before(self.until) - dt.timedelta(days=1))

    @property
    def words(self) -> str:
        """January to December 2025; days only where the period does not begin or end with a month."""
        if self.start.day != 1 or self.until.day != 1:
            return f"{_day(self.start)} to {_day(self.end)}"
        first, last = self.start.strftime("%B"), self.end.strftime("%B %Y")
        if self.months[0] == self.months[-1]:
            return last
        return f"{first} to {last}" if self.start.year == self.end.year else f"{first} {self.start.year} to {last}"

    def _months(self) -> Iterator[str]:
        year, month = self.start.year, self.start.month
        while (year, month) <= (self.end.year, self.end.month):
            yield f"{year:04d}-{month:02d}"
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def period(start: str, end: str, today: dt.date) -> Period:
    """The period of two ISO dates.

    Raises:
        ToolError: one is no date, they are reversed, too far apart, or nothing of the period has passed yet.
    """
    found = Period(_date("start", start), _date("end", end))
    if found.end < found.start:
        raise ToolError(f"expected a start before the end, got {start} to {end}; swap them")
    if found.start > today:
        raise ToolError(f"expected a period that has begun, got {start}, which is in the future (today is {today})")
    if found.start.year < 1900 or len(found.months) > MOST_MONTHS:
        raise ToolError(f"expected at most {MOST_MONTHS} months after 1900, got {start} to {end}; take fewer")
    return found


def month_name(month: str) -> str:
    """2025-03 as March 2025."""
    return dt.date.fromisoformat(f"{month}-01").strftime("%B %Y")


def _date(name: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise ToolError(f"{name}: expected a date such as 2025-01-31, got {text[:40]!r}") from error


def _year_before(day: dt.date) -> dt.date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:  # 29 February
        return day.replace(year=day.year - 1, day=28)


def _day(day: dt.date) -> str:
    return f"{day.day} {day.strftime('%B %Y')}"
