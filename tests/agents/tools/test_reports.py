from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from planloom.agents.tool import ToolContext
from planloom.agents.tools import charts, reports
from planloom.agents.workspace import Workspace
from planloom.errors import ToolError

Write = Callable[..., dict[str, Any]]


@pytest.fixture
def made() -> list[tuple[Path, str | None]]:
    return []


@pytest.fixture
def context(tmp_path: Path, made: list[tuple[Path, str | None]]) -> ToolContext:
    return ToolContext(
        workspace=Workspace(tmp_path, tmp_path / "out"),
        artifact=lambda path, media_type=None: made.append((path, media_type)),
    )


@pytest.fixture
def write(context: ToolContext) -> Write:
    def call(sections: list[Any], **options: Any) -> dict[str, Any]:
        result: dict[str, Any] = reports.write("A report", sections, context, **options)
        reports.write.checked(result)
        return result

    return call


@pytest.fixture
def chart(context: ToolContext) -> dict[str, Any]:
    data = {"x": ["a", "b"], "series": [{"name": "n", "values": [1, 2]}]}
    result: dict[str, Any] = charts.draw("bar", "Two bars", data, context, name="two")
    return result


def _text(result: dict[str, Any], form: str = "html") -> str:
    return Path(result["paths"][form]).read_text(encoding="utf-8")


def test_page_is_whole_and_loads_nothing(write: Write, chart: dict[str, Any], made: list[Any]) -> None:
    result = write([{"heading": "First", "text": "Some *words*.", "charts": [chart]}], subtitle="below")
    page = _text(result)
    assert "<em>words</em>" in page
    assert "data:image/png;base64," in page
    assert re.search(r'<img [^>]*alt="Bar chart “Two bars”[^"]*" width="\d+" height="\d+"', page)
    assert "default-src 'none'" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert "<script" not in page
    assert result["sections"] == 1
    assert result["missing"] == []
    assert made[-1] == (Path(result["path"]), "text/html")


@pytest.mark.parametrize("form", ["html", "markdown", "pdf"])
def test_data_cannot_become_markup(write: Write, form: str) -> None:
    evil = "<script>alert(1)</script> [x](javascript:alert(1)) ![p](http://evil/p.png) | \x00 \ud800"
    section = {
        "heading": evil,
        "text": evil,
        "facts": [{"label": evil, "value": evil}],
        "table": {"columns": [evil], "rows": [[evil]]},
    }
    result = write([section], subtitle=evil, formats=[form])
    if form == "html":
        page = _text(result)
        assert "<script" not in page
        assert "javascript:alert(1)" not in re.findall(r'href="([^"]*)"', page)
        assert "<img" not in page
    assert Path(result["path"]).stat().st_size > 500


def test_links_lead_to_the_web_only(write: Write) -> None:
    page = _text(
        write([{"text": "[a](https://example.org/) [b](file:///etc/passwd) [c](mailto:x@example.org) [d](/x)"}])
    )
    assert re.findall(r'<a href="([^#"][^"]*)"', page) == ["https://example.org/", "mailto:x@example.org"]


def test_sections_may_be_nested_and_gaps_are_said(write: Write) -> None:
    one, two = {"heading": "One", "text": "1"}, {"heading": "Two", "text": "2", "level": 3}
    result = write([one, [two, None, [{"heading": "Three", "text": "3"}]], None])
    assert result["sections"] == 3
    assert result["missing"] == ["2 sections could not be made, because the step for it failed."]
    page = _text(result)
    assert "What is missing" in page
    headings = [heading for _, heading in re.findall(r"<h([23])>([^<]+)</h", page)]
    assert headings == ["One", "Two", "Three", "What is missing"]


def test_charts_are_found_by_name_and_missing_ones_are_said(write: Write, chart: dict[str, Any]) -> None:
    sections = [{"heading": "Price", "charts": ["two", "three"]}, {"heading": "None drawn", "charts": ["empty"]}]
    empty = {"path": None, "title": "", "kind": "bar", "alt": "", "name": "empty"}
    result = write(sections, charts=[[chart], None, empty])
    assert _text(result).count("<img ") == 1
    assert result["missing"] == [
        "1 chart could not be made, because the step for it failed.",
        "A chart of Price could not be made.",
    ]


def test_only_pictures_are_put_into_a_page(write: Write, tmp_path: Path) -> None:
    secret = tmp_path / "key.txt"
    secret.write_text("secret", encoding="utf-8")
    fake = {"path": str(secret), "title": "t", "kind": "bar", "alt": "a", "name": "n"}
    gone = {**fake, "path": str(tmp_path / "gone.png")}
    result = write([{"heading": "H", "charts": [fake, gone]}])
    assert "<img" not in _text(result)
    assert result["missing"] == ["The picture of a chart of H is gone."]


def test_long_tables_are_cut_and_say_so(write: Write) -> None:
    rows = [[i, f"row {i}", 1234567.5, None, True] for i in range(1000)]
    result = write([{"table": {"columns": list("abcde"), "rows": rows}}], formats=["html", "markdown"])
    page = _text(result)
    assert "The first 200 of 1,000 rows are shown." in page
    assert "row 199" in page
    assert "row 200" not in page
    assert '<td class="n">1,234,567.5</td>' in page
    assert "The first 200 of 1,000 rows." in _text(result, "markdown")


def test_markdown_links_pictures_relative_to_itself(write: Write, chart: dict[str, Any]) -> None:
    section = {"heading": "a | b", "text": "- point", "facts": [{"label": "Rows", "value": "5"}], "charts": [chart]}
    section["table"] = {"columns": ["x|y", "n"], "rows": [["1|2", 3]]}
    result = write([section], formats=["markdown"])
    text = _text(result, "markdown")
    target = re.search(r"\]\(<([^>]+)>\)", text)
    assert target is not None
    assert (Path(result["path"]).parent / target[1]).is_file()
    assert not Path(target[1]).is_absolute()
    assert "| x\\|y | n |\n| --- | ---: |\n| 1\\|2 | 3 |" in text.replace("|  ---", "| ---").replace("|---", "| ---")
    assert "- Rows: **5**" in text


def test_pdf_has_pages_pictures_and_an_outline(write: Write, chart: dict[str, Any]) -> None:
    rows = [[i, "Zürich · Łódź " * 5] for i in range(150)]
    text = "# Head\n\n1. one\n2. **two** `code` [l](https://example.org)\n\n```\na <b>\n```\n\n> quote\n"
    sections = [
        {"heading": "First", "text": text, "charts": [chart], "facts": [{"label": "a", "value": "b"}] * 5},
        {"heading": "Second", "level": 3, "table": {"columns": ["n", "city"], "rows": rows}},
    ]
    result = write(sections, formats=["pdf"])
    data = Path(result["path"]).read_bytes()
    assert data.startswith(b"%PDF")
    assert len(re.findall(rb"/Type /Page\b", data)) > 3
    assert b"/Outlines" in data
    assert b"/Subtype /Image" in data
    assert result["missing"] == []


def test_pdf_says_that_it_takes_no_svg(write: Write, context: ToolContext) -> None:
    data = {"x": ["a"], "series": [{"name": "n", "values": [1]}]}
    drawing = charts.draw("bar", "Vector", data, context, format="svg")
    result = write([{"heading": "H", "charts": [drawing]}], formats=["pdf", "html"])
    assert result["missing"] == ["The chart Vector: a PDF takes PNG pictures, not SVG."]
    assert "data:image/svg+xml" in _text(result)


@pytest.mark.parametrize("sections", [[], [None], [[]]])
def test_report_without_content_is_refused(write: Write, tmp_path: Path, sections: list[Any]) -> None:
    with pytest.raises(ToolError, match="at least one section"):
        write(sections)
    assert not list(tmp_path.rglob("report*"))


def test_section_of_the_wrong_kind_is_named(write: Write) -> None:
    with pytest.raises(ToolError, match=r"expected section 2 to be an object with heading.*got int"):
        write([{"text": "fine"}, 5])


def test_report_never_overwrites_another(write: Write) -> None:
    first, second = write([{"text": "one"}]), write([{"text": "two"}])
    assert first["path"] != second["path"]
    assert "one" in _text(first)


def test_anchors_are_unique_and_linked(write: Write) -> None:
    page = _text(write([{"heading": "Same", "text": "a"}, {"heading": "Same", "text": "b"}]))
    anchors = re.findall(r'<section id="([^"]+)"', page)
    assert len(set(anchors)) == 2
    assert re.findall(r'<a href="#([^"]+)"', page) == anchors
