"""Tools over dates and times: read them from words, count between them, repeat them, find free time.

Rule: each takes dates as ISO or in words and a time zone, and gives ISO; words are counted from `now`.
"""

from __future__ import annotations

import datetime as dt
from itertools import islice
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from ....errors import ToolError
from ...tool import tool
from .reading import moment, zone
from .rules import between
from .slots import Span, free, working

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_LONGEST = dt.timedelta(days=3660)

Text = Annotated[str, Field(min_length=1, max_length=100)]
Count = Annotated[int, Field(ge=1, le=1_000)]
Day = Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
Number = Annotated[int, Field(ge=-100_000, le=100_000)]
_WORKDAYS: tuple[Day, ...] = ("MO", "TU", "WE", "TH", "FR")


class When(TypedDict):
    """A time: `iso` with its offset, `date` alone, the weekday in English, the ISO week, seconds since 1970."""

    iso: str
    date: str
    weekday: str
    week: int
    epoch_s: float


class Between(TypedDict):
    """`years` to `seconds` add up to the difference, `total_*` are each the whole of it; negative when end is first.

    `workdays` are the days Monday to Friday from start to before end, holidays not known.
    """

    years: int
    months: int
    days: int
    hours: int
    minutes: int
    seconds: int
    total_days: float
    total_hours: float
    workdays: int


class Slot(TypedDict):
    """A span of free time."""

    start: str
    end: str
    minutes: int


class Busy(TypedDict):
    """A span that is taken."""

    start: Text
    end: Text


@tool(effect="read")
def parse(
    text: Text,
    timezone: str = "UTC",
    now: str = "",
    prefer: Literal["past", "future", "current_period"] = "current_period",
    order: Literal["", "DMY", "MDY", "YMD"] = "",
) -> When:
    """Reads a date or time from words or figures in many languages, such as "next friday at 3pm" or "3. März 2027".

    `prefer` says which friday "friday" means; `order` how 12/11/2026 is read; `now` (ISO) is what words count from.
    """
    more = {"PREFER_DATES_FROM": prefer, **({"DATE_ORDER": order} if order else {})}
    return _when(moment(text, timezone, now, **more))


@tool(effect="read")
def difference(start: Text, end: Text, timezone: str = "UTC", now: str = "") -> Between:
    """Counts the time between two dates or times: years, months, days, hours, total days and hours, workdays."""
    from dateutil.relativedelta import relativedelta

    first, last = moment(start, timezone, now), moment(end, timezone, now)
    parts, total = relativedelta(last, first), last.astimezone(dt.UTC) - first.astimezone(dt.UTC)
    return {
        "years": parts.years,
        "months": parts.months,
        "days": parts.days,
        "hours": parts.hours,
        "minutes": parts.minutes,
        "seconds": parts.seconds,
        "total_days": total.total_seconds() / 86_400,
        "total_hours": total.total_seconds() / 3_600,
        "workdays": _workdays(first.date(), last.date()),
    }


@tool(effect="read")
def shift(
    start: Text,
    *,
    years: Number = 0,
    months: Number = 0,
    weeks: Number = 0,
    days: Number = 0,
    hours: Number = 0,
    minutes: Number = 0,
    workdays: Annotated[int, Field(ge=-10_000, le=10_000)] = 0,
    timezone: str = "UTC",
    now: str = "",
) -> When:
    """Adds years to minutes, or workdays (Monday to Friday), to a date or time; negative numbers go back."""
    from dateutil.relativedelta import relativedelta

    at = moment(start, timezone, now)
    try:
        at += relativedelta(years=years, months=months, weeks=weeks, days=days)
        at = (at.astimezone(dt.UTC) + dt.timedelta(hours=hours, minutes=minutes)).astimezone(zone(timezone))
        step = 1 if workdays > 0 else -1
        left = abs(workdays)
        while left:
            at += dt.timedelta(days=step)
            left -= at.weekday() < 5
    except (OverflowError, ValueError) as error:
        raise ToolError(f"expected a date from year 1 to 9999, got one outside: {error}") from error
    return _when(at)


@tool(effect="read")
def convert(time: Text, zones: Annotated[list[str], Field(min_length=1, max_length=50)], timezone: str = "UTC",
            now: str = "") -> dict[str, When]:  # fmt: skip
    """Gives a time of one zone in other time zones, such as Europe/Paris, summer time considered."""
    at = moment(time, timezone, now)
    return {name: _when(at.astimezone(zone(name))) for name in zones}


@tool(effect="read")
def occurrences(
    rule: Annotated[str, Field(min_length=1, max_length=1_000)],
    start: Text,
    *,
    count: Count = 10,
    after: str = "",
    before: str = "",
    timezone: str = "UTC",
    now: str = "",
) -> list[When]:
    """Lists the next times of a schedule given as a recurrence rule (RFC 5545), such as FREQ=MONTHLY;BYDAY=-1FR.

    Times keep their hour on the clock when summer time begins or ends. `after` empty: from `start`; `before` empty:
    ten years on.
    """
    where = zone(timezone)
    first = moment(start, timezone, now).replace(tzinfo=None)
    least = moment(after, timezone, now).replace(tzinfo=None) if after else first
    most = moment(before, timezone, now).replace(tzinfo=None) if before else max(first, least) + _LONGEST
    return [_when(at.replace(tzinfo=where)) for at in between(rule, first, least, most, most=count, where=where)]


@tool(effect="read")
def free_slots(
    busy: Annotated[list[Busy], Field(max_length=10_000)],
    start: Text,
    end: Text,
    *,
    minutes: Annotated[int, Field(ge=1, le=100_000)] = 30,
    opens: str = "09:00",
    closes: str = "17:00",
    weekdays: tuple[Day, ...] = _WORKDAYS,
    timezone: str = "UTC",
    count: Count = 50,
    now: str = "",
) -> list[Slot]:
    """Finds free time of at least so many minutes between taken spans, within working hours of a time zone."""
    where = zone(timezone)
    span = (moment(start, timezone, now), moment(end, timezone, now))
    if not dt.timedelta(0) <= span[1] - span[0] <= _LONGEST:
        raise ToolError(f"expected an end after the start and within ten years, got {start!r} to {end!r}")
    taken: list[Span] = [(_utc(b["start"], timezone, now), _utc(b["end"], timezone, now)) for b in busy]
    hours = working(span, _clock(opens), _clock(closes), {_DAYS.index(day) for day in weekdays}, where)
    found = islice(free(hours, taken, dt.timedelta(minutes=minutes)), count)
    return [
        {
            "start": a.astimezone(where).isoformat(),
            "end": b.astimezone(where).isoformat(),
            "minutes": int((b - a).total_seconds() // 60),
        }
        for a, b in found
    ]


def _utc(text: str, timezone: str, now: str) -> dt.datetime:
    return moment(text, timezone, now).astimezone(dt.UTC)


def _clock(text: str) -> dt.time:
    try:
        return dt.time.max if text == "24:00" else dt.time.fromisoformat(text)
    except ValueError as error:
        raise ToolError(f"expected a time of day such as 09:00, got {text!r}") from error


def _when(at: dt.datetime) -> When:
    return {
        "iso": at.isoformat(),
        "date": at.date().isoformat(),
        "weekday": f"{at:%A}",
        "week": at.isocalendar().week,
        "epoch_s": at.timestamp(),
    }


def _workdays(first: dt.date, last: dt.date) -> int:
    """Days Monday to Friday from `first` to before `last`; negative when they are the other way round."""
    if last < first:
        return -_workdays(last, first)
    weeks, rest = divmod((last - first).days, 7)
    return weeks * 5 + sum((first.weekday() + day) % 7 < 5 for day in range(rest))
