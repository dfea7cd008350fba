"""Workbooks, JSON and JSON Lines as rows of text.

Rule: the same as for delimited files: what is left out or replaced is counted in the notes.
"""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ....errors import ToolError
from .formats import encoding_of, opened
from .source import Notes, Row, Source, clean_names, header, usual_width

JSON_BYTES = 300_000_000
NAMED_ROWS = 20_000


def open_sheet(path: Path, sheet: str) -> Source:
    """A sheet of an XLSX workbook, the first one with content when `sheet` is empty.

    Raises:
        ToolError: the workbook can't be read, has no such sheet, or only empty ones.
    """
    import fastexcel

    notes = Notes()
    try:
        book = fastexcel.read_excel(path)
        if sheet and sheet not in book.sheet_names:
            raise ToolError(f"expected one of the sheets {', '.join(map(repr, book.sheet_names))}, got {sheet!r}")
        for name in [sheet] if sheet else book.sheet_names:
            frame = book.load_sheet(name, header_row=None, dtypes="string").to_polars()
            if frame.height:
                break
        else:
            raise ToolError(f"expected a sheet with content in {path.name!r}, got only empty ones")
    except fastexcel.FastExcelError as error:
        raise ToolError(f"expected an XLSX workbook, got {path.name!r}: {str(error).splitlines()[0]}") from error
    if len(book.sheet_names) > 1:
        notes.add(f"The workbook has {len(book.sheet_names)} sheets; {name!r} was read.")
    return _sheet_rows([["" if cell is None else str(cell) for cell in row] for row in frame.rows()], notes)


def _sheet_rows(cells: list[list[str]], notes: Notes) -> Source:
    rows = [row for row in cells if any(cell.strip() for cell in row)]
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows[:200]]
    usual = usual_width([[""] * number for number in filled])[0]
    skip = next(i for i, number in enumerate(filled) if number >= usual * 0.8)
    names, first = header(iter(rows), skip, rows[skip + 1 :][:200], notes)
    width = len(names)
    body: list[Row] = [list(row[:width]) for row in rows[skip + 1 :]]
    return Source(names, itertools.chain(first, body), notes)


def open_json(path: Path, *, lines: bool) -> Source:
    """JSON (an array of objects, or an object that holds one) or JSON Lines. Nested objects become `outer.inner`.

    Raises:
        ToolError: the file is no such JSON; names the place.
    """
    notes = Notes()
    records = _json_lines(path, notes) if lines else iter(_json_records(path))
    names: dict[str, int] = {}
    keep: list[dict[str, Any]] = []
    for record in itertools.islice(records, NAMED_ROWS):
        keep.append(record)
        for name in record:
            names.setdefault(name, len(names))
    if not names:
        raise ToolError(f"expected objects with fields in {path.name!r}, got none")
    keys = list(names)
    rows = _json_rows(itertools.chain(keep, records), keys, notes)
    return Source(clean_names(keys, notes), rows, notes)


def _json_rows(records: Iterator[dict[str, Any]], keys: list[str], notes: Notes) -> Iterator[Row]:
    known = set(keys)
    for number, record in enumerate(records, 1):
        if not known.issuperset(record):
            notes.count("with fields that the first 20,000 don't have; those fields were left out", number)
        yield [_cell(record.get(key)) for key in keys]


def _cell(value: Any) -> str | None:
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def _flat(record: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _json_lines(path: Path, notes: Notes) -> Iterator[dict[str, Any]]:
    with io.TextIOWrapper(opened(path), encoding=encoding_of(path), errors="replace") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError:
                record = None
            if isinstance(record, dict):
                yield _flat(record)
            else:
                notes.count("left out: no JSON object", number)


def _json_records(path: Path) -> list[dict[str, Any]]:
    if path.stat().st_size > JSON_BYTES:
        raise ToolError(
            f"expected a JSON file of at most {JSON_BYTES // 10**6} MB, got {path.stat().st_size // 10**6} MB; "
            "convert it to JSON Lines, which is read piece by piece"
        )
    with io.TextIOWrapper(opened(path), encoding=encoding_of(path), errors="replace") as stream:
        try:
            data = json.load(stream)
        except (ValueError, RecursionError) as error:
            raise ToolError(f"expected JSON in {path.name!r}: {error}") from error
    if isinstance(data, dict):
        lists = [value for value in data.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
        data = lists[0] if len(lists) == 1 else [data]
    records = [_flat(record) for record in data if isinstance(record, dict)] if isinstance(data, list) else []
    if not records:
        raise ToolError(f"expected an array of objects in {path.name!r}, got none")
    return records
