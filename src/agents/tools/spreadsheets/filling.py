"""Fills cells of workbooks that are there, with openpyxl. Rule: the workbook itself stays as it is; a copy is saved."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ....errors import ToolError
from . import formulas
from .sheets import clean

_CELL = re.compile(r"\$?([A-Za-z]{1,3})\$?([1-9]\d{0,6})")
_MOST_UNPACKED = 1_000_000_000
_LOST = {
    "xl/charts/": "charts",
    "xl/media/": "pictures",
    "xl/pivotTables/": "pivot tables",
    "xl/vbaProject.bin": "macros",
}


def filled(
    source: Path, target: Path, cells: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]], *, allowed: bool
) -> tuple[int, list[str]]:
    """Saves a copy with these cells and appended rows; how many cells were written, and what the copy has lost.

    `allowed`: texts that begin with `=` are formulas; else they are texts.

    Raises:
        ToolError: it is no workbook, or a sheet or cell is not there.
    """
    import openpyxl

    lost = _lost(source)
    try:
        book = openpyxl.load_workbook(source)
    except Exception as error:  # the border to a library that raises all kinds
        raise ToolError(f"expected an XLSX workbook, got {source.name!r}: {type(error).__name__}") from error
    count = 0
    for cell in cells:
        place = _CELL.fullmatch(str(cell.get("cell", "")))
        if place is None:
            raise ToolError(f"expected a cell such as B7, got {cell.get('cell')!r}")
        _set(_page(book, cell)[f"{place[1].upper()}{place[2]}"], cell.get("value"), allowed)
        count += 1
    for row in rows:
        page = _page(book, row)
        values = row.get("values")
        if not isinstance(values, (list, tuple)):
            raise ToolError(f"expected values of a row as a list, got {type(values).__name__}")
        number = page.max_row + 1 if page.max_row > 1 or page["A1"].value is not None else 1
        for at, value in enumerate(values, 1):
            _set(page.cell(number, at), value, allowed)
        count += len(values)
    book.save(target)
    return count, lost


def _page(book: Any, wanted: Mapping[str, Any]) -> Any:
    name = wanted.get("sheet") or book.sheetnames[0]
    if name not in book.sheetnames:
        raise ToolError(f"expected a sheet among {', '.join(book.sheetnames[:30])}, got {name!r}")
    return book[name]


def _set(cell: Any, value: Any, allowed: bool) -> None:
    if isinstance(value, str):
        is_formula = allowed and value.startswith("=")
        cell.value = formulas.checked(value) if is_formula else clean(value)
        if not is_formula:
            cell.data_type = "s"  # openpyxl takes what begins with = for a formula
            cell.quotePrefix = value[:1] in ("=", "+", "-", "@")
    elif value is None or isinstance(value, (int, float)):
        cell.value = value
    else:
        raise ToolError(f"expected text, a number, true, false or null in a cell, got {type(value).__name__}")


def _lost(source: Path) -> list[str]:
    """What openpyxl does not keep, from the names in the archive.

    Raises:
        ToolError: it is no archive, or unpacks to too much.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            names = archive.namelist()
            size = sum(item.file_size for item in archive.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise ToolError(f"expected an XLSX workbook, got {source.name!r}, which is none") from error
    if size > _MOST_UNPACKED:
        raise ToolError(f"expected at most {_MOST_UNPACKED:,} bytes unpacked, got {size:,} in {source.name!r}")
    return [told for start, told in _LOST.items() if any(name.startswith(start) for name in names)]
