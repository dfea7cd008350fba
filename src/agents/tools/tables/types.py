"""Finds out what the texts of a column mean (numbers, dates, yes or no) and converts them.

Rule: a column is converted when at least 90 % of its values fit; values that don't fit are counted, with examples.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import polars as pl

Meaning = Literal["text", "number", "date", "boolean"]
FIT = 0.9
MISSING = frozenset(
    {"", "na", "n/a", "#n/a", "nan", "null", "(null)", "\\n", "nil", "<na>", "#value!", "#ref!", "#div/0!"}
)
MISSING_IF_NOT_TEXT = MISSING | {"-", "--", "---", "?", ".", "none", "unknown", "missing", "tbd", "n.a.", "k.a."}
TRUE = frozenset({"true", "yes", "y", "t", "ja", "oui", "on"})
FALSE = frozenset({"false", "no", "n", "f", "nein", "non", "off"})


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a column becomes. `comma`: the comma is the decimal mark. `day_first`: 03/04 is the third of April.

    `note` says what was assumed and could be otherwise, empty if nothing. `keep_na`: NA is a value (a country code).
    """

    meaning: Meaning
    comma: bool = False
    day_first: bool = True
    note: str = ""
    keep_na: bool = False


def decide(values: Sequence[str], *, name: str = "", european: bool = False) -> Conversion:
    """The conversion that fits a sample of a column's texts (None left out)."""
    texts = [text for value in values if (text := value.strip()).lower() not in MISSING_IF_NOT_TEXT]
    if not texts:
        return Conversion("text")
    lower = {text.lower() for text in texts}
    if lower <= TRUE | FALSE:
        return Conversion("boolean")
    needed = FIT * len(texts)
    if _count_dates(texts, name) >= needed:
        return _date_conversion(texts, european=european)
    if _has_leading_zeros(texts):
        return Conversion("text", note="kept as text because numbers start with 0, as codes do")
    if any(len(text) > 18 and text.isdigit() for text in texts):
        return Conversion("text", note="kept as text because its numbers are too long to count with")
    dots = sum(parse_number(text, comma=False) is not None for text in texts)
    commas = sum(parse_number(text, comma=True) is not None for text in texts)
    if max(dots, commas) >= needed:
        return _number_conversion(texts, dots, commas, european=european)
    codes = sum(bool(re.fullmatch(r"[A-Z]{2}", text)) for text in texts)
    return Conversion("text", keep_na=codes >= 0.8 * len(texts))


def _has_leading_zeros(texts: Sequence[str]) -> bool:
    zeros = sum(bool(re.fullmatch(r"0\d+", text)) for text in texts)
    return zeros > 0.01 * len(texts) and sum(text.isdigit() for text in texts) >= FIT * len(texts)


def _number_conversion(texts: Sequence[str], dots: int, commas: int, *, european: bool) -> Conversion:
    if dots != commas:
        return Conversion("number", comma=commas > dots)
    differing = [t for t in texts if parse_number(t, comma=False) != parse_number(t, comma=True)]
    if not differing or (not european and "," not in differing[0]):
        return Conversion("number", comma=False)
    example = differing[0]
    read = parse_number(example, comma=european)
    return Conversion("number", comma=european, note=f"{example!r} could be read in two ways; it was read as {read:g}")


def _count_dates(texts: Sequence[str], name: str) -> int:
    compact = sum(bool(re.fullmatch(r"\d{8}|\d{14}", text)) for text in texts)
    if compact and len(texts) < 20 and not re.search(r"date|datum|day|time|dt|fecha", name.lower()):
        return 0
    return sum(parse_date(text, day_first=True) is not None for text in texts)


def _date_conversion(texts: Sequence[str], *, european: bool) -> Conversion:
    parts = [m for text in texts if (m := _DAY_MONTH.match(text))]
    day_first = sum(int(m[1]) > 12 >= int(m[3]) for m in parts)
    month_first = sum(int(m[3]) > 12 >= int(m[1]) for m in parts)
    if day_first != month_first or not parts:
        return Conversion("date", day_first=day_first >= month_first)
    by_dots = any(m[2] == "." for m in parts)
    order = "day/month" if european or by_dots else "month/day"
    note = "" if by_dots else f"dates like {parts[0].string!r} were read as {order}; nothing in the column says which"
    return Conversion("date", day_first=order == "day/month", note=note)


_BLANKS = re.compile(r"[\s\u00a0\u202f'\u2019_]+")
_UNIT = re.compile(r"(?i)^(?:usd|eur|gbp|chf|us\$|[$€£¥₹])|(?:usd|eur|gbp|chf|[$€£¥₹%])$")
_DOT_NUMBER = re.compile(r"[+-]?(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)?(?:(?<=\d)\.\d*|\.\d+)?(?:[eE][+-]?\d+)?")
_COMMA_NUMBER = re.compile(r"[+-]?(?:[1-9]\d{0,2}(?:\.\d{3})+|\d+)?(?:(?<=\d),\d*|,\d+)?(?:[eE][+-]?\d+)?")


@lru_cache(maxsize=65_536)
def parse_number(text: str, *, comma: bool) -> float | None:
    """The number a person wrote: thousands marks, currency signs, %, (1.50) and 1.50- for negative; None if it is none.

    12 % is 12.0. The text is taken whole: letters beside the number make it no number.
    """
    bare = _BLANKS.sub("", text).replace("\u2212", "-")
    sign = 1.0
    if bare.startswith("(") and bare.endswith(")"):
        bare, sign = bare[1:-1], -1.0
    elif bare.endswith("-") and not bare.startswith("-"):
        bare, sign = bare[:-1], -1.0
    minus = bare.startswith("-")
    bare = _UNIT.sub("", bare.lstrip("-") if minus else bare)
    if not bare or bare[-1] in "eE+-" or not (_COMMA_NUMBER if comma else _DOT_NUMBER).fullmatch(bare):
        return None
    digits = bare.replace(".", "").replace(",", ".") if comma else bare.replace(",", "")
    try:
        number = float(digits)
    except ValueError:
        return None
    number = -number if minus else number
    return sign * number if abs(number) < 1e300 else None


_TIME = (
    r"(?:(?:T|[ ,]+|(?<=\d{8}))(?P<h>\d{1,2}):?(?P<mi>\d{2})(?::?(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    r"\s*(?P<ap>[AaPp])?(?:\.?[Mm]\.?)?\s*(?P<z>Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_DATES = [
    re.compile(_WEEKDAY + form + _TIME, re.IGNORECASE)
    for form in (
        r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})",
        r"(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<y>\d{4}|\d{2})",
        r"(?P<d>\d{1,2})(?:st|nd|rd|th)?[ .-]*(?P<name>[^\W\d_]{3,10})[ .,-]*(?P<y>\d{4}|\d{2})",
        r"(?P<name>[^\W\d_]{3,10})[ .-]*(?P<d>\d{1,2})(?:st|nd|rd|th)?,?[ -]+(?P<y>\d{4})",
        r"(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})",
    )
]
_MONTH_ONLY = re.compile(r"(?P<y>(?:19|20)\d{2})[-/](?P<m>\d{2})|(?P<name>[^\W\d_]{3,10})[ -](?P<year>\d{4})")
_DAY_MONTH = re.compile(r"(\d{1,2})([-/.])(\d{1,2})[-/.](?:\d{4}|\d{2})\b")
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar janvier enero ene jän",
            "feb february februar février fév febrero",
            "mar march märz mär mars marzo mrz",
            "apr april avril avr abril abr",
            "may mai mayo",
            "jun june juni juin junio",
            "jul july juli juillet julio juil",
            "aug august août aoû agosto ago",
            "sep sept september septembre septiembre",
            "oct october oktober okt octobre octubre",
            "nov november novembre noviembre",
            "dec december dezember dez décembre déc diciembre dic",
        ),
        1,
    )
    for name in names.split()
}


@lru_cache(maxsize=65_536)
def parse_date(text: str, *, day_first: bool) -> dt.datetime | None:
    """The date, and time if there is one, that a person wrote; None if it is none. With an offset: in UTC.

    A day or month above 12 is taken for what it must be, whatever `day_first` says. Years of two digits: 1970 to 2069.
    """
    text = text.strip()
    for form in _DATES:
        if match := form.fullmatch(text):
            return _made_date(match.groupdict(), day_first=day_first)
    if match := _MONTH_ONLY.fullmatch(text):
        parts = match.groupdict()
        return _made_date(parts | {"y": parts["y"] or parts["year"], "d": "1"}, day_first=day_first)
    return None


def _made_date(parts: dict[str, Any], *, day_first: bool) -> dt.datetime | None:
    day, month = parts.get("d"), parts.get("m")
    if parts.get("name"):
        month = _MONTHS.get(parts["name"].lower())
        if month is None:
            return None
    if parts.get("a"):
        first, second = int(parts["a"]), int(parts["b"])
        swapped = first > 12 or (day_first and second <= 12)
        day, month = (first, second) if swapped else (second, first)
    year = int(parts["y"])
    year += 0 if year >= 100 else 2000 if year < 70 else 1900
    try:
        date = dt.datetime(year, int(month or 0), int(day or 0), *_clock(parts))  # noqa: DTZ001  # as written
    except ValueError:
        return None
    return date - _offset(parts.get("z"))


def _clock(parts: dict[str, Any]) -> tuple[int, int, int, int]:
    hour = int(parts.get("h") or 0)
    if half := parts.get("ap"):
        hour = hour % 12 + (12 if half in "pP" else 0)
    return hour, int(parts.get("mi") or 0), int(parts.get("s") or 0), int((parts.get("f") or "0").ljust(6, "0")[:6])


def _offset(zone: str | None) -> dt.timedelta:
    if not zone or zone[0] not in "+-":
        return dt.timedelta()
    digits = zone[1:].replace(":", "")
    size = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return size if zone[0] == "+" else -size


@dataclass(frozen=True, slots=True)
class Converted:
    """A converted column; `lost` values could not be converted and are missing now."""

    series: pl.Series
    present: int
    lost: int
    examples: tuple[str, ...] = ()


def convert(texts: pl.Series, how: Conversion) -> Converted:
    """One piece of a column, converted. Numbers come as Int64 when all are whole, else Float64."""
    import polars as pl

    bare = texts.str.strip_chars()
    gone = MISSING if how.meaning == "text" else MISSING_IF_NOT_TEXT
    if how.keep_na:
        gone = gone - {"na"}
    is_gone = bare.str.to_lowercase().is_in(list(gone))
    bare = pl.select(pl.when(~is_gone).then(bare)).to_series().alias(texts.name)
    match how.meaning:
        case "text":
            made = bare
        case "boolean":
            words = bare.str.to_lowercase()
            known = words.is_in(list(TRUE | FALSE))
            made = pl.select(pl.when(known).then(words.is_in(list(TRUE)))).to_series()
        case "number":
            made = _numbers(bare, comma=how.comma)
        case "date":
            made = _dates(bare, day_first=how.day_first)
    return _told(made.alias(texts.name), bare)


def _told(made: pl.Series, bare: pl.Series) -> Converted:
    lost = bare.filter(made.is_null() & bare.is_not_null())
    return Converted(
        made, bare.len() - bare.null_count(), lost.len(), tuple(lost.head(50).unique(maintain_order=True)[:3])
    )


def _numbers(bare: pl.Series, *, comma: bool) -> pl.Series:
    import polars as pl

    whole = bare.cast(pl.Int64, strict=False)
    if whole.null_count() == bare.null_count():
        return whole
    if comma:
        simple = bare.str.contains(r"^[+-]?\d+(,\d+)?$")
        direct = pl.select(pl.when(simple).then(bare.str.replace(",", ".", literal=True))).to_series()
        made = direct.cast(pl.Float64, strict=False)
    else:
        made = bare.cast(pl.Float64, strict=False)
    made = _by_value(made, bare, lambda text: parse_number(text, comma=comma), pl.Float64)
    is_whole = bool((made == made.round()).all()) and not bool((made.abs() > 2**53).any())
    return made.cast(pl.Int64) if is_whole else made


def _dates(bare: pl.Series, *, day_first: bool) -> pl.Series:
    import polars as pl

    made = bare.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"):
        if made.null_count() > bare.null_count():
            more = bare.str.to_datetime(form, strict=False, time_unit="us")
            made = pl.select(pl.coalesce(made, more)).to_series()
    return _by_value(made, bare, lambda text: parse_date(text, day_first=day_first), pl.Datetime("us"))


def _by_value(made: pl.Series, bare: pl.Series, parse: Callable[[str], Any], kind: Any) -> pl.Series:
    """`made` with what is still missing parsed one distinct text at a time; only finite numbers stay."""
    import polars as pl

    open_texts = bare.filter(made.is_null() & bare.is_not_null()).unique()
    if open_texts.len():
        parsed = pl.Series([parse(text) for text in open_texts], dtype=kind)
        filled = bare.replace_strict(open_texts, parsed, default=None, return_dtype=kind)
        made = pl.select(pl.coalesce(made, filled)).to_series()
    if kind == pl.Float64:
        made = pl.select(pl.when(made.is_finite()).then(made)).to_series()
    return made
