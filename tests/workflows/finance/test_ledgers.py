"""Ledgers as people have them: repaired and counted, or refused with row and column."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from planloom.errors import ToolError
from planloom.workflows.finance.reading import amounts, dates
from planloom.workflows.finance.reading.ledger import Findings, read_file

HEAD = "date,category,amount"


def ledger(folder: Path, *rows: str, head: str = HEAD, encoding: str = "utf-8") -> tuple[pl.DataFrame, Findings]:
    path = folder / "ledger.csv"
    path.write_bytes("\n".join([head, *rows, ""]).encode(encoding))
    return read_file(path)


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("12", 1200), ("12.5", 1250), ("-12.50", -1250), ("(1,234.56)", -123456), ("1.234,56", 123456),
        ("1 234,56", 123456),
        ("1'234.50", 123450), ("€ 99,90", 9990), ("99.90 USD", 9990), ("12.50-", -1250), ("\u221212.50", -1250),
        ("12.345", 1235), (".5", 50), ("1,234,567.89", 123456789), ("1.234.567", 123456700), ("$-5", -500),
        ("12.00 DR", -1200), ("12.00 CR", 1200), ("0", 0),
        ("abc", None), ("", None), ("1.2.3", None), ("12,34,5", None), ("--5x", None), ("9" * 30, None),
    ],
)  # fmt: skip
def test_amounts_become_exact_cents(text: str, cents: int | None):
    read = amounts.parse(pl.Series([text, "10.01", "20.02"]))
    assert read.cents[0] == cents


def test_thousands_are_told_from_decimals_by_the_other_amounts():
    assert amounts.parse(pl.Series(["1,234", "5.50"])).cents.to_list() == [123400, 550]
    assert amounts.parse(pl.Series(["1.234", "5,50", "6,10"])).cents.to_list() == [123400, 550, 610]


def test_commas_and_points_in_one_column_are_read_and_counted():
    read = amounts.parse(pl.Series(["5.50", "7.25", "6,10"]))
    assert read.cents.to_list() == [550, 725, 610]
    assert read.repairs == {"amounts with decimal commas among decimal points": 1}


@pytest.mark.parametrize(
    "text", ["2025-03-04", "4 Mar 2025", "Mar 4, 2025", "04.03.2025", "20250304", "45720", "2025-03-04 10:15", "4.3.25"]
)
def test_dates_of_many_forms_are_one_day(text: str):
    read = dates.parse(pl.Series([text, "25.12.2025"]))
    assert read.days.to_list() == [dt.date(2025, 3, 4), dt.date(2025, 12, 25)]


def test_day_or_month_first_is_decided_by_the_column():
    assert dates.parse(pl.Series(["3/4/2025", "25/12/2025"])).days[0] == dt.date(2025, 4, 3)
    american = dates.parse(pl.Series(["3/4/2025", "12/25/2025"]))
    assert american.days[0] == dt.date(2025, 3, 4)
    assert american.repairs["dates like 3/4/2025 read with the month first"] == 1


@pytest.mark.parametrize("text", ["2025-02-30", "someday", "13/13/2025", "", "0000-00-00"])
def test_what_is_no_day_is_none(text: str):
    assert dates.parse(pl.Series([text])).days[0] is None


def test_text_in_the_amount_column_is_set_aside_with_its_row(tmp_path: Path):
    good = [f"2025-01-{day:02d},Sales,10.00" for day in range(1, 20)]
    frame, findings = ledger(tmp_path, *good, "2025-01-20,Sales,unknown")
    assert frame.height == 19
    assert findings.places == ["row 21, column 'amount': expected an amount, got 'unknown'"]


def test_a_ledger_of_nonsense_is_refused_with_rows_and_column(tmp_path: Path):
    with pytest.raises(ToolError, match=r"row 2, column 'amount'.*'many'"):
        ledger(tmp_path, "2025-01-01,Sales,many", "2025-01-02,Sales,few", "2025-01-03,Sales,3")


def test_mixed_currencies_are_refused_with_the_first_other_row(tmp_path: Path):
    with pytest.raises(ToolError, match=r"USD in row 4, column 'currency'"):
        ledger(tmp_path, "2025-01-01,A,5,EUR", "2025-01-02,A,6,EUR", "2025-01-03,A,7,USD", head=f"{HEAD},currency")


def test_one_of_several_currencies_can_be_chosen(tmp_path: Path):
    path = tmp_path / "ledger.csv"
    path.write_text("date,category,amount\n2025-01-01,A,€5\n2025-01-02,A,$6\n2025-01-03,A,€7\n", encoding="utf-8")
    frame, findings = read_file(path, currency="EUR")
    assert frame["amount"].to_list() == [500, 700]
    assert findings.aside == {"expected EUR": 1}


def test_copies_of_rows_are_counted_once_and_reported(tmp_path: Path):
    frame, findings = ledger(tmp_path, "2025-01-01,A,5", "2025-01-01,A,5", "2025-01-02,A,6")
    assert frame["amount"].to_list() == [500, 600]
    assert findings.repairs["rows equal to another in every column, counted once"] == 1


@pytest.mark.parametrize(
    ("content", "told"), [("", "empty"), (HEAD + "\n", "got none"), ("a,b\n1,2\n", "date and amount")]
)
def test_what_holds_no_ledger_is_refused(tmp_path: Path, content: str, told: str):
    path = tmp_path / "ledger.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ToolError, match=told):
        read_file(path)


def test_one_row_is_a_ledger(tmp_path: Path):
    frame, _ = ledger(tmp_path, "2025-01-01,Sales,10")
    assert frame["amount"].to_list() == [1000]


def test_another_encoding_is_read_and_said(tmp_path: Path):
    frame, findings = ledger(tmp_path, "2025-01-01,Büro,-10", "2025-01-02,Büro,-5", encoding="cp1252")
    assert frame["category"].unique().to_list() == ["Büro"]
    assert any("not UTF-8" in note for note in findings.notes)


def test_two_hundred_columns_leave_those_that_matter(tmp_path: Path):
    others = [f"extra{number}" for number in range(197)]
    frame, findings = ledger(
        tmp_path, ",".join(["2025-01-01", *["x"] * 197, "Sales", "10.00"]),
        head=",".join(["date", *others, "category", "amount"])
    )  # fmt: skip
    assert frame["amount"].to_list() == [1000]
    assert any(note.startswith("197 columns were not needed") for note in findings.notes)


def test_debit_and_credit_become_one_amount(tmp_path: Path):
    frame, _ = ledger(tmp_path, "2025-01-01,Rent,50,", "2025-01-02,Sales,,80", head="date,account,debit,credit")
    assert frame["amount"].to_list() == [-5000, 8000]
    assert frame["flow"].to_list() == ["expense", "revenue"]


def test_spellings_of_a_name_are_one(tmp_path: Path):
    frame, findings = ledger(
        tmp_path, "2025-01-01,Sales,1", "2025-01-02,Sales,2", "2025-01-03, sales ,3", "2025-01-04,,4"
    )
    assert sorted(set(frame["category"])) == ["(none)", "Sales"]
    assert findings.repairs["spellings of category names made one"] == 1


def test_depreciation_moves_no_cash_and_loans_are_no_expense(tmp_path: Path):
    from planloom.workflows.finance import months

    rows = [
        "2025-01-01,Sales,100",
        "2025-01-02,Depreciation,-30",
        "2025-01-03,Loan repayment,-20",
        "2025-01-04,Rent,-10",
    ]
    frame, _ = ledger(tmp_path, *rows)
    first, last = months.span(frame)
    values = {metric: months.series(frame, metric, first, last)[0] for metric in months.METRICS}
    assert values == {"revenue": 10000, "expenses": 4000, "net_income": 6000, "cash_flow": 7000}


def test_excel_workbooks_are_ledgers(tmp_path: Path):
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Date", "Account", "Amount"])
    sheet.append([dt.date(2025, 1, 31), "Sales", 12.34])
    sheet.append([45_720, "Rent", "-5,00"])
    book.save(tmp_path / "ledger.xlsx")
    frame, _ = read_file(tmp_path / "ledger.xlsx")
    assert frame["amount"].to_list() == [1234, -500]
    assert frame["date"].to_list() == [dt.date(2025, 1, 31), dt.date(2025, 3, 4)]
