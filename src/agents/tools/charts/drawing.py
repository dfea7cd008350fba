"""Draws each kind of chart with matplotlib.

Rule: a figure is made without pyplot, so that nothing is shared between charts; no label may cover another.
"""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....errors import ToolError
from .axes import category_axis, legend, number_axis, position_axis
from .data import Data, Line, largest
from .spread import Look, box, donut, few, gaps_as_nan, heatmap, is_rest, scatter
from .style import (
    COLOURS,
    DASHES,
    DPI,
    HEIGHT_IN,
    INK,
    MARKERS,
    MUTED,
    REST,
    STYLE,
    WIDTH_IN,
    Format,
    short,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_BARS, MOST_ROWS = 40, 24


def draw(kind: str, data: Data, look: Look, path: Path) -> None:
    """Draws a chart that has data into `path` (PNG or SVG, by its ending)."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    new_figure: Any = Figure  # its types are incomplete
    with mpl.rc_context(STYLE), warnings.catch_warnings():  # type: ignore[arg-type]
        warnings.simplefilter("ignore")  # a glyph that the font lacks is drawn as a box
        size = _SIZES[kind](data) if kind in _SIZES else (WIDTH_IN, HEIGHT_IN)
        figure = new_figure(figsize=size, dpi=DPI, layout="constrained")
        axes = figure.add_subplot()
        note = _KINDS[kind](axes, data, look) or ""
        _frame(figure, axes, look, note, is_sideways=kind == "barh")
        metadata: dict[str, Any] = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        figure.savefig(path, metadata=metadata)


def _frame(figure: Figure, axes: Axes, look: Look, note: str, *, is_sideways: bool) -> None:
    width = int(figure.get_figwidth() * 9.2)
    title = "\n".join(textwrap.wrap(" ".join(look.title.split()), width, max_lines=2, placeholder=" …"))
    figure.suptitle(title, x=0.012, ha="left", fontsize=13, fontweight="bold", color=INK)
    engine: Any = figure.get_layout_engine()
    engine.set(w_pad=0.12, h_pad=0.1)
    name = (look.x_label or look.y_label) if is_sideways else look.x_label
    below = "   ".join(part for part in (name, note) if part)
    axes.set_xlabel(short(below, 110))
    axes.set_ylabel("" if is_sideways else short(look.y_label, 50))


def _bar(axes: Axes, data: Data, look: Look) -> str:
    data, left_out = largest(few(data), MOST_BARS, look.value_format) if _are_names(data) else (few(data), 0)
    width = 0.8 / len(data.lines)
    for number, line in enumerate(data.lines):
        offset = (number - (len(data.lines) - 1) / 2) * width
        places = [i + offset for i in range(len(data.labels))]
        colours = [REST if is_rest(label) else COLOURS[number] for label in data.labels]
        drawn = axes.bar(places, gaps_as_nan(line.values), width * 0.96, color=colours, label=short(line.name))
        if len(data.lines) == 1 and len(data.labels) <= 14:
            axes.bar_label(drawn, [_shown(v, look.show) for v in line.values], padding=2, fontsize=9, color=MUTED)
    axes.margins(y=0.08)
    category_axis(axes, data.labels)
    number_axis(axes.yaxis, look.show, whole=look.value_format == "count")
    legend(axes, len(data.lines))
    return f"({left_out} smaller ones not shown)" if left_out else ""


def _are_names(data: Data) -> bool:
    """Whether labels are names, which have no order that must be kept (numbers and dates do)."""
    return any(isinstance(label, str) and not label[:1].isdigit() for label in data.labels)


def _shown(value: float | None, show: Format) -> str:
    return "" if value is None else show(value)


def _barh(axes: Axes, data: Data, look: Look) -> str:
    data, left_out = largest(few(data), MOST_ROWS, look.value_format)
    height = 0.8 / len(data.lines)
    for number, line in enumerate(data.lines):
        offset = (number - (len(data.lines) - 1) / 2) * height
        places = [i + offset for i in range(len(data.labels))]
        colours = [REST if is_rest(label) else COLOURS[number] for label in data.labels]
        drawn = axes.barh(places, gaps_as_nan(line.values), height * 0.94, color=colours, label=short(line.name))
        if len(data.lines) <= 2:
            axes.bar_label(drawn, [_shown(v, look.show) for v in line.values], padding=3, fontsize=9, color=MUTED)
    axes.set_yticks(range(len(data.labels)), [short(label) for label in data.labels])
    pad = max(0.0, (3 - len(data.labels)) / 2)  # a lone bar is no block
    axes.set_ylim(len(data.labels) - 0.45 + pad, -0.55 - pad)
    axes.margins(x=0.18 if min(data.numbers) < 0 else 0.1)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    number_axis(axes.xaxis, look.show, whole=look.value_format == "count")
    legend(axes, len(data.lines))
    return f"({left_out} smaller ones not shown)" if left_out else ""


def _line(axes: Axes, data: Data, look: Look) -> str:
    places = position_axis(axes, data.labels)
    for number, line in enumerate(few(data).lines):
        _curve(axes, places, line, number, many=len(places) > 40)
    number_axis(axes.yaxis, look.show, whole=False)
    _near_zero(axes, data)
    legend(axes, len(data.lines))
    return ""


def _curve(axes: Axes, places: list[Any], line: Line, number: int, *, many: bool) -> None:
    values, last = line.values, len(line.values) - 1
    alone = [
        i
        for i, value in enumerate(values)
        if value is not None and (i == 0 or values[i - 1] is None) and (i == last or values[i + 1] is None)
    ]
    axes.plot(
        places,
        gaps_as_nan(values),
        color=COLOURS[number],
        linestyle=DASHES[number],
        linewidth=2,
        marker=MARKERS[number],
        markersize=4,
        markevery=alone if many else None,
        label=short(line.name),
    )


def _near_zero(axes: Axes, data: Data) -> None:
    """Starts at zero when the values come near it anyway, so that heights can be compared."""
    low, high = min(data.numbers), max(data.numbers)
    if 0 < low <= 0.4 * high:
        axes.set_ylim(bottom=0)


def _area(axes: Axes, data: Data, look: Look) -> str:
    places = position_axis(axes, data.labels)
    lines = few(data).lines
    if len(lines) == 1:
        values = gaps_as_nan(lines[0].values)
        axes.fill_between(places, values, color=COLOURS[0], alpha=0.25, linewidth=0)
        axes.plot(places, values, color=COLOURS[0], linewidth=1.8)
    else:
        layers = [[value or 0 for value in line.values] for line in lines]
        names = [short(line.name) for line in lines]
        axes.stackplot(places, layers, labels=names, colors=COLOURS, alpha=0.85, edgecolor="white", linewidth=0.5)
    if min(data.numbers) >= 0:
        axes.set_ylim(bottom=0)
    number_axis(axes.yaxis, look.show, whole=look.value_format == "count")
    legend(axes, len(lines))
    return ""


def _histogram(axes: Axes, data: Data, look: Look) -> str:
    values = data.lines[0].values
    if len(data.lines) > 1:
        raise ToolError(f"expected one series of counts for a histogram, got {len(data.lines)}")
    if len(values) == len(data.labels):
        return _bar(axes, data, look)
    from .style import compact

    widths = [b - a for a, b in zip(data.labels, data.labels[1:], strict=False)]
    axes.bar(
        data.labels[:-1], gaps_as_nan(values), widths, align="edge", color=COLOURS[0], edgecolor="white", linewidth=0.8
    )
    number_axis(axes.xaxis, compact, whole=False, grid=False)
    number_axis(axes.yaxis, look.show, whole=look.value_format == "count")
    return ""


def _tall(rows: Callable[[Data], int], each_in: float, rest_in: float) -> Callable[[Data], tuple[float, float]]:
    return lambda data: (WIDTH_IN, min(12.0, max(2.2, rows(data) * each_in + rest_in)))


def _square(data: Data) -> tuple[float, float]:
    return (min(11.0, max(6.5, 3.2 + 0.42 * len(data.labels))), min(10.0, max(3.6, 2.0 + 0.36 * len(data.lines))))


_KINDS: dict[str, Callable[[Axes, Data, Look], str]] = {
    "bar": _bar,
    "barh": _barh,
    "line": _line,
    "area": _area,
    "histogram": _histogram,
    "donut": donut,
    "heatmap": heatmap,
    "scatter": scatter,
    "box": box,
}
_SIZES: dict[str, Callable[[Data], tuple[float, float]]] = {
    "barh": _tall(lambda data: min(len(data.labels), MOST_ROWS) * max(1, len(data.lines) // 2), 0.32, 1.35),
    "box": _tall(lambda data: len(data.labels) * len(data.lines), 0.5, 1.4),
    "heatmap": _square,
    "donut": lambda _: (WIDTH_IN, 3.4),
}
