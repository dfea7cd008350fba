"""The table report, from the goal in words to the page."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest

from planloom import Config, Planloom
from planloom.config import Performance
from planloom.orchestrator.result import Result


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        workspace=str(tmp_path),
        state=str(tmp_path / "state"),
        out=str(tmp_path / "out"),
        performance=Performance(max_parallel_steps=0),
    )


def _sales(rows: int) -> str:
    """A messy table: money, gaps, an outlier, mixed dates, a hostile column name."""
    lines = ["Exported by the shop", "", "order,when,region,amount,tax,<b>note</b> ${x}"]
    for i in range(rows):
        day = dt.date(2023, 1, 1) + dt.timedelta(days=i)
        amount = "90000" if i == 7 else "" if i % 10 == 3 else f"{50 + i % 31}.50"
        tax = f"{(50 + i % 31) / 5:.2f}"
        when = day.strftime("%d %b %Y") if i % 2 else day.isoformat()
        lines.append(f"{1000 + i},{when},{('North', 'South')[i % 2]},${amount},{tax},text {i}")
    return "\n".join(lines)


async def _run(config: Config, goal: str, **options: Any) -> Result:
    async with Planloom(config) as loom:
        return await loom.run(goal, **options)


async def test_messy_table_becomes_a_report(config: Config, tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text(_sales(300), encoding="utf-8")
    result = await _run(config, f"Analyse {tmp_path / 'sales.csv'}")
    assert result.status == "done"
    assert {step.status for step in result.steps.values()} == {"ok"}
    assert "sales.csv has 300 rows and 6 columns." in result.answer
    assert "amount has 1 outlier" in result.answer
    page = (tmp_path / Path(_main(result))).read_text(encoding="utf-8")
    headings = re.findall(r"<h[23]>([^<]+)</h", page)
    assert headings[:4] == ["In short", "The table", "Missing values", "All columns"]
    assert headings[-6:-1] == ["order", "when", "region", "amount", "tax"]
    assert headings[-1] == "&lt;b&gt;note&lt;/b&gt; ${x}"
    assert page.count("<img ") == len([a for a in result.artifacts if a.media_type == "image/png"]) == 11
    assert "What is missing" not in page


def _main(result: Result) -> str:
    return next(a.path for a in result.artifacts if a.media_type == "text/html")


async def test_chart_of_a_column_starts_before_all_columns_are_described(config: Config, tmp_path: Path) -> None:
    names = [f"c{i}" for i in range(12)]
    rows = [",".join(str((i * 7919 + k) % 101) for k in range(12)) for i in range(50)]
    (tmp_path / "wide.csv").write_text("\n".join([",".join(names), *rows]), encoding="utf-8")
    seen: list[tuple[str, str]] = []

    def note(event: Any) -> None:
        seen.append((event.type, getattr(event.payload, "step", "")))

    result = await _run(config, f"Analyse {tmp_path / 'wide.csv'}", on_event=note)
    assert result.status == "done"
    first_chart = min(seen.index(("step.started", f"column_charts[{i}]")) for i in range(12))
    last_profile = max(seen.index(("step.finished", f"profiles[{i}]")) for i in range(12))
    assert first_chart < last_profile


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"a,b\n", "a header only: a, b"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "looks like a PNG picture"),
    ],
)
async def test_what_is_no_table_fails_once_and_says_why(
    config: Config, tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "odd.csv").write_bytes(content)
    result = await _run(config, f"Analyse {tmp_path / 'odd.csv'}")
    assert result.status == "failed"
    failed = {name: step for name, step in result.steps.items() if step.status == "failed"}
    assert list(failed) == ["load"]
    assert reason in (failed["load"].error or "")
    assert {step.caused_by for name, step in result.steps.items() if name != "load"} == {"load"}


async def test_one_row_is_enough(config: Config, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("a,b,c\n1,x,\n", encoding="utf-8")
    result = await _run(
        config, "Describe the table", inputs={"file": str(tmp_path / "one.csv")}, playbook="table-report"
    )
    assert result.status == "done"
    assert Path(_main(result)).name == "report.html"


@pytest.mark.parametrize(
    "goal",
    [
        "Analyse sales.csv",
        "analyze 'my orders.xlsx'",
        "Please profile customers.parquet",
        "What is in the spreadsheet budget.xlsx?",
        "Explore the dataset survey.tsv",
        "Describe the columns of logs.jsonl",
        "Give me an overview of the CSV file data.csv",
    ],
)
async def test_goals_in_words_lead_to_this_report(config: Config, tmp_path: Path, goal: str) -> None:
    names = ["sales.csv", "my orders.xlsx", "customers.parquet", "budget.xlsx", "survey.tsv", "logs.jsonl", "data.csv"]
    for name in names:
        (tmp_path / name).write_text("a\n1\n", encoding="utf-8")
    async with Planloom(config) as loom:
        plan = await loom.plan(goal)
    assert [step.id for step in plan.steps][:2] == ["load", "overview"]
    assert any(str(plan.inputs["file"]).endswith(name) and name in goal for name in names)
