"""What is on a sheet: columns of one kind each, and rows in order. Rule: data is never taken for a formula."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ....errors import ToolError

Kind = Literal["text", "number", "whole", "date", "time", "boolean"]
MOST_ROWS, MOST_COLUMNS, MOST_CHARS = 1_048_576, 16_384, 32_767
_EXACT = 10**15
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Column:
    """`widest` is the longest of its first texts, in characters."""

    name: str
    kind: Kind
    widest: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows hold None, bool, int, float, str, date or datetime, as their column's kind says."""

    columns: tuple[Column, ...]
    rows: Iterable[Sequence[Any]]
    count: int


def from_rows(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Sheet:
    """A sheet of plain values; a column of ISO dates becomes one of dates.

    Raises:
        ToolError: rows and columns do not fit together, or there are too many.
    """
    _check_size(len(rows), len(names))
    for number, row in enumerate(rows, 1):
        if not isinstance(row, (list, tuple)) or len(row) > len(names):
            raise ToolError(f"expected row {number} to have at most {len(names)} values, got {str(row)[:80]!r}")
    filled = [(*row, *[None] * (len(names) - len(row))) for row in rows]
    kinds = [_kind([row[at] for row in filled]) for at in range(len(names))]
    made = [tuple(_value(value, kind) for value, kind in zip(row, kinds, strict=True)) for row in filled]
    columns = tuple(
        Column(clean(name), kind, _widest(name, [row[at] for row in made[:500]]))
        for at, (name, kind) in enumerate(zip(names, kinds, strict=True))
    )
    return Sheet(columns, made, len(made))


def from_records(records: Sequence[Mapping[str, Any]]) -> Sheet:
    """A sheet of objects; the columns are all their fields, in the order of their first use."""
    names = list(dict.fromkeys(key for record in records for key in record))
    return from_rows(names, [[record.get(name) for name in names] for record in records])


def from_table(path: Path) -> Sheet:
    """A sheet of a Parquet table; any number of rows that a sheet takes, read in pieces."""
    from ..tables.frame import Table

    table = Table.open(path)
    frame = table.named(table.frame)
    names = list(table.names)
    _check_size(table.rows, len(names))
    head = frame.head(500).collect()
    columns = tuple(Column(clean(n), _kind_of(head[n].dtype), _widest(n, head[n].to_list())) for n in names)

    def rows() -> Iterator[Sequence[Any]]:
        for start in range(0, table.rows, 20_000):
            for row in frame.slice(start, 20_000).collect().iter_rows():
                yield [_value(value, column.kind) for value, column in zip(row, columns, strict=True)]

    return Sheet(columns, rows(), table.rows)


def clean(text: Any) -> str:
    """Text that a workbook can hold: no control characters; cut at what a cell takes."""
    bare = _CONTROL.sub("\ufffd", str(text))
    return bare if len(bare) <= MOST_CHARS else f"{bare[: MOST_CHARS - 20]}… (cut)"


def _check_size(rows: int, columns: int) -> None:
    if not columns:
        raise ToolError("expected at least one column, got none")
    if rows >= MOST_ROWS or columns > MOST_COLUMNS:
        raise ToolError(
            f"expected at most {MOST_ROWS - 1:,} rows and {MOST_COLUMNS:,} columns, which is what a sheet takes, "
            f"got {rows:,} rows and {columns:,} columns; filter them, or write CSV with tables.write"
        )


def _kind(values: Sequence[Any]) -> Kind:
    there = [value for value in values if value is not None and value != ""]
    if there and all(isinstance(value, bool) for value in there):
        return "boolean"
    if there and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in there):
        if any(isinstance(value, int) and abs(value) >= _EXACT for value in there):
            return "text"  # a sheet keeps 15 digits
        return "whole" if all(isinstance(value, int) for value in there) else "number"
    if there and all(isinstance(value, str) for value in there):
        if all(_DATE.fullmatch(value) and _parsed(value) for value in there):
            return "date"
        if all(_TIME.fullmatch(value) and _parsed(value) for value in there):
            return "time"
    return "text"


def _kind_of(dtype: Any) -> Kind:
    import polars as pl

    if dtype == pl.Boolean:
        return "boolean"
    if dtype.is_integer():
        return "whole"
    if dtype.is_numeric():
        return "number"
    return "date" if dtype == pl.Date else "time" if dtype == pl.Datetime else "text"


def _parsed(text: str) -> dt.datetime | None:
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.year >= 1900 else None  # a workbook counts from 1900


def _value(value: Any, kind: Kind) -> Any:
    if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
        return None
    match kind:
        case "date" | "time":
            found = _parsed(value) if isinstance(value, str) else value
            found = found.replace(tzinfo=None) if isinstance(found, dt.datetime) else found
            return found if found is None or found.year >= 1900 else str(value)
        case "boolean":
            return value
        case "number" | "whole":
            return float(value) if kind == "number" else value if abs(value) < _EXACT else str(value)
        case _:
            if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _EXACT:
                return value
            return clean(value)


def _widest(name: str, values: Sequence[Any]) -> int:
    return max([len(str(name)) + 3, *(len(str(value)) for value in values if value is not None)])
