"""Charts without a common baseline: donut, heat map, scatter, box plot; and what all kinds of charts share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ....errors import ToolError
from .axes import legend, number_axis
from .data import Data, Line, largest
from .style import COLOURS, GRID, INK, MARKERS, REST, Format, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_SLICES, MOST_SERIES = 6, 7


@dataclass(frozen=True, slots=True)
class Look:
    """What is written around a chart. `show` writes a value."""

    title: str
    x_label: str
    y_label: str
    value_format: str
    show: Format


def few(data: Data) -> Data:
    """At most seven series: there are no more colours to tell apart."""
    if len(data.lines) <= MOST_SERIES:
        return data
    raise ToolError(f"expected at most {MOST_SERIES} series, got {len(data.lines)}; merge some, or draw a heatmap")


def gaps_as_nan(values: tuple[Any, ...]) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def is_rest(label: Any) -> bool:
    return isinstance(label, str) and label.endswith(" others")


def donut(axes: Axes, data: Data, look: Look) -> str:
    """Draws shares of a whole as a ring."""
    if min(data.numbers) < 0 or len(data.lines) > 1:
        raise ToolError("expected one series of parts that are not negative for a donut; use bar for other data")
    values = data.lines[0].values
    order = sorted((i for i, v in enumerate(values) if v), key=lambda i: -values[i])
    data = Data(tuple(data.labels[i] for i in order), (Line("", tuple(values[i] for i in order)),))
    data, _ = largest(data, MOST_SLICES, "count", all_of_it=True)
    parts = data.lines[0].values
    total = sum(parts)
    if not total:
        raise ToolError("expected parts above zero for a donut, got zeros only")
    colours = [REST if is_rest(label) else COLOURS[i] for i, label in enumerate(data.labels)]
    wedges = axes.pie(
        parts,
        colors=colours,
        startangle=90,
        counterclock=False,
        wedgeprops={"width": 0.38, "edgecolor": "white", "linewidth": 2},
    )[0]
    axes.text(0, 0, f"{look.show(total)}\ntotal", ha="center", va="center", fontsize=12, color=INK, linespacing=1.4)
    names = [
        f"{short(label)}   {100 * part / total:.1f}% ({look.show(part)})"
        for label, part in zip(data.labels, parts, strict=True)
    ]
    axes.legend(wedges, names, loc="center left", bbox_to_anchor=(1.02, 0.5), fontsize=10.5, labelspacing=0.9)
    return ""


def heatmap(axes: Axes, data: Data, look: Look) -> str:
    """Draws values of two categories as colours, each with its number."""
    import numpy as np

    cells = np.array([gaps_as_nan(line.values) for line in data.lines])
    low, high = float(np.nanmin(cells)), float(np.nanmax(cells))
    reach = 1.0 if max(abs(low), abs(high)) <= 1 else max(abs(low), abs(high))
    is_two_sided = low < 0 or (reach == 1.0 and [line.name for line in data.lines] == [str(x) for x in data.labels])
    colours, limits = ("RdBu_r", (-reach, reach)) if is_two_sided else ("Blues", (0.0, high or 1.0))
    axes.set_facecolor(GRID)
    image = axes.imshow(cells, cmap=colours, vmin=limits[0], vmax=limits[1], aspect="auto")
    axes.set_xticks(range(len(data.labels)), [short(label, 18) for label in data.labels])
    axes.set_yticks(range(len(data.lines)), [short(line.name, 24) for line in data.lines])
    if max(len(str(label)) for label in data.labels) * len(data.labels) > 60:
        axes.tick_params(axis="x", rotation=45)
        for tick in axes.get_xticklabels():
            tick.set(ha="right", rotation_mode="anchor")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.85, pad=0.02, format=lambda value, _: look.show(value))
    bar.outline.set_visible(False)
    if cells.size <= 200:
        _write_cells(axes, cells, limits, look.show)
    return ""


def _write_cells(axes: Axes, cells: Any, limits: tuple[float, float], show: Format) -> None:
    middle, reach = sum(limits) / 2, (limits[1] - limits[0]) / 2
    for (row, column), value in _cells(cells):
        strong = abs(value - middle) > 0.55 * reach if limits[0] < 0 else value > middle + 0.2 * reach
        text = show(round(value, 2)) if abs(value) <= 1 else show(value)
        axes.text(column, row, text, ha="center", va="center", fontsize=8.5, color="white" if strong else INK)


def _cells(cells: Any) -> list[tuple[tuple[int, int], float]]:
    import numpy as np

    return [((i, j), float(v)) for (i, j), v in np.ndenumerate(cells) if not np.isnan(v)]


def scatter(axes: Axes, data: Data, look: Look) -> str:
    """Draws pairs of numbers as points."""
    if any(isinstance(label, str) or label is None for label in data.labels):
        raise ToolError("expected numbers as x of a scatter chart, got text or None")
    from .style import compact

    points = len(data.labels)
    faint, area = (0.8, 30) if points <= 200 else (0.45, 16) if points <= 2000 else (0.2, 7)
    for number, line in enumerate(few(data).lines):
        axes.scatter(
            data.labels,
            gaps_as_nan(line.values),
            s=area,
            alpha=faint,
            color=COLOURS[number],
            marker=MARKERS[number],
            linewidths=0,
            label=short(line.name),
            rasterized=points > 2000,
        )
    number_axis(axes.xaxis, compact, whole=False)
    number_axis(axes.yaxis, look.show, whole=False)
    legend(axes, len(data.lines))
    return ""


def box(axes: Axes, data: Data, look: Look) -> str:
    """Shares of a whole as a ring."""
    names, boxes = [], []
    for line in data.lines:
        for label, value in zip(data.labels, line.values, strict=True):
            if value is not None:
                names.append(short(label if len(data.lines) == 1 else f"{label} {line.name}"))
                boxes.append(dict(zip(("whislo", "q1", "med", "q3", "whishi"), value, strict=True)))
    axes.bxp(
        boxes,
        orientation="horizontal",
        showfliers=False,
        patch_artist=True,
        widths=0.55,
        boxprops={"facecolor": COLOURS[5], "edgecolor": COLOURS[0], "alpha": 0.6},
        medianprops={"color": COLOURS[3], "linewidth": 2.2},
        whiskerprops={"color": COLOURS[0]},
        capprops={"color": COLOURS[0]},
    )
    axes.set_yticks(range(1, len(names) + 1), names)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    number_axis(axes.xaxis, look.show, whole=False)
    return ""
