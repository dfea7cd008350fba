"""Axes of charts: readable numbers, dates and labels that never cover each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .data import moments
from .style import Format, compact, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

FIT_CHARS = 72  # characters that fit side by side below a chart


def number_axis(axis: Axis, show: Format, *, whole: bool, grid: bool = True) -> None:
    """Few round numbers, written by `show`; `whole` allows whole numbers only."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10], integer=whole))
    axis.set_major_formatter(FuncFormatter(lambda value, _: show(value)))
    axis.grid(visible=grid)
    if grid:
        axis.set_tick_params(length=0)
        axis.axes.spines["left" if axis is axis.axes.yaxis else "bottom"].set_visible(False)


def category_axis(axes: Axes, labels: Sequence[Any]) -> None:
    """Labels below bars at 0, 1, 2, ...: side by side, else slanted, else every second, third, ... one."""
    texts = [short(compact(label) if isinstance(label, (int, float)) else label, 24) for label in labels]
    longest = max(map(len, texts))
    step = 1
    if (longest + 2) * len(texts) <= FIT_CHARS * 1.1:
        slant = 0
    else:
        slant = 40 if longest > 4 else 0
        most = 26 if slant else max(2, FIT_CHARS // (longest + 2))
        step = -(-len(texts) // most)
    places = range(0, len(texts), step)
    axes.set_xticks(list(places), [texts[i] for i in places])
    axes.tick_params(axis="x", length=0)
    if slant:
        for tick in axes.get_xticklabels():
            tick.set(rotation=slant, ha="right", rotation_mode="anchor")


def position_axis(axes: Axes, labels: Sequence[Any]) -> list[Any]:
    """Places along x: numbers as they are, ISO dates as times, other labels one after the other."""
    if all(isinstance(label, (int, float)) for label in labels):
        number_axis(
            axes.xaxis, lambda v: _plain(v, labels), whole=all(float(v).is_integer() for v in labels), grid=False
        )
        return list(labels)
    times = moments(labels)
    if times is None:
        category_axis(axes, labels)
        return list(range(len(labels)))
    from matplotlib import dates

    library: Any = dates  # it has no types
    locator = library.AutoDateLocator(minticks=3, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(library.ConciseDateFormatter(locator, show_offset=len(labels[0]) > 7))
    return list(times)


def _plain(value: float, labels: Sequence[Any]) -> str:
    """Years are written in full."""
    is_years = all(float(v).is_integer() and 1500 <= v <= 2200 for v in labels)
    return f"{value:.0f}" if is_years else compact(value)


def legend(axes: Axes, series: int) -> None:
    """Names of the series above the chart, none for a single one."""
    if series > 1:
        axes.legend(
            loc="lower left", bbox_to_anchor=(0, 1.0), ncols=min(series, 4), borderaxespad=0.2, handlelength=1.6
        )
