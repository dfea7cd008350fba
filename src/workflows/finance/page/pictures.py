"""The series of a metric as a picture for the PDF and for mails."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from ....agents.tools.charts.style import DPI, HEIGHT_IN, STYLE, WIDTH_IN
from ..shapes import Measure
from .charts import BLUE, GREY, ORANGE, RED


def draw(measure: Measure, path: Path) -> None:
    """Writes a PNG: the series, what is usual, odd months, shifts, forecast with interval."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
        axes: Any = figure.subplots()  # its types know no dates
        days = [_day(month) for month in measure["months"]]
        values = [cents / 100 for cents in measure["cents"]]
        if measure["usual"]:
            usual = [cents / 100 if cents else float("nan") for cents in measure["usual"]]
            axes.plot(days, usual, ":", color=GREY, label="Usual", linewidth=1.4)
        axes.plot(days, values, color=BLUE, label=measure["title"], linewidth=2)
        if ahead := measure["forecast"]:
            later = [_day(one["month"]) for one in ahead]
            low, high = [one["low"] / 100 for one in ahead], [one["high"] / 100 for one in ahead]
            axes.fill_between(later, low, high, color=BLUE, alpha=0.16, linewidth=0, label="90 % interval")
            expected = [values[-1], *(one["cents"] / 100 for one in ahead)]
            axes.plot([days[-1], *later], expected, "--", color=BLUE, label="Forecast")
        odd = [one for one in measure["found"] if one["kind"] == "odd"]
        if odd:
            look = {"s": 70, "marker": "D", "facecolors": "none", "edgecolors": RED, "linewidths": 2, "zorder": 3}
            x, y = [_day(one["month"]) for one in odd], [one["cents"] / 100 for one in odd]
            axes.scatter(x, y, label="Odd month", **look)
        for one in measure["found"]:
            if one["kind"] == "shift":
                axes.axvline(_day(one["month"]), color=ORANGE, linestyle="-.", linewidth=1.2)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.set_ylabel(measure["currency"])
        axes.grid(axis="y")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=5)
        FigureCanvasAgg(figure).print_figure(path, dpi=DPI, format="png")


def _day(month: str) -> dt.date:
    return dt.date.fromisoformat(f"{month}-01")
