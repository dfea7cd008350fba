"""Writes a report as PDF: real tables, pictures, page numbers, an outline, and letters of most languages.

Rule: the fonts are the DejaVu ones that matplotlib ships, so that nothing is fetched and every machine gives the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from .content import Grid, Part, Picture, Report, is_safe_link, markdown

INK, MUTED, LINE, HEAD, ACCENT = "#1f2933", "#52606d", "#d5dbe1", "#eef2f6", "#0b5fa5"
_FONTS = {
    "Body": "DejaVuSans",
    "Body-Bold": "DejaVuSans-Bold",
    "Body-Italic": "DejaVuSans-Oblique",
    "Mono": "DejaVuSansMono",
}


def write(report: Report, path: Path) -> list[str]:
    """Writes the PDF; returns what could not be put in."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import cm
    from reportlab.platypus import KeepTogether

    _register_fonts()
    styles = _styles()
    document = _document(path, report.title, A4, 2 * cm)
    missing: list[str] = []
    flow = [_paragraph(escape(report.title), styles["title"])]
    subtitle = " · ".join(text for text in (report.subtitle, report.made) if text)
    flow.append(_paragraph(escape(subtitle), styles["muted"]))
    for part in report.parts:
        made = _part(part, styles, document.width, missing)
        flow += made if part.grid or len(part.pictures) > 1 else [KeepTogether(made)]
    gaps = (*report.missing, *missing)
    if gaps:
        flow.append(_heading("What is missing", 2, "missing", styles))
        flow += [_paragraph(escape(text), styles["bullet"], bulletText="•") for text in gaps]
    document.build(flow)
    return missing


def _register_fonts() -> None:
    import matplotlib as mpl
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    known = set(pdfmetrics.getRegisteredFontNames())
    for name, file in _FONTS.items():
        if name not in known:
            pdfmetrics.registerFont(TTFont(name, str(folder / f"{file}.ttf")))
    pdfmetrics.registerFontFamily("Body", normal="Body", bold="Body-Bold", italic="Body-Italic", boldItalic="Body-Bold")


def _styles() -> dict[str, Any]:
    from reportlab.lib.styles import ParagraphStyle

    body = ParagraphStyle("body", fontName="Body", fontSize=9.5, leading=14, textColor=INK, spaceAfter=5)

    def like(name: str, **changes: Any) -> Any:
        return ParagraphStyle(name, parent=body, **changes)

    return {
        "body": body,
        "title": like("title", fontName="Body-Bold", fontSize=20, leading=25, spaceAfter=4),
        "muted": like("muted", textColor=MUTED, fontSize=8.5, leading=12, spaceAfter=10),
        "h2": like("h2", fontName="Body-Bold", fontSize=14, leading=18, spaceBefore=14, spaceAfter=6, keepWithNext=1),
        "h3": like("h3", fontName="Body-Bold", fontSize=11, leading=15, spaceBefore=10, spaceAfter=4, keepWithNext=1),
        "bullet": like("bullet", leftIndent=14, bulletIndent=3, spaceAfter=2),
        "code": like("code", fontName="Mono", fontSize=8, leading=11, backColor=HEAD, borderPadding=4),
        "cell": like("cell", fontSize=7.5, leading=10, spaceAfter=0),
        "number": like("number", fontSize=7.5, leading=10, spaceAfter=0, alignment=2),
        "head": like("head", fontName="Body-Bold", fontSize=7.5, leading=10, spaceAfter=0),
        "number-head": like("number-head", fontName="Body-Bold", fontSize=7.5, leading=10, spaceAfter=0, alignment=2),
    }


def _document(path: Path, title: str, size: tuple[float, float], margin: float) -> Any:
    from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate

    def footer(canvas: Any, document: Any) -> None:
        canvas.setFont("Body", 7.5)
        canvas.setFillColor(MUTED)
        canvas.drawString(margin, margin / 2, title if len(title) <= 90 else title[:89] + "…")
        canvas.drawRightString(size[0] - margin, margin / 2, str(document.page))

    class Document(BaseDocTemplate):  # type: ignore[misc]  # reportlab has no types
        def afterFlowable(self, flowable: Any) -> None:  # noqa: N802  # reportlab's name
            if (mark := getattr(flowable, "outline_mark", None)) is not None:
                anchor, text, level = mark
                self.canv.bookmarkPage(anchor)
                self.canv.addOutlineEntry(text, anchor, level, closed=level > 0)

    document = Document(str(path), pagesize=size, title=title, creator="Planloom", author="", leftMargin=margin)
    frame = Frame(margin, margin, size[0] - 2 * margin, size[1] - 2 * margin, 0, 0, 0, 0)
    document.addPageTemplates([PageTemplate(frames=[frame], onPage=footer)])
    document.width = size[0] - 2 * margin
    return document


def _paragraph(text: str, style: Any, **options: Any) -> Any:
    from reportlab.platypus import Paragraph

    return Paragraph(text, style, **options)


def _heading(text: str, level: int, anchor: str, styles: dict[str, Any]) -> Any:
    heading = _paragraph(escape(text), styles[f"h{level}"])
    heading.outline_mark = (anchor, text, level - 2)
    return heading


def _part(part: Part, styles: dict[str, Any], width: float, missing: list[str]) -> list[Any]:
    flow: list[Any] = [_heading(part.heading, part.level, part.anchor, styles)] if part.heading else []
    flow += _markdown(part.text, styles)
    if part.facts:
        flow.append(_facts(part.facts, styles, width))
    for picture in part.pictures:
        flow += _image(picture, width, part.level, missing)
    if part.grid:
        flow.append(_table(part.grid, styles, width))
        if part.grid.left_out:
            shown = f"The first {len(part.grid.rows)} of {len(part.grid.rows) + part.grid.left_out:,} rows."
            flow.append(_paragraph(shown, styles["muted"]))
    return flow


def _image(picture: Picture, width: float, level: int, missing: list[str]) -> list[Any]:
    from reportlab.lib.utils import ImageReader
    from reportlab.platypus import Image, Spacer

    if picture.path.suffix == ".svg":
        missing.append(f"The chart {picture.title or picture.path.name}: a PDF takes PNG pictures, not SVG.")
        return []
    wide, high = ImageReader(str(picture.path)).getSize()
    scale = min(width * (0.8 if level == 3 else 1.0) / wide, 480 / high)
    image = Image(str(picture.path), wide * scale, high * scale)
    image.hAlign = "LEFT"
    return [image, Spacer(1, 6)]


def _facts(facts: Sequence[tuple[str, str]], styles: dict[str, Any], width: float) -> Any:
    from reportlab.platypus import Table

    cells = [
        _paragraph(f'<font color="{MUTED}">{escape(label)}</font><br/><b>{escape(value)}</b>', styles["cell"])
        for label, value in facts
    ]
    rows = [cells[i : i + 4] + [""] * max(0, 4 - len(cells[i : i + 4])) for i in range(0, len(cells), 4)]
    style = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)]
    return Table(rows, colWidths=[width / 4] * 4, style=style)


def _table(grid: Grid, styles: dict[str, Any], width: float) -> Any:
    from reportlab.platypus import Table

    head = [
        _paragraph(escape(column), styles["number-head" if numeric else "head"])
        for column, numeric in zip(grid.columns, grid.numeric, strict=True)
    ]
    rows = [
        [
            _paragraph(escape(_cut(cell)), styles["number" if numeric else "cell"])
            for cell, numeric in zip(row, grid.numeric, strict=True)
        ]
        for row in grid.rows
    ]
    style = [
        ("BACKGROUND", (0, 0), (-1, 0), HEAD),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 3),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ]
    return Table([head, *rows], colWidths=_widths(grid, width), repeatRows=1, style=style, spaceBefore=4, spaceAfter=8)


def _cut(cell: str) -> str:
    """A cell may not be higher than a page."""
    return cell if len(cell) <= 600 else cell[:599] + "…"


def _widths(grid: Grid, width: float) -> list[float]:
    """Column widths by the square root of the longest text, so that no column is squeezed to nothing."""
    longest = [
        max(4, len(column), *(min(len(row[i]), 80) for row in grid.rows)) if grid.rows else max(4, len(column))
        for i, column in enumerate(grid.columns)
    ]
    shares = [length**0.6 for length in longest]
    return [width * share / sum(shares) for share in shares]


def _markdown(text: str, styles: dict[str, Any]) -> Iterator[Any]:
    """Markdown as paragraphs, lists, code and headings; tables inside texts become lines."""
    depth, number, ordered = 0, 0, False
    style = "body"
    for token in markdown().parse(text):
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                depth, number, ordered = depth + 1, 0, token.type[0] == "o"
            case "bullet_list_close" | "ordered_list_close":
                depth -= 1
            case "list_item_open":
                number += 1
                style = "bullet"
            case "list_item_close":
                style = "body"
            case "heading_open":
                style = "h3"
            case "heading_close":
                style = "body"
            case "inline":
                mark = {"bulletText": f"{number}." if ordered else "•"} if style == "bullet" and depth else {}
                yield _paragraph(_inline(token.children or []), styles[style], **mark)
            case "fence" | "code_block":
                lines = escape(token.content.rstrip()).replace("\n", "<br/>").replace(" ", "\u00a0")
                yield _paragraph(lines, styles["code"])
            case _:
                continue


def _inline(tokens: Sequence[Any]) -> str:
    """The tokens of a line as reportlab's mark-up."""
    marks = {"strong_open": "<b>", "strong_close": "</b>", "em_open": "<i>", "em_close": "</i>", "softbreak": " "}
    marks |= {"hardbreak": "<br/>", "link_close": "</link>"}
    made = []
    for token in tokens:
        if token.type == "link_open":
            url = str(token.attrGet("href") or "")
            target = escape(url, {'"': "&quot;"}) if is_safe_link(url) else ""
            made.append(f'<link href="{target}" color="{ACCENT}">')
        elif token.type == "code_inline":
            made.append(f'<font name="Mono">{escape(token.content)}</font>')
        else:
            made.append(marks.get(token.type, escape(token.content)))
    return "".join(made)
