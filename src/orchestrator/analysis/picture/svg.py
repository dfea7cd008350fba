"""A scene as SVG text. Rule: colours come from a style sheet, so that light and dark follow the reader's choice."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from ....printable import printable
from .shapes import COLOURS, Box, Scene, Stroke, Words

_FONT = "'DejaVu Sans',Verdana,'Segoe UI',system-ui,sans-serif"


def svg(scene: Scene) -> str:
    """The picture; whole in itself."""
    wide, tall = f"{scene.wide:.0f}", f"{scene.tall:.0f}"
    body = "\n".join(_shape(shape) for shape in scene.shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {tall}" width="{wide}" height="{tall}" '
        f'role="img" aria-label={quoteattr(_text(scene.title))} font-family="{_FONT}">\n'
        f"<title>{escape(_text(scene.title))}</title>\n<style>{_style()}</style>\n"
        f'<rect width="{wide}" height="{tall}" class="paper"/>\n{body}\n</svg>\n'
    )


def _style() -> str:
    light = "".join(f".{role}{{fill:{day}}}.{role}-l{{stroke:{day}}}" for role, (day, _) in COLOURS.items())
    dark = "".join(f".{role}{{fill:{night}}}.{role}-l{{stroke:{night}}}" for role, (_, night) in COLOURS.items())
    return f"{light}@media(prefers-color-scheme:dark){{{dark}}}"


def _shape(shape: Box | Words | Stroke) -> str:
    match shape:
        case Box():
            solid, dashes = f'class="{shape.role}"', f'fill="none" class="{shape.role}-l" stroke-dasharray="3 2"'
            look = dashes if shape.hollow else solid
            place = f'x="{shape.x:.2f}" y="{shape.y:.2f}" width="{max(0.0, shape.wide):.2f}" height="{shape.tall:.2f}"'
            corner = f' rx="{shape.radius:g}"' if shape.radius else ""
            if not shape.note:
                return f"<rect {place}{corner} {look}/>"
            return f"<rect {place}{corner} {look}><title>{escape(_text(shape.note))}</title></rect>"
        case Words():
            weight = ' font-weight="700"' if shape.bold else ""
            anchor = f' text-anchor="{shape.anchor}"' if shape.anchor != "start" else ""
            place = f'x="{shape.x:.2f}" y="{shape.y:.2f}" font-size="{shape.size:g}"'
            return f'<text {place}{weight}{anchor} class="{shape.role}">{escape(_text(shape.text))}</text>'
        case Stroke():
            dashes = ' stroke-dasharray="4 3"' if shape.dashed else ""
            ends = f'x1="{shape.x1:.2f}" y1="{shape.y1:.2f}" x2="{shape.x2:.2f}" y2="{shape.y2:.2f}"'
            return f'<line {ends} stroke-width="{shape.thick:g}"{dashes} class="{shape.role}-l"/>'


def _text(text: str) -> str:
    """Text that XML may have."""
    return "".join(letter for letter in printable(text) if letter in "\n\t" or ord(letter) >= 32)
