"""Puts text, pictures, cards and tables on slides. Lengths are points of a slide of 960 by 540, scaled to the deck's.

Rule: text is measured before it is placed, and made smaller until it fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...agents.tools.slides import fitting
from ...agents.tools.slides.outline import Grid
from ...agents.tools.slides.template import Box, title_only

INK, MUTED, BLUE, PALE, RULE, WHITE = "1F2933", "52606D", "0B4F79", "EEF3F7", "C9D3DC", "FFFFFF"
WIDE, HIGH, MARGIN = 960.0, 540.0, 48.0
TITLE = Box(MARGIN, 30, WIDE - 2 * MARGIN, 72)
BODY = Box(MARGIN, 122, WIDE - 2 * MARGIN, 366)
FOOT = Box(MARGIN, 504, WIDE - 2 * MARGIN, 18)


class Canvas:
    """A deck that slides are added to."""

    def __init__(self, path: Path) -> None:
        from pptx import Presentation

        self.deck = Presentation(str(path))
        self._layout = title_only(self.deck)
        wide, high = self.deck.slide_width, self.deck.slide_height
        self._x, self._y = (wide.pt if wide else WIDE) / WIDE, (high.pt if high else HIGH) / HIGH

    def slide(self, title: str, notes: str = "") -> Any:
        """A new slide with a title, a rule below it, and its number."""
        slide = self.deck.slides.add_slide(self._layout)
        for place in list(slide.placeholders):
            if place.placeholder_format.idx != 0:
                place._element.getparent().remove(place._element)
        size = next((s for s in (28, 26, 24, 22, 20) if fitting.line_count(title, s, TITLE.width, bold=True) <= 2), 18)
        shape = slide.shapes.title
        if shape is None:
            self.text(slide, TITLE, title, size, bold=True)
        else:
            self._place(shape, TITLE)
            self._write(shape.text_frame, [title], size, bold=True, anchor="bottom")
        self.block(slide, Box(MARGIN, 108, 56, 3), BLUE)
        number = f"{len(self.deck.slides)}"
        self.text(slide, Box(WIDE - MARGIN - 40, FOOT.top, 40, 18), number, 10, colour=MUTED, right=True)
        if notes:
            slide.notes_slide.notes_text_frame.text = notes
        return slide

    def blank(self, title: str) -> Any:
        """A new slide whose title is placed by the caller, for the deck's first."""
        slide = self.deck.slides.add_slide(self.deck.slide_layouts[0])
        for place in list(slide.placeholders):
            if place.placeholder_format.idx != 0:
                place._element.getparent().remove(place._element)
        size = next((s for s in (44, 38, 32, 26, 22) if fitting.line_count(title, s, 780, bold=True) <= 2), 18)
        self._place(slide.shapes.title, Box(MARGIN + 24, 118, 800, 110))
        self._write(slide.shapes.title.text_frame, [title], size, bold=True, anchor="bottom")
        return slide

    def text(
        self,
        slide: Any,
        box: Box,
        text: str | Sequence[str],
        size: float,
        *,
        bold: bool = False,
        colour: str = INK,
        right: bool = False,
        anchor: str = "top",
    ) -> None:
        """Text in a box, one paragraph an item; smaller where it would not fit."""
        lines = [text] if isinstance(text, str) else list(text)
        while size > 8 and self._height(lines, size, box.width, bold=bold) > box.height:
            size -= 0.5
        shape = slide.shapes.add_textbox(*self._emu(box))
        self._write(shape.text_frame, lines, size, bold=bold, colour=colour, right=right, anchor=anchor)

    def block(self, slide: Any, box: Box, colour: str) -> Any:
        """A filled rectangle."""
        from pptx.enum.shapes import MSO_SHAPE
        from pptx.oxml.ns import qn

        shape = slide.shapes.add_shape(MSO_SHAPE.RECTANGLE, *self._emu(box))
        shape.fill.solid()
        shape.fill.fore_color.rgb = _colour(colour)
        shape.line.fill.background()
        shape._element.remove(shape._element.find(qn("p:style")))  # the theme's shadow; python-pptx can't take it off
        return shape

    def card(self, slide: Any, box: Box, value: str, label: str) -> None:
        """A key figure with what it is."""
        self.block(slide, box, PALE)
        room = box.width - 20
        size = next((s for s in (24, 21, 18, 16, 14, 12) if fitting.width(value, s, bold=True) <= room), 10)
        self.text(slide, Box(box.left + 10, box.top + 7, room, 32), value, size, bold=True, colour=BLUE)
        self.text(slide, Box(box.left + 10, box.top + 39, room, box.height - 43), label, 12, colour=MUTED)

    def picture(self, slide: Any, box: Box, path: Path, alt: str) -> Box:
        """A picture as large as fits, at the top left of a box; gives the place it takes."""
        from PIL import Image

        with Image.open(path) as image:
            wide, high = image.size
        share = min(box.width / wide, box.height / high)
        place = Box(box.left, box.top, wide * share, high * share)
        shape = slide.shapes.add_picture(str(path), *self._emu(place))
        shape._element.nvPicPr.cNvPr.set("descr", alt)
        return place

    def table(self, slide: Any, box: Box, grid: Grid, size: float) -> None:
        """A table; its last row is bold when it begins with a word for all rows."""
        from pptx.enum.text import MSO_ANCHOR
        from pptx.util import Pt

        widths = fitting.columns(grid, box.width, size)
        heights = fitting.row_heights(grid, widths, size)
        shape = slide.shapes.add_table(
            len(heights), len(widths), *self._emu(Box(box.left, box.top, box.width, sum(heights)))
        )
        table = shape.table
        for at, wide in enumerate(widths):
            table.columns[at].width = Pt(wide * self._x)
        for at, high in enumerate(heights):
            table.rows[at].height = Pt(high * self._y)
        for number, row in enumerate([grid.columns, *grid.rows]):
            is_sum = number == len(grid.rows) and row[0] in ("Total", "All")
            for at, text in enumerate(row):
                cell = table.cell(number, at)
                cell.vertical_anchor = MSO_ANCHOR.MIDDLE
                cell.margin_top = cell.margin_bottom = Pt(2)
                cell.fill.solid()
                cell.fill.fore_color.rgb = _colour(BLUE if number == 0 else PALE if number % 2 == 0 else WHITE)
                colour = WHITE if number == 0 else INK
                self._write(
                    cell.text_frame, [text], size, bold=number == 0 or is_sum, colour=colour, right=grid.numeric[at]
                )

    def _write(
        self,
        frame: Any,
        lines: Sequence[str],
        size: float,
        *,
        bold: bool = False,
        colour: str = INK,
        right: bool = False,
        anchor: str = "",
    ) -> None:
        from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE, PP_ALIGN
        from pptx.util import Pt

        frame.text = "\n".join(lines)
        if anchor:
            frame.auto_size = MSO_AUTO_SIZE.NONE
            frame.word_wrap = True
            frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
            frame.vertical_anchor = {"top": MSO_ANCHOR.TOP, "bottom": MSO_ANCHOR.BOTTOM, "middle": MSO_ANCHOR.MIDDLE}[
                anchor
            ]
        for paragraph in frame.paragraphs:
            paragraph.alignment = PP_ALIGN.RIGHT if right else PP_ALIGN.LEFT
            paragraph.space_after = Pt(fitting.GAP if len(lines) > 1 else 0)
            for run in paragraph.runs:
                run.font.size, run.font.bold = Pt(size * self._y), bold
                run.font.color.rgb = _colour(colour)

    @staticmethod
    def _height(lines: Sequence[str], size: float, room: float, *, bold: bool) -> float:
        count = sum(fitting.line_count(line, size, room, bold=bold) for line in lines)
        return count * size * fitting.LEADING + (len(lines) - 1) * fitting.GAP

    def _emu(self, box: Box) -> tuple[Any, Any, Any, Any]:
        from pptx.util import Pt

        return Pt(box.left * self._x), Pt(box.top * self._y), Pt(box.width * self._x), Pt(box.height * self._y)

    def _place(self, shape: Any, box: Box) -> None:
        shape.left, shape.top, shape.width, shape.height = self._emu(box)


def _colour(text: str) -> Any:
    from pptx.dml.color import RGBColor

    return RGBColor.from_string(text)  # type: ignore[no-untyped-call]
