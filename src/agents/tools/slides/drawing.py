"""Draws slides with python-pptx. Rule: nothing reaches over an edge, and what does not fit goes on another slide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ....errors import ToolError
from . import fitting, template
from .outline import Line, Page
from .template import INK, MARGIN, Box

MUTED, BLUE, PALE = "52606D", "0072B2", "F1F5F9"
_MOST_PIXELS = 60_000_000


class Deck:
    """A presentation that slides are added to."""

    def __init__(self, source: Path | None = None) -> None:
        """`source` is a deck to go on with; None: a new one, 16 to 9.

        Raises:
            ToolError: it is no PowerPoint file (.pptx).
        """
        from pptx import Presentation

        try:
            self._deck = Presentation(str(source) if source else None)
        except Exception as error:  # the border to a library that raises all kinds
            name = source.name if source else ""
            raise ToolError(f"expected a PowerPoint file (.pptx), got {name!r}: {type(error).__name__}") from error
        self._new = source is None
        if self._new:
            template.style(self._deck)
        self._layout = template.title_only(self._deck)

    @property
    def count(self) -> int:
        return len(self._deck.slides)

    def save(self, path: Path) -> None:
        self._deck.save(str(path))

    def open_with(self, title: str, subtitle: str) -> None:
        """The first slide."""
        slide = self._deck.slides.add_slide(self._deck.slide_layouts[0])
        self._deck.core_properties.title = title
        slide.shapes.title.text = title
        _size(slide.shapes.title, 40 if len(title) < 60 else 30, bold=True, colour=INK)
        below = slide.placeholders[1]
        if subtitle:
            below.text = subtitle
            _size(below, 20, colour=MUTED)
        else:
            below._element.getparent().remove(below._element)
        _bar(slide, Box(MARGIN, 312, 72, 5))

    def add(self, page: Page) -> None:
        """A slide, or several when its text or table does not fit on one."""
        if page.grid is not None:
            self._add_table(page)
        elif page.picture is not None:
            self._add_picture(page)
        else:
            self._add_text(page)

    def _add_text(self, page: Page) -> None:
        area = self._area(page.title)
        used = 96.0 if page.facts else 0.0
        size, groups = fitting.split(page.lines, area.width - 4, area.height - used)
        for number, lines in enumerate(groups):
            slide = self._slide(page, number)
            if page.facts and number == 0:
                _cards(slide, page.facts, area)
            _text(slide, lines, area.below(used if number == 0 else 0.0), size)

    def _add_picture(self, page: Page) -> None:
        area = self._area(page.title)
        place = area
        groups: list[list[Line]] = []
        size = fitting.SIZES[-1]
        if page.lines:
            words, place = area.beside(0.36)
            size, groups = fitting.split(page.lines, words.width - 4, words.height)
            if len(groups) > 1:  # the text has slides of its own
                self._add_text(Page(title=page.title, lines=page.lines, notes=page.notes))
                page, place, groups = Page(title=page.title, picture=page.picture, alt=page.alt), area, []
        slide = self._slide(page, 0)
        if groups:
            _text(slide, groups[0], words, size)
        assert page.picture is not None
        _picture(slide, page.picture, page.alt, place)

    def _add_table(self, page: Page) -> None:
        assert page.grid is not None
        area, lines, used = self._area(page.title), page.lines, 0.0
        size = 16
        if lines:
            used = fitting.height(lines, size, area.width - 4) + 6
            if used > area.height / 3:
                self._add_text(Page(title=page.title, lines=lines, notes=page.notes))
                lines, used = (), 0.0
        cell_size, parts = fitting.chunks(page.grid, area.width, area.height - used)
        for number, part in enumerate(parts):
            slide = self._slide(page, number)
            if number == 0 and lines:
                _text(slide, lines, Box(area.left, area.top, area.width, used), size)
            _table(slide, part, area.below(used), cell_size)

    def _slide(self, page: Page, number: int) -> Any:
        slide = self._deck.slides.add_slide(self._layout)
        if slide.shapes.title is not None and page.title:
            slide.shapes.title.text = page.title + (f" ({number + 1})" if number and page.title else "")
            if self._new:
                _size(slide.shapes.title, _title_size(page.title, self._width), bold=True, colour=INK)
        for place in list(slide.placeholders):
            if place.placeholder_format.idx != 0 or not page.title:
                place._element.getparent().remove(place._element)
        if page.notes and number == 0:
            slide.notes_slide.notes_text_frame.text = page.notes
        return slide

    @property
    def _width(self) -> float:
        return self._deck.slide_width.pt - 2 * MARGIN  # type: ignore[no-any-return]

    def _area(self, title: str) -> Box:
        """What is below the title; in a deck of others where their layout has it."""
        high: float = self._deck.slide_height.pt  # type: ignore[union-attr]
        top = 116.0 if title else 48.0
        if not self._new:
            own: Any = next((p for p in self._layout.placeholders if p.placeholder_format.idx == 0), None)
            has_place = own is not None and own.top is not None and own.height is not None
            top = own.top.pt + own.height.pt + 10 if has_place else high * 0.2
            top = min(top, high / 2)
        return Box(MARGIN, top, self._width, high - top - 36.0)


def _title_size(title: str, room: float) -> int:
    return next((size for size in (30, 26, 22) if fitting.line_count(title, size, room, bold=True) == 1), 20)


def _colour(text: str) -> Any:
    from pptx.dml.color import RGBColor

    return RGBColor.from_string(text)  # type: ignore[no-untyped-call]


def _size(shape: Any, size: float, *, bold: bool = False, colour: str = INK) -> None:
    from pptx.enum.text import MSO_AUTO_SIZE, PP_ALIGN
    from pptx.util import Pt

    shape.text_frame.auto_size = MSO_AUTO_SIZE.NONE
    shape.text_frame.word_wrap = True
    for paragraph in shape.text_frame.paragraphs:
        paragraph.alignment = PP_ALIGN.LEFT
        for run in paragraph.runs:
            run.font.size, run.font.bold, run.font.color.rgb = Pt(size), bold, _colour(colour)


def _bar(slide: Any, box: Box) -> None:
    from pptx.enum.shapes import MSO_SHAPE
    from pptx.util import Pt

    shape = slide.shapes.add_shape(MSO_SHAPE.RECTANGLE, Pt(box.left), Pt(box.top), Pt(box.width), Pt(box.height))
    shape.fill.solid()
    shape.fill.fore_color.rgb = _colour(BLUE)
    shape.line.fill.background()
    shape.shadow.inherit = False
    shape.name = "Bar"


def _text(slide: Any, lines: Any, box: Box, size: float) -> None:
    from pptx.util import Pt

    if not lines:
        return
    shape = slide.shapes.add_textbox(Pt(box.left), Pt(box.top), Pt(box.width), Pt(box.height))
    frame = shape.text_frame
    frame.word_wrap = True
    frame.margin_left = frame.margin_right = 0
    frame.margin_top = frame.margin_bottom = 0
    for number, line in enumerate(lines):
        paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
        _fill(paragraph, line, size)


def _fill(paragraph: Any, line: Line, size: float) -> None:
    from lxml import etree
    from pptx.oxml.ns import qn
    from pptx.util import Pt

    own = size if line.level < 1 else max(fitting.SIZES[-1], size - 2)
    paragraph.space_after = Pt(fitting.GAP)
    for text, bold in line.runs:
        run = paragraph.add_run()
        run.text = text
        run.font.size, run.font.bold, run.font.color.rgb = Pt(own), bold, _colour(INK)
    if line.level >= 0:  # python-pptx has no call for bullets: a:buChar of ECMA-376 part 1, 21.1.2.4.3
        inner = paragraph._p.get_or_add_pPr()
        inner.set("marL", str(int(Pt(fitting.INDENT) * (line.level + 1))))
        inner.set("indent", str(-int(Pt(fitting.INDENT))))
        bullet = etree.SubElement(inner, qn("a:buChar"))
        bullet.set("char", "•" if line.level == 0 else "\u2013")


def _picture(slide: Any, path: Path, alt: str, box: Box) -> None:
    from PIL import Image
    from pptx.util import Pt

    try:
        with Image.open(path) as image:
            wide, high = image.size
        if wide * high > _MOST_PIXELS:
            raise ToolError(f"expected at most {_MOST_PIXELS:,} pixels, got {wide}x{high} in {path.name!r}")
        share = min(box.width / wide, box.height / high)
        left, top = box.left + (box.width - wide * share) / 2, box.top + (box.height - high * share) / 2
        shape = slide.shapes.add_picture(str(path), Pt(left), Pt(top), Pt(wide * share), Pt(high * share))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise ToolError(f"expected a picture that can be opened, got {path.name!r}: {error}") from error
    shape._element.nvPicPr.cNvPr.set("descr", alt)


def _cards(slide: Any, facts: Any, area: Box) -> None:
    """Large numbers in a row, four at most side by side; more of them get narrower."""
    from pptx.enum.shapes import MSO_SHAPE
    from pptx.util import Pt

    shown = facts[:6]
    wide = (area.width - 12 * (len(shown) - 1)) / len(shown)
    for at, (label, value) in enumerate(shown):
        shape = slide.shapes.add_shape(
            MSO_SHAPE.RECTANGLE, Pt(area.left + at * (wide + 12)), Pt(area.top), Pt(wide), Pt(80)
        )
        shape.fill.solid()
        shape.fill.fore_color.rgb = _colour(PALE)
        shape.line.fill.background()
        shape.shadow.inherit = False
        frame = shape.text_frame
        frame.text = value
        frame.add_paragraph().text = label
        room = wide - 20
        size = next((s for s in (28, 24, 20, 16, 13) if fitting.width(value, s, bold=True) <= room), 11)
        small = next((s for s in (13, 12, 11) if fitting.line_count(label, s, room) == 1), 10)
        _size(shape, size, bold=True, colour=BLUE)
        for run in frame.paragraphs[1].runs:
            run.font.size, run.font.bold, run.font.color.rgb = Pt(small), False, _colour(MUTED)


def _table(slide: Any, grid: Any, box: Box, size: float) -> None:
    from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
    from pptx.util import Pt

    widths = fitting.columns(grid, box.width, size)
    heights = fitting.row_heights(grid, widths, size)
    shape = slide.shapes.add_table(
        len(heights), len(widths), Pt(box.left), Pt(box.top), Pt(box.width), Pt(sum(heights))
    )
    table = shape.table
    for at, wide in enumerate(widths):
        table.columns[at].width = Pt(wide)
    for at, high in enumerate(heights):
        table.rows[at].height = Pt(high)
    for number, row in enumerate([grid.columns, *grid.rows]):
        for at, text in enumerate(row):
            cell = table.cell(number, at)
            cell.text = text
            cell.vertical_anchor = MSO_ANCHOR.MIDDLE
            cell.margin_top = cell.margin_bottom = Pt(3)
            cell.fill.solid()
            cell.fill.fore_color.rgb = _colour(BLUE if number == 0 else PALE if number % 2 == 0 else "FFFFFF")
            for paragraph in cell.text_frame.paragraphs:
                paragraph.alignment = PP_ALIGN.RIGHT if grid.numeric[at] else PP_ALIGN.LEFT
                for run in paragraph.runs:
                    run.font.size, run.font.bold = Pt(size), number == 0
                    run.font.color.rgb = _colour("FFFFFF" if number == 0 else INK)
