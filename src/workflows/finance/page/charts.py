"""The charts of the page as Plotly's plain data. Rule: the library itself is only looked at for its script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..shapes import Causes, Measure

BLUE, ORANGE, RED, GREEN, GREY = "#0072B2", "#B35900", "#A8321A", "#00704F", "#6B7785"
_MOST_LABEL = 22


def series(measure: Measure) -> dict[str, Any]:
    """The series, what is usual, odd months, shifts, and the forecast with its interval."""
    months = [f"{month}-01" for month in measure["months"]]
    values = [cents / 100 for cents in measure["cents"]]
    data: list[dict[str, Any]] = []
    ahead = measure["forecast"]
    if ahead:
        later = [f"{one['month']}-01" for one in ahead]
        band = {"type": "scatter", "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
        data.append({**band, "x": later, "y": [one["high"] / 100 for one in ahead]})
        fill = {"fill": "tonexty", "fillcolor": "rgba(0,114,178,0.16)", "name": "90 % interval", "showlegend": True}
        data.append({**band, **fill, "x": later, "y": [one["low"] / 100 for one in ahead]})
        expected = [values[-1], *(one["cents"] / 100 for one in ahead)]
        data.append(_line("Forecast", [months[-1], *later], expected, BLUE, dash="dash"))
    if measure["usual"]:
        pairs = [(month, cents / 100) for month, cents in zip(months, measure["usual"], strict=True) if cents]
        data.append(_line("Usual", [m for m, _ in pairs], [v for _, v in pairs], GREY, dash="dot", width=1.5))
    data.append(_line(measure["title"], months, values, BLUE, width=2.5))
    if odd := [one for one in measure["found"] if one["kind"] == "odd"]:
        marker = {"symbol": "diamond-open", "size": 13, "color": RED, "line": {"width": 2.5}}
        x, y = [f"{one['month']}-01" for one in odd], [one["cents"] / 100 for one in odd]
        data.append({"type": "scatter", "mode": "markers", "name": "Odd month", "x": x, "y": y, "marker": marker})
    return {"data": data, "layout": _series_layout(measure), "label": _series_label(measure)}


def _series_layout(measure: Measure) -> dict[str, Any]:
    """New levels as lines with their name, and the currency above the axis."""
    shifts = [f"{one['month']}-01" for one in measure["found"] if one["kind"] == "shift"]
    line = {"color": ORANGE, "dash": "dashdot", "width": 1.5}
    shapes = [{"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1, "line": line} for x in shifts]
    note = {"yref": "paper", "y": 1.0, "yanchor": "bottom", "showarrow": False}
    notes = [{**note, "x": x, "text": "new level", "font": {"color": ORANGE, "size": 11}} for x in shifts]
    unit = {"xref": "paper", "x": 0, "xanchor": "right", "xshift": -6, "text": measure["currency"]}
    notes.append({**note, **unit, "font": {"color": GREY, "size": 11}})
    return {"shapes": shapes, "annotations": notes, "yaxis": {"rangemode": "tozero"}}


def contributions(measure: Measure, causes: Causes) -> dict[str, Any]:
    """What each member of the first dimension adds to the change, the largest on top."""
    dimension, parts = next(iter(causes["tables"].items()), ("category", []))
    more, less = (RED, GREEN) if measure["metric"] == "expenses" else (GREEN, RED)
    data = [{
        "type": "bar", "orientation": "h", "name": "Change", "showlegend": False,
        "y": _short([part["member"] for part in parts])[::-1], "x": [part["change"] / 100 for part in parts][::-1],
        "marker": {"color": [more if part["change"] > 0 else less for part in parts][::-1]},
    }]  # fmt: skip
    currency = measure["currency"]
    told = ", ".join(f"{part['member']} {part['change'] / 100:+,.0f}" for part in parts[:4])
    label = f"{measure['title']}: change from {causes['against']} to {measure['period']} by {dimension}. {told}."
    layout = {
        "xaxis": {"zeroline": True, "zerolinecolor": GREY, "nticks": 6},
        "yaxis": {"automargin": True, "type": "category", "showgrid": False},
        "hovermode": "y", "bargap": 0.35, "margin": {"l": 8, "r": 16, "t": 8, "b": 40},
    }  # fmt: skip
    title = f"Change by {dimension}, {currency}" if currency else f"Change by {dimension}"
    return {"data": data, "layout": layout, "label": label, "title": title}


def _series_label(measure: Measure) -> str:
    low, high = min(measure["cents"]) / 100, max(measure["cents"]) / 100
    odd = ", ".join(one["month"] for one in measure["found"] if one["kind"] == "odd") or "none"
    return (
        f"{measure['title']} by month, {measure['months'][0]} to {measure['months'][-1]}, between {low:,.0f} and "
        f"{high:,.0f} {measure['currency']}; odd months: {odd}; with a forecast of {len(measure['forecast'])} months."
    )


def _line(
    name: str, x: list[str], y: list[float], colour: str, *, dash: str = "solid", width: float = 2
) -> dict[str, Any]:
    line = {"color": colour, "dash": dash, "width": width}
    return {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": line}


def _short(names: Sequence[str]) -> list[str]:
    """Names cut to fit, kept different from each other."""
    made: list[str] = []
    for name in names:
        cut = name if len(name) <= _MOST_LABEL else name[: _MOST_LABEL - 1] + "…"
        made.append(cut if cut not in made else f"{cut} ({len(made) + 1})")
    return made
