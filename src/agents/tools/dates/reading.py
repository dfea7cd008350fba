"""Dates and times from ISO or words, in many languages. Rule: what words mean depends on `now`, which is handed in."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from ....errors import ToolError

_LONGEST = 100
_EDGE = re.compile(r"(start|beginning|end) of (?:the |this )?(day|week|month|quarter|year)")


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """A time zone by its name in the IANA database.

    Raises:
        ToolError: there is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise ToolError(f"expected a time zone such as Europe/Paris or UTC, got {name!r}") from error


def moment(text: str, timezone: str, now: str = "", **more: Any) -> dt.datetime:
    """The time that a text names, in a zone. `now` is ISO, empty: the clock. `more` are settings of dateparser.

    Raises:
        ToolError: the text names no time.
    """
    where = zone(timezone)
    base = _iso(now, where) if now else dt.datetime.now(where)
    if base is None:
        raise ToolError(f"expected now as ISO such as 2026-03-01T09:00, got {now!r}")
    if len(text) > _LONGEST or not text.strip():
        raise ToolError(f"expected a date or time of at most {_LONGEST} characters, got {text[:_LONGEST]!r}")
    found = _iso(text.strip(), where) or _edge(text.strip().lower(), base) or _words(text, timezone, base, more)
    if found is None:
        raise ToolError(f"expected a date or time such as 2026-03-01 or 'next friday at 3pm', got {text!r}")
    return found.astimezone(where)


def _iso(text: str, where: ZoneInfo) -> dt.datetime | None:
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=where)


def _words(text: str, timezone: str, base: dt.datetime, more: dict[str, Any]) -> dt.datetime | None:
    import dateparser

    settings: Any = {
        "RELATIVE_BASE": base.replace(tzinfo=None),
        "TIMEZONE": timezone,
        "RETURN_AS_TIMEZONE_AWARE": True,
        **more,
    }
    try:
        return dateparser.parse(text, settings=settings)
    except (ValueError, OverflowError, RecursionError):
        return None


def _edge(text: str, base: dt.datetime) -> dt.datetime | None:
    """The start or end (its last second) of the day, week, month, quarter or year around `base`."""
    if (match := _EDGE.fullmatch(text)) is None:
        return None
    day = base.replace(hour=0, minute=0, second=0, microsecond=0)
    months = {"month": 1, "quarter": 3, "year": 12}.get(match[2])
    if months:
        first = day.replace(day=1, month=(day.month - 1) // months * months + 1)
        after = _months_on(first, months)
    else:
        first = day - dt.timedelta(days=day.weekday() if match[2] == "week" else 0)
        after = first + dt.timedelta(days=7 if match[2] == "week" else 1)
    return after - dt.timedelta(seconds=1) if match[1] == "end" else first


def _months_on(first: dt.datetime, months: int) -> dt.datetime:
    year, month = divmod(first.month - 1 + months, 12)
    return first.replace(year=first.year + year, month=month + 1)
