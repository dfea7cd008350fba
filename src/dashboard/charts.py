"""The plots of the dashboard as Plotly's plain data. Rule: pure; the page decides where each goes."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .live import Look, quantile, rates
from .runs import RUNNING, Run

# Okabe and Ito's palette, which colour-blind people can tell apart
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
GREY = "#7f8b99"
STATUS = {
    "done": GREEN, "failed": RED, "cancelled": GREY, "budget": PURPLE, "needs_approval": ORANGE, RUNNING: SKY,
    "ok": GREEN, "skipped": GREY, "in_doubt": PURPLE, "waiting": ORANGE,
}  # fmt: skip
_MB = 2**20
_WINDOW = 15  # looks, half a minute: what a quantile is taken over
_SLOTS = 60
Figure = dict[str, Any]


# ---- live


def pace(looks: Sequence[Look]) -> Figure:
    """Runs that ended a minute, by status."""
    statuses = sorted({status for look in looks for status in look.by("planloom_runs_total", "status")})
    lines = [
        _line(status, rates(looks, "planloom_runs_total", per_s=60, status=status), STATUS.get(status, BLUE), fill=True)
        for status in statuses
    ]
    return _figure(lines, "runs a minute")


def latency(looks: Sequence[Look]) -> Figure:
    """p50, p95 and p99 of runs that ended within half a minute."""
    lines = []
    for part, colour in ((0.5, GREEN), (0.95, ORANGE), (0.99, RED)):
        points = []
        for number, look in enumerate(looks):
            before = looks[max(0, number - _WINDOW)]
            if look.values is not None and before is not look:
                value = quantile(part, before, look, "planloom_run_seconds")
                if value is not None:
                    points.append((look.at, value))
        lines.append(_line(f"p{part * 100:.0f}", points, colour))
    return _figure(lines, "seconds")


def distribution(look: Look | None) -> Figure:
    """How many runs took how long, since the server began; the histogram's own buckets."""
    found: dict[float, float] = {}
    for labels, count in ((look.values or {}) if look else {}).get("planloom_run_seconds_bucket", {}).items():
        edge = float(dict(labels)["le"])
        found[edge] = found.get(edge, 0.0) + count
    edges = sorted(found)
    counts = [found[edge] - (found[edges[n - 1]] if n else 0.0) for n, edge in enumerate(edges)]
    kept = [n for n, count in enumerate(counts) if count]
    span = range(kept[0], kept[-1] + 1) if kept else range(0)
    names = [f"up to {_s(edges[n])}" if edges[n] != float("inf") else f"above {_s(edges[n - 1])}" for n in span]
    bars = {"type": "bar", "name": "runs", "x": names, "y": [counts[n] for n in span], "marker": {"color": BLUE}}
    return _figure([bars] if kept else [], "runs", time_axis=False)


def memory(looks: Sequence[Look]) -> Figure:
    """Memory of the server."""
    points = [(one.at, one.total("process_resident_memory_bytes") / _MB) for one in looks if one.values is not None]
    return _figure([_line("server", points, BLUE, fill=True)], "MB")


def processor(looks: Sequence[Look]) -> Figure:
    """Cores the server uses."""
    return _figure([_line("server", rates(looks, "process_cpu_seconds_total"), ORANGE, fill=True)], "cores")


def active(looks: Sequence[Look]) -> Figure:
    """Runs and connections that are open."""
    seen = [look for look in looks if look.values is not None]
    lines = [
        _line("runs under way", [(look.at, look.total("planloom_runs_active")) for look in seen], BLUE),
        _line("connections", [(look.at, look.total("planloom_connections")) for look in seen], GREY),
    ]
    return _figure(lines, "")


def tokens(looks: Sequence[Look]) -> Figure:
    """Tokens a minute: what was sent and what came back."""
    lines = [
        _line(kind, rates(looks, "planloom_tokens_total", per_s=60, kind=kind), colour)
        for kind, colour in (("prompt", BLUE), ("completion", ORANGE), ("cached", GREY))
    ]
    return _figure(lines, "tokens a minute")


def calls(looks: Sequence[Look]) -> Figure:
    """Requests to models a minute, by outcome."""
    outcomes = sorted({name for look in looks for name in look.by("planloom_model_calls_total", "outcome")})
    colours = {"ok": GREEN, "429": RED}
    lines = [
        _line(name, rates(looks, "planloom_model_calls_total", per_s=60, outcome=name), colours.get(name, PURPLE))
        for name in outcomes
    ]
    return _figure(lines, "requests a minute")


# ---- recorded


def timeline(runs: Sequence[Run]) -> Figure:
    """Each run as a dot: when it began, how long it took, how it ended."""
    ended = [run for run in runs if run.seconds is not None]
    dots = []
    for status in sorted({run.status for run in ended}):
        those = [run for run in ended if run.status == status]
        dots.append({
            "type": "scatter", "mode": "markers", "name": status, "x": [_at(run.began) for run in those],
            "y": [round(run.seconds or 0.0, 3) for run in those], "text": [f"{run.goal}<br>{run.id}" for run in those],
            "hovertemplate": "%{y:.2f} s<br>%{text}<extra></extra>",
            "marker": {"size": 7, "opacity": 0.75, "color": STATUS.get(status, BLUE)},
        })  # fmt: skip
    return _figure(dots, "seconds")


def per_minute(runs: Sequence[Run]) -> Figure:
    """Runs by the time they began, stacked by status."""
    if not runs:
        return _figure([], "runs")
    first, width = _slots([run.began for run in runs])
    bars = []
    for status in sorted({run.status for run in runs}):
        count = Counter(int((run.began - first) / width) for run in runs if run.status == status)
        x = [_at(first + (slot + 0.5) * width) for slot in sorted(count)]
        bars.append({
            "type": "bar", "name": status, "x": x, "y": [count[slot] for slot in sorted(count)],
            "width": width * 900, "marker": {"color": STATUS.get(status, BLUE)},
        })  # fmt: skip
    figure = _figure(bars, f"runs in {_s(width)}")
    figure["layout"]["barmode"] = "stack"
    return figure


def latencies(runs: Sequence[Run]) -> Figure:
    """How long finished runs took."""
    times = [run.seconds for run in runs if run.seconds is not None and run.status == "done"]
    bars = {"type": "histogram", "name": "runs", "x": times, "nbinsx": 40, "marker": {"color": BLUE}}
    figure = _figure([bars] if times else [], "runs", time_axis=False)
    figure["layout"]["xaxis"] = {"title": {"text": "seconds"}, "rangemode": "tozero"}
    return figure


def failures(runs: Sequence[Run]) -> Figure:
    """Runs that did not end as done, by what their error names."""
    count = Counter(run.kind or run.status for run in runs if run.status not in ("done", RUNNING))
    names = [name for name, _ in count.most_common(12)][::-1]
    bars = {
        "type": "bar", "orientation": "h", "name": "runs", "y": names, "x": [count[name] for name in names],
        "marker": {"color": RED},
    }  # fmt: skip
    figure = _figure([bars] if names else [], "", time_axis=False)
    figure["layout"]["xaxis"] = {"title": {"text": "runs"}, "rangemode": "tozero"}
    figure["layout"] |= {"yaxis": {"automargin": True, "type": "category"}, "bargap": _gap(len(names))}
    return figure


def arrangements(runs: Sequence[Run]) -> Figure:
    """The times of finished runs, one box for each arrangement."""
    boxes = []
    for name, those in by_arrangement(runs).items():
        times = [run.seconds for run in those if run.seconds is not None and run.status == "done"]
        if times:
            boxes.append({"type": "box", "name": name, "y": times, "boxpoints": "outliers", "marker": {"size": 4}})
    figure = _figure(boxes, "seconds", time_axis=False)
    figure["layout"]["showlegend"] = False
    return figure


def by_arrangement(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Runs by how they were arranged, the most frequent first."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.arrangement or "not planned", []).append(run)
    return dict(sorted(found.items(), key=lambda pair: -len(pair[1])))


def use(runs: Sequence[Run], *, of: str, limit: int) -> Figure:
    """Requests (`of` calls) or tokens in each minute, and the limit of a model; 0: none."""
    minutes: Counter[int] = Counter()
    for run in runs:
        for call in run.calls:
            minutes[int(call.at // 60)] += 1 if of == "calls" else call.tokens
    x = list(range(min(minutes), max(minutes) + 1)) if minutes else []
    x = x[-24 * 60 :]
    bars = {
        "type": "bar", "name": of, "x": [_at(minute * 60 + 30) for minute in x], "y": [minutes[minute] for minute in x],
        "width": 54_000, "marker": {"color": BLUE if of == "calls" else ORANGE},
    }  # fmt: skip
    figure = _figure([bars] if x else [], f"{'requests' if of == 'calls' else of} a minute")
    if limit and x and max(minutes.values()) > limit / 5:  # far below it, the line would flatten all bars
        figure["layout"]["shapes"] = [
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": limit,
                "y1": limit,
                "line": {"color": RED, "dash": "dash"},
            }
        ]
    return figure


def spent(runs: Sequence[Run]) -> Figure:
    """Dollars that add up, where prices are known."""
    paid = sorted((call.at, call.usd) for run in runs for call in run.calls if call.usd)
    total, points = 0.0, []
    for at, usd in paid:
        total += usd
        points.append((at, total))
    return _figure([_line("dollars", points, GREEN, fill=True)] if points else [], "dollars")


def by_role(runs: Sequence[Run]) -> Figure:
    """Tokens by what the model was asked for."""
    count: Counter[str] = Counter()
    for run in runs:
        for call in run.calls:
            count[call.role] += call.tokens
    names = [name for name, _ in count.most_common()]
    bars = {
        "type": "bar",
        "name": "tokens",
        "x": names,
        "y": [count[name] for name in names],
        "marker": {"color": PURPLE},
    }
    figure = _figure([bars] if names else [], "tokens", time_axis=False)
    figure["layout"]["bargap"] = _gap(len(names))
    return figure


def steps(run: Run) -> Figure:
    """The steps of one run, as bars from begin to end."""
    bars = []
    done = sorted(run.steps.values(), key=lambda step: step.began)
    for status in sorted({step.status for step in done}):
        those = [step for step in done if step.status == status]
        bars.append({
            "type": "bar", "orientation": "h", "name": status, "y": [step.id for step in those],
            "base": [round(step.began - run.began, 4) for step in those],
            "x": [round((step.ended or step.began) - step.began, 4) for step in those],
            "text": [step.action for step in those], "textposition": "none",
            "hovertemplate": "%{y}: %{text}<br>%{x:.3f} s<extra></extra>",
            "marker": {"color": STATUS.get(status, BLUE)},
        })  # fmt: skip
    figure = _figure(bars, "", time_axis=False)
    order = [step.id for step in done]
    figure["layout"] |= {
        "xaxis": {"title": {"text": "seconds from the start"}},
        "yaxis": {"automargin": True, "type": "category", "categoryorder": "array", "categoryarray": order[::-1]},
        "height": min(900, 110 + 26 * len(order)),
        "barmode": "overlay",
    }
    return figure


# ---- parts


def _line(name: str, points: Sequence[tuple[float, float]], colour: str, *, fill: bool = False) -> Figure:
    made: Figure = {
        "type": "scatter", "mode": "lines" if len(points) > 1 else "markers", "name": name,
        "x": [_at(at) for at, _ in points],
        "y": [round(value, 4) for _, value in points], "line": {"color": colour, "width": 2},
    }  # fmt: skip
    return made | ({"fill": "tozeroy", "fillcolor": f"{colour}22"} if fill else {})


def _figure(data: Sequence[Mapping[str, Any]], y: str, *, time_axis: bool = True) -> Figure:
    layout: Figure = {
        "height": 290,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "yaxis": {"title": {"text": y}, "rangemode": "tozero", "automargin": True},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "showlegend": len(data) > 1,
        "hovermode": "closest",
    }
    if time_axis:
        layout["xaxis"] = {"type": "date"}
    return {"data": list(data), "layout": layout}


def _gap(bars: int) -> float:
    """Between bars, so that a few are not as wide as the plot."""
    return max(0.3, 0.8 - 0.1 * bars)


def _slots(times: Sequence[float]) -> tuple[float, float]:
    """The first time, and a width that makes at most sixty slots."""
    first, last = min(times), max(times)
    width = next((w for w in (1, 5, 15, 60, 300, 900, 3600, 14400, 86400) if (last - first) / w <= _SLOTS), 604800)
    return first // width * width, float(width)


def _at(unix: float) -> str:
    """Local time as Plotly reads it."""
    return dt.datetime.fromtimestamp(unix).astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _s(value: float) -> str:
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.0f} s" if value < 120 else f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.0f} h"
