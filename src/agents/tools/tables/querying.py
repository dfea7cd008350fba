"""Filters, groups, joins, sorts and writes tables by structured conditions.

Rule: conditions are data, never code; a value is compared as the type of its column.
"""

from __future__ import annotations

import datetime as dt
import functools
import operator
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NotRequired

from typing_extensions import TypedDict

from ....errors import ToolError
from .frame import Table, is_date
from .types import parse_date

if TYPE_CHECKING:
    import polars as pl

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "not in", "contains", "starts with", "missing", "present"]
Function = Literal["count", "sum", "mean", "median", "min", "max", "std", "distinct", "first", "last"]


class Condition(TypedDict):
    """`value` is a list for "in" and "not in", and left out for "missing" and "present"."""

    column: str
    op: Operator
    value: NotRequired[Any]


class Aggregate(TypedDict):
    """`column` may be left out for count; `name` is the new column's, FUNCTION of COLUMN if left out."""

    function: Function
    column: NotRequired[str]
    name: NotRequired[str]


class Order(TypedDict):
    """Smallest first, unless `descending`. Missing values come last."""

    column: str
    descending: NotRequired[bool]


_COMPARE = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def filtered(table: Table, where: Sequence[Condition], *, any_of: bool = False) -> pl.LazyFrame:
    """The rows that meet all conditions (any of them with `any_of`), under inner names.

    Raises:
        ToolError: an unknown column, or a value that does not fit the column's type.
    """
    if not where:
        return table.frame
    tests = [_test(table, condition) for condition in where]
    join = operator.or_ if any_of else operator.and_
    return table.frame.filter(functools.reduce(join, tests))


def _test(table: Table, condition: Condition) -> pl.Expr:
    import polars as pl

    name, op, value = condition["column"], condition["op"], condition.get("value")
    column, kind = pl.col(table.key(name)), table.type_of(name)
    if op in ("missing", "present"):
        return column.is_null() if op == "missing" else column.is_not_null()
    if op in ("in", "not in"):
        if not isinstance(value, list):
            raise ToolError(f"expected a list as value of {op!r} for column {name!r}, got {value!r}")
        found = column.is_in([_fitting(name, kind, one) for one in value])
        return found if op == "in" else ~found
    if op in ("contains", "starts with"):
        text = column.cast(pl.String)
        part = str(value)
        return text.str.contains(part, literal=True) if op == "contains" else text.str.starts_with(part)
    made: pl.Expr = _COMPARE[op](column, pl.lit(_fitting(name, kind, value)))
    return made


def _fitting(name: str, kind: Any, value: Any) -> Any:
    """`value` as the column's type."""
    import polars as pl

    if kind.is_numeric() and isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if kind == pl.Boolean and isinstance(value, bool):
        return value
    if kind == pl.String and isinstance(value, str):
        return value
    if is_date(kind) and isinstance(value, str) and (moment := parse_date(value, day_first=True)) is not None:
        return moment.date() if kind == pl.Date else moment
    wanted = "a number" if kind.is_numeric() else "a date such as 2025-01-31" if is_date(kind) else "true or false"
    wanted = "text" if kind == pl.String else wanted
    raise ToolError(f"expected {wanted} to compare with column {name!r}, got {value!r}")


def grouped(table: Table, frame: pl.LazyFrame, by: Sequence[str], aggregates: Sequence[Aggregate]) -> pl.LazyFrame:
    """One row for each combination of `by`, in order of first appearance of none: sorted by `by`."""
    import polars as pl

    keys = [table.key(name) for name in by]
    made = [_aggregate(table, one) for one in (aggregates or [{"function": "count"}])]
    names = [expression.meta.output_name() for expression in made]
    if len(set(names) | set(by)) < len(names) + len(by):
        raise ToolError(f"expected different names of the new columns, got {names}; give them a `name`")
    if not keys:
        return frame.select(made)
    return frame.group_by(keys).agg(made).sort([pl.col(key) for key in keys], nulls_last=True)


def _aggregate(table: Table, one: Aggregate) -> pl.Expr:
    import polars as pl

    function, name = one["function"], one.get("column")
    if name is None:
        if function != "count":
            raise ToolError(f"expected the column that {function!r} works on, got none")
        return pl.len().alias(one.get("name") or "count")
    kind = table.type_of(name)
    if function in ("sum", "mean", "median", "std") and not kind.is_numeric() and not kind.is_temporal():
        raise ToolError(f"expected a column of numbers for {function!r}, got {name!r}, which holds {kind}")
    column = pl.col(table.key(name))
    made = column.n_unique() if function == "distinct" else getattr(column, function)()
    return made.alias(one.get("name") or f"{function} of {name}")


def sorted_by(table: Table, frame: pl.LazyFrame, order: Sequence[Order]) -> pl.LazyFrame:
    """The frame in another order; columns are those of the frame (new ones) or of the table."""
    if not order:
        return frame
    has = set(frame.collect_schema().names())
    keys = [one["column"] if one["column"] in has else table.key(one["column"]) for one in order]
    if lost := [one["column"] for one, key in zip(order, keys, strict=True) if key not in has]:
        raise ToolError(f"expected columns of the result to sort by, got {lost}")
    return frame.sort(keys, descending=[bool(one.get("descending")) for one in order], nulls_last=True)


def joined(left: Table, right: Table, on: Sequence[str], how: Literal["inner", "left", "full"]) -> pl.LazyFrame:
    """Rows of both tables with equal values in `on`, under people's names.

    Columns of the right table whose name the left one has too get " (2)".

    Raises:
        ToolError: a column is missing in one table, or its types can't be compared.
    """
    import polars as pl

    for name in on:
        first, second = left.type_of(name), right.type_of(name)
        if first != second and not (first.is_numeric() and second.is_numeric()):
            raise ToolError(f"expected one type of {name!r} in both tables, got {first} and {second}")
    keys = [left.key(name) for name in on]
    renamed = right.frame.rename({f"c{i}": f"r{i}" for i in range(len(right.names))})
    right_keys = ["r" + right.key(name)[1:] for name in on]
    casts = [pl.col(r).cast(left.type_of(name)) for r, name in zip(right_keys, on, strict=True)]
    both = left.frame.join(renamed.with_columns(casts), left_on=keys, right_on=right_keys, how=how, coalesce=True)
    taken, names = set(left.names), {f"c{i}": name for i, name in enumerate(left.names)}
    for i, name in enumerate(right.names):
        if name not in on:
            names[f"r{i}"] = new = name if name not in taken else f"{name} (2)"
            taken.add(new)
    return both.select(list(names)).rename(names)


def plain_rows(frame: pl.DataFrame) -> list[list[Any]]:
    """Rows as plain data: dates as ISO text, numbers that are not finite as None."""
    return [[_cell(value) for value in row] for row in frame.rows()]


def _cell(value: Any) -> Any:
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, float) and value - value != 0:
        return None
    return value


def write_csv(frame: pl.LazyFrame, path: Path) -> None:
    """CSV in UTF-8. Text that a spreadsheet would run as a formula gets a ' in front (OWASP, CSV injection)."""
    import polars as pl

    texts = [name for name, kind in frame.collect_schema().items() if kind == pl.String]
    guarded = [
        pl.when(pl.col(name).str.contains(r"^[=+\-@\t\r]")).then("'" + pl.col(name)).otherwise(pl.col(name)).alias(name)
        for name in texts
    ]
    frame.with_columns(guarded).sink_csv(path)
