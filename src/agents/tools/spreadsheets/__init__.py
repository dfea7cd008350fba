"""Spreadsheets: Excel workbooks written from tables and rows, and cells filled into workbooks that are there.

Rule: data is data. A text that begins with `=` stays a text; formulas are only those that are asked for as such.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from ....errors import ToolError
from ...tool import ToolContext, tool

_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MOST_SHEETS = 100


class SheetOf(TypedDict):
    """Data as one of: `table` (the path of a Parquet table of tables.read or sql.extract), `columns` with `rows`, or
    `records` (objects). `formats` by column: number, whole, percent, plain, text, date, currency:EUR. `totals` are
    columns to add up below. `formulas` are further columns: {"Sum": "=B{row}*C{row}"}.
    """

    name: NotRequired[str]
    title: NotRequired[str]
    table: NotRequired[str]
    columns: NotRequired[list[str]]
    rows: NotRequired[list[list[Any]]]
    records: NotRequired[list[dict[str, Any]]]
    formats: NotRequired[dict[str, str]]
    totals: NotRequired[list[str]]
    formulas: NotRequired[dict[str, str]]


class Sized(TypedDict):
    name: str
    rows: int
    columns: int


class Written(TypedDict):
    """`rows` of a sheet are those of its data, without head and totals."""

    path: str
    sheets: list[Sized]


class CellOf(TypedDict):
    """`sheet` is the first one if it is not named; `cell` such as B7."""

    cell: str
    value: Any
    sheet: NotRequired[str]


class RowOf(TypedDict):
    """A row below the last one of a sheet."""

    values: list[Any]
    sheet: NotRequired[str]


class Filled(TypedDict):
    """`lost` names what of the workbook the copy does not have, such as charts."""

    path: str
    cells: int
    lost: list[str]


@tool(effect="read", process=True, timeout_s=900)
def write(
    sheets: Annotated[list[SheetOf | None], Field(min_length=1)], context: ToolContext, *, name: str = "workbook"
) -> Written:
    """Writes an Excel workbook (XLSX): sheets with a fixed head, filters, fitting widths and number formats.

    Sheets take the data of tables, of sql, or rows; None (a step that failed) is left out. Texts are never formulas;
    formulas are only those in `totals` and `formulas`.
    """
    from .writing import Wanted
    from .writing import write as written

    made: list[Wanted] = []
    for number, sheet in enumerate(sheets, 1):
        if sheet is not None:
            taken = [one.name.lower() for one in made]
            made.append(_wanted(number, sheet, taken, context))
    if not made:
        raise ToolError("expected at least one sheet with data, got none; the steps before have no results")
    if len(made) > _MOST_SHEETS:
        raise ToolError(f"expected at most {_MOST_SHEETS} sheets, got {len(made)}")
    path = context.workspace.output(f"{name}.xlsx")
    try:
        written(path, made)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    context.artifact(path, _MEDIA_TYPE)
    sized: list[Sized] = [
        {"name": one.name, "rows": one.sheet.count, "columns": len(one.sheet.columns) + len(one.formulas)}
        for one in made
    ]
    return {"path": str(path), "sheets": sized}


@tool(effect="read", process=True, timeout_s=600)
def fill(
    path: str,
    context: ToolContext,
    *,
    cells: list[CellOf] | None = None,
    rows: list[RowOf] | None = None,
    formulas: bool = False,
    name: str = "",
) -> Filled:
    """Fills cells into an Excel workbook (XLSX) and appends rows, as a new file; the workbook itself stays as it is.

    Texts that begin with = are formulas only with `formulas`.
    """
    from .filling import filled

    source = context.workspace.readable(path)
    if not cells and not rows:
        raise ToolError("expected cells or rows to fill in, got none")
    target = context.workspace.output(f"{name or source.stem}.xlsx")
    try:
        count, lost = filled(source, target, cells or [], rows or [], allowed=formulas)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    context.artifact(target, _MEDIA_TYPE)
    return {"path": str(target), "cells": count, "lost": lost}


def _wanted(number: int, sheet: SheetOf, taken: list[str], context: ToolContext) -> Any:
    from . import sheets as making
    from .formulas import checked
    from .writing import Wanted

    given = [key for key in ("table", "rows", "records") if sheet.get(key) is not None]
    if len(given) != 1:
        raise ToolError(
            f"expected sheet {number} to have one of table, rows or records, got {', '.join(given) or 'none'}"
        )
    match given[0]:
        case "table":
            data = making.from_table(context.workspace.readable(sheet["table"]))
        case "records":
            data = making.from_records(sheet["records"])
        case _:
            data = making.from_rows(sheet.get("columns") or [], sheet["rows"])
    return Wanted(
        _sheet_name(sheet.get("name") or f"Sheet{number}", taken),
        data,
        making.clean(sheet.get("title") or ""),
        sheet.get("formats") or {},
        sheet.get("totals") or [],
        {making.clean(key): checked(text) for key, text in (sheet.get("formulas") or {}).items()},
    )


def _sheet_name(name: str, taken: list[str]) -> str:
    """As Excel takes it: 31 characters, none of `[]:*?/\\`, no quotes at the ends, each once."""
    bare = re.sub(r"[\[\]:*?/\\\x00-\x1f\ud800-\udfff]", "-", name).strip("' ")[:31] or "Sheet"
    bare = f"{bare}_" if bare.lower() == "history" else bare
    made, number = bare, 2
    while made.lower() in taken:
        made, number = f"{bare[:27]} ({number})", number + 1
    return made
