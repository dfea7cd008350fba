"""Tools over calendars: iCalendar files in the workspace, and CalDAV accounts of the settings (tools.calendars).

Rule: repeated events are worked out within the time asked for; what changes a calendar on a server asks a person.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from pathlib import Path
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from ....errors import ToolError
from ...call import in_thread
from ...tool import ToolContext, tool
from ..dates.reading import moment, zone
from ..files.contents import decoded
from .caldav import opened
from .icalendars import Happening, Window, components, happenings
from .writing import NewEvent, added_to, calendar_of

_MOST_BYTES = 20_000_000
_LONGEST = dt.timedelta(days=3_660)
_TIMEOUT_S = 120.0

Name = Annotated[str, Field(max_length=200)]
When = Annotated[str, Field(min_length=1, max_length=100)]
Line = Annotated[str, Field(min_length=1, max_length=500)]
Rule = Annotated[str, Field(max_length=1_000)]
Text = Annotated[str, Field(max_length=10_000)]


class Occurrence(TypedDict):
    """An event at one time; `start` and `end` are ISO in the zone asked for, whole days end at midnight after.

    `busy`: the time is taken.
    """

    uid: str
    title: str
    start: str
    end: str
    all_day: bool
    location: str
    description: str
    repeats: bool
    busy: bool


class Agenda(TypedDict):
    """What happens in a span, in order of time. `problems` are events that could not be read, with the reason."""

    events: list[Occurrence]
    problems: list[str]


class Calendar(TypedDict):
    """A calendar of an account."""

    account: str
    name: str


class Written(TypedDict):
    """An event that is in a calendar now; `path` is the file, None on a server."""

    uid: str
    title: str
    start: str
    end: str
    path: str | None


@tool(effect="read", outward=True, timeout_s=_TIMEOUT_S)
async def list_(context: ToolContext) -> list[Calendar]:
    """Lists the calendars that the accounts of the settings have on their servers."""
    found: list[Calendar] = []
    for name in context.config.tools.calendars.accounts:
        async with opened(context.config, name) as server:
            found += [{"account": name, "name": one.name} for one in await server.collections()]
    return found


@tool(effect="read", outward=True, timeout_s=_TIMEOUT_S)
async def events(
    context: ToolContext, start: When, end: When, path: str = "", account: Name = "", *, timezone: str = "UTC",
    contains: Name = "", now: str = "",
) -> Agenda:  # fmt: skip
    """Lists events and meetings between two times, in a calendar file (path, .ics) or else in an account's calendar.

    Repeated events come at each of their times. Times may be words, such as "next monday". `contains` is a word of
    title, place or description. The result's start and end are what dates.free_slots takes as busy.
    """
    where = zone(timezone)
    window = Window(
        start=moment(start, timezone, now), end=moment(end, timezone, now), zone=where,
        most=context.config.tools.calendars.max_occurrences,
    )  # fmt: skip
    if not dt.timedelta(0) < window.end - window.start <= _LONGEST:
        raise ToolError(f"expected an end after the start and within ten years, got {start!r} to {end!r}")
    texts = [await in_thread(lambda: _file_text(context.workspace.readable(path)))] if path else None
    if texts is None:
        async with opened(context.config, account) as server:
            texts = await server.between(await server.collection(), window.start, window.end)
    read = texts
    found, problems = await in_thread(lambda: _happenings(read, window))
    kept = [one for one in found if contains.casefold() in f"{one.title} {one.location} {one.description}".casefold()]
    return {"events": [_occurrence(one, window) for one in kept], "problems": problems[:50]}


@tool(effect="write")
def save(
    context: ToolContext, path: Annotated[str, Field(min_length=1)], title: Line, start: When, end: When = "", *,
    timezone: str = "UTC", location: Name = "", description: Text = "", rule: Rule = "", now: str = "",
) -> Written:  # fmt: skip
    """Writes an event into a calendar file (.ics) of the workspace, which is made when it is not there.

    `end` empty: an hour later; dates alone as YYYY-MM-DD make whole days. `rule` repeats it (RFC 5545).
    """
    new = _new(context, title, start, end, timezone, now=now, location=location, description=description, rule=rule)
    target = context.workspace.writable(path)
    stamp = dt.datetime.now(dt.UTC)
    text = added_to(_file_text(target), new, stamp) if target.exists() else calendar_of(new, stamp)
    beside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    beside.write_bytes(text.encode())
    beside.replace(target)
    return _written(new, str(target))


@tool(effect="write", outward=True, destructive=True, idempotent=True, timeout_s=_TIMEOUT_S)
async def add(
    context: ToolContext, title: Line, start: When, end: When = "", account: Name = "", *, timezone: str = "UTC",
    location: Name = "", description: Text = "", rule: Rule = "", now: str = "",
) -> Written:  # fmt: skip
    """Adds an event or meeting to an account's calendar on its server; a person is asked first.

    `end` empty: an hour later; dates alone as YYYY-MM-DD make whole days. `rule` repeats it (RFC 5545).
    """
    new = _new(context, title, start, end, timezone, now=now, location=location, description=description, rule=rule)
    text = calendar_of(new, dt.datetime.now(dt.UTC))
    async with opened(context.config, account) as server:
        await server.put(await server.collection(), new.uid, text)
    return _written(new, None)


@tool(effect="write", outward=True, destructive=True, idempotent=True, timeout_s=_TIMEOUT_S)
async def remove(context: ToolContext, uid: Line, account: Name = "") -> bool:
    """Removes an event, with all its repetitions, from an account's calendar; a person is asked first.

    The uid comes from calendars.events. False: there is none.
    """
    async with opened(context.config, account) as server:
        return await server.remove(await server.collection(), uid)


def _happenings(texts: list[str], window: Window) -> tuple[list[Happening], list[str]]:
    return happenings([event for text in texts for event in components(text)], window)


def _file_text(path: Path) -> str:
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        raise ToolError(f"expected a calendar file of at most {_MOST_BYTES:,} bytes, got {str(path)!r}")
    return decoded(path.read_bytes())[0]


def _new(
    context: ToolContext, title: str, start: str, end: str, timezone: str, *, now: str, **more: str
) -> NewEvent:  # fmt: skip
    key = context.idempotency_key
    uid = f"{hashlib.sha256(key.encode()).hexdigest()[:32] if key else uuid.uuid4().hex}@planloom"
    if (day := _date(start)) is not None:
        last = _date(end) if end else day
        if last is None:
            raise ToolError(f"expected the end as a date too, such as {start}, got {end!r}; or give both with a time")
        return NewEvent(uid=uid, title=title, start=day, end=last, **more)
    begins = moment(start, timezone, now)
    ends = moment(end, timezone, now) if end else begins + dt.timedelta(hours=1)
    return NewEvent(uid=uid, title=title, start=begins, end=ends, **more)


def _date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text.strip())
    except ValueError:
        return None


def _occurrence(one: Happening, window: Window) -> Occurrence:
    return {
        "uid": one.uid,
        "title": one.title,
        "start": one.start.astimezone(window.zone).isoformat(),
        "end": one.end.astimezone(window.zone).isoformat(),
        "all_day": one.all_day,
        "location": one.location,
        "description": one.description,
        "repeats": one.repeats,
        "busy": one.busy,
    }


def _written(new: NewEvent, path: str | None) -> Written:
    return {
        "uid": new.uid,
        "title": new.title,
        "start": new.start.isoformat(),
        "end": new.end.isoformat(),
        "path": path,
    }
