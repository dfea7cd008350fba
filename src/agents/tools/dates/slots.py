"""Free time between what is taken. Rule: all times have a zone; working hours are those of the zone asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

Span = tuple[dt.datetime, dt.datetime]


def merged(busy: Sequence[Span]) -> list[Span]:
    """Spans in order, those that touch or overlap as one."""
    found: list[Span] = []
    for start, end in sorted(busy):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif start < end:
            found.append((start, end))
    return found


def free(hours: Iterator[Span], busy: Sequence[Span], least: dt.timedelta) -> Iterator[Span]:
    """The parts of `hours` that no span of `busy` touches and that are at least `least` long."""
    taken = merged(busy)
    for opens, closes in hours:
        at = opens
        for start, end in taken:
            if end <= at or start >= closes:
                continue
            if start - at >= least:
                yield at, start
            at = max(at, end)
        if closes - at >= least:
            yield at, closes


def working(span: Span, opens: dt.time, closes: dt.time, weekdays: set[int], where: ZoneInfo) -> Iterator[Span]:
    """The working hours of each day within a span; weekdays count from Monday, 0. UTC, so that lengths are true on
    days when clocks change."""
    day, last = span[0].astimezone(where).date(), span[1].astimezone(where).date()
    while day <= last:
        if day.weekday() in weekdays:
            start = max(dt.datetime.combine(day, opens, where).astimezone(dt.UTC), span[0].astimezone(dt.UTC))
            end = min(dt.datetime.combine(day, closes, where).astimezone(dt.UTC), span[1].astimezone(dt.UTC))
            if start < end:
                yield start, end
        day += dt.timedelta(days=1)
