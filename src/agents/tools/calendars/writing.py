"""New events as calendar text. Rule: whatever a person or model gives is escaped by the library, never put in as is."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from ....errors import ToolError
from ..dates.rules import parts_of
from .icalendars import components

_PRODUCT = "-//planloom//calendar//EN"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event to write; with dates alone as start and end it takes whole days, the last one included."""

    uid: str
    title: str
    start: dt.date
    end: dt.date
    location: str = ""
    description: str = ""
    rule: str = ""


def calendar_of(new: NewEvent, now: dt.datetime) -> str:
    """A calendar with one event."""
    from icalendar import Calendar

    made = Calendar()
    made.add("prodid", _PRODUCT)
    made.add("version", "2.0")
    return _with(made, new, now)


def added_to(text: str, new: NewEvent, now: dt.datetime) -> str:
    """A calendar's text with one event more; everything in it stays.

    Raises:
        ToolError: it is no calendar, or has several.
    """
    from icalendar import Calendar

    components(text)
    try:
        made = Calendar.from_ical(text)
    except ValueError as error:
        raise ToolError(f"expected a file with one calendar, got another: {error}") from error
    return _with(made, new, now)


def _with(calendar: Any, new: NewEvent, now: dt.datetime) -> str:
    from icalendar import Event, vRecur

    if new.end < new.start:
        raise ToolError(f"expected an end after the start {new.start}, got {new.end}")
    event = Event()
    event.add("uid", new.uid)
    event.add("dtstamp", now.astimezone(dt.UTC).replace(microsecond=0))
    event.add("summary", new.title)
    event.add("dtstart", new.start)
    is_timed = isinstance(new.start, dt.datetime)
    event.add("dtend", new.end if is_timed else new.end + dt.timedelta(days=1))
    for name, value in (("location", new.location), ("description", new.description)):
        if value:
            event.add(name, value)
    if new.rule:
        parts = parts_of(new.rule)
        event.add("rrule", vRecur.from_ical(";".join(f"{name}={value}" for name, value in parts.items())))
    calendar.add_component(event)
    if is_timed:
        calendar.add_missing_timezones()
    return str(calendar.to_ical().decode())
