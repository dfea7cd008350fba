"""Date ranges in words: "last quarter", "January to March 2025", "Q3 2024", "since May". Ranges include both ends.

Rule: calendar words mean whole calendar periods ("last month", "this year", weeks from Monday); a number of them means
up to today ("last 30 days", "past year"). A month or day without a year is the latest one that has begun. 03/04/2025 is
refused because it reads both ways; 03.04.2025 is day first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from .dateunits import TO, Range, Unit, unit_at

_OPENING = re.compile(r"(between|from|since|after|starting|until|till|before|up to)\s+", re.IGNORECASE)
_ONWARDS = re.compile(r"\s+onwards?\b|\s+on\b", re.IGNORECASE)
_AND = re.compile(r"\s+and\s+", re.IGNORECASE)
_SEPARATOR = re.compile(rf"{TO}|\s*/\s*", re.IGNORECASE)
_SINCE = ("since", "after", "starting")
_UNTIL = ("until", "till", "before", "up to")
_NO_DAY = re.compile(r"\d\d+s\b|\b(?:fortnight|decade|century|hour|minute|second)s?\b", re.IGNORECASE)
_AROUND = re.compile(r"\b(?:from|the|in|for|during|of|all|whole)\b|\W", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """Characters `start` to `end` of a text name a range; `resolve` gives it, ValueError says why it can't be one."""

    start: int
    end: int
    resolve: Callable[[date], Range]


def parse_range(text: str, today: date) -> Range:
    """The range that the whole text names; a single day in other words or languages is understood too.

    Raises:
        ValueError: it names none, or can be read in two ways; says which.
    """
    text = text.strip().rstrip(".")
    found = [f for f in find_ranges(text) if not _AROUND.sub("", text[: f.start] + text[f.end :])]
    if found:
        return found[0].resolve(today)
    day = _other_words(text, today)
    if day is None:
        raise ValueError(
            'a date range such as "January to March 2025", "Q3 2024", "last 30 days" or "2025-01-01 to 2025-03-31"'
        )
    return day, day


def find_ranges(text: str) -> list[Found]:
    """Every date range a text names, in order, never overlapping; the longest reading of each."""
    found, position = [], 0
    while position < len(text):
        if position and (text[position - 1].isalnum() or text[position - 1] in "_$€£.-/"):
            position += 1
            continue
        one = _range_at(text, position)
        if one is not None:
            found.append(one)
        position = one.end if one is not None else position + 1
    return found


def _range_at(text: str, start: int) -> Found | None:
    opening = _OPENING.match(text, start)
    word = opening[1].lower() if opening else ""
    first = unit_at(text, opening.end() if opening else start)
    if first is None:
        return None
    unit, end = first
    separator = (_AND if word == "between" else _SEPARATOR).match(text, end)
    second = unit_at(text, separator.end()) if separator and word not in _UNTIL else None
    if second is not None:
        last, end = second
        return Found(start, end, lambda today: _joined(unit, last, today))
    onwards = _ONWARDS.match(text, end) if word == "from" else None
    if word in _SINCE or onwards:
        return Found(start, onwards.end() if onwards else end, lambda today: _since(unit, today, after=word == "after"))
    if word in _UNTIL:
        return Found(start, end, _no_beginning)
    return Found(opening.end() if opening else start, end, unit.resolve)


def _joined(first: Unit, last: Unit, today: date) -> Range:
    if first.yearly and first.year is None and last.year is not None:
        end = last.resolve(today)[1]
        start = first.at(last.year, today)[0]
        start = start if start <= end else first.at(last.year - 1, today)[0]
    elif last.yearly and last.year is None:
        start = first.resolve(today)[0]
        end = last.at(start.year, today)[1]
        end = end if end >= start else last.at(start.year + 1, today)[1]
    else:
        start, end = first.resolve(today)[0], last.resolve(today)[1]
    if start > end:
        raise ValueError(f"a range that begins before it ends, not {start} to {end}")
    return start, end


def _since(unit: Unit, today: date, *, after: bool) -> Range:
    begin, end = unit.resolve(today)
    if (end if after else begin) >= today + timedelta(days=not after):
        raise ValueError(f"a beginning up to today ({today}), not {'after ' * after}{end if after else begin}")
    return (end + timedelta(days=1) if after else begin), today


def _no_beginning(today: date) -> Range:
    raise ValueError('a range with a beginning, such as "January to March 2025"')


def _other_words(text: str, today: date) -> date | None:
    if _NO_DAY.search(text):
        return None
    if not re.search(r"[^\W\d_]{3}", text) or len(text) > 60 or not re.search(r"\d|\s", text):
        return None
    import dateparser

    base = datetime.combine(today, time(12))
    found = dateparser.parse(
        text, settings={"RELATIVE_BASE": base, "PREFER_DATES_FROM": "past", "REQUIRE_PARTS": ["day"], "TIMEZONE": "UTC"}
    )
    return None if found is None else found.date()
