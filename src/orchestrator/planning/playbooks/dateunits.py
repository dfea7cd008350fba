"""Stretches of the calendar in words: a day, a month, a quarter, "last week", "past 30 days".

Rule: one table of wordings (`_units`), the longest that fits a place wins.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

Range = tuple[date, date]

_MONTH_NAMES = "january february march april may june july august september october november december"
_MONTHS = _MONTH_NAMES.split()
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_YEAR = r"(?P<year>(?:19|20)\d\d)(?!\d)(?![-/.]\d{1,2}(?!\d))"
_OF_YEAR = rf"(?:,?\s*(?:of\s+)?{_YEAR})?"
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?(?![\d:])"
_LAST_DAY = r"(?P<last>[0-3]?\d)(?:st|nd|rd|th)?(?![\d:])"
TO = r"\s*(?:\bto\b|\buntil\b|\btill\b|\bthrough\b|\bthru\b|\.\.\.?|-|\u2013|\u2014)\s*"
_PERIOD = r"(?P<period>day|week|month|quarter|year)"
_LEAP_YEARS_APART = 8
_COUNTS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_ORDINALS = {
    word: n
    for n, pair in enumerate(("first 1st", "second 2nd", "third 3rd", "fourth 4th last"), 1)
    for word in pair.split()
}
_ORDINAL = r"(?P<ordinal>first|second|third|fourth|last|1st|2nd|3rd|4th)"
_SURE_BEFORE = re.compile(
    r"\b(?:in|since|from|until|till|to|through|for|during|of|between|and|last|this|before|after)\s+$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A stretch of the calendar. `at` gives it for a year and today; `year` None: the text does not say."""

    at: Callable[[int, date], Range]
    year: int | None = None
    yearly: bool = True

    def resolve(self, today: date) -> Range:
        """The stretch; without a year the latest that has begun."""
        if not self.yearly or self.year is not None:
            return self.at(self.year or today.year, today)
        years = range(today.year, today.year - _LEAP_YEARS_APART - 1, -1)
        return next(found for year in years if (found := self._in(year, today)) and found[0] <= today)

    def _in(self, year: int, today: date) -> Range | None:
        try:
            return self.at(year, today)
        except ValueError:
            if year == today.year - _LEAP_YEARS_APART:
                raise
            return None


def unit_at(text: str, position: int) -> tuple[Unit, int] | None:
    """The longest stretch that a text names at `position`, and where it ends; None when it names none."""
    best: tuple[Unit, int] | None = None
    for pattern, make in _units():
        match = pattern.match(text, position)
        if match and (best is None or match.end() > best[1]) and _is_meant(match):
            best = (make(match), match.end())
    return best


def _is_meant(match: re.Match[str]) -> bool:
    """Not the verbs may and march."""
    if match[0].lower().rstrip(".") not in ("may", "march", "mar"):
        return True
    return (
        bool(_SURE_BEFORE.search(match.string[max(0, match.start() - 24) : match.start()]))
        or (match[0][0].isupper() and match.start() > 0)
        or match[0] == match.string
    )


def _month_number(match: re.Match[str]) -> int:
    return next(n for n, name in enumerate(_MONTHS, 1) if name.startswith(match["month"].lower()[:3]))


def _year_of(match: re.Match[str]) -> int | None:
    return int(match["year"]) if match["year"] else None


def _day(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError as error:
        raise ValueError(f"a day that exists, not {year:04}-{month:02}-{day:02}") from error


def _months(year: int, first: int, count: int) -> Range:
    last = first + count - 1
    return date(year, first, 1), date(year, last, monthrange(year, last)[1])


def _iso_day(match: re.Match[str]) -> Unit:
    year, month, day = int(match["year"]), int(match["m"]), int(match["day"])
    return Unit(lambda y, _: (_day(y, month, day), _day(y, month, day)), year)


def _numeric_day(match: re.Match[str]) -> Unit:
    one, two, year = int(match["one"]), int(match["two"]), int(match["year"])
    day, month = (one, two) if match["sign"] == "." or two <= 12 else (two, one)

    def at(y: int, _: date) -> Range:
        if match["sign"] != "." and one <= 12 and two <= 12 and one != two:
            raise ValueError(f"a date that reads one way: {y}-{two:02}-{one:02} or {y}-{one:02}-{two:02}")
        return _day(y, month, day), _day(y, month, day)

    return Unit(at, year)


def _iso_month(match: re.Match[str]) -> Unit:
    month = int(match["m"])
    return Unit(lambda y, _: _months(y, month, 1), int(match["year"]))


def _days(match: re.Match[str]) -> Unit:
    month, first = _month_number(match), int(match["day"])
    last = int(match.groupdict().get("last") or first)
    return Unit(lambda y, _: (_day(y, month, first), _day(y, month, last)), _year_of(match))


def _month(match: re.Match[str]) -> Unit:
    month = _month_number(match)
    return Unit(lambda y, _: _months(y, month, 1), _year_of(match))


def _part_of_year(months: int) -> Callable[[re.Match[str]], Unit]:
    def make(match: re.Match[str]) -> Unit:
        groups = match.groupdict()
        number = int(groups["n"]) if groups.get("n") else _ORDINALS[groups["ordinal"].lower()]
        number = min(number, 12 // months)
        return Unit(lambda y, _: _months(y, (number - 1) * months + 1, months), _year_of(match))

    return make


def _year(match: re.Match[str]) -> Unit:
    return Unit(lambda y, _: _months(y, 1, 12), int(match["year"]))


def _calendar(match: re.Match[str]) -> Unit:
    step = {"this": 0, "current": 0, "next": 1}.get(match["which"].lower(), -1)
    return Unit(lambda _, today: _period(match["period"].lower(), today, step), yearly=False)


def _rolling(match: re.Match[str]) -> Unit:
    told = (match.groupdict().get("count") or "1").lower()
    count = _COUNTS.index(told) if told in _COUNTS else int(told)

    def at(_: int, today: date) -> Range:
        if count == 0:
            raise ValueError(f"a number of {match['period'].lower()}s from 1, not 0")
        return _back(today, match["period"].lower(), count) + timedelta(days=1), today

    return Unit(at, yearly=False)


def _ago(match: re.Match[str]) -> Unit:
    told = match["count"].lower()
    count = _COUNTS.index(told) if told in _COUNTS else int(told)

    def at(_: int, today: date) -> Range:
        day = _back(today, match["period"].lower(), count)
        return day, day

    return Unit(at, yearly=False)


def _to_date(match: re.Match[str]) -> Unit:
    period = match.groupdict().get("period") or "year"
    return Unit(lambda _, today: (_period(period.lower(), today, 0)[0], today), yearly=False)


def _near_day(match: re.Match[str]) -> Unit:
    shift = timedelta(days={"yesterday": -1, "today": 0, "tomorrow": 1}[match[0].lower()])
    return Unit(lambda _, today: (today + shift, today + shift), yearly=False)


def _period(period: str, today: date, step: int) -> Range:
    """The calendar period that is `step` away from the one today is in."""
    match period:
        case "day":
            return today + timedelta(days=step), today + timedelta(days=step)
        case "week":
            monday = today - timedelta(days=today.weekday()) + timedelta(weeks=step)
            return monday, monday + timedelta(days=6)
        case "year":
            return _months(today.year + step, 1, 12)
    size = 3 if period == "quarter" else 1
    index = today.year * 12 // size + (today.month - 1) // size + step
    return _months(index // (12 // size), index % (12 // size) * size + 1, size)


def _back(today: date, period: str, count: int) -> date:
    """The day `count` periods before today; the last of the month where that month is shorter."""
    try:
        if period in ("day", "week"):
            return today - timedelta(days=count * (7 if period == "week" else 1))
        months = today.year * 12 + today.month - 1 - count * {"month": 1, "quarter": 3, "year": 12}[period]
        year, month = divmod(months, 12)
        return date(year, month + 1, min(today.day, monthrange(year, month + 1)[1]))
    except (OverflowError, ValueError) as error:
        raise ValueError(f"a beginning after the year 1, not {count} {period}s ago") from error


@cache
def _units() -> tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Unit]], ...]:
    count = rf"(?P<count>\d{{1,4}}|{'|'.join(_COUNTS[1:])})"
    wordings = (
        (r"(?P<year>\d{4})-(?P<m>\d{1,2})-(?P<day>\d{1,2})(?:T[\d:.]+Z?)?(?!\w)", _iso_day),
        (r"(?P<one>\d{1,2})(?P<sign>[./-])(?P<two>\d{1,2})(?P=sign)(?P<year>\d{4})(?!\w)", _numeric_day),
        (r"(?P<year>(?:19|20)\d\d)[-/](?P<m>0[1-9]|1[0-2])(?![\w-])", _iso_month),
        (r"(?P<m>0?[1-9]|1[0-2])/(?P<year>(?:19|20)\d\d)(?!\w)", _iso_month),
        (rf"(?:the\s+)?{_DAY}(?:{TO}{_LAST_DAY})?\s*(?:of\s+)?{_MONTH}{_OF_YEAR}(?!\w)", _days),
        (rf"{_MONTH}\s*{_DAY}(?:{TO}{_LAST_DAY})?{_OF_YEAR}(?!\w)", _days),
        (rf"{_MONTH}{_OF_YEAR}(?!\w)", _month),
        (rf"q(?P<n>[1-4])(?!\w*[a-z]){_OF_YEAR}(?!\w)", _part_of_year(3)),
        (r"(?P<year>(?:19|20)\d\d)[\s/-]*q(?P<n>[1-4])(?!\w)", _part_of_year(3)),
        (rf"(?:the\s+)?{_ORDINAL}\s+quarter\s+(?:of\s+)?{_YEAR}", _part_of_year(3)),
        (r"(?:the\s+)?(?P<ordinal>first|second|third|fourth|1st|2nd|3rd|4th)\s+quarter(?P<year>)\b", _part_of_year(3)),
        (rf"h(?P<n>[12]){_OF_YEAR}(?!\w)", _part_of_year(6)),
        (rf"(?:the\s+)?(?P<ordinal>first|second|1st|2nd)\s+half(?:\s+of)?{_OF_YEAR}\b", _part_of_year(6)),
        (rf"(?:the\s+)?(?:year\s+)?{_YEAR}(?!\w)", _year),
        (rf"(?:the\s+)?(?P<which>this|current|last|previous|next)\s+{_PERIOD}\b", _calendar),
        (rf"(?:the\s+)?past\s+{_PERIOD}\b", _rolling),
        (rf"(?:the\s+)?(?:last|past|previous)\s+{count}\s+{_PERIOD}s?\b", _rolling),
        (rf"{count}\s+{_PERIOD}s?\s+ago\b", _ago),
        (rf"(?:the\s+)?(?:this\s+)?{_PERIOD}(?:\s+to\s+date|\s+so\s+far)\b", _to_date),
        (r"ytd\b", _to_date),
        (r"(?:yesterday|today|tomorrow)\b", _near_day),
    )
    return tuple((re.compile(pattern, re.IGNORECASE), make) for pattern, make in wordings)
