from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pptx import Presentation

from planloom.agents.tool import ToolContext
from planloom.agents.tools import charts, slides
from planloom.agents.tools.slides import fitting
from planloom.agents.tools.slides.outline import Grid, Line
from planloom.agents.workspace import Workspace
from planloom.errors import ToolError


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    return ToolContext(workspace=Workspace(tmp_path, tmp_path / "out"))


@pytest.fixture
def chart(context: ToolContext) -> Any:
    data: Any = {"x": ["a", "b"], "series": [{"name": "n", "values": [1, 2]}]}
    return charts.draw("bar", "Two bars", data, context, name="two")


def _inside(deck: Any) -> None:
    """Nothing reaches over an edge, and no two things lie on each other."""
    for slide in deck.slides:
        boxes = [(s.left, s.top, s.left + s.width, s.top + s.height, s.name) for s in slide.shapes]
        for left, top, right, bottom, name in boxes:
            assert left >= 0 and top >= 0, name
            assert right <= deck.slide_width + 2 and bottom <= deck.slide_height + 2, name
        for at, one in enumerate(boxes):
            for other in boxes[at + 1 :]:
                over_x = min(one[2], other[2]) - max(one[0], other[0])
                over_y = min(one[3], other[3]) - max(one[1], other[1])
                assert over_x <= 2 or over_y <= 2, (one[4], other[4])


def _texts(slide: Any) -> str:
    made = []
    for shape in slide.shapes:
        if shape.has_text_frame:
            made.append(shape.text_frame.text)
        if shape.has_table:
            made += [cell.text for row in shape.table.rows for cell in row.cells]
    return "\n".join(made)


def test_deck_holds_titles_text_picture_table_facts_and_notes(context: ToolContext, chart: Any) -> None:
    entries: list[Any] = [
        {"title": "Words", "text": "All **ships**\n- came\n  - late\n1. first", "notes": "Say hello."},
        [{"title": "Picture", "bullets": ["up"], "picture": chart}, None],
        {"heading": "Section", "facts": [{"label": "Ships", "value": 12345}], "text": "More."},
        {"title": "Table", "table": {"columns": ["port", "n"], "rows": [["Oslo", 1], ["Rome", None]]}},
        "Only a line",
    ]
    made = slides.write("A year", entries, context, subtitle="for all")
    slides.write.checked(made)
    deck: Any = Presentation(made["path"])
    assert made["slides"] == len(deck.slides) == 6
    assert made["missing"] == ["A slide could not be made, because the step for it failed."]
    assert [s.shapes.title.text if s.shapes.title is not None else "" for s in deck.slides] == [
        "A year", "Words", "Picture", "Section", "Table", "",
    ]  # fmt: skip
    words = deck.slides[1]
    runs = [run for s in words.shapes if s.has_text_frame for p in s.text_frame.paragraphs for run in p.runs]
    assert [run.text for run in runs if run.font.bold] == ["Words", "ships"]
    assert words.notes_slide.notes_text_frame.text == "Say hello."
    picture = next(s for s in deck.slides[2].shapes if s.shape_type == 13)
    assert "Two bars" in picture._element.nvPicPr.cNvPr.get("descr")
    assert abs(picture.width / picture.height - picture.image.size[0] / picture.image.size[1]) < 0.01
    assert "12,345" in _texts(deck.slides[3])
    assert "Oslo" in _texts(deck.slides[4]) and "\u2013" in _texts(deck.slides[4])
    _inside(deck)


def test_what_does_not_fit_goes_on_more_slides_and_nothing_is_lost(context: ToolContext, chart: Any) -> None:
    words = [f"number {n} " + "and more words " * (n % 9) for n in range(60)]
    rows = [[n, "text " * (n % 40), f"{n}.5"] for n in range(70)]
    entries = [
        {"title": "Many words in a title that is itself rather long, longer than a line of a slide", "bullets": words},
        {"title": "Rows", "text": "Before.", "table": {"columns": ["n", "words", "x"], "rows": rows}},
        {"title": "Both", "bullets": words, "picture": chart},
        {"title": "Endless", "text": "W" * 400 + " " + "word " * 900},
    ]
    made = slides.write("T" * 200, entries, context)
    deck: Any = Presentation(made["path"])
    _inside(deck)
    told = "\n".join(_texts(slide) for slide in deck.slides)
    assert all(f"number {n}" in told for n in range(60)) and all(f"\n{n}.5" in told for n in range(70))
    assert told.split().count("word") == 900
    assert made["slides"] > 10


def test_fitting_is_never_higher_than_the_place() -> None:
    lines = [Line(((f"{'words ' * (n % 30)}end", False),), n % 3) for n in range(50)]
    size, groups = fitting.split(lines, 400, 300)
    assert [line for group in groups for line in group] == lines
    assert all(fitting.height(group, size, 400) <= 300 for group in groups)
    grid = Grid(("a", "b"), tuple((f"{n}", "x " * (n * 7 % 50)) for n in range(40)), (True, False))
    size, parts = fitting.chunks(grid, 600, 350)
    assert tuple(row for part in parts for row in part.rows) == grid.rows
    assert all(abs(sum(fitting.columns(part, 600, size)) - 600) < 0.01 for part in parts)


def test_slides_are_added_to_a_copy_in_the_decks_own_layout(context: ToolContext, chart: Any) -> None:
    other: Any = Presentation()
    other.slides.add_slide(other.slide_layouts[1]).shapes.title.text = "Theirs"
    path = context.workspace.root / "theirs.pptx"
    other.save(str(path))
    before = path.read_bytes()
    made = slides.add("theirs.pptx", [{"title": "Ours", "text": "- one", "picture": chart}], context)
    assert path.read_bytes() == before
    deck: Any = Presentation(made["path"])
    assert [slide.shapes.title.text for slide in deck.slides] == ["Theirs", "Ours"]
    assert deck.slide_width == other.slide_width
    _inside(deck)


def test_pictures_that_are_not_there_are_said(context: ToolContext, tmp_path: Path) -> None:
    (tmp_path / "drawing.svg").write_text("<svg/>")
    entry = {"title": "A", "text": "x", "charts": [{"path": None}, {"path": "gone.png"}, "drawing.svg"]}
    missing = slides.write("T", [entry], context)["missing"]
    assert ["nothing to show" in missing[0], "not there" in missing[1], "PNG or JPEG" in missing[2]] == [True] * 3


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([5], "expected slide 1 to be an object"),
        ([None], "at least one slide"),
        ([{"table": {"rows": [1]}}], "columns and rows"),
        ([{"facts": ["x"]}], "label and value"),
        ([{"title": f"{n}"} for n in range(301)], "at most 300"),
    ],
)
def test_unusable_slides_are_named_and_leave_no_file(context: ToolContext, entries: Any, told: str) -> None:
    with pytest.raises(ToolError, match=told):
        slides.write("T", entries, context)
    assert not list(context.workspace.out.rglob("*.pptx"))


def test_odd_texts_and_broken_files_are_survived(context: ToolContext, tmp_path: Path) -> None:
    odd = "\x00\x0b\ud800 <a:t> & \U0001f600 ** _ ` [x](javascript:1)"
    table = {"columns": [odd], "rows": [[odd], [None, 1]]}
    made = slides.write(odd, [{"title": odd, "text": odd, "notes": odd, "table": table}], context)
    told = "".join(_texts(slide) for slide in Presentation(made["path"]).slides)
    assert "<a:t> & \U0001f600" in told and "javascript" not in told.split("\n")[2]
    (tmp_path / "broken.pptx").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(ToolError, match=r"PowerPoint file"):
        slides.add("broken.pptx", ["x"], context)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ToolError, match=r"broken\.png"):
        slides.write("T", [{"picture": "broken.png"}], context)
