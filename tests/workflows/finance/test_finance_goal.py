"""The dashboard from a goal in words, without a model."""

from __future__ import annotations

import json
import re
from pathlib import Path

from planloom import Config, Planloom
from planloom.workflows.finance import sample


async def test_a_goal_in_words_becomes_page_pdf_data_and_pictures(tmp_path: Path):
    sample.write(tmp_path / "ledger.csv", rows=2_000)
    config = Config(workspace=str(tmp_path), state=str(tmp_path / "state"), out=str(tmp_path / "out"))
    async with Planloom(config) as loom:
        result = await loom.run("Financial dashboard for 2025 from ledger.csv")
    assert result.status == "done", result.reason
    made = result.steps["dashboard"].value
    page = (tmp_path / made["path"]).read_text("utf-8")
    assert page.count("data-chart=") == 8
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']?https?:", page)
    data = json.loads((tmp_path / made["data"]).read_text("utf-8"))
    assert [one["metric"] for one in data["measures"]] == ["revenue", "expenses", "net_income", "cash_flow"]
    values = {one["metric"]: one["value"] for one in data["measures"]}
    assert values["net_income"] == values["revenue"] - values["expenses"]
    assert all(text["by"] == "template" for text in data["stories"].values())
    assert (tmp_path / made["pdf"]).read_bytes().startswith(b"%PDF")
    assert len(made["pictures"]) == 4


async def test_names_in_a_ledger_can_not_become_mark_up(tmp_path: Path):
    rows = [f"2024-{m:02d}-01,</script><img src=x onerror=alert(1)>,{m}" for m in range(1, 13)]
    rows += [f"2025-{m:02d}-28,</script><img src=x onerror=alert(1)>,{m + 1}" for m in range(1, 13)]
    (tmp_path / "odd.csv").write_text("\n".join(["date,category,amount", *rows, ""]), encoding="utf-8")
    config = Config(workspace=str(tmp_path), state=str(tmp_path / "state"), out=str(tmp_path / "out"))
    async with Planloom(config) as loom:
        result = await loom.run("Financial dashboard for 2025 from odd.csv")
    assert result.status == "done", result.reason
    page = (tmp_path / result.steps["dashboard"].value["path"]).read_text("utf-8")
    assert "<img" not in page.split("<main")[1].split("<script>")[0]
    assert "<img" not in page.split('id="charts">')[1]
