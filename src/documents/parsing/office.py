"""Word and PowerPoint files. Owner of python-docx and python-pptx."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from ..blocks import Block, Parsed, language_code
from ..places import Place

_PROGRAMS = frozenset(("python-docx", "openpyxl", "unknown"))
_HEADING = re.compile(r"(?:heading|title|überschrift|titre)\s*(\d*)", re.IGNORECASE)


def word(data: bytes) -> Parsed:
    """The body of a .docx file, in order: headings, paragraphs, rows of tables; then headers and footers."""
    import docx

    document = docx.Document(io.BytesIO(data))
    blocks: list[Block] = []
    number = 0
    for item in document.iter_inner_content():
        if hasattr(item, "rows"):
            number += 1
            blocks += _table(item, number)
        elif text := item.text.strip():
            number += 1
            place = Place(unit="paragraph", first=number, last=number)
            level = _level(item)
            blocks.append(Block(text=text, place=place, role="heading" if level else "text", level=level))
    return Parsed(kind="word", blocks=blocks, **about(document.core_properties))


def slides(data: bytes) -> Parsed:
    """The slides of a .pptx file: title, text, tables, speaker notes."""
    import pptx

    deck = pptx.Presentation(io.BytesIO(data))
    blocks: list[Block] = []
    for number, slide in enumerate(deck.slides, 1):
        place = Place(unit="slide", first=number, last=number)
        title = slide.shapes.title
        named = title.text_frame.text.strip() if title is not None and title.has_text_frame else ""
        if named:
            blocks.append(Block(text=named, place=place, role="heading", level=1))
        for shape in _shapes(slide.shapes):
            if title is not None and shape.shape_id == title.shape_id:
                continue
            blocks += [Block(text=text, place=place) for text in _texts(shape)]
        if spoken := _spoken(slide):
            blocks.append(Block(text=f"Notes: {spoken}", place=place))
    return Parsed(kind="slides", blocks=blocks, **about(deck.core_properties))


def about(properties: Any) -> dict[str, Any]:
    """What an Office file says of itself; programs' own names are no authors."""
    author = str(getattr(properties, "author", None) or getattr(properties, "creator", None) or "")
    return {
        "title": str(properties.title or ""),
        "author": "" if author.casefold() in _PROGRAMS else author,
        "language": language_code(str(properties.language or "")),
    }


def _level(paragraph: Any) -> int:
    """The level of a heading, 0 for other paragraphs."""
    style = paragraph.style
    found = _HEADING.match(style.name or "") if style is not None else None
    return int(found[1] or 1) if found else 0


def _table(table: Any, number: int) -> Iterator[Block]:
    """Rows; the first one names the columns."""
    place = Place(unit="paragraph", first=number, last=number)
    header: list[str] = []
    for row in table.rows:
        cells = _cells(row)
        if not any(cells):
            continue
        if not header:
            header = cells
            yield Block(text=" | ".join(cells), place=place, role="row")
            continue
        told = "; ".join(
            f"{name}: {cell}" if name else cell
            for name, cell in zip(header + [""] * len(cells), cells, strict=False)
            if cell
        )
        yield Block(text=told, place=place, role="row", header=", ".join(header))


def _cells(row: Any) -> list[str]:
    """A row's cells; one that spans several columns counts once."""
    cells, seen = [], set()
    for cell in row.cells:
        if id(cell._tc) not in seen:
            seen.add(id(cell._tc))
            cells.append(" ".join(cell.text.split()))
    return cells


def _spoken(slide: Any) -> str:
    """The speaker's notes."""
    frame = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    return frame.text.strip() if frame is not None else ""


def _shapes(shapes: Any) -> Iterator[Any]:
    """All shapes, those in groups too."""
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes)
        else:
            yield shape


def _texts(shape: Any) -> Iterator[str]:
    if getattr(shape, "has_table", False):
        for row in shape.table.rows:
            yield " | ".join(cell.text.strip() for cell in row.cells)
    elif shape.has_text_frame and (text := shape.text_frame.text.strip()):
        yield text
    elif getattr(shape, "has_chart", False) and shape.chart.has_title:
        yield shape.chart.chart_title.text_frame.text.strip()
