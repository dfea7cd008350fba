"""Prices by day, from a CSV file or JSON. Rule: a row that can't be read is an error that names it, never left out."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from typing_extensions import TypedDict

from ....errors import ToolError

_MOST_ROWS = 200_000
_COMMA = re.compile(r";\s*\d[\d.]*,\d")  # 1.234,50 in a file with semicolons: dots are then no decimal points
_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")
_DATES = ("date", "day", "time", "timestamp", "datum")
_CLOSES = ("adj close", "adj_close", "adjclose", "adjusted close", "adjusted_close", "close", "price", "value", "last")


class Price(TypedDict):
    """The closing price of a day; `volume` None where it is not told."""

    date: str
    close: float
    volume: float | None


def from_csv(text: str) -> list[Price]:
    """Prices of a table with a header, by day; adjusted closes before plain ones.

    Raises:
        ToolError: a column is missing, or a row does not fit.
    """

    first = text.partition("\n")[0]
    delimiter = max(",;\t|", key=first.count)
    rows = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), delimiter=delimiter)
    return _prices(rows, comma=delimiter == ";" and bool(_COMMA.search(text)))


def from_json(text: str) -> list[Price]:
    """Prices of a list of objects, at the top or one level below.

    Raises:
        ToolError: as `from_csv`.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ToolError(f"expected prices as CSV or JSON, got {text[:60]!r}") from error
    if isinstance(data, Mapping):
        data = next((value for value in data.values() if isinstance(value, list)), None)
    if not isinstance(data, list) or not all(isinstance(row, Mapping) for row in data):
        raise ToolError("expected a list of objects with date and close, got other JSON")
    return _prices(data, comma=False)


def _prices(rows: Iterable[Mapping[str, Any]], *, comma: bool) -> list[Price]:
    found: dict[str, Price] = {}
    for number, row in enumerate(rows, 1):
        if number > _MOST_ROWS:
            raise ToolError(f"expected at most {_MOST_ROWS:,} prices, got more")
        names = {str(name).strip().lower(): value for name, value in row.items() if name is not None}
        date, close = (next((n for n in wanted if n in names), "") for wanted in (_DATES, _CLOSES))
        if not date or not close:
            raise ToolError(f"expected columns such as date and close, got {', '.join(names)[:200]}")
        day = _day(names[date], number)
        price = _number(names[close], number, comma=comma)
        if price <= 0:
            raise ToolError(f"row {number}: expected a price above 0, got {price:g}")
        told = names.get("volume")
        volume = _number(told, number, comma=comma) if told not in (None, "", "null") else None
        found[day] = {"date": day, "close": price, "volume": volume}
    if not found:
        raise ToolError("expected prices, got none")
    return [found[day] for day in sorted(found)]


def _day(value: Any, number: int) -> str:
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return dt.datetime.fromtimestamp(value / (1_000 if value > 1e11 else 1), dt.UTC).date().isoformat()
        return dt.datetime.fromisoformat(str(value).strip()).date().isoformat()
    except (ValueError, OverflowError, OSError) as error:
        raise ToolError(f"row {number}: expected a date as YYYY-MM-DD, got {str(value)[:40]!r}") from error


def _number(value: Any, number: int, *, comma: bool) -> float:
    text = str(value).strip()
    if comma:
        text = text.replace(".", "").replace(",", ".")
    elif _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    try:
        found = float(text)
    except ValueError as error:
        raise ToolError(f"row {number}: expected a number, got {str(value)[:40]!r}") from error
    if not math.isfinite(found):
        raise ToolError(f"row {number}: expected a number, got {str(value)[:40]!r}")
    return found
