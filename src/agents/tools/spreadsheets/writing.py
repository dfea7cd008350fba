"""Writes workbooks with xlsxwriter, row by row, so that memory does not grow with them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....errors import ToolError
from . import formulas
from .sheets import Kind, Sheet

_FORMATS: Mapping[Kind, str] = {
    "whole": "#,##0",
    "number": "#,##0.##########",
    "date": "yyyy-mm-dd",
    "time": "yyyy-mm-dd hh:mm",
}
_NAMED = {"number": "#,##0.00", "whole": "#,##0", "percent": "0.0%", "plain": "0", "text": "@", "date": "yyyy-mm-dd"}
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_AT_ALL = "identifier", "year", "id", "nr", "no", "zip", "plz", "code"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A sheet and how it is to look. `formulas` are further columns by name, with {row} for the row's number."""

    name: str
    sheet: Sheet
    title: str = ""
    formats: Mapping[str, str] = field(default_factory=dict)
    totals: Sequence[str] = ()
    formulas: Mapping[str, str] = field(default_factory=dict)


def write(path: Path, wanted: Sequence[Wanted]) -> None:
    """Writes a workbook.

    Raises:
        ToolError: a format or formula is none, or names a column that is not there.
    """
    import xlsxwriter

    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "tmpdir": str(path.parent),
    }
    book = xlsxwriter.Workbook(str(path), options)
    try:
        for one in wanted:
            _Page(book, one).write()
    finally:
        book.close()


class _Page:
    """One sheet being written."""

    def __init__(self, book: Any, wanted: Wanted) -> None:
        self._book, self._wanted = book, wanted
        self._page = book.add_worksheet(wanted.name)
        self._columns = wanted.sheet.columns
        self._names = [*(column.name for column in self._columns), *wanted.formulas]
        self._top = 2 if wanted.title else 0
        for name in [*wanted.totals, *wanted.formats]:
            if name not in self._names:
                raise ToolError(f"expected a column of {wanted.name!r} ({', '.join(self._names[:30])}), got {name!r}")

    def write(self) -> None:
        bold = {"bold": True, "font_color": "#FFFFFF", "bg_color": "#0072B2", "valign": "vcenter"}
        self._set_widths()
        if self._wanted.title:
            self._page.write_string(0, 0, self._wanted.title, self._book.add_format({"bold": True, "font_size": 14}))
        left, right = self._book.add_format(bold), self._book.add_format({**bold, "align": "right"})
        for at, name in enumerate(self._names):
            self._page.write_string(self._top, at, name, right if self._is_numeric(at) else left)
        last = self._write_rows()
        self._page.freeze_panes(self._top + 1, 0)
        if last > self._top:
            self._page.autofilter(self._top, 0, last, len(self._names) - 1)
        if self._wanted.totals and last > self._top:
            self._write_totals(last)

    def _write_rows(self) -> int:
        """Writes rows and returns the number of the last one, counted from 0."""
        formats = [self._format(at) for at in range(len(self._names))]
        row = self._top
        for values in self._wanted.sheet.rows:
            row += 1
            for at, value in enumerate(values):
                _put(self._page, row, at, value, formats[at])
            for at, formula in enumerate(self._wanted.formulas.values(), len(self._columns)):
                self._page.write_formula(row, at, _in_row(formula, row), formats[at])
        return row

    def _write_totals(self, last: int) -> None:
        for at, name in enumerate(self._names):
            style = self._book.add_format({"bold": True, "top": 1, **self._number_format(at)})
            if name in self._wanted.totals:
                cells = f"{_letters(at)}{self._top + 2}:{_letters(at)}{last + 1}"
                self._page.write_formula(last + 1, at, f"=SUM({cells})", style)
            elif at == 0:
                self._page.write_string(last + 1, at, "Total", style)
            else:
                self._page.write_blank(last + 1, at, None, style)

    def _set_widths(self) -> None:
        for at, name in enumerate(self._names):
            widest = self._columns[at].widest if at < len(self._columns) else len(name) + 4
            spare = 3 if self._is_numeric(at) else 1
            self._page.set_column(at, at, min(60, max(8, widest + spare)))

    def _is_numeric(self, at: int) -> bool:
        return at >= len(self._columns) or self._columns[at].kind in ("whole", "number")

    def _format(self, at: int) -> Any:
        more = self._number_format(at)
        if not more and at < len(self._columns) and self._columns[at].widest > 60:
            more = {"text_wrap": True, "valign": "top"}
        return self._book.add_format(more) if more else None

    def _number_format(self, at: int) -> dict[str, Any]:
        name = self._names[at]
        if name in self._wanted.formats:
            return {"num_format": _number_format(self._wanted.formats[name])}
        if at >= len(self._columns):
            return {"num_format": "#,##0.00"}
        kind = self._columns[at].kind
        if kind == "whole" and set(re.split(r"[\W_]+", name.lower())) & set(_AT_ALL):
            return {"num_format": "0"}  # numbers that name something
        return {"num_format": _FORMATS[kind]} if kind in _FORMATS else {}


def _number_format(text: str) -> str:
    name, _, code = text.partition(":")
    if name == "currency" and re.fullmatch(r"[A-Za-z]{3}", code):
        sign = _SIGNS.get(code.upper(), f"{code.upper()} ")
        return f'"{sign}"#,##0.00;[Red]-"{sign}"#,##0.00'
    if text in _NAMED:
        return _NAMED[text]
    raise ToolError(f"expected a format among {', '.join(_NAMED)} and currency:USD, got {text!r}")


def _put(page: Any, row: int, at: int, value: Any, style: Any) -> None:
    """Writes by the value's type; a text is a text, whatever it begins with."""
    match value:
        case None:
            return
        case bool():
            page.write_boolean(row, at, value, style)
        case int() | float():
            page.write_number(row, at, value, style)
        case str():
            page.write_string(row, at, value, style)
        case _:
            page.write_datetime(row, at, value, style)


def _in_row(formula: str, row: int) -> str:
    return formulas.checked(formula).replace("{row}", str(row + 1))


def _letters(at: int) -> str:
    from xlsxwriter.utility import xl_col_to_name

    return str(xl_col_to_name(at))
