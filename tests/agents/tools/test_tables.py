from __future__ import annotations

import datetime as dt
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.agents.results import plain
from planloom.agents.tool import Tool, ToolContext
from planloom.agents.tools import tables
from planloom.agents.tools.tables.frame import number_text, share_text, words
from planloom.agents.tools.tables.periods import line_through, period_for
from planloom.agents.tools.tables.types import decide, parse_date, parse_number
from planloom.agents.workspace import Workspace
from planloom.errors import AccessError, ToolError

Call = Callable[..., Any]
Read = Callable[..., dict[str, Any]]


@pytest.fixture
def call(tmp_path: Path) -> Call:
    """Calls a tool as a step would: arguments and result are checked against the schemas."""
    context = ToolContext(workspace=Workspace(tmp_path, tmp_path / "out"))

    def made(tool: Tool, **arguments: Any) -> Any:
        values = tool.validated(arguments)
        if tool.context_parameter:
            values[tool.context_parameter] = context
        return plain(tool.checked(tool.function(**values)))

    return made


@pytest.fixture
def read(call: Call, tmp_path: Path) -> Read:
    def made(content: str | bytes, name: str = "data.csv", **options: Any) -> dict[str, Any]:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        result: dict[str, Any] = call(tables.read, path=str(path), **options)
        return result

    return made


def _frame(result: dict[str, Any]) -> pl.DataFrame:
    return pl.read_parquet(result["table"])


def _kinds(result: dict[str, Any]) -> dict[str, str]:
    return {column["name"]: column["kind"] for column in result["columns"]}


# ---- reading


def test_columns_get_their_types(read: Read) -> None:
    rows = "\n".join(f"{i},{i / 4},2024-01-{1 + i % 28:02d},{i % 2 == 0},{'ab'[i % 2]},name {i}" for i in range(40))
    result = read("n,x,day,flag,group,text\n" + rows)
    kinds = ["number", "number", "date", "boolean", "category", "text"]
    assert list(_kinds(result).values()) == kinds
    assert [c["type"] for c in result["columns"]] == ["Int64", "Float64", "Date", "Boolean", "String", "String"]
    assert (result["rows"], result["size"], result["notes"]) == (40, "40 rows and 6 columns", [])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found(read: Read, delimiter: str) -> None:
    result = read(f"a{delimiter}b\n1{delimiter}x, y\n2{delimiter}z\n".replace("x, y", "x y"))
    assert _frame(result).rows() == [(1, "x y"), (2, "z")]


def test_decimal_commas_dots_for_thousands_and_latin_letters_are_read(read: Read) -> None:
    text = "Datum;Größe;Betrag\r\n31.12.2024;groß;1.234,50\r\n01.02.2024;klein;-7,25\r\n"
    result = read(text.encode("cp1252"))
    rows = [(dt.date(2024, 12, 31), "groß", 1234.5), (dt.date(2024, 2, 1), "klein", -7.25)]
    assert _frame(result).rows() == rows
    assert any("Windows-1252" in note for note in result["notes"])
    assert any("decimal mark" in note for note in result["notes"])


def test_mixed_dates_and_money_are_read(read: Read) -> None:
    text = (
        'when,price\n2024-03-01,$1.50\n03/02/2024,($2.00)\n03/15/2024,N/A\n3 Mar 2024,"1,000.25"\n'
        '"March 4, 2024",5-\n2024-03-05T10:30:00+02:00,6\n'
    )
    result = read(text)
    days = ["2024-03-01", "2024-03-02", "2024-03-15", "2024-03-03", "2024-03-04", "2024-03-05T08:30"]
    moments = [dt.datetime.fromisoformat(day) for day in days]
    assert _frame(result)["when"].to_list() == moments
    assert _frame(result)["price"].to_list() == [1.5, -2.0, None, 1000.25, -5.0, 6.0]


def test_repairs_are_counted_and_named(read: Read) -> None:
    rows = [f"{i},{i}" for i in range(40)]
    rows[5:5] = ["1", "2,3,4,5", ""]
    rows[20] = "x,20"
    result = read("a,b\n" + "\n".join(rows))
    assert result["rows"] == 42
    assert _frame(result)["a"].null_count() == 1
    notes = " ".join(result["notes"])
    assert "1 line with fewer than 2 cells; the missing cells count as missing values (line 7)" in notes
    assert "1 line with more than 2 cells; the cells too many were left out (line 8)" in notes
    assert "1 line left out: blank (line 9)" in notes
    assert "Column 'a': 1 value among numbers does not fit and counts as missing ('x')" in notes


def test_column_that_is_mostly_text_stays_text(read: Read) -> None:
    result = read("a\n" + "\n".join(["1", "2", "x", "y"] * 10))
    assert _frame(result)["a"].to_list()[:4] == ["1", "2", "x", "y"]


def test_column_that_turns_into_text_far_below_stays_whole(read: Read) -> None:
    result = read("a,b\n" + "\n".join(f"{i},1" for i in range(3000)) + "\n" + "\n".join("x,1" for _ in range(3000)))
    values = _frame(result)["a"].to_list()
    assert (values[0], values[-1], values.count(None)) == ("0", "x", 0)


@pytest.mark.parametrize("value", ["007", "12345678901234567890"])
def test_codes_keep_every_digit(read: Read, value: str) -> None:
    result = read("code,n\n" + "\n".join(f"{value},{i}" for i in range(20)))
    assert _frame(result)["code"].unique().to_list() == [value]
    assert any("kept as text" in note for note in result["notes"])


def test_country_code_na_is_no_gap(read: Read) -> None:
    result = read("country,n\nDE,1\nFR,2\nNA,NA\nIT,4\n")
    assert _frame(result)["country"].to_list() == ["DE", "FR", "NA", "IT"]
    assert _frame(result)["n"].to_list() == [1, 2, None, 4]


def test_infinite_and_huge_numbers_count_as_missing(read: Read) -> None:
    result = read("v\n" + "\n".join([*map(str, range(30)), "inf", "1e400"]))
    assert _frame(result)["v"].null_count() == 2


def test_lines_before_the_header_are_left_out(read: Read) -> None:
    result = read("Report\nMade in May\n\na,b,c\n1,2,3\n4,5,6\n")
    assert list(_kinds(result)) == ["a", "b", "c"]
    assert "2 lines before the header left out." in result["notes"]


def test_missing_header_is_noticed(read: Read) -> None:
    result = read("\n".join(f"{i},{i / 8},2024-01-0{1 + i % 9}" for i in range(20)))
    assert list(_kinds(result)) == ["column_1", "column_2", "column_3"]
    assert result["rows"] == 20


def test_years_are_a_header(read: Read) -> None:
    assert list(_kinds(read("country,2020,2021\nDE,1,2\nFR,3,4\n"))) == ["country", "2020", "2021"]


def test_header_that_lacks_the_first_name_is_completed(read: Read) -> None:
    assert list(_kinds(read("x,y\na,1,2\nb,3,4\n"))) == ["row", "x", "y"]


def test_trailing_delimiters_make_no_column(read: Read) -> None:
    result = read("a,b,\n1,2,\n3,4,\n")
    assert (list(_kinds(result)), result["notes"]) == (["a", "b"], [])


def test_broken_names_become_usable(read: Read) -> None:
    result = read('"a\nb",,"a b",*,^x$,${y}\n1,2,3,4,5,6\n')
    assert list(_kinds(result)) == ["a b", "column_2", "a b_2", "*", "^x$", "${y}"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_all_systems_are_read(read: Read, end: str) -> None:
    assert _frame(read(end.join(["a,b", "1,2", "3,4"]))).rows() == [(1, 2), (3, 4)]


def test_quoted_cells_keep_delimiters_lines_and_quotes(read: Read) -> None:
    result = read('a,b\n1,"x, ""y""\nz"\n2, "w, v"\n')
    assert _frame(result)["b"].to_list() == ['x, "y"\nz', "w, v"]


@pytest.mark.parametrize("rows", [20, 200_000])
def test_quote_that_is_never_closed_swallows_nothing(read: Read, rows: int) -> None:
    result = read('a,b\n0,"open\n' + "\n".join(f"{i},{i}" for i in range(1, rows)))
    assert result["rows"] == rows
    assert any("never closed" in note for note in result["notes"])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_other_unicode_forms_are_read(read: Read, encoding: str) -> None:
    assert _frame(read("a\tb\n1\tzwölf\n2\tdrei\n".encode(encoding))).rows() == [(1, "zwölf"), (2, "drei")]


def test_compressed_file_is_read(read: Read) -> None:
    assert _frame(read(gzip.compress(b"a,b\n1,2\n"), "data.csv.gz")).rows() == [(1, 2)]


def test_workbook_is_read(read: Read, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Data")
    for row in (["Report"], [], ["name", "when", "amount"], ["a", dt.date(2024, 1, 2), 1.5], ["b", None, 2]):
        sheet.append(row)
    book.create_sheet("Other").append(["x"])
    book.save(tmp_path / "made.xlsx")
    content = (tmp_path / "made.xlsx").read_bytes()
    result = read(content, "book.xlsx")
    assert _frame(result).rows() == [("a", dt.date(2024, 1, 2), 1.5), ("b", None, 2.0)]
    assert "The workbook has 3 sheets; 'Data' was read." in result["notes"]
    with pytest.raises(ToolError, match="expected one of the sheets 'Sheet', 'Data', 'Other', got 'None'"):
        read(content, "book.xlsx", sheet="None")


def test_json_lines_are_read_and_bad_lines_named(read: Read) -> None:
    lines = [json.dumps({"t": f"2024-01-0{i}T05:00:00Z", "a": {"b": i}}) for i in range(1, 6)]
    result = read("\n".join([*lines, "no json", "[1]"]), "log.jsonl")
    assert list(_kinds(result)) == ["t", "a.b"]
    assert _frame(result)["t"][0] == dt.datetime.fromisoformat("2024-01-01T05:00")
    assert "2 lines left out: no JSON object (lines 6, 7)" in result["notes"]


def test_json_inside_an_envelope_is_read(read: Read) -> None:
    data = {"meta": {"n": 2}, "items": [{"a": 1, "tags": ["x"]}, {"a": 2.5, "ok": True}]}
    assert _frame(read(json.dumps(data), "data.json")).rows() == [(1.0, '["x"]', None), (2.5, None, True)]


def test_parquet_is_tamed(read: Read, tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "x": [1.0, float("nan"), float("inf")],
            "tags": [["a"], [], None],
            "c": pl.Series(["u", "v", "u"], dtype=pl.Categorical),
            "^z$": [1, 2, 3],
        }
    )
    frame.write_parquet(tmp_path / "in.parquet")
    result = read((tmp_path / "in.parquet").read_bytes(), "data.parquet")
    assert _frame(result).rows() == [(1.0, '["a"]', "u", 1), (None, "[]", "v", 2), (None, None, "u", 3)]


@pytest.mark.parametrize(
    ("content", "name", "text"),
    [
        (b"", "a.csv", "which is empty"),
        (b"\n \n\n", "a.csv", "blank lines only"),
        (b"a,b,c\n", "a.csv", "a header only: a, b, c"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "a.csv", "looks like a PNG picture"),
        (bytes(range(256)) * 20, "a.csv", "looks like binary data"),
        (b"PK\x03\x04 broken", "a.xlsx", "expected an XLSX workbook"),
        (b"PAR1 broken", "a.parquet", "expected a Parquet file"),
        (b"[1, 2]", "a.json", "expected an array of objects"),
        (b"[{]", "a.json", "expected JSON"),
        (b"nothing\n", "a.jsonl", "expected objects with fields"),
    ],
)
def test_what_is_no_table_is_refused_clearly(read: Read, tmp_path: Path, content: bytes, name: str, text: str) -> None:
    with pytest.raises(ToolError, match=text):
        read(content, name)
    assert not list((tmp_path / "out").rglob("*.*"))


def test_folder_is_no_table(call: Call, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="got the folder"):
        call(tables.read, path=str(tmp_path))


def test_very_wide_table_selects_its_first_columns(read: Read) -> None:
    names = [f"c{i}" for i in range(500)]
    result = read(",".join(names) + "\n" + ",".join(["1"] * 500) + "\n" + ",".join(["2"] * 500))
    assert (len(result["columns"]), len(result["selected"])) == (500, 300)
    assert any("first 300 of 500" in note for note in result["notes"])


# ---- values as people write them


@pytest.mark.parametrize(
    ("text", "comma", "value"),
    [
        ("1,234,567.89", False, 1234567.89),
        ("1.234.567,89", True, 1234567.89),
        ("1 234,5", True, 1234.5),
        ("1'234.5", False, 1234.5),
        ("12%", False, 12.0),
        ("€ 5", False, 5.0),
        ("-$5.25", False, -5.25),
        ("(5.25)", False, -5.25),
        ("5-", False, -5.0),
        ("\u22125", False, -5.0),
        ("1e3", False, 1000.0),
        (".5", False, 0.5),
        ("12,34", False, None),
        ("1,2345", False, None),
        ("0.568", True, None),
        ("5 apples", False, None),
        ("", False, None),
        ("-", False, None),
        ("e", False, None),
        ("1e999", False, None),
    ],
)
def test_numbers_are_understood(text: str, comma: bool, value: float | None) -> None:
    assert parse_number(text, comma=comma) == value


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_every_number_is_read_as_it_was_written(value: float) -> None:
    rounded = round(value, 2)
    assert parse_number(f"{rounded:,.2f}", comma=False) == rounded
    european = f"{rounded:,.2f}".translate(str.maketrans(",.", ".,"))
    assert parse_number(european, comma=True) == rounded


@given(st.text(max_size=30))
def test_no_text_breaks_the_parsers(text: str) -> None:
    for flag in (True, False):
        assert parse_number(text, comma=flag) is None or isinstance(parse_number(text, comma=flag), float)
        assert parse_date(text, day_first=flag) is None or isinstance(parse_date(text, day_first=flag), dt.datetime)


@given(st.dates(min_value=dt.date(1971, 1, 1), max_value=dt.date(2068, 12, 31)))
def test_every_date_is_read_in_every_form(day: dt.date) -> None:
    wanted = dt.datetime.fromisoformat(day.isoformat())
    for form in ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%y", "%d %B %Y", "%b %d, %Y", "%Y%m%d", "%a, %d %b %Y 00:00"):
        assert parse_date(day.strftime(form), day_first=True) == wanted
    assert parse_date(day.strftime("%m/%d/%Y"), day_first=False) == wanted


@pytest.mark.parametrize("text", ["31.02.2024", "2024-13-01", "Foo 3, 2024", "12345", "1/2", "99:99"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_date(text, day_first=True) is None


def test_order_of_day_and_month_follows_the_evidence() -> None:
    assert decide(["03/04/2024", "25/04/2024"]).day_first
    assert not decide(["03/04/2024", "04/25/2024"]).day_first
    unclear = decide(["03/04/2024", "05/06/2024"])
    assert not unclear.day_first
    assert "nothing in the column says which" in unclear.note
    assert decide(["03/04/2024", "05/06/2024"], european=True).day_first
    assert decide(["03.04.2024"]).day_first


def test_eight_digits_are_dates_only_with_a_reason() -> None:
    assert decide(["20240131"] * 3, name="amount").meaning == "number"
    assert decide(["20240131"] * 3, name="date").meaning == "date"
    assert decide(["20240131", "99999999"] * 20).meaning == "number"


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234567, "1,234,567"), (0.000123, "0.000123"), (12.3456, "12.35"), (-0.5, "-0.5"), (1e15, "1e+15"), (0, "0")],
)
def test_numbers_in_texts(value: float, text: str) -> None:
    assert number_text(value) == text


def test_shares_in_texts() -> None:
    parts = (0, 0.5, 32, 450, 999, 1000)
    assert [share_text(part, 1000) for part in parts] == ["0%", "<0.1%", "3.2%", "45%", "99.9%", "100%"]


def test_words_of_data_are_no_markup() -> None:
    assert words("a_b *c* [d](e) `f`\n<g>") == r"a_b \*c\* \[d\](e) \`f\` \<g\>"
    assert words("x" * 100) == "x" * 79 + "…"


# ---- describing


def test_profile_of_numbers(read: Read, call: Call) -> None:
    values = [*range(1, 101), *[""] * 25]
    table = read("v,w\n" + "\n".join(f"{v / 2 if v else ''},x" for v in values))["table"]
    profile = call(tables.profile, table=table, column="v")
    assert (profile["rows"], profile["missing"], profile["missing_share"], profile["distinct"]) == (125, 25, 0.2, 100)
    stats = profile["stats"]
    assert (stats["min"], stats["median"], stats["max"], stats["mean"]) == (0.5, 25.25, 50.0, 25.25)
    assert stats["std"] == pytest.approx(pl.Series([v / 2 for v in range(1, 101)]).std())
    chart = profile["chart"]
    assert chart["kind"] == "histogram"
    counts = chart["data"]["series"][0]["values"]
    assert (sum(counts), len(counts) + 1) == (100, len(chart["data"]["x"]))
    assert profile["section"]["charts"] == [chart["name"]]
    assert {"label": "Missing", "value": "25 (20%)"} in profile["section"]["facts"]


def test_planted_outliers_are_found(read: Read, call: Call) -> None:
    values = [100 + (i * 7919 % 41) / 10 for i in range(500)] + [900.0, -700.0]
    far = call(tables.profile, table=read("v\n" + "\n".join(map(str, values)))["table"], column="v")["outliers"]
    assert (far["count"], sorted(far["examples"])) == (2, [-700.0, 900.0])
    assert far["method"] == "modified z-score above 3.5"
    assert -700 < far["low"] < 100
    assert 104 < far["high"] < 900


def test_long_tail_is_judged_by_logarithms(read: Read, call: Call) -> None:
    values = [1.1 ** (i % 60) for i in range(600)] + [1e9]
    far = call(tables.profile, table=read("v\n" + "\n".join(map(str, values)))["table"], column="v")["outliers"]
    assert (far["count"], far["examples"]) == (1, [1e9])
    assert "logarithms" in far["method"]


def test_equal_values_fall_back_on_fences_or_nothing(read: Read, call: Call) -> None:
    mostly = [5.0] * 70 + [6.0] * 20 + [7.5] * 30 + [500.0]
    table = read("v,c\n" + "\n".join(f"{v},3" for v in mostly))["table"]
    far = call(tables.profile, table=table, column="v")["outliers"]
    assert (far["method"], far["examples"]) == ("Tukey's fences", [500.0])
    constant = call(tables.profile, table=table, column="c")
    assert constant["outliers"]["method"] == "none"
    assert constant["section"]["text"].startswith("Every value is 3.")


@pytest.mark.parametrize(
    ("column", "kind", "chart"),
    [("group", "category", "barh"), ("flag", "boolean", "donut"), ("day", "date", "area"), ("text", "text", "bar")],
)
def test_profile_of_other_kinds(read: Read, call: Call, column: str, kind: str, chart: str) -> None:
    start = dt.date(2023, 1, 1)
    rows = [
        f"{'abc'[i % 3 if i % 5 else 0]},{i % 4 == 0},{start + dt.timedelta(days=i)},{'t' * (1 + i % 3)}{i}"
        for i in range(90)
    ]
    profile = call(tables.profile, table=read("group,flag,day,text\n" + "\n".join(rows))["table"], column=column)
    assert (profile["kind"], profile["chart"]["kind"]) == (kind, chart)
    assert profile["section"]["text"]
    assert sum(profile["chart"]["data"]["series"][0]["values"]) == 90


def test_empty_column_is_described(read: Read, call: Call) -> None:
    table = read("a,b\n1,\n2,\n")["table"]
    profile = call(tables.profile, table=table, column="b")
    assert (profile["missing"], profile["distinct"], profile["section"]["charts"]) == (2, 0, [])
    assert profile["section"]["text"] == "Every value is missing."


def test_column_names_are_never_patterns(read: Read, call: Call) -> None:
    table = read("*,^a.*$,abc,${x}\n" + "\n".join(f"{i},{i * 2},{i * 3},{i * 4}" for i in range(20)))["table"]
    maxima = {n: call(tables.profile, table=table, column=n)["stats"]["max"] for n in ("*", "^a.*$", "abc", "${x}")}
    assert list(maxima.values()) == [19, 38, 57, 76]


def test_unknown_column_offers_the_nearest(read: Read, call: Call) -> None:
    with pytest.raises(ToolError, match="got 'amuont'; did you mean 'amount'"):
        call(tables.profile, table=read("amount,b\n1,2\n")["table"], column="amuont")


def test_file_that_was_not_read_is_refused(read: Read, call: Call, tmp_path: Path) -> None:
    (tmp_path / "raw.csv").write_text("a\n1\n", encoding="utf-8")
    with pytest.raises(ToolError, match=r"run tables\.read first"):
        call(tables.overview, table="raw.csv")


def test_overview_counts_gaps_and_repeated_rows(read: Read, call: Call) -> None:
    result = read("a,b\n1,x\n1,x\n,x\n2,\n2,\n")
    overview = call(tables.overview, table=result["table"], notes=["Something *was* done."])
    assert (overview["rows"], overview["columns"], overview["missing_cells"], overview["repeated_rows"]) == (5, 2, 3, 2)
    assert overview["chart"]["data"] == {"x": ["b", "a"], "series": [{"name": "missing", "values": [0.4, 0.2]}]}
    assert r"- Something \*was\* done." in overview["sections"][0]["text"]


def test_correlations_are_those_of_the_textbook(read: Read, call: Call) -> None:
    rows = [f"{i},{i * i},{-3 * i + 7},{(i * 7919) % 101},{i if i % 2 else ''},5" for i in range(-50, 51)]
    table = read("x,square,down,noise,gaps,same\n" + "\n".join(f"{r}" for r in rows))["table"]
    found = call(tables.correlations, table=table, columns=["x", "square", "down", "gaps", "same"])
    pairs = {(p["first"], p["second"]): p for p in found["pairs"]}
    assert found["columns"] == ["square", "down", "gaps"]  # x only names rows, same does not vary
    down = pairs[("down", "gaps")]
    assert (down["pearson"], down["spearman"], down["rows"]) == (pytest.approx(-1), pytest.approx(-1), 50)
    assert abs(pairs[("square", "down")]["pearson"]) < 1e-9
    assert found["sections"][0]["charts"] == [found["chart"]["name"]]


def test_nothing_to_correlate_gives_no_section(read: Read, call: Call) -> None:
    found = call(tables.correlations, table=read("a,b\nx,1\ny,2\nz,3\n")["table"])
    assert (found["pairs"], found["sections"], found["chart"]["data"]["x"]) == ([], [], [])


def test_correlations_of_many_rows_are_sampled_and_say_so(read: Read, call: Call) -> None:
    rows = "\n".join(f"{i * 37 % 1000},{i * 37 % 1000 * 2}" for i in range(150_000))
    found = call(tables.correlations, table=read("a,b\n" + rows)["table"])
    assert (found["sampled"], found["rows"], found["pairs"][0]["pearson"]) == (True, 75_000, pytest.approx(1))
    assert "75,000 evenly spread rows" in found["sections"][0]["text"]


def test_trend_is_a_sum_or_a_mean_by_name_and_has_the_slope(read: Read, call: Call) -> None:
    start = dt.date(2020, 1, 1)
    rows = []
    for i in range(1461):
        day = start + dt.timedelta(days=i)
        month = (day.year - 2020) * 12 + day.month - 1
        rows.append(f"{day},1,{10 + month}")
    found = call(tables.trends, table=read("date,units,price\n" + "\n".join(rows))["table"])
    by_name = {trend["column"]: trend for trend in found["trends"]}
    assert (found["date"], by_name["units"]["period"]) == ("date", "month")
    assert (by_name["units"]["aggregate"], by_name["price"]["aggregate"]) == ("sum", "mean")
    assert by_name["units"]["chart"]["data"]["series"][0]["values"][:3] == [31, 29, 31]
    assert by_name["price"]["slope"] == pytest.approx(1)
    assert by_name["price"]["direction"] == "up"
    assert by_name["price"]["r_squared"] == pytest.approx(1)
    assert [chart["name"] for chart in found["charts"]] == found["sections"][0]["charts"]


def test_unfinished_periods_do_not_count_in_sums(read: Read, call: Call) -> None:
    start = dt.date(2020, 1, 20)
    rows = [f"{start + dt.timedelta(days=i)},1" for i in range(1200)]
    found = call(tables.trends, table=read("date,units\n" + "\n".join(rows))["table"])
    chart = found["trends"][0]["chart"]["data"]
    assert (chart["x"][0], min(chart["series"][0]["values"])) == ("2020-02", 28)


def test_table_without_dates_has_no_trends(read: Read, call: Call) -> None:
    table = read("a,b\n1,2\n3,4\n")["table"]
    assert call(tables.trends, table=table) == {"date": "", "trends": [], "charts": [], "sections": []}
    with pytest.raises(ToolError, match="expected a column of dates, got 'a'"):
        call(tables.trends, table=table, date="a")


def test_periods_fit_the_span() -> None:
    day = dt.date(2024, 1, 1)
    spans = {1: "day", 60: "day", 300: "week", 2000: "month", 9000: "quarter", 20_000: "year"}
    assert {d: period_for(day, day + dt.timedelta(days=d), has_time=False)[0] for d in spans} == spans
    assert period_for(day, day + dt.timedelta(days=1), has_time=True)[0] == "hour"


@given(st.floats(-1e6, 1e6), st.floats(-1e3, 1e3))
def test_straight_line_is_found_again(start: float, slope: float) -> None:
    line = line_through([start + slope * i for i in range(10)])
    assert line is not None
    assert line.slope == pytest.approx(slope, abs=1e-6)
    assert line_through([1.0, None, 2.0]) is None


def test_findings_name_what_stands_out(read: Read, call: Call) -> None:
    rows = [
        f"{100000 + i},{i % 50 + (9000 if i == 7 else 0)},{(i % 50) * 2},{'' if i % 3 else 'x'},k" for i in range(300)
    ]
    table = read("id,a,b,gaps,constant\n" + "\n".join(rows))["table"]
    names = ["id", "a", "b", "gaps", "constant"]
    profiles = [call(tables.profile, table=table, column=name) for name in names]
    correlations = call(tables.correlations, table=table)
    found = call(tables.findings, profiles=[*profiles, None], correlations=correlations, trends=None)
    text = found["text"]
    assert "- gaps is 67% missing." in text
    assert "a has 1 outlier" in text
    assert "id only names rows." in text
    assert "gaps, constant have one value only." in text
    assert found["chart"]["data"]["x"] == ["a"]
    assert [row[0] for row in found["sections"][0]["table"]["rows"]] == names
    assert found["columns"][-1] is None


# ---- working with tables

PEOPLE = "name,city,age,joined\nann,Oslo,30,2024-01-05\nbob,Rome,40,2024-02-05\ncy,Oslo,,2024-03-05\ndee,Rome,25,\n"


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ([{"column": "age", "op": ">=", "value": 30}], ["ann", "bob"]),
        ([{"column": "city", "op": "=", "value": "Oslo"}, {"column": "age", "op": "present"}], ["ann"]),
        ([{"column": "age", "op": "missing"}], ["cy"]),
        ([{"column": "joined", "op": "<", "value": "2024-02-06"}], ["ann", "bob"]),
        ([{"column": "name", "op": "in", "value": ["dee", "cy"]}], ["cy", "dee"]),
        ([{"column": "name", "op": "contains", "value": "."}], []),
        ([{"column": "name", "op": "starts with", "value": "b"}], ["bob"]),
        ([{"column": "city", "op": "!=", "value": "Oslo"}], ["bob", "dee"]),
    ],
)
def test_conditions_choose_rows(read: Read, call: Call, where: list[dict[str, Any]], names: list[str]) -> None:
    result = call(tables.filter_, table=read(PEOPLE)["table"], where=where)
    assert (result["rows"], pl.read_parquet(result["table"])["name"].to_list()) == (len(names), names)


def test_any_condition_is_enough_when_asked(read: Read, call: Call) -> None:
    where = [{"column": "age", "op": "=", "value": 30}, {"column": "name", "op": "=", "value": "dee"}]
    rows = call(tables.query, table=read(PEOPLE)["table"], where=where, any_of=True, columns=["name"])
    assert rows == {"columns": ["name"], "rows": [["ann"], ["dee"]], "total": 2}


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        ({"column": "age", "op": "=", "value": "old"}, "expected a number"),
        ({"column": "joined", "op": "=", "value": "soon"}, "expected a date"),
        ({"column": "age", "op": "in", "value": 5}, "expected a list"),
        ({"column": "agee", "op": "missing"}, "did you mean 'age'"),
        ({"column": "age", "op": "like", "value": 5}, "op"),
    ],
)
def test_conditions_that_do_not_fit_are_refused(read: Read, call: Call, condition: dict[str, Any], text: str) -> None:
    with pytest.raises(ToolError, match=text):
        call(tables.filter_, table=read(PEOPLE)["table"], where=[condition])


def test_groups_are_computed(read: Read, call: Call) -> None:
    aggregates = [
        {"function": "count"},
        {"function": "mean", "column": "age"},
        {"function": "max", "column": "joined", "name": "last"},
    ]
    result = call(tables.group, table=read(PEOPLE)["table"], by=["city"], aggregates=aggregates)
    assert result["columns"] == ["city", "count", "mean of age", "last"]
    rows = [("Oslo", 2, 30.0, dt.date(2024, 3, 5)), ("Rome", 2, 32.5, dt.date(2024, 2, 5))]
    assert pl.read_parquet(result["table"]).rows() == rows
    with pytest.raises(ToolError, match="expected a column of numbers for 'sum'"):
        call(tables.group, table=read(PEOPLE)["table"], by=[], aggregates=[{"function": "sum", "column": "city"}])


def test_query_groups_sorts_and_cuts(read: Read, call: Call) -> None:
    rows = call(
        tables.query,
        table=read(PEOPLE)["table"],
        by=["city"],
        aggregates=[{"function": "sum", "column": "age", "name": "years"}],
        order=[{"column": "years", "descending": True}],
        limit=1,
    )
    assert rows == {"columns": ["city", "years"], "rows": [["Rome", 65]], "total": 2}
    with pytest.raises(ToolError, match="limit of 1 to"):
        call(tables.query, table=read(PEOPLE)["table"], limit=0)


def test_tables_are_joined(read: Read, call: Call) -> None:
    people = read(PEOPLE)["table"]
    cities = read("city,country,age\nOslo,NO,976\nParis,FR,2000\n", "cities.csv")["table"]
    inner = call(tables.join, left=people, right=cities, on=["city"])
    assert inner["columns"] == ["name", "city", "age", "joined", "country", "age (2)"]
    assert pl.read_parquet(inner["table"])["age (2)"].to_list() == [976, 976]
    assert call(tables.join, left=people, right=cities, on=["city"], how="left")["rows"] == 4
    assert call(tables.join, left=people, right=cities, on=["city"], how="full")["rows"] == 5
    numbered = read("city\n1\n2\n", "numbered.csv")["table"]
    with pytest.raises(ToolError, match="one type of 'city' in both tables"):
        call(tables.join, left=people, right=numbered, on=["city"])


def test_sample_is_spread_over_the_table(read: Read, call: Call) -> None:
    table = read("v\n" + "\n".join(map(str, range(100))))["table"]
    assert call(tables.sample, table=table, rows=4)["rows"] == [[0], [25], [50], [75]]
    assert call(tables.sample, table=table, rows=2, spread=False)["rows"] == [[0], [1]]
    assert call(tables.sample, table=table, rows=2)["total"] == 100


def test_written_csv_holds_no_formulas(read: Read, call: Call, tmp_path: Path) -> None:
    table = read('a,b\n"=1+1",-5\n"@x",2\nplain,3\n')["table"]
    call(tables.write, table=table, path="made.csv")
    assert (tmp_path / "made.csv").read_text(encoding="utf-8") == "a,b\n'=1+1,-5\n'@x,2\nplain,3\n"
    call(tables.write, table=table, path="made.parquet")
    assert pl.read_parquet(tmp_path / "made.parquet")["a"][0] == "=1+1"


def test_write_keeps_to_the_workspace_and_to_new_files(read: Read, call: Call, tmp_path: Path) -> None:
    table = read("a\n1\n")["table"]
    with pytest.raises(AccessError):
        call(tables.write, table=table, path="../outside.csv")
    with pytest.raises(ToolError, match=r"ends in \.csv or \.parquet"):
        call(tables.write, table=table, path="a.txt")
    call(tables.write, table=table, path="a.csv")
    with pytest.raises(ToolError, match="which exists"):
        call(tables.write, table=table, path="a.csv")
    call(tables.write, table=table, path="a.csv", overwrite=True)
    assert not list(tmp_path.glob(".*.part"))
