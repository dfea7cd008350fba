"""Recurrence rules (RFC 5545, 3.3.10), worked out within bounds. Rule: no rule may keep the program busy for long."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from ....errors import ToolError

_SECONDS = {"SECONDLY": 1, "MINUTELY": 60, "HOURLY": 3600, "DAILY": 86400, "WEEKLY": 604800}
_SLOW = ("BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS", "BYEASTER")
_EXAMPLE = "FREQ=WEEKLY;BYDAY=MO,WE;COUNT=10 (RFC 5545)"
_MOST_STEPS = 1_000_000
_LONGEST_MONTHS = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}


def parts_of(rule: str) -> dict[str, str]:
    """The parts of a rule, names in capitals.

    Raises:
        ToolError: it is no rule.
    """
    text = rule.strip().upper().removeprefix("RRULE:")
    found = dict(part.partition("=")[::2] for part in text.split(";") if part)
    if "FREQ" not in found or len(text) > 1_000 or not re.fullmatch(r"[A-Z0-9=;,:+-]+", text):
        raise ToolError(f"expected a rule such as {_EXAMPLE}, got {rule[:120]!r}")
    return found


def between(
    rule: str,
    start: dt.datetime,
    after: dt.datetime,
    before: dt.datetime,
    *,
    most: int,
    where: dt.tzinfo = dt.UTC,
) -> Iterator[dt.datetime]:
    """The times a rule gives from `after` to before `before`, `most` at most.

    All times are naive: those of the clock in the zone `where`, in which an UNTIL in UTC is read.

    Raises:
        ToolError: it is no rule, or one that could not be worked out in reasonable time.
    """
    parts = parts_of(rule)
    _check(parts, start, before)
    made = _made(parts, start, where)
    try:
        yield from islice(_within(made, after, before), most)
    except (ValueError, OverflowError, TypeError) as error:
        raise _no_rule(rule, error) from error


def _made(parts: dict[str, str], start: dt.datetime, where: dt.tzinfo) -> Any:
    from dateutil.rrule import rrulestr

    text = ";".join(f"{name}={value}" for name, value in parts.items())
    try:
        if "UNTIL" in parts:
            text = text.replace(parts["UNTIL"], _until(parts["UNTIL"], where))
        return rrulestr(text, dtstart=start)
    except (ValueError, TypeError, OverflowError, KeyError, AttributeError) as error:
        raise _no_rule(text, error) from error


def _within(made: Any, after: dt.datetime, before: dt.datetime) -> Iterator[dt.datetime]:
    for at in made:
        if at >= before:
            return
        if at >= after:
            yield at


def _until(text: str, where: dt.tzinfo) -> str:
    """UNTIL as a time of the clock; a date means its whole day."""
    date, _, time = text.partition("T")
    given = dt.datetime.strptime(date + (time.rstrip("Z") or "235959"), "%Y%m%d%H%M%S")  # noqa: DTZ007  # set below
    if time.endswith("Z"):
        given = given.replace(tzinfo=dt.UTC).astimezone(where)
    return f"{given:%Y%m%dT%H%M%S}"


def _check(parts: dict[str, str], start: dt.datetime, before: dt.datetime) -> None:
    every = _SECONDS.get(parts["FREQ"])
    told = parts.get("INTERVAL", "1")
    interval = int(told) if told.isdecimal() else 0
    if not 1 <= interval <= 100_000:
        raise ToolError(f"expected INTERVAL from 1 to 100000, got {told!r}")
    if every and every < 86400 and any(name in parts for name in _SLOW):
        raise ToolError(f"expected FREQ=DAILY or longer together with {', '.join(_SLOW)}, got {parts['FREQ']}")
    if every and (before - start).total_seconds() / (every * interval) > _MOST_STEPS:
        raise ToolError(f"expected at most {_MOST_STEPS:,} repetitions until {before:%Y-%m-%d}, got more; ask for less")
    if not _may_happen(parts):
        raise ToolError("expected a day that exists, got a month and a day that never come together")


def _may_happen(parts: dict[str, str]) -> bool:
    """False when no month of BYMONTH has a day of BYMONTHDAY: such a rule would be searched to the year 9999."""
    months, days = (re.findall(r"[+-]?\d+", parts.get(name, "")) for name in ("BYMONTH", "BYMONTHDAY"))
    if not months or not days:
        return True
    return any(abs(int(day)) <= _LONGEST_MONTHS.get(int(month), 31) for month in months for day in days)


def _no_rule(rule: str, error: Exception) -> ToolError:
    return ToolError(
        f"expected a rule such as FREQ=WEEKLY;BYDAY=MO,WE;COUNT=10 (RFC 5545), got {rule[:120]!r}: {error}"
    )
