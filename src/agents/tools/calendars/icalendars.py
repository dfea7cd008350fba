"""Calendars as text (iCalendar, RFC 5545): what happens in a span of time, and new events.

Rule: a calendar is data of strangers: repetition is worked out only within the span asked for, and within bounds.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

from ....errors import ToolError
from ..dates.rules import between

_MOST_CHARACTERS = 20_000_000
_SECONDS = 15.0
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event at one time. `start` and `end` have a zone; all-day ones begin at midnight of the zone asked for."""

    uid: str
    title: str
    start: dt.datetime
    end: dt.datetime
    all_day: bool
    location: str
    description: str
    repeats: bool
    busy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The span asked for, and the zone in which days and times without one are read."""

    start: dt.datetime
    end: dt.datetime
    zone: ZoneInfo
    most: int


def components(text: str) -> list[Any]:
    """The events in a calendar's text, whatever number of calendars it has.

    Raises:
        ToolError: it is no calendar, too large, or has time zones that could not be worked out.
    """
    from icalendar import Calendar

    if len(text) > _MOST_CHARACTERS:
        raise ToolError(f"expected a calendar of at most {_MOST_CHARACTERS:,} characters, got {len(text):,}")
    _check_zones(text)
    try:
        calendars = Calendar.from_ical(text, multiple=True)
        found = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise ToolError(f"expected a calendar (iCalendar, RFC 5545), got {text[:60]!r}: {error}") from error
    if not calendars:
        raise ToolError(f"expected a calendar (iCalendar, RFC 5545), got {text[:60]!r}")
    return found


def _check_zones(text: str) -> None:
    """The library works rules of time zones out from 1970 on while it reads them: only yearly ones end soon."""
    flat = re.sub(r"\r?\n[ \t]", "", text)
    for block in re.findall(r"BEGIN:VTIMEZONE(.*?)(?:END:VTIMEZONE|\Z)", flat, re.DOTALL | re.IGNORECASE):
        for rule in re.findall(r"^RRULE[^:\n]*:(.*)$", block, re.MULTILINE | re.IGNORECASE):
            if "FREQ=YEARLY" not in rule.upper():
                raise ToolError(f"expected time zones whose clocks change yearly, got the rule {rule.strip()[:80]!r}")


def happenings(events: list[Any], window: Window) -> tuple[list[Happening], list[str]]:
    """What happens in a span, in order of time, and what could not be read.

    Raises:
        ToolError: more happens than may be worked out.
    """
    ends = monotonic() + _SECONDS
    moved = _moved(events, window)
    found: list[Happening] = []
    problems: list[str] = []
    for event in events:
        try:
            for one in _of(event, window, moved):
                found.append(one)
                if len(found) > window.most:
                    raise OverflowError
        except OverflowError as error:
            raise ToolError(f"expected at most {window.most:,} events in this time, got more; ask for less") from error
        except (ToolError, ValueError, TypeError, KeyError, AttributeError) as error:
            problems.append(f"{str(event.get('SUMMARY', 'event without a title'))[:80]}: {str(error)[:200]}")
        if monotonic() > ends:
            raise ToolError(f"expected a calendar that is worked out within {_SECONDS:g} s, got longer; ask for less")
    return sorted(found, key=lambda one: (one.start, one.title)), problems


def _moved(events: list[Any], window: Window) -> set[tuple[str, dt.datetime]]:
    """The occurrences that have an event of their own: uid and the time they replace."""
    found = set()
    for event in events:
        if "RECURRENCE-ID" in event:
            at = getattr(event["RECURRENCE-ID"], "dt", None)
            if isinstance(at, dt.date):
                found.add((str(event.get("UID", "")), _aware(at, window.zone).astimezone(dt.UTC)))
    return found


def _of(event: Any, window: Window, moved: set[tuple[str, dt.datetime]]) -> Iterator[Happening]:
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        return
    first, length = _span(event)
    uid = str(event.get("UID", ""))
    is_own = "RECURRENCE-ID" in event
    for at in _times(event, first, length, window):
        start = _aware(at, window.zone)
        end = _aware(at + length, window.zone) if not isinstance(at, dt.datetime) else start + length
        is_in = start < window.end and (end > window.start or (start == end and start >= window.start))
        if is_in and (is_own or (uid, start.astimezone(dt.UTC)) not in moved):
            yield _happening(event, uid, start, end, repeats=is_own or "RRULE" in event or "RDATE" in event)


def _happening(event: Any, uid: str, start: dt.datetime, end: dt.datetime, *, repeats: bool) -> Happening:
    return Happening(
        uid=uid,
        title=str(event.get("SUMMARY", ""))[:500],
        start=start,
        end=end,
        all_day=not isinstance(event["DTSTART"].dt, dt.datetime),
        location=str(event.get("LOCATION", ""))[:500],
        description=str(event.get("DESCRIPTION", ""))[:4_000],
        repeats=repeats,
        busy=str(event.get("TRANSP", "")).upper() != "TRANSPARENT",
    )


def _span(event: Any) -> tuple[dt.date, dt.timedelta]:
    """Start and length of an event's first time."""
    first = getattr(event.get("DTSTART"), "dt", None)
    if not isinstance(first, dt.date):
        raise ToolError("expected a start, got none that can be read")
    last = getattr(event.get("DTEND"), "dt", None)
    length = getattr(event.get("DURATION"), "dt", None)
    if isinstance(length, dt.timedelta):
        return first, max(length, dt.timedelta(0))
    if isinstance(last, dt.date) and isinstance(last, dt.datetime) == isinstance(first, dt.datetime):
        whole = _same_kind(last, first) - first
        return first, max(whole, dt.timedelta(0))
    return first, dt.timedelta(0) if isinstance(first, dt.datetime) else _DAY


def _same_kind(last: Any, first: Any) -> Any:
    """The end with a zone where the start has one, and the other way round."""
    if isinstance(first, dt.datetime) and (first.tzinfo is None) != (last.tzinfo is None):
        return last.replace(tzinfo=first.tzinfo)
    if isinstance(first, dt.datetime) and first.tzinfo is not None:
        return last.astimezone(first.tzinfo)
    return last


def _times(event: Any, first: dt.date, length: dt.timedelta, window: Window) -> Iterator[dt.date]:
    """Each time an event starts that can touch the window, times that are left out left out."""
    zone = (first.tzinfo if isinstance(first, dt.datetime) else None) or window.zone
    start = _clock(first, zone)
    after = window.start.astimezone(zone).replace(tzinfo=None) - length - _DAY
    before = window.end.astimezone(zone).replace(tzinfo=None) + _DAY
    left_out = {_clock(at, zone) for at in _listed(event, "EXDATE")}
    times = {start, *(_clock(at, zone) for at in _listed(event, "RDATE"))}
    rules = event.get("RRULE") or []
    for rule in rules if isinstance(rules, list) else [rules]:
        text = rule.to_ical().decode()
        times.update(between(text, start, after, before, most=window.most + 1, where=zone))
    for at in sorted(times - left_out):
        if after <= at < before:
            yield at.replace(tzinfo=zone) if isinstance(first, dt.datetime) else at.date()


def _listed(event: Any, name: str) -> Iterator[dt.date]:
    given = event.get(name) or []
    for dates in given if isinstance(given, list) else [given]:
        for item in getattr(dates, "dts", ()):
            at = item.dt[0] if isinstance(item.dt, tuple) else item.dt
            if isinstance(at, dt.date):
                yield at


def _clock(at: dt.date, zone: dt.tzinfo) -> dt.datetime:
    """A time as the clock of a zone shows it."""
    if not isinstance(at, dt.datetime):
        return dt.datetime.combine(at, dt.time())
    return at.astimezone(zone).replace(tzinfo=None) if at.tzinfo else at


def _aware(at: dt.date, zone: ZoneInfo) -> dt.datetime:
    if not isinstance(at, dt.datetime):
        return dt.datetime.combine(at, dt.time(), zone)
    return at if at.tzinfo else at.replace(tzinfo=zone)
