"""Tables: CSV files and workbooks. Every row is a block that says the names of its columns."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..blocks import Block, Parsed
from ..places import Place
from .decoding import decoded
from .office import about

_SNIFFED = 16_384
_CELL = 4000


def separated(data: bytes) -> Parsed:
    """A CSV or TSV file; the sign between its columns is found out."""
    content, note = decoded(data)
    notes = [note] if note else []
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(io.StringIO(content, newline=""), _dialect(content[:_SNIFFED]))
    rows = ((reader.line_num, row) for row in reader)
    return Parsed(kind="table", blocks=list(rows_as_blocks(_numbered(rows), sheet="", unit="line")), notes=notes)


def workbook(data: bytes) -> Parsed:
    """The sheets of an .xlsx file: values, not formulas."""
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    try:
        blocks: list[Block] = []
        for sheet in book.worksheets:
            if hasattr(sheet, "reset_dimensions"):
                sheet.reset_dimensions()  # what a file says of its own size is not to be trusted
            rows = ((number, [cell_text(value) for value in row]) for number, row in _values(sheet))
            blocks += rows_as_blocks(rows, sheet=sheet.title, unit="row")
        return Parsed(kind="sheets", blocks=blocks, **about(book.properties))
    finally:
        book.close()


def rows_as_blocks(rows: Iterable[tuple[int, Sequence[str]]], *, sheet: str, unit: Any) -> Iterator[Block]:
    """One block a row, `Column: value; ...`; the first row that is full of words names the columns."""
    header: list[str] | None = None
    named_at = 0
    for number, row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        place = Place(unit=unit, first=number, last=number, sheet=sheet)
        if header is None and _is_header(cells):
            header, named_at = cells, number
        elif header is None:
            yield Block(text=" | ".join(cell for cell in cells if cell), place=place, role="row")
            header = [] if sum(map(bool, cells)) > 1 else None  # data without names, or a title above
        else:
            named_at = 0
            yield Block(text=_told(header, cells), place=place, role="row", header=_joined(header))
    if header and named_at:  # names and nothing else
        place = Place(unit=unit, first=named_at, last=named_at, sheet=sheet)
        yield Block(text=_joined(header), place=place, role="row")


def cell_text(value: Any) -> str:
    """A cell as people read it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case float():
            return f"{value:.10g}"
        case datetime.datetime() if value.time() == datetime.time():
            return value.date().isoformat()
        case _:
            return str(value)[:_CELL]


def _values(sheet: Any) -> Iterator[tuple[int, Sequence[Any]]]:
    yield from enumerate(sheet.iter_rows(values_only=True), 1)


def _told(header: Sequence[str], cells: Sequence[str]) -> str:
    parts = []
    for at, cell in enumerate(cells):
        if cell:
            name = header[at] if at < len(header) else ""
            parts.append(f"{name}: {cell}" if name else cell)
    return "; ".join(parts)


def _is_header(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell]
    words = [cell for cell in filled if not _is_number(cell) and len(cell) <= 80]
    return len(filled) > 1 and len(words) == len(filled) and len(set(filled)) == len(filled)


def _joined(header: Sequence[str]) -> str:
    return ", ".join(name for name in header if name)


def _is_number(cell: str) -> bool:
    return bool(cell) and cell.replace(",", "").replace(".", "").replace("-", "").replace("%", "").strip().isdigit()


def _dialect(sample: str) -> Any:
    try:
        return csv.Sniffer().sniff(sample, delimiters=",;\t|")
    except csv.Error:
        return csv.excel_tab if sample.count("\t") > sample.count(",") else csv.excel


def _numbered(rows: Iterable[tuple[int, Sequence[str]]]) -> Iterator[tuple[int, Sequence[str]]]:
    """Rows with the line they begin on; a row's number is known only at its end."""
    before = 0
    for end, row in rows:
        yield before + 1, row
        before = end
