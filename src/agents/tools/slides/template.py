"""Where things are on a slide, and the layouts of a new deck. All lengths are points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MARGIN = 48.0
GAP = 24.0
INK = "1F2933"


@dataclass(frozen=True, slots=True)
class Box:
    """A place on a slide, in points."""

    left: float
    top: float
    width: float
    height: float

    def beside(self, share: float) -> tuple[Box, Box]:
        """The left part with `share` of the width, and the right one."""
        first = (self.width - GAP) * share
        left = Box(self.left, self.top, first, self.height)
        return left, Box(self.left + first + GAP, self.top, self.width - first - GAP, self.height)

    def below(self, used: float) -> Box:
        return Box(self.left, self.top + used, self.width, self.height - used)


def style(deck: Any) -> None:
    """16 to 9, titles to the left; set in the layouts, so that slides added by hand look the same."""
    from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
    from pptx.util import Pt

    deck.slide_width, deck.slide_height = Pt(960), Pt(540)
    wide = 960 - 2 * MARGIN
    boxes = {
        ("Title Slide", 0): Box(MARGIN, 196, wide, 110),
        ("Title Slide", 1): Box(MARGIN, 326, wide, 80),
        ("", 0): Box(MARGIN, 34, wide, 64),
        ("", 1): Box(MARGIN, 116, wide, 388),
    }
    _style_titles(deck.slide_master)
    for layout in [deck.slide_master, *deck.slide_layouts]:
        for place in layout.placeholders:
            kind = place.placeholder_format.idx if layout is not deck.slide_master else _master_place(place)
            box = boxes.get((layout.name, kind)) or (boxes.get(("", kind)) if kind == 0 else None)
            if box is None:
                place.left = min(int(place.left * 960 / 720), Pt(940)) if place.left is not None else place.left
                continue
            place.left, place.top, place.width, place.height = (
                Pt(v) for v in (box.left, box.top, box.width, box.height)
            )
            place.text_frame.vertical_anchor = MSO_ANCHOR.TOP if kind else MSO_ANCHOR.BOTTOM
            place.text_frame.margin_left = place.text_frame.margin_right = 0
            for paragraph in place.text_frame.paragraphs:
                paragraph.alignment = PP_ALIGN.LEFT


def _style_titles(master: Any) -> None:
    """Titles to the left, bold and dark (ECMA-376 part 1, 19.3.1.49)."""
    from lxml import etree
    from pptx.oxml.ns import qn

    level = master.element.find(f".//{qn('p:titleStyle')}/{qn('a:lvl1pPr')}")
    if level is None:
        return
    level.set("algn", "l")
    letters = level.find(qn("a:defRPr"))
    letters.set("sz", "3000")
    letters.set("b", "1")
    for fill in letters.findall(qn("a:solidFill")):
        letters.remove(fill)
    colour = etree.Element(qn("a:solidFill"))
    etree.SubElement(colour, qn("a:srgbClr")).set("val", INK)
    letters.insert(0, colour)


def _master_place(place: Any) -> int:
    from pptx.enum.shapes import PP_PLACEHOLDER

    return 0 if place.placeholder_format.type == PP_PLACEHOLDER.TITLE else -1


def title_only(deck: Any) -> Any:
    """The layout with a title and as little else as there is."""

    def others(layout: Any) -> tuple[bool, int]:
        found = [place.placeholder_format.idx for place in layout.placeholders]
        return 0 not in found, len([idx for idx in found if idx not in (0, 10, 11, 12)])

    return min(deck.slide_layouts, key=others)
