"""How large text may be to fit. Rule: widths are measured with a real font that is at least as wide as the shown one.

All lengths are points (1/72 inch).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from .outline import Grid, Line

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

SIZES = (24, 22, 20, 18, 16, 15, 14)
CELL_SIZES = (14, 12, 11)
LEADING = 1.2
INDENT = 20.0
GAP = 6.0
_MEASURED = 20


@lru_cache(maxsize=2)
def _font(bold: bool) -> FreeTypeFont:
    from pathlib import Path

    import matplotlib
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), _MEASURED)


@lru_cache(maxsize=20_000)
def _units(text: str, bold: bool) -> float:
    return _font(bold).getlength(text) / _MEASURED


def width(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a line of text is."""
    return _units(text, bold) * size


def line_count(text: str, size: float, room: float, *, bold: bool = False) -> int:
    """How many lines a text takes when it is broken between words; words that are too long are broken too."""
    lines, used, space = 1, 0.0, width(" ", size, bold=bold)
    for word in text.split():
        needed = width(word, size, bold=bold)
        if used and used + space + needed > room:
            lines, used = lines + 1, 0.0
        if needed > room:
            lines += int(needed // room)
            needed %= room
        used += needed + (space if used else 0.0)
    return lines


def height(lines: Sequence[Line], size: float, room: float) -> float:
    """How high lines of text are, with the gaps between them."""
    return sum(_height(line, size, room) for line in lines)


def _height(line: Line, size: float, room: float) -> float:
    own = size if line.level < 1 else max(SIZES[-1], size - 2)
    inner = room - INDENT * (line.level + 1)
    return line_count(line.text, own, inner) * own * LEADING + GAP


def split(lines: Sequence[Line], room: float, high: float) -> tuple[int, list[list[Line]]]:
    """A size and the lines of each slide: one slide if they fit at any size, else several at a middle size."""
    for size in SIZES:
        if height(lines, size, room) <= high:
            return size, [list(lines)]
    size = SIZES[-2]
    groups: list[list[Line]] = [[]]
    for line in lines:
        for piece in _pieces(line, size, room, high):
            if groups[-1] and height([*groups[-1], piece], size, room) > high:
                groups.append([])
            groups[-1].append(piece)
    return size, groups


def _pieces(line: Line, size: float, room: float, high: float) -> list[Line]:
    """A line in parts that are no higher than a slide."""
    if _height(line, size, room) <= high:
        return [line]
    words, made, held = line.text.split(), [], ""
    for word in words:
        longer = f"{held} {word}".strip()
        if held and _height(Line(((longer, False),), line.level), size, room) > high:
            made.append(held)
            held = word
        else:
            held = longer
    return [Line(((text, False),), line.level) for text in [*made, held]]


def columns(grid: Grid, room: float, size: float) -> list[float]:
    """Widths of columns that share the room by what stands in them; none takes more than half of it."""
    padding = 16.0
    wanted = []
    for at, name in enumerate(grid.columns):
        cells = sorted(width(row[at], size) for row in grid.rows) or [0.0]
        typical = cells[min(len(cells) - 1, int(len(cells) * 0.9))]
        wanted.append(max(40.0, min(room / 2, max(width(name, size, bold=True), typical) + padding)))
    share = room / sum(wanted)
    return [one * share for one in wanted]


def row_heights(grid: Grid, widths: Sequence[float], size: float) -> list[float]:
    """Heights of the head and the rows."""
    made = []
    for number, row in enumerate([grid.columns, *grid.rows]):
        counts = [line_count(cell, size, room - 15.0, bold=not number) for cell, room in zip(row, widths, strict=True)]
        made.append(max(counts) * size * LEADING + 9.0)
    return made


def chunks(grid: Grid, room: float, high: float) -> tuple[float, list[Grid]]:
    """A size and the parts of a table, each no higher than a slide."""
    size: float = CELL_SIZES[-1]
    for tried in CELL_SIZES:
        if sum(row_heights(grid, columns(grid, room, tried), tried)) <= high:
            size = tried
            break
    head, *rows = row_heights(grid, columns(grid, room, size), size)
    groups: list[list[tuple[str, ...]]] = [[]]
    used = head
    for row, needed in zip(grid.rows, rows, strict=True):
        if groups[-1] and used + needed > high:
            groups.append([])
            used = head
        groups[-1].append(row)
        used += needed
    return size, [Grid(grid.columns, tuple(group), grid.numeric) for group in groups]
