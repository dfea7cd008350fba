"""A picture of a plan, PNG or SVG: waves left to right, effects by colour and mark, the critical path in bold lines.

Rule: units are inches, y grows downwards. matplotlib's figure is used directly, so nothing global is touched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....errors import UsageError
from .folding import Box, Folded, fold
from .layout import Layout, Spot, arrange
from .lettering import FONT, fitted, width
from .outlines import APPROVAL, UNKNOWN, as_seconds, as_usd, costs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from . import Explanation

FORMATS = (".png", ".svg")
MOST_BOXES, MOST_WAVES = 90, 30
COMPACT_FROM = 26  # boxes in the tallest wave from which on a box is one line
DPI, MOST_PIXELS = 150, 16_000
MARGIN, GAP, WAYPOINT = 0.4, 0.2, 0.1
PADDING = 0.3
NARROWEST, WIDEST = 1.25, 3.3
INK, MUTED, LINE, PAPER = "#1F2933", "#52606D", "#A3AEBA", "white"
ASKS = "#8E3B6F"
# effect -> fill, band, mark; the colours are of Okabe and Ito's palette
LOOKS: dict[str | None, tuple[str, str, str]] = {
    "pure": ("#EEF5FA", "#0072B2", "o"),
    "read": ("#EBF7F2", "#009E73", "^"),
    "write": ("#FDF3E1", "#D98200", "s"),
    None: ("#F4F5F7", "#7B8794", "D"),
}


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The places of everything: `left` and `wide` by layer, `top` of the boxes, `tall` of one box."""

    folded: Folded
    layout: Layout
    left: list[float]
    wide: list[float]
    top: float
    tall: float
    size: tuple[float, float]

    @property
    def is_compact(self) -> bool:
        return self.tall < 0.5

    def layer_of(self) -> dict[Spot, int]:
        return {spot: number for number, spots in enumerate(self.layout.layers) for spot in spots}


def draw(explanation: Explanation, path: Path | str) -> Path:
    """Writes the picture; the format follows the file's ending. Large plans are folded until boxes can be read.

    Raises:
        UsageError: the ending is neither .png nor .svg, or the file can't be written.
    """
    target = Path(path)
    if target.suffix.lower() not in FORMATS:
        raise UsageError(f"expected a picture that ends in .png or .svg, got {str(path)!r}")
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    sheet = _sheet(explanation)
    wide, high = sheet.size
    figure = Figure(figsize=sheet.size, facecolor=PAPER)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, wide)
    axes.set_ylim(high, 0)
    _title(axes, explanation, sheet)
    _edges(axes, explanation, sheet)
    _boxes(axes, sheet)
    _legend(axes, explanation, sheet)
    is_svg = target.suffix.lower() == ".svg"
    metadata = {"Title": explanation.goal, "Date": None} if is_svg else {"Title": explanation.goal}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with rc_context({"svg.hashsalt": "planloom", "svg.fonttype": "path"}):
            figure.savefig(target, dpi=min(DPI, MOST_PIXELS / max(wide, high)), metadata=metadata)
    except OSError as error:
        raise UsageError(f"expected a place to write the picture, got {str(path)!r}: {error.strerror}") from error
    return target


def _sheet(explanation: Explanation) -> _Sheet:
    folded = fold(explanation, most=MOST_BOXES, longest=MOST_WAVES)
    layers = folded.layers()
    tall = 0.34 if max(map(len, layers), default=0) >= COMPACT_FROM else 0.8
    gap = GAP if tall > 0.5 else 0.1
    layout = arrange(layers, folded.inputs, box_height=tall, waypoint_height=WAYPOINT, gap=gap)
    wide = [max((_box_width(folded.boxes[name], tall < 0.5) for name in names), default=0.0) for names in layers]
    left, edge = [], MARGIN
    for number, broad in enumerate(wide):
        left.append(edge)
        crossing = sum(1 for source, _ in layout.links if source in set(layout.layers[number]))
        edge += broad + 0.5 + min(0.8, 0.03 * crossing)
    right = left[-1] + wide[-1] if wide else MARGIN
    top = MARGIN + 1.15
    size = (max(right + MARGIN, 7.2), top + layout.height + 0.95)
    shift = (size[0] - right - MARGIN) / 2
    return _Sheet(folded, layout, [x + shift for x in left], wide, top, tall, size)


def _box_width(box: Box, is_compact: bool) -> float:
    lines = _lines(box)[: 1 if is_compact else 3]
    text = max(width(line, size, is_bold) for line, size, is_bold, _ in lines)
    return min(WIDEST, max(NARROWEST, text + PADDING + 0.15))


def _lines(box: Box) -> list[tuple[str, float, bool, str]]:
    """A box's lines: text, size in points, bold, colour."""
    first = box.steps[0]
    actions = list(dict.fromkeys(step.action for step in box.steps))
    if len(box.steps) == 1:
        cost = costs(first)
        notes = [cost] if first.each is None else [cost, first.each]
        head, middle = first.id, first.action
    else:
        head = f"{len(box.steps)} steps"
        middle = f"{actions[0]}" if len(actions) == 1 else f"{len(actions)} actions: {', '.join(actions)}"
        notes = [", ".join(step.id for step in box.steps)]
    return [(head, 9.5, True, INK), (middle, 8, False, MUTED), (" · ".join(notes), 8, False, MUTED)]


def _title(axes: Axes, explanation: Explanation, sheet: _Sheet) -> None:
    room = sheet.size[0] - 2 * MARGIN
    _text(axes, (MARGIN, MARGIN + 0.08), explanation.goal or "Plan", 14, room, bold=True)
    _text(axes, (MARGIN, MARGIN + 0.4), _summary(explanation), 9.5, room, colour=MUTED)
    for number, names in enumerate(sheet.folded.layers()):
        waves = [step.wave for name in names for step in sheet.folded.boxes[name].steps]
        low, high = min(waves), max(waves)
        text = f"wave {low}" if low == high else f"waves {low} to {high}"
        middle = sheet.left[number] + sheet.wide[number] / 2
        _text(axes, (middle, sheet.top - 0.25), text, 8.5, sheet.wide[number], colour=MUTED, align="center")


def _summary(explanation: Explanation) -> str:
    totals = explanation.totals
    bound = "at least " if totals.is_lower_bound else ""
    parts = [f"{totals.steps} step{'s' * (totals.steps != 1)} in {totals.waves} wave{'s' * (totals.waves != 1)}"]
    if totals.critical_path_s is not None:
        parts.append(f"{bound}{as_seconds(totals.critical_path_s)} along the critical path")
    if totals.sequential_s is not None:
        parts.append(f"{bound}{as_seconds(totals.sequential_s)} one by one")
    elif totals.steps:
        parts.append(f"time {UNKNOWN}")
    if totals.tokens is not None:
        parts.append(f"{bound}{totals.tokens:,.0f} tokens")
    if totals.usd is not None:
        parts.append(bound + as_usd(totals.usd))
    return " · ".join(parts)


def _edges(axes: Axes, explanation: Explanation, sheet: _Sheet) -> None:
    layer_of = sheet.layer_of()
    critical = _critical_links(explanation, sheet)
    for source, target in sorted(sheet.layout.links, key=lambda link: link in critical):
        is_critical = (source, target) in critical
        _edge(axes, sheet, (source, target), layer_of[source], is_critical)


def _edge(axes: Axes, sheet: _Sheet, link: tuple[Spot, Spot], layer: int, is_critical: bool) -> None:
    from matplotlib.patches import PathPatch, Polygon
    from matplotlib.path import Path as Outline

    source, target = link
    colour, thick, order = (INK, 2.2, 3) if is_critical else (LINE, 1.1, 2)
    x0, y0 = sheet.left[layer] + sheet.wide[layer], sheet.top + sheet.layout.y[source]
    x1, y1 = sheet.left[layer + 1], sheet.top + sheet.layout.y[target]
    head = 0.09 if target.layer is None else 0.0
    bend = (x1 - head - x0) / 2
    points = [(x0, y0), (x0 + bend, y0), (x1 - head - bend, y1), (x1 - head, y1)]
    codes = [Outline.MOVETO, Outline.CURVE4, Outline.CURVE4, Outline.CURVE4]
    if source.layer is not None:
        points.insert(0, (sheet.left[layer], y0))
        codes.insert(1, Outline.LINETO)
    axes.add_patch(
        PathPatch(Outline(points, codes), fill=False, edgecolor=colour, linewidth=thick, zorder=order, capstyle="butt")
    )
    if head:
        corners = [(x1, y1), (x1 - head - 0.01, y1 - 0.05), (x1 - head - 0.01, y1 + 0.05)]
        axes.add_patch(Polygon(corners, closed=True, facecolor=colour, edgecolor="none", zorder=order + 0.5))


def _critical_links(explanation: Explanation, sheet: _Sheet) -> set[tuple[Spot, Spot]]:
    box_of = {step.id: name for name, box in sheet.folded.boxes.items() for step in box.steps}
    pairs = {(box_of[before], box_of[behind]) for before, behind in pairwise(explanation.critical_path)}
    return {link for start, end in pairs if start != end for link in sheet.layout.trail(start, end)}


def _boxes(axes: Axes, sheet: _Sheet) -> None:
    for number, names in enumerate(sheet.folded.layers()):
        for name in names:
            middle = sheet.top + sheet.layout.y[Spot(name)]
            _box(axes, sheet.folded.boxes[name], (sheet.left[number], middle), (sheet.wide[number], sheet.tall))


def _box(axes: Axes, box: Box, place: tuple[float, float], size: tuple[float, float]) -> None:
    (x, middle), (wide, tall) = place, size
    effects = {step.effect for step in box.steps}
    fill, band, mark = LOOKS[effects.pop() if len(effects) == 1 else None]
    is_critical = any(step.is_critical for step in box.steps)
    frame: dict[str, Any] = {
        "edgecolor": INK if is_critical else band,
        "linewidth": 2.2 if is_critical else 1.0,
        "linestyle": (0, (4, 2)) if all(step.optional for step in box.steps) else "-",
    }
    y = middle - tall / 2
    if len(box.steps) > 1 or box.steps[0].each is not None:
        for behind in (0.1, 0.05):
            _rounded(axes, (x + behind, y - behind), size, facecolor=fill, edgecolor=band, linewidth=0.8, zorder=4)
    _rounded(axes, (x, y), size, facecolor=fill, zorder=5, **frame)
    lines = _lines(box)
    shown = lines[:1] if tall < 0.5 else lines
    places = [middle] if tall < 0.5 else [middle - 0.21, middle + 0.01, middle + 0.215]
    axes.plot([x + 0.15], [places[0]], marker=mark, markersize=5.5, color=band, linestyle="none", zorder=6)
    for (text, points, is_bold, colour), at in zip(shown, places, strict=True):
        _text(axes, (x + PADDING - 0.02, at), text, points, wide - PADDING - 0.08, bold=is_bold, colour=colour)
    if any(step.needs_approval for step in box.steps):
        _pill(axes, x + wide - 0.08, y - 0.03)


def _rounded(
    axes: Axes, corner: tuple[float, float], size: tuple[float, float], radius: float = 0.08, **look: Any
) -> None:
    from matplotlib.patches import FancyBboxPatch

    style = f"round,pad=0,rounding_size={radius}"
    axes.add_patch(FancyBboxPatch(corner, size[0], size[1], boxstyle=style, **look))


def _pill(axes: Axes, right: float, y: float) -> None:
    """`needs approval` on a box's upper edge."""
    wide = width(APPROVAL, 7, True) + 0.14
    _rounded(axes, (right - wide, y - 0.08), (wide, 0.16), 0.07, facecolor=ASKS, edgecolor=PAPER, zorder=7)
    _text(axes, (right - wide / 2, y), APPROVAL, 7, wide, bold=True, colour=PAPER, align="center")


def _legend(axes: Axes, explanation: Explanation, sheet: _Sheet) -> None:
    """What the colours, marks and lines mean, of those that occur."""
    y, x = sheet.size[1] - MARGIN, MARGIN
    for sign, text in _signs(explanation, sheet.folded):
        wide = 0.2 + width(text, 8.5, False)
        if x > MARGIN and x + wide > sheet.size[0] - MARGIN:
            x, y = MARGIN, y + 0.22
        sign(axes, x, y)
        _text(axes, (x + 0.27, y), text, 8.5, 4.0, colour=MUTED)
        x += wide + 0.35


Sign = Callable[["Axes", float, float], None]


def _signs(explanation: Explanation, folded: Folded) -> list[tuple[Sign, str]]:
    meanings = {"pure": "pure", "read": "reads", "write": "writes", None: "effect unknown or mixed"}
    used = {step.effect for step in explanation.steps}
    if any(len({step.effect for step in box.steps}) > 1 for box in folded.boxes.values()):
        used.add(None)
    signs: list[tuple[Sign, str]] = [(_mark(effect), text) for effect, text in meanings.items() if effect in used]
    if len(explanation.critical_path) > 1:
        signs.append((_stroke(INK, 2.2, "-"), "critical path"))
    if any(step.optional for step in explanation.steps):
        signs.append((_stroke(MUTED, 1.2, (0, (4, 2))), "optional"))
    if any(step.each is not None for step in explanation.steps) or len(folded.boxes) < len(explanation.steps):
        signs.append((_stack, "several steps"))
    return signs


def _mark(effect: str | None) -> Sign:
    _, band, mark = LOOKS[effect]

    def sign(axes: Axes, x: float, y: float) -> None:
        axes.plot([x + 0.12], [y], marker=mark, markersize=6, color=band)

    return sign


def _stroke(colour: str, thick: float, style: Any) -> Sign:
    def sign(axes: Axes, x: float, y: float) -> None:
        axes.plot([x, x + 0.22], [y, y], color=colour, linewidth=thick, linestyle=style, solid_capstyle="butt")

    return sign


def _stack(axes: Axes, x: float, y: float) -> None:
    for behind in (0.04, 0.0):
        corner = (x + 0.02 + behind, y - 0.05 - behind)
        _rounded(axes, corner, (0.17, 0.1), 0.03, facecolor=PAPER, edgecolor=MUTED, linewidth=0.9)


def _text(
    axes: Axes,
    place: tuple[float, float],
    text: str,
    points: float,
    room: float,
    *,
    bold: bool = False,
    colour: str = INK,
    align: str = "left",
) -> None:
    """One line, its vertical middle at `place`, cut to `room` inches."""
    axes.text(
        place[0],
        place[1],
        fitted(text, points, bold, room),
        fontsize=points,
        fontweight="bold" if bold else "normal",
        fontfamily=FONT,
        color=colour,
        horizontalalignment=align,
        verticalalignment="center_baseline",
        parse_math=False,
        zorder=8,
    )
