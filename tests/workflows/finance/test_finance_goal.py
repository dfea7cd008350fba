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


async def test_a_ledger_with_all_kinds_of_faults_is_repaired_and_each_repair_is_on_the_page(tmp_path: Path):
    dates = ["{y}-{m:02d}-07", "8.{m}.{y}", "{month} 9, {y}"]
    names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    rows = []
    for year in (2024, 2025):
        for month in range(1, 13):
            if (year, month) in ((2024, 7), (2024, 8)):
                continue  # a gap
            for at, form in enumerate(dates):
                day = form.format(y=year, m=month, month=names[month - 1])
                amount = ["100.50", "1.100,25", "(40.00)"][at]
                rows.append(f'"{day}";"{amount}";{["Verkäufe", "verkäufe ", "Miete"][at]};{at}-{month}-{year}')
    rows += [rows[0], "45720;12,00;Verkäufe;serial", "2025-12-30;viel;Verkäufe;text"]
    columns = "".join(f";extra {number}" for number in range(196))
    text = "\n".join([f"Datum;Betrag;Konto;Beleg{columns}", *(row + ";" * 196 for row in rows), ""])
    (tmp_path / "ledger.csv").write_bytes(text.encode("cp1252"))
    config = Config(workspace=str(tmp_path), state=str(tmp_path / "state"), out=str(tmp_path / "out"))
    async with Planloom(config) as loom:
        result = await loom.run("Financial dashboard for 2025 from ledger.csv")
    assert result.status == "done", result.reason
    ledger = json.loads((tmp_path / result.steps["dashboard"].value["data"]).read_text("utf-8"))["ledger"]
    assert ledger["repairs"]["rows equal to another in every column, counted once"] == 1
    assert ledger["repairs"]["dates as serial numbers of Excel"] == 1
    assert ledger["repairs"]["dates in another format than most"] == 2 * 22 + 1
    assert ledger["repairs"]["amounts in brackets, read as negative"] == 22
    assert ledger["repairs"]["spellings of category names made one"] == 22
    assert ledger["aside"] == {"expected an amount": 1} and ledger["used"] == 3 * 22 + 1
    notes = " ".join(ledger["notes"])
    assert "2024-07, 2024-08" in notes and "Windows-1252" in notes and "196 columns were not needed" in notes
    assert "row 70, column 'Betrag': expected an amount, got 'viel'" in notes
    page = (tmp_path / result.steps["dashboard"].value["path"]).read_text("utf-8")
    assert all(what in page for what in ledger["repairs"])


async def test_one_row_is_a_dashboard_and_what_is_none_is_refused_with_its_place(tmp_path: Path):
    config = Config(workspace=str(tmp_path), state=str(tmp_path / "state"), out=str(tmp_path / "out"))
    files = {
        "one.csv": "date,category,amount\n2025-03-04,Sales,10.00\n",
        "head.csv": "date,category,amount\n",
        "empty.csv": "",
        "mixed.csv": "date,amount,currency\n2025-01-01,5,EUR\n2025-01-02,6,USD\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    async with Planloom(config) as loom:
        results = {name: await loom.run(f"Financial dashboard from {name}") for name in files}
    assert results["one.csv"].status == "done", results["one.csv"].reason
    data = (tmp_path / results["one.csv"].steps["dashboard"].value["data"]).read_text("utf-8")
    assert json.loads(data)["measures"][0]["value"] == 1000
    told = {name: result.answer + result.reason for name, result in results.items()}
    assert "rows below the header" in told["head.csv"] and "empty" in told["empty.csv"]
    assert "USD in row 3, column 'currency'" in told["mixed.csv"]
    assert [results[name].status for name in ("head.csv", "empty.csv", "mixed.csv")] == ["failed"] * 3
