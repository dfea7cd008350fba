"""Date ranges in words: "last quarter", "January to March 2025", "Q3 2024", "since May". Ranges include both ends.

Rule: calendar words mean whole calendar periods ("last month", "this year", weeks from Monday); a number of them means
up to today ("last 30 days", "past year"). A month or day without a year is the latest one that has begun. 03/04/2025 is
refused because it reads both ways; 03.04.2025 is day first.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

Range = tuple[date, date]

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_YEAR = r"(?P<year>(?:19|20)\d\d)(?!\d)(?![-/.]\d{1,2}(?!\d))"
_OF_YEAR = rf"(?:,?\s*(?:of\s+)?{_YEAR})?"
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?(?![\d:])"
_LAST_DAY = r"(?P<last>[0-3]?\d)(?:st|nd|rd|th)?(?![\d:])"
_TO = r"\s*(?:\bto\b|\buntil\b|\btill\b|\bthrough\b|\bthru\b|\.\.\.?|-|–|—)\s*"
_PERIOD = r"(?P<period>day|week|month|quarter|year)"
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
        this = self.at(today.year, today)
        return this if this[0] <= today else self.at(today.year - 1, today)


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
    found = [
        f
        for f in find_ranges(text)
        if not re.sub(r"(?i)\b(from|the|in|for|during|of|all)\b|\W", "", text[: f.start] + text[f.end :])
    ]
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
    opening = re.compile(r"(between|from|since|after|starting|until|till|before|up to)\s+", re.IGNORECASE).match(
        text, start
    )
    word = opening[1].lower() if opening else ""
    first = _unit_at(text, opening.end() if opening else start)
    if first is None:
        return None
    unit, end = first
    separator = re.compile(r"\s+and\s+" if word == "between" else _TO + r"|\s*/\s*", re.IGNORECASE).match(text, end)
    second = _unit_at(text, separator.end()) if separator and word not in ("until", "till", "before", "up to") else None
    if second is not None:
        last, end = second
        return Found(start, end, lambda today: _joined(unit, last, today))
    onwards = re.compile(r"\s+onwards?\b|\s+on\b", re.IGNORECASE).match(text, end) if word == "from" else None
    if word in ("since", "after", "starting") or onwards:
        return Found(start, onwards.end() if onwards else end, lambda today: _since(unit, today, after=word == "after"))
    if word in ("until", "till", "before", "up to"):
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
    start = end + timedelta(days=1) if after else begin
    if start > today:
        raise ValueError(f"a beginning up to today ({today}), not {start}")
    return start, today


def _no_beginning(today: date) -> Range:
    raise ValueError('a range with a beginning, such as "January to March 2025"')


def _unit_at(text: str, position: int) -> tuple[Unit, int] | None:
    best: tuple[Unit, int] | None = None
    for pattern, make in _UNITS:
        match = pattern.match(text, position)
        if match and (best is None or match.end() > best[1]) and _is_meant(match):
            best = (make(match), match.end())
    return best


def _is_meant(match: re.Match[str]) -> bool:
    """Not the verbs may and march."""
    if match[0].lower().rstrip(".") not in ("may", "march", "mar"):
        return True
    return (
        bool(_SURE_BEFORE.search(match.string[: match.start()]))
        or (match[0][0].isupper() and match.start() > 0)
        or match[0] == match.string
    )


def _month_number(match: re.Match[str]) -> int:
    return next(n for n, name in enumerate(_MONTHS, 1) if name.startswith(match["month"].lower()[:3]))


def _year_of(match: re.Match[str]) -> int | None:
    return int(match["year"]) if match["year"] else None


def _months(year: int, first: int, count: int) -> Range:
    last = first + count - 1
    return date(year, first, 1), date(year, last, monthrange(year, last)[1])


def _iso_day(match: re.Match[str]) -> Unit:
    year, month, day = int(match["year"]), int(match["m"]), int(match["day"])
    return Unit(lambda y, _: (date(y, month, day), date(y, month, day)), year)


def _numeric_day(match: re.Match[str]) -> Unit:
    one, two, year = int(match["one"]), int(match["two"]), int(match["year"])
    day, month = (one, two) if match["sign"] == "." or two <= 12 else (two, one)

    def at(y: int, _: date) -> Range:
        if match["sign"] != "." and one <= 12 and two <= 12 and one != two:
            raise ValueError(f"a date that reads one way: {y}-{two:02}-{one:02} or {y}-{one:02}-{two:02}")
        return date(y, month, day), date(y, month, day)

    return Unit(at, year)


def _iso_month(match: re.Match[str]) -> Unit:
    month = int(match["m"])
    return Unit(lambda y, _: _months(y, month, 1), int(match["year"]))


def _days(match: re.Match[str]) -> Unit:
    month, first = _month_number(match), int(match["day"])
    last = int(match.groupdict().get("last") or first)
    return Unit(lambda y, _: (date(y, month, first), date(y, month, last)), _year_of(match))


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
    except OverflowError as error:
        raise ValueError(f"a beginning after the year 1, not {count} {period}s ago") from error


def _other_words(text: str, today: date) -> date | None:
    if not re.search(r"[^\W\d_]{3}", text) or len(text) > 60 or not re.search(r"\d|\s", text):
        return None
    import dateparser

    base = datetime.combine(today, time(12))
    found = dateparser.parse(
        text, settings={"RELATIVE_BASE": base, "PREFER_DATES_FROM": "past", "REQUIRE_PARTS": ["day"], "TIMEZONE": "UTC"}
    )
    return None if found is None else found.date()


def _units() -> Iterator[tuple[re.Pattern[str], Callable[[re.Match[str]], Unit]]]:
    count = rf"(?P<count>\d{{1,4}}|{'|'.join(_COUNTS[1:])})"
    for pattern, make in (
        (r"(?P<year>\d{4})-(?P<m>\d{1,2})-(?P<day>\d{1,2})(?:T[\d:.]+Z?)?(?!\w)", _iso_day),
        (r"(?P<one>\d{1,2})(?P<sign>[./-])(?P<two>\d{1,2})(?P=sign)(?P<year>\d{4})(?!\w)", _numeric_day),
        (r"(?P<year>(?:19|20)\d\d)[-/](?P<m>0[1-9]|1[0-2])(?![\w-])", _iso_month),
        (r"(?P<m>0?[1-9]|1[0-2])/(?P<year>(?:19|20)\d\d)(?!\w)", _iso_month),
        (rf"(?:the\s+)?{_DAY}(?:{_TO}{_LAST_DAY})?\s*(?:of\s+)?{_MONTH}{_OF_YEAR}(?!\w)", _days),
        (rf"{_MONTH}\s*{_DAY}(?:{_TO}{_LAST_DAY})?{_OF_YEAR}(?!\w)", _days),
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
    ):
        yield re.compile(pattern, re.IGNORECASE), make


_UNITS = tuple(_units())
