"""A scene as PNG, on light paper. Rule: matplotlib's figure is used directly, so nothing global is touched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...planning.explain.lettering import FONT, fitted
from .shapes import COLOURS, Box, Scene, Stroke, Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SCALE, _MOST_PIXELS = 1.6, 16_000


def write(scene: Scene, target: Path) -> None:
    """Writes the file.

    Raises:
        OSError: it can't be written.
    """
    from matplotlib.figure import Figure

    scale = min(_SCALE, _MOST_PIXELS / max(scene.wide, scene.tall))
    figure = Figure(figsize=(scene.wide / 72, scene.tall / 72), facecolor=COLOURS["paper"][0])
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, scene.wide)
    axes.set_ylim(scene.tall, 0)
    for order, shape in enumerate(scene.shapes):
        _draw(axes, shape, order + 1)
    figure.savefig(target, format="png", dpi=72 * scale, metadata={"Title": scene.title})


def _draw(axes: Axes, shape: Box | Words | Stroke, order: int) -> None:
    colour = COLOURS[shape.role][0]
    match shape:
        case Box():
            _box(axes, shape, colour, order)
        case Words():
            text = fitted(shape.text, shape.size, shape.bold, 1e9)
            look: dict[str, Any] = {"ha": _ALIGN[shape.anchor], "va": "baseline", "parse_math": False}
            weight = "bold" if shape.bold else "normal"
            axes.text(
                shape.x, shape.y, text, fontsize=shape.size * 0.94, color=colour, fontweight=weight,
                fontfamily=FONT, zorder=order, **look,
            )  # fmt: skip
        case Stroke():
            style: Any = (0, (4, 3)) if shape.dashed else "-"
            ends = ((shape.x1, shape.x2), (shape.y1, shape.y2))
            axes.plot(*ends, color=colour, linewidth=shape.thick, linestyle=style, zorder=order)


def _box(axes: Axes, shape: Box, colour: str, order: int) -> None:
    from matplotlib.patches import FancyBboxPatch, Rectangle

    look: dict[str, Any] = {"facecolor": colour, "edgecolor": "none", "linewidth": 0, "zorder": order}
    if shape.hollow:
        look |= {"facecolor": "none", "edgecolor": colour, "linewidth": 1, "linestyle": (0, (3, 2))}
    if shape.radius and shape.wide > 2 * shape.radius:
        style = f"round,pad=0,rounding_size={shape.radius}"
        axes.add_patch(FancyBboxPatch((shape.x, shape.y), shape.wide, shape.tall, boxstyle=style, **look))
    else:
        axes.add_patch(Rectangle((shape.x, shape.y), max(0.0, shape.wide), shape.tall, **look))


_ALIGN = {"start": "left", "middle": "center", "end": "right"}
