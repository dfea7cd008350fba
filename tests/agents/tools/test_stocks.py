from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agents.tools.test_web import site

from planloom.agents.tool import ToolContext
from planloom.agents.tools import stocks
from planloom.agents.tools.stocks.figures import averages, drawdown
from planloom.agents.tools.stocks.prices import Price, from_csv, from_json
from planloom.agents.workspace import Workspace
from planloom.config import Config
from planloom.errors import ToolError, TransientError

CSV = """Date,Open,Close,Volume
2026-01-02,1,100,10
2026-01-05,1,110,
2026-01-06,1,88,30
2026-01-07,1,99,40
2026-03-02,1,121,50
"""


def context_of(folder: Path, url: str = "", **headers: str) -> ToolContext:
    tools = {"stocks": {"url": url, "headers": headers}, "http": {"timeout_s": 5, "max_bytes": 10_000}}
    return ToolContext(workspace=Workspace(folder, folder / "out"), config=Config.model_validate({"tools": tools}))


def series(*closes: float) -> list[Price]:
    return [
        {"date": f"2026-{1 + n // 28:02}-{1 + n % 28:02}", "close": c, "volume": None} for n, c in enumerate(closes)
    ]


async def test_figures_of_a_file_are_those_worked_by_hand(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(CSV)
    found = await stocks.figures("p.csv", context_of(tmp_path), windows=(2, 9))
    assert (found["first_on"], found["last_on"], found["prices"]) == ("2026-01-02", "2026-03-02", 5)
    assert found["change"] == pytest.approx(0.21)
    assert found["yearly"] == pytest.approx(1.21 ** (365.25 / 59) - 1)
    assert (found["best_on"], found["worst_on"]) == ("2026-03-02", "2026-01-06")
    assert found["best"] == pytest.approx(121 / 99 - 1) and found["worst"] == pytest.approx(-0.2)
    assert found["drawdown"] == {
        "share": pytest.approx(-0.2),
        "high_on": "2026-01-05",
        "low_on": "2026-01-06",
        "recovered": "2026-03-02",
    }
    assert found["averages"] == {"2": 110.0, "9": None}
    logs = [math.log(b / a) for a, b in ((100, 110), (110, 88), (88, 99), (99, 121))]
    mean = sum(logs) / 4
    deviation = math.sqrt(sum((x - mean) ** 2 for x in logs) / 3)
    assert found["volatility"] == pytest.approx(deviation * math.sqrt(4 * 365.25 / 59))


async def test_prices_of_a_span_and_a_line_for_a_chart(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(CSV)
    context = context_of(tmp_path)
    found = await stocks.prices("p.csv", context, start="2026-01-05", end="2026-01-06")
    assert found == [
        {"date": "2026-01-05", "close": 110.0, "volume": None},
        {"date": "2026-01-06", "close": 88.0, "volume": 30.0},
    ]
    line = await stocks.line("p.csv", context, windows=(2,))
    assert line["averages"]["2"] == [None, 105.0, 99.0, 93.5, 110.0] and len(line["dates"]) == 5


async def test_comparison_puts_the_best_first_and_tells_how_alike_they_move(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("date,close\n2026-01-01,1\n2026-01-02,2\n2026-01-03,1\n2026-01-04,2\n")
    (tmp_path / "b.csv").write_text(
        "date;close\n2026-01-01;1.000,5\n2026-01-02;2.001\n2026-01-03;1000,5\n2026-01-04;4002\n"
    )
    (tmp_path / "c.csv").write_text("date,close\n2026-01-01,2\n2026-01-02,1\n2026-01-03,2\n2026-01-04,1\n")
    found = await stocks.compare(["a.csv", "b.csv", "c.csv"], context_of(tmp_path))
    assert list(found["figures"]) == ["b.csv", "a.csv", "c.csv"]
    alike = {(pair["one"], pair["other"]): pair["correlation"] for pair in found["pairs"]}
    assert alike[("a.csv", "c.csv")] == pytest.approx(-1.0) and alike[("a.csv", "b.csv")] > 0.8
    assert [pair["days"] for pair in found["pairs"]] == [4, 4, 4]


async def test_source_of_the_settings_gives_prices_with_its_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    json = '{"prices": [{"date": "2026-01-02", "adjClose": 5, "close": 9}, {"date": "2026-01-03", "adjClose": "6"}]}'
    with site(
        **{"v1/AB%2FC_csv?key=secret-key": (200, "text/csv", CSV), "j/X": (200, "application/json", json)}
    ) as url:
        context = context_of(tmp_path, url + "/v1/{symbol}.csv?key=secret-key", Authorization="Bearer secret-token")
        assert (await stocks.figures("AB/C", context, start="2026-01-01", end="2026-04-01"))["last"] == 121
        context = context_of(tmp_path, url + "/j/{symbol}")
        found = await stocks.prices("X", context, start="2026-01-01", end="2026-04-01")
        assert [price["close"] for price in found] == [5, 6]
        with pytest.raises(ToolError, match="prices of 'Y', got 404"):
            await stocks.prices("Y", context)
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("status", "kind", "told"),
    [(401, ToolError, "refuses"), (302, ToolError, "302"), (429, TransientError, "429"), (500, TransientError, "500")],
)
async def test_refusals_of_the_source_tell_no_key(
    tmp_path: Path, status: int, kind: type[Exception], told: str
) -> None:
    with site(X=(status, "http://169.254.169.254/", "secret words")) as url:
        context = context_of(tmp_path, url + "/{symbol}", Authorization="secret-token")
        with pytest.raises(kind, match=told) as caught:
            await stocks.prices("X", context)
    assert "secret" not in str(caught.value)
    with pytest.raises(TransientError, match="reached"):
        await stocks.prices("X", context_of(tmp_path, url + "/{symbol}?key=secret-key"))


async def test_without_a_source_or_with_too_much_the_error_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"tools\.stocks\.url"):
        await stocks.prices("X", context_of(tmp_path))
    with site(X=(200, "text/csv", CSV + "2026-04-01,1,2,3\n" * 1_000)) as url:
        context = context_of(tmp_path, url + "/{symbol}")
        with pytest.raises(ToolError, match="10,000 bytes"):
            await stocks.prices("X", context)
    (tmp_path / "p.csv").write_text(CSV)
    with pytest.raises(ToolError, match="got only 2026-01-02 to 2026-03-02"):
        await stocks.prices("p.csv", context_of(tmp_path), start="2020-01-01", end="2020-02-01")
    with pytest.raises(ToolError, match="two or more"):
        await stocks.figures("p.csv", context_of(tmp_path), start="2026-03-01")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "got none"),
        ("a,b\n1,2\n", "columns such as"),
        ("date,close\n2026-01-01,x\n", "row 1: expected a number"),
        ("date,close\n2026-01-01,nan\n", "row 1: expected a number"),
        ("date,close\n2026-01-01,5\nyesterday,6\n", "row 2: expected a date"),
        ('date,close\n2026-01-01,"1,5"\n', "row 1: expected a number"),
        ("date,close\n2026-01-01,-5\n", "above 0"),
        ("date,close\n2026-01-01,0\n", "above 0"),
    ],
)
def test_rows_that_do_not_fit_are_named(text: str, told: str) -> None:
    with pytest.raises(ToolError, match=told):
        from_csv(text)


@pytest.mark.parametrize("text", ["[", "{}", '{"a": 1}', "[1, 2]", "[" * 100_000])
def test_json_without_prices_is_refused(text: str) -> None:
    with pytest.raises(ToolError, match="expected"):
        from_json(text)


def test_thousands_are_read_in_both_ways_of_writing() -> None:
    assert from_csv('date,close\n2026-01-01,"1,234.5"\n')[0]["close"] == 1234.5
    assert [p["close"] for p in from_csv("Datum;Close\n2026-01-01;1.234,5\n2026-01-02;2.001\n")] == [1234.5, 2001]
    assert from_csv("date;close\n2026-01-01;1.5\n")[0]["close"] == 1.5


closes = st.lists(st.floats(min_value=0.5, max_value=1_000), min_size=2, max_size=60)


@given(closes)
def test_deepest_fall_is_that_of_all_pairs(values: list[float]) -> None:
    pairs: Any = [(a, b) for place, a in enumerate(values) for b in values[place:]]
    assert drawdown(series(*values))["share"] == pytest.approx(min(b / a - 1 for a, b in pairs))


@given(closes, st.integers(1, 10))
def test_moving_averages_are_means_of_the_last(values: list[float], window: int) -> None:
    for place, found in enumerate(averages(values, window)):
        last = values[max(0, place + 1 - window) : place + 1]
        assert found == (pytest.approx(sum(last) / window) if len(last) == window else None)
