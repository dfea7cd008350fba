"""Days from the texts people write. Rule: what can be read two ways is decided by the whole column, and counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_OTHER_MONTHS = {"mär": "mar", "mai": "may", "okt": "oct", "dez": "dec", "mrz": "mar", "ene": "jan", "abr": "apr"}
_DAY_OF_SERIAL_0 = 25_569  # 1970-01-01 as a serial of Excel


@dataclass(frozen=True, slots=True)
class Days:
    """`days` (n,) Date with nulls where a text is no day; what was repaired or assumed, counted."""

    days: pl.Series
    repairs: dict[str, int]


def parse(texts: pl.Series) -> Days:
    """Days of a column of texts: ISO, day or month first, names of months, Excel's serials, with or without a time."""
    import polars as pl

    raw = pl.col("raw")
    numeric = raw.str.extract_groups(r"^(\d{1,4})[-/. ](\d{1,2})[-/. ](\d{1,4})(?:[T ,].*)?$")
    named = raw.str.extract_groups(r"^(\d{1,2})[-. ]*([a-zä]{3})[a-zä]*[-., ]*(\d{4}|\d{2})(?:[T ,].*)?$")
    american = raw.str.extract_groups(
        r"^([a-zä]{3})[a-zä]*[-. ]*(\d{1,2})(?:st|nd|rd|th)?[-., ]*(\d{4}|\d{2})(?:[T ,].*)?$"
    )
    frame = pl.DataFrame({"raw": texts.cast(pl.String).str.strip_chars().str.to_lowercase()})
    frame = frame.with_columns(
        compact=raw.str.extract(r"^((?:19|20)\d{6})$", 1).str.to_date("%Y%m%d", strict=False),
        serial=pl.when(raw.str.contains(r"^[2-6]\d{4}(\.\d+)?$")).then(
            (raw.cast(pl.Float64, strict=False).floor() - _DAY_OF_SERIAL_0).cast(pl.Int32, strict=False).cast(pl.Date)
        ),
        first=numeric.struct.field("1").cast(pl.Int32, strict=False),
        second=numeric.struct.field("2").cast(pl.Int32, strict=False),
        third=numeric.struct.field("3").cast(pl.Int32, strict=False),
        named=_date(_year(named.struct.field("3")), _month(named.struct.field("2")), named.struct.field("1")),
        american=_date(
            _year(american.struct.field("3")), _month(american.struct.field("1")), american.struct.field("2")
        ),
    )
    is_short = (pl.col("first") <= 99) & pl.col("third").is_not_null()
    day_first = _is_day_first(frame.filter(is_short))
    day, month = ("first", "second") if day_first else ("second", "first")
    frame = frame.with_columns(
        iso=pl.when(pl.col("first") > 99).then(_date(pl.col("first"), pl.col("second"), pl.col("third"))),
        usual=pl.when(is_short).then(_date(_century(pl.col("third")), pl.col(month), pl.col(day))),
        swapped=pl.when(is_short).then(_date(_century(pl.col("third")), pl.col(day), pl.col(month))),
    )
    order = ["iso", "usual", "swapped", "named", "american", "compact", "serial"]
    days = frame.select(days=pl.coalesce(order))["days"]
    return Days(days, _repairs(frame, days, day_first=day_first))


def _is_day_first(short: pl.DataFrame) -> bool:
    """What the days above 12 say; with none, points mean the day is first and strokes the month."""
    import polars as pl

    first = short.filter((pl.col("first") > 12) & (pl.col("second") <= 12)).height
    second = short.filter((pl.col("second") > 12) & (pl.col("first") <= 12)).height
    if first or second:
        return first >= second
    return bool(short.filter(pl.col("raw").str.contains(".", literal=True)).height * 2 > short.height)


def _repairs(frame: pl.DataFrame, days: pl.Series, *, day_first: bool) -> dict[str, int]:
    import polars as pl

    shapes = [name for name in ("iso", "usual", "named", "american", "compact", "serial") if frame[name].count()]
    style = "day" if day_first else "month"
    swapped = frame.filter(pl.col("iso").is_null() & pl.col("usual").is_null() & pl.col("swapped").is_not_null()).height
    both = frame.filter((pl.col("usual") != pl.col("swapped")) & pl.col("iso").is_null()).height
    counted = {
        f"dates like 3/4/2025 read with the {style} first": both,
        f"dates whose {style} can't be first, read the other way round": swapped,
        "dates as serial numbers of Excel": frame["serial"].count(),
    }
    if len(shapes) > 1:
        usual = max(shapes, key=lambda name: frame[name].count())
        counted["dates in another format than most"] = days.count() - frame[usual].count()
    return {what: int(number) for what, number in counted.items() if number}


def _date(year: pl.Expr, month: pl.Expr, day: pl.Expr) -> pl.Expr:
    import polars as pl

    written = pl.concat_str(
        year.cast(pl.Int32, strict=False).cast(pl.String),
        month.cast(pl.Int32, strict=False).cast(pl.String).str.zfill(2),
        day.cast(pl.Int32, strict=False).cast(pl.String).str.zfill(2),
        separator="-",
    )
    return written.str.to_date("%Y-%m-%d", strict=False)


def _year(text: pl.Expr) -> pl.Expr:
    import polars as pl

    return _century(text.cast(pl.Int32, strict=False))


def _century(year: pl.Expr) -> pl.Expr:
    """Years of two digits lie in 1970 to 2069."""
    import polars as pl

    return pl.when(year < 70).then(year + 2000).when(year < 100).then(year + 1900).otherwise(year)


def _month(name: pl.Expr) -> pl.Expr:
    import polars as pl

    numbers = {month: at for at, month in enumerate(_MONTHS, start=1)}
    numbers |= {other: numbers[month] for other, month in _OTHER_MONTHS.items()}
    return name.replace_strict(numbers, default=None, return_dtype=pl.Int32)
