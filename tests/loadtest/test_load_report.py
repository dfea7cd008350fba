from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from planloom.config import Models
from planloom.errors import UsageError
from planloom.loadtest import report as reports
from planloom.loadtest.campaign import exit_code
from planloom.loadtest.files import written
from planloom.loadtest.load import Load
from planloom.loadtest.markdown import markdown
from planloom.loadtest.measuring import first_line
from planloom.loadtest.page import html
from planloom.loadtest.records import Record, Sample, Served

MACHINE = {"cpu": "a processor", "cores": 2, "memory_gb": 4.0, "python": "3.11"}


def made(served: list[Served] | None = None, **changes: Any) -> dict[str, Any]:
    """The report of a small load; the fourth goal failed with a text that could break a page."""
    if served is None:
        served = [
            Served(number=n, outcome="ok", seconds=1.0 + n / 10, first_s=0.1, sent_s=n / 5, calls=2, prompt_tokens=300)
            for n in range(6)
        ]
        served[3].outcome, served[3].reason = "ToolError", "</script><b>|\nno"
    samples = [Sample(at_s=n / 2, rss_mb=100 + n, cores=0.5, done=n, under_way=1) for n in range(7)]
    record = Record(served=served, samples=samples, sent=len(served), seconds=3.0)
    load = Load(requests=6, concurrency=2)
    told = first_line(load, Models())
    return (
        reports.made(
            load, record, machine=MACHINE, made_at="2026-01-02T03:04:05+00:00", version="1", told=told, most_mb=500
        )
        | changes
    )


def test_the_report_has_the_fields_others_rely_on() -> None:
    found = made()
    for name in (
        "sent", "succeeded", "failed", "rejected_429", "p50", "p95", "p99", "throughput", "tokens", "cost", "rss_mb",
        "slope_kb_per_request", "bottleneck",
    ):  # fmt: skip
        assert name in found, name
    assert set(found["rss_mb"]) >= {"start", "peak", "end"}
    assert found["failed"] == {"ToolError": 1}


def test_the_first_line_of_each_form_says_that_no_model_answered(tmp_path: Path) -> None:
    found = made()
    assert markdown(found).splitlines()[0].startswith("Simulated provider")
    body = html(found).partition("<body>")[2]
    assert "Simulated provider" in body[: body.index("<h1>")]
    files = written(found, tmp_path / "out", tmp_path / "x.json")
    assert [path.name for path in files] == ["report.json", "x.json", "report.md", "report.html"]
    assert reports.read(files[0]) == reports.read(files[1]) == json.loads(json.dumps(found))


def test_a_real_provider_is_named_and_needs_a_key() -> None:
    load = Load(provider="real")
    with pytest.raises(UsageError, match=r"models\.api_key"):
        first_line(load, Models())
    told = first_line(load, Models.model_validate({"base_url": "https://user:pass@models.example/v1", "model": "m"}))
    assert "models.example" in told
    assert "pass" not in told
    assert "No model" in first_line(Load(provider="none"), Models())


def test_texts_of_failures_break_neither_the_page_nor_a_table() -> None:
    found = made()
    page = html(found)
    assert "</script><b>" not in page
    row = next(line for line in markdown(found).splitlines() if line.startswith("| ToolError"))
    assert row.count("|") - row.count("\\|") == 4


def test_the_page_fetches_nothing() -> None:
    page = re.sub(r"<script>.*?</script>", "", html(made()), flags=re.DOTALL)
    assert not re.search(r"(src|href)=|url\(|@import", page)


@pytest.mark.parametrize(
    ("served", "changes", "code"),
    [
        ([Served(number=n, outcome="ok", seconds=1.0) for n in range(20)], {}, 0),
        ([Served(number=n, outcome="ok" if n else "failed", seconds=1.0) for n in range(20)], {}, 0),
        (None, {}, 1),
        ([], {}, 1),
        (None, {"ended": "died"}, 1),
        (None, {"ended": "interrupted"}, 130),
    ],
)
def test_the_exit_code_tells_how_it_went(served: list[Served] | None, changes: dict[str, Any], code: int) -> None:
    assert exit_code(made(served) | changes) == code


def test_a_load_that_ended_early_says_so_everywhere() -> None:
    found = made(ended="died", epitaph="it was ended by SIGKILL")
    for text in (markdown(found), html(found)):
        assert "ended in the middle of the load" in text
        assert "SIGKILL" in text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "something else"),
        ("[]", "got 'list'"),
        ("{}", "no format"),
        ('{"format": "planloom.loadtest", "version": 2, "planloom": "9.9"}', "written by planloom 9.9"),
        ('{"format": "planloom.loadtest", "version": "1"}', "expected version 1"),
        ('{"format": "planloom.loadtest"}', "got None"),
        (
            '{"format": "planloom.loadtest", "version": 1, "load": {}, "sent": "x"}',
            "without told, ended, made_at, sent,",
        ),
        ('{"machine": {}, "measured": {}, "targets": []}', "no format"),
    ],
)
def test_what_is_no_report_of_this_version_is_refused(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=told):
        reports.read(file)


def test_a_report_that_is_not_there_or_can_not_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        reports.read(tmp_path / "gone.json")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="choose another"):
        reports.write(made(), tmp_path / "file" / "a.json")
    for place in (tmp_path / "file" / "a.json", tmp_path):
        with pytest.raises(UsageError, match="choose another"):
            reports.check_place(place)
    reports.check_place(tmp_path / "new" / "folder" / "a.json")
