"""Draws the deck: title, a slide for each request, summary, appendix. Rule: what is missing is said in its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...agents.tools.slides import fitting
from ...agents.tools.slides.outline import Grid
from ...agents.tools.slides.template import Box
from ...errors import ToolError
from .canvas import BLUE, BODY, FOOT, HIGH, MARGIN, MUTED, WIDE, Canvas
from .shapes import Report, Table
from .story import Part, Story

Read = Callable[[str], Path]
_PICTURE = Box(MARGIN, 124, 572, 322)
_SIDE = Box(MARGIN + 596, 124, WIDE - 2 * MARGIN - 596, 352)
_CARD, _GAP = 74.0, 10.0
_MOST_NAME = 120
_LEFT_ALIGNED = 1  # columns of tables that hold names


def draw(story: Story, template: Path, read: Read, path: Path) -> int:
    """Writes the deck to `path`; gives the number of its slides. `read` turns a path of a picture into its file."""
    canvas = Canvas(template)
    canvas.deck.core_properties.title = f"{story.brief['merchant']}, {story.brief['period']}"[:255]
    canvas.deck.core_properties.author = "Planloom"
    _opening(canvas, story)
    for part in story.parts:
        _part(canvas, story, part, read)
    _summary(canvas, story)
    for part in story.parts:
        if part.report is not None:
            _tables(canvas, part.report)
    _missing(canvas, story)
    canvas.deck.save(str(path))
    return len(canvas.deck.slides)


def _opening(canvas: Canvas, story: Story) -> None:
    brief = story.brief
    name = " ".join(brief["merchant"].split())
    slide = canvas.blank(name if len(name) <= _MOST_NAME else f"{name[: _MOST_NAME - 1]}…")
    canvas.block(slide, Box(0, 0, 20, HIGH), BLUE)
    left = MARGIN + 24
    canvas.text(slide, Box(left, 240, 800, 34), "Key-account review", 24, colour=MUTED)
    canvas.text(slide, Box(left, 276, 800, 30), brief["period"], 20, colour=MUTED)
    facts = [part.report["facts"][0] for part in story.parts if part.report is not None and part.report["facts"]]
    wanted = [fact for fact in facts if fact["label"] in ("Sales", "Orders", "Average order", "Customers")][:4]
    for at, fact in enumerate(wanted):
        canvas.card(slide, Box(left + at * 200, 350, 188, _CARD), fact["value"], fact["label"])
    canvas.text(slide, Box(left, FOOT.top, 800, 18), f"Figures: {brief['source']}, paid orders", 11, colour=MUTED)


def _part(canvas: Canvas, story: Story, part: Part, read: Read) -> None:
    report = part.report
    if report is None:
        slide = canvas.slide(part.finding)
        why = "The request for these data failed while the deck was made. Everything else in the deck is complete."
        canvas.text(slide, BODY, why, 18, colour=MUTED)
        return
    slide = canvas.slide(part.finding, notes=_notes(report))
    picture = _readable(part.picture, read)
    if picture is not None:
        used = canvas.picture(slide, _PICTURE, picture, part.alt or report["chart"]["title"])
        _fill(canvas, slide, report, used.top + used.height + 10)
    else:
        canvas.block(slide, _PICTURE, "F6F0E4")
        words = f"The chart “{report['chart']['title']}” could not be drawn. Its figures stand in the appendix."
        canvas.text(
            slide,
            Box(_PICTURE.left + 40, _PICTURE.top + 120, _PICTURE.width - 80, 90),
            words,
            18,
            colour=MUTED,
            anchor="middle",
        )
    top = _SIDE.top
    for fact in report["facts"][:2]:
        canvas.card(slide, Box(_SIDE.left, top, _SIDE.width, _CARD), fact["value"], fact["label"])
        top += _CARD + _GAP
    rest = Box(_SIDE.left, top + 6, _SIDE.width, _SIDE.top + _SIDE.height - top - 6)
    canvas.text(slide, rest, part.paragraph, 15)
    canvas.text(slide, Box(MARGIN, FOOT.top, 780, 18), f"Source: {report['source']}", 10, colour=MUTED)


def _fill(canvas: Canvas, slide: Any, report: Report, top: float) -> None:
    """Puts the table below a low chart, where all of it fits."""
    grid, size = _grid(report["table"]), fitting.CELL_SIZES[-1]
    room = Box(_PICTURE.left, top, _PICTURE.width, FOOT.top - 14 - top)
    if sum(fitting.row_heights(grid, fitting.columns(grid, room.width, size), size)) <= room.height:
        canvas.table(slide, room, grid, size)


def _readable(picture: str | None, read: Read) -> Path | None:
    try:
        return read(picture) if picture else None
    except ToolError:
        return None


def _notes(report: Report) -> str:
    return "\n\n".join([report["paragraph"], "How the figures were made:", *report["sql"]])


def _summary(canvas: Canvas, story: Story) -> None:
    told = [part for part in story.parts if part.report is not None]
    slide = canvas.slide(f"In short: {_first(told[0].finding)}")
    high = min(46.0, BODY.height / max(1, len(told)))
    for at, part in enumerate(told):
        top = BODY.top + 6 + at * high
        canvas.text(slide, Box(MARGIN, top, 250, high - 6), part.label, 13, colour=MUTED, anchor="middle")
        canvas.text(slide, Box(MARGIN + 262, top, 602, high - 6), part.finding, 16, anchor="middle")
    if len(told) < len(story.parts):
        lacking = ", ".join(part.label for part in story.parts if part.report is None)
        canvas.text(slide, Box(MARGIN, 468, 860, 22), f"Without data: {lacking}.", 12, colour=MUTED)
    canvas.text(slide, Box(MARGIN, FOOT.top, 780, 18), f"Texts: {_writer(story.words)}", 10, colour=MUTED)


def _first(finding: str) -> str:
    """A finding inside a sentence: its first clause, small."""
    clause = finding.partition(";")[0]
    return clause[:1].lower() + clause[1:]


def _writer(words: str) -> str:
    return {"templates": "written by templates, without a model", "model": "written by a model, numbers checked"}.get(
        words, words
    )


def _tables(canvas: Canvas, report: Report) -> None:
    size, grids = fitting.chunks(_grid(report["table"]), BODY.width, BODY.height)
    for number, grid in enumerate(grids):
        more = f" ({number + 1} of {len(grids)})" if len(grids) > 1 else ""
        slide = canvas.slide(f"Appendix: {report['label'][:1].lower()}{report['label'][1:]}{more}")
        canvas.table(slide, BODY, grid, size)
        canvas.text(slide, Box(MARGIN, FOOT.top, 780, 18), f"Source: {report['source']}", 10, colour=MUTED)


def _grid(table: Table) -> Grid:
    columns = tuple(table["columns"])
    numeric = tuple(at >= _LEFT_ALIGNED for at in range(len(columns)))
    return Grid(columns, tuple(tuple(row) for row in table["rows"]), numeric)


def _missing(canvas: Canvas, story: Story) -> None:
    if not story.missing:
        return
    pages: list[list[str]] = [[]]
    for line in story.missing:
        if len(pages[-1]) == 9:
            pages.append([])
        pages[-1].append(line)
    for page in pages:
        slide: Any = canvas.slide("Appendix: what to know about these figures")
        canvas.text(slide, BODY, _bullets(page), 16)


def _bullets(lines: Sequence[str]) -> list[str]:
    return [f"•  {line}" for line in lines]
