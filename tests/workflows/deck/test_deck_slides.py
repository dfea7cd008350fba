"""The deck as PowerPoint has it: what stands on the slides, that nothing covers anything, and what is missing."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pptx import Presentation
from pptx.util import Pt
from tests.workflows.deck.shop import made, sampled

from planloom.agents.tool import ToolContext
from planloom.agents.workspace import Workspace
from planloom.errors import ToolError
from planloom.workflows.deck import requests, steps
from planloom.workflows.deck.shapes import REQUESTS

TODAY = dt.date(2026, 1, 15)
YEAR = ("2025-01-01", "2025-12-31")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    return sampled(tmp_path_factory.mktemp("shop") / "orders.sqlite")


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    return ToolContext(workspace=Workspace(tmp_path, tmp_path / "out"))


def drawn(folder: Path, name: str, size: tuple[int, int] = (1280, 720)) -> dict[str, Any]:
    """What the chart server gives."""
    path = folder / f"{name}.png"
    Image.new("RGB", size, "white").save(path)
    return {"files": [{"path": str(path)}], "data": {"alt": f"Chart of {name}"}}


def deck(
    context: ToolContext, address: str, *, merchant: str = "Aurora Home", days: Sequence[str] = YEAR, **given: Any
) -> tuple[Any, steps.Deck]:
    """The deck that is read back, and what the step said of it."""
    brief = requests.brief(address, merchant, *days, TODAY)
    reports = [requests.report(address, merchant, *days, request=name, today=TODAY) for name in REQUESTS]
    charts = [drawn(context.workspace.root, name) for name in REQUESTS]
    template = steps.template.function(context)["path"]
    wanted = {"reports": reports, "charts": charts, "template": template} | given
    done = steps.write.function(brief=brief, requests=list(REQUESTS), context=context, **wanted)
    return Presentation(done["path"]), done


def titles(presentation: Any) -> list[str]:
    return [slide.shapes.title.text for slide in presentation.slides]


def texts(slide: Any) -> str:
    return "\n".join(shape.text_frame.text for shape in slide.shapes if shape.has_text_frame)


def check_places(presentation: Any) -> None:
    """Nothing reaches over an edge, and no text, picture or table covers another."""
    for number, slide in enumerate(presentation.slides, 1):
        boxes = []
        for shape in slide.shapes:
            assert shape.left >= 0 and shape.top >= 0, (number, shape.name)
            assert shape.left + shape.width <= presentation.slide_width, (number, shape.name)
            assert shape.top + shape.height <= presentation.slide_height, (number, shape.name)
            if not (shape.has_text_frame and not shape.text_frame.text):  # cards lie below their texts
                boxes.append((shape.left, shape.top, shape.left + shape.width, shape.top + shape.height, shape.name))
        for a, b in itertools.combinations(boxes, 2):
            apart = a[2] <= b[0] + Pt(1) or b[2] <= a[0] + Pt(1) or a[3] <= b[1] + Pt(1) or b[3] <= a[1] + Pt(1)
            assert apart, (number, a, b)


def test_slides_come_in_order_and_titles_state_findings(context, address):
    presentation, done = deck(context, address)
    found = titles(presentation)
    assert found[0] == "Aurora Home" and len(found) == done["slides"] == 16
    findings = [requests.report(address, "Aurora Home", *YEAR, request=n, today=TODAY)["finding"] for n in REQUESTS]
    assert found[1:8] == findings and found[8].startswith("In short: ")
    assert all(title.startswith("Appendix: ") for title in found[9:])
    assert done["charts"] == 7 and done["missing"] == [] and done["words"] == "templates"
    check_places(presentation)


def test_figures_are_native_text_and_the_sql_is_in_the_notes(context, address):
    presentation, _ = deck(context, address)
    slide = presentation.slides[1]
    report = requests.report(address, "Aurora Home", *YEAR, request="monthly_sales", today=TODAY)
    assert report["paragraph"] in texts(slide) and report["facts"][0]["value"] in texts(slide)
    assert report["sql"][0] in slide.notes_slide.notes_text_frame.text
    table = next(shape.table for shape in presentation.slides[9].shapes if shape.has_table)
    rows = [[cell.text for cell in row.cells] for row in table.rows]
    assert rows == [report["table"]["columns"], *report["table"]["rows"]]


def test_chart_that_failed_and_request_that_failed_are_named_and_the_deck_is_made(context, address):
    reports: list[Any] = [requests.report(address, "Aurora Home", *YEAR, request=n, today=TODAY) for n in REQUESTS]
    charts: list[Any] = [drawn(context.workspace.root, name) for name in REQUESTS]
    reports[4], charts[4], charts[1] = None, None, None
    presentation, done = deck(context, address, reports=reports, charts=charts)
    assert "could not be drawn" in texts(presentation.slides[2])
    assert titles(presentation)[5] == "User demographics: no data"
    assert any("User demographics" in line for line in done["missing"])
    last = texts(presentation.slides[len(presentation.slides) - 1])
    assert "Sales by product: the chart could not be drawn" in last and "User demographics: the request" in last
    check_places(presentation)


def test_deck_without_any_report_is_refused(context, address):
    with pytest.raises(ToolError, match="at least one report"):
        deck(context, address, reports=[None] * 7, charts=[None] * 7)


@pytest.mark.parametrize(
    "name", ['O\'Neill "Fine" / \\ Goods', "Caf\u00e9 \U0001f6cd\ufe0f Sun & <Sea>", "W" * 300, "long name " * 30]
)
def test_odd_names_of_merchants_fit_their_slides(context, tmp_path, name):
    orders = [(1, 1000, "pay in 3", "paid", "2025-01-05 10:00:00")]
    address = made(tmp_path / "odd.sqlite", orders, name=name)
    presentation, done = deck(context, address, merchant=name, days=("2025-01-01", "2025-01-31"))
    assert titles(presentation)[0][:100] == name[:100] and Path(done["path"]).parent == context.workspace.out
    check_places(presentation)


def test_five_years_of_months_and_twelve_products_fit(context, tmp_path):
    orders = [
        (
            n % 9 + 1,
            100_000 + n,
            f"a plan with a rather long name {n % 12}",
            "paid",
            f"{2021 + n % 5}-{n % 12 + 1:02d}-05",
        )
        for n in range(600)
    ]
    address = made(tmp_path / "long.sqlite", orders)
    presentation, _ = deck(context, address, merchant="Elm", days=("2021-01-01", "2025-12-31"))
    check_places(presentation)


def test_layouts_of_a_deck_of_yours_are_used_without_its_slides(context, address, tmp_path):
    own = Presentation()
    own.slides.add_slide(own.slide_layouts[0]).shapes.title.text = "Old"
    own.save(str(tmp_path / "own.pptx"))
    template = steps.template.function(context, "own.pptx")["path"]
    presentation, done = deck(context, address, template=template)
    assert "Old" not in titles(presentation) and len(presentation.slides) == done["slides"]
    assert presentation.slide_width == own.slide_width
    check_places(presentation)


def test_template_that_is_no_deck_is_refused_and_leaves_no_file(context, tmp_path):
    (tmp_path / "own.pptx").write_text("no")
    with pytest.raises(ToolError, match=r"own\.pptx"):
        steps.template.function(context, "own.pptx")
    assert not list((tmp_path / "out").glob("*.pptx"))


def test_texts_of_a_model_are_taken_only_with_the_numbers_of_the_data(context, address):
    reports = [requests.report(address, "Aurora Home", *YEAR, request=n, today=TODAY) for n in REQUESTS]
    good = {"finding": f"A year of {reports[0]['facts'][0]['value']}", "paragraph": "It went well."}
    bad = {"finding": "Sales doubled to $999M", "paragraph": "It went well."}
    long = {"finding": "word " * 60, "paragraph": "It went well."}
    analyses: list[Any] = [{"data": good}, {"data": bad}, {"data": long}, None, *[{"data": good}] * 3]
    presentation, done = deck(context, address, analyses=analyses, words="model")
    found = titles(presentation)
    assert found[1] == good["finding"]
    assert found[2:5] == [report["finding"] for report in reports[1:4]]
    assert "not in the data (999)" in " ".join(done["missing"]) and done["words"].startswith("model for")
    assert "the model gave no text" in " ".join(done["missing"])


def test_figures_of_other_data_than_the_brief_are_refused(context, address, tmp_path):
    own = made(tmp_path / "own.sqlite", [(1, 1000, "pay in 3", "paid", "2025-01-05")], name="Aurora Home")
    other = requests.report(own, "Aurora Home", *YEAR, request="monthly_sales", today=TODAY)
    with pytest.raises(ToolError, match="expected figures from sample data, got some from the orders database"):
        deck(context, address, reports=[other, *[None] * 6])
