"""The charts of a report as Plotly's plain data. Rule: pure; a chart without data is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..figures import percentile
from ..markdown import seconds

# Okabe and Ito's palette, which colour-blind people can tell apart
BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#7f8b99"
_BINS = 60
Chart = dict[str, Any]


def tiles(report: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Name, value and a word beside it, of what is asked first."""
    rss, cost = report["rss_mb"], report["cost"]
    share = report["success_share"]
    found = [
        ("Succeeded", "none" if share is None else f"{share:.1%}", f"{report['succeeded']:,} of {report['sent']:,}"),
        ("Response p95", seconds(report["p95"]), f"p50 {seconds(report['p50'])}"),
        ("Goals a second", f"{report['throughput'] or 0:.3g}", f"{report['load']['concurrency']} at once"),
        ("429s", f"{report['rejected_429']:,}", "of the provider"),
        (
            "1,000 goals cost",
            f"${cost['usd_per_1000']:,.2f}",
            f"{report['tokens']['per_request'] or 0:,.0f} tokens a goal",
        ),
    ]
    if rss:
        found.append(("Memory at most", f"{rss['peak']:,.0f} MB", f"{rss['start']:,.0f} MB at the start"))
    return found


def charts(report: Mapping[str, Any]) -> list[Chart]:
    """All charts that this report has data for."""
    made = [
        *_served(report["requests"]),
        *_sampled(report["samples"], report["load"]),
        _times(report["time"]),
        _context(report["requests"]),
        _searched(report.get("search")),
    ]
    return [chart for chart in made if chart is not None]


def _served(requests: Sequence[Mapping[str, Any]]) -> list[Chart | None]:
    if not requests:
        return []
    good = [one for one in requests if one["outcome"] == "ok"]
    bad = [one for one in requests if one["outcome"] != "ok"]
    dots = [_dots("succeeded", good, BLUE, "circle")] if good else []
    dots += [_dots("failed", bad, RED, "x")] if bad else []
    over_time = _chart("response", "Response time of each goal", dots, "seconds from the start", "seconds")
    times = sorted(one["seconds"] for one in good)
    return [over_time, _distribution(times) if times else None, _pace(requests)]


def _dots(name: str, served: Sequence[Mapping[str, Any]], colour: str, symbol: str) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "markers", "name": name, "x": [round(one["sent_s"], 3) for one in served],
        "y": [round(one["seconds"], 4) for one in served],
        "text": [one["reason"][:120] or f"goal {one['number']}" for one in served],
        "hovertemplate": "%{y:.3f} s<br>%{text}<extra></extra>",
        "marker": {"color": colour, "size": 6 if symbol == "circle" else 9, "opacity": 0.75, "symbol": symbol},
    }  # fmt: skip


def _distribution(times: Sequence[float]) -> Chart:
    """How many were answered within a time, with p50, p95 and p99."""
    step = max(1, len(times) // 400)
    kept = [*times[::step], times[-1]]
    shares = [100 * min(1.0, (n * step + 1) / len(times)) for n in range(len(kept) - 1)] + [100]
    line = _line("answered", kept, shares, BLUE) | {"line": {"color": BLUE, "width": 2, "shape": "hv"}}
    marks = [
        (name, percentile(times, part) or 0.0, part * 100)
        for name, part in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    ]
    points = {
        "type": "scatter", "mode": "markers+text", "name": "p50, p95, p99", "x": [x for _, x, _ in marks],
        "y": [y for _, _, y in marks], "text": [name for name, _, _ in marks], "textposition": "bottom right",
        "marker": {"color": RED, "size": 9},
    }  # fmt: skip
    chart = _chart("distribution", "Goals answered within", [line, points], "seconds", "% of the goals")
    chart["layout"]["xaxis"]["rangemode"] = "tozero"
    return chart


def _pace(requests: Sequence[Mapping[str, Any]]) -> Chart:
    """Goals that ended, a second, and how many were under way."""
    ends = [one["sent_s"] + one["seconds"] for one in requests]
    width = max(ends) / _BINS or 1.0
    middles = [(n + 0.5) * width for n in range(_BINS)]
    done, under_way = [0] * _BINS, [0] * _BINS
    for one, end in zip(requests, ends, strict=True):
        done[min(_BINS - 1, int(end / width))] += one["outcome"] == "ok"
        for n in range(int(one["sent_s"] / width), min(_BINS, int(end / width) + 1)):
            under_way[n] += one["sent_s"] <= middles[n] < end
    bars = {
        "type": "bar", "name": "succeeded a second", "x": [round(at, 2) for at in middles],
        "y": [round(count / width, 3) for count in done], "marker": {"color": GREEN},
    }  # fmt: skip
    line = _line("under way", middles, under_way, ORANGE) | {"yaxis": "y2"}
    chart = _chart("pace", "Throughput and goals under way", [bars, line], "seconds from the start", "goals a second")
    chart["layout"]["yaxis2"] = {
        "title": {"text": "under way"},
        "overlaying": "y",
        "side": "right",
        "showgrid": False,
        "tickmode": "auto",
    }
    return chart


def _sampled(samples: Sequence[Mapping[str, Any]], load: Mapping[str, Any]) -> list[Chart | None]:
    if len(samples) < 2:
        return []
    at = [round(one["at_s"], 2) for one in samples]
    first = "seconds from the start"
    memory = [_line("server", at, [round(one["rss_mb"], 1) for one in samples], BLUE)]
    if any(one["workers_mb"] for one in samples):
        memory.append(_line("its workers", at, [round(one["workers_mb"], 1) for one in samples], GREY, dash="dot"))
    cores = [_line("server", at, [round(one["cores"], 3) for one in samples], BLUE)]
    if any(one["workers_cores"] for one in samples):
        cores.append(_line("its workers", at, [round(one["workers_cores"], 3) for one in samples], GREY, dash="dot"))
    return [
        _chart("memory", "Memory", memory, first, "MB"),
        _chart("processor", "Processor", cores, first, "cores"),
        _quota(samples, at, load["quota"]),
    ]


def _quota(samples: Sequence[Mapping[str, Any]], at: Sequence[float], quota: Mapping[str, Any]) -> Chart | None:
    """How full the minute was, in percent of the quota."""
    data = []
    for key, name, colour in (("calls", "requests", BLUE), ("tokens", "tokens", ORANGE)):
        limit = quota[f"{'requests' if key == 'calls' else 'tokens'}_per_minute"]
        used = [one[f"minute_{key}"] for one in samples]
        if limit and any(used):
            data.append(_line(f"{name} a minute", at, [round(100 * value / limit, 2) for value in used], colour))
    if not data:
        return None
    return _chart("quota", "Quota used in the last minute", data, "seconds from the start", "% of the quota")


def _times(time: Mapping[str, float]) -> Chart | None:
    names = {"model_s": "models", "limits_s": "waiting at limits", "tools_s": "tools", "queue_s": "waiting for a place"}
    if not any(time[key] for key in names):
        return None
    bars = {
        "type": "bar", "orientation": "h", "name": "seconds", "showlegend": False, "y": list(names.values()),
        "x": [time[key] for key in names], "marker": {"color": [BLUE, RED, GREEN, GREY]},
        "hovertemplate": "%{x:,.0f} s<extra></extra>",
    }  # fmt: skip
    chart = _chart("time", "What the time of all goals went to", [bars], "seconds, side by side counts each", "")
    chart["layout"]["yaxis"] = {"autorange": "reversed", "automargin": True}
    return chart


def _context(requests: Sequence[Mapping[str, Any]]) -> Chart | None:
    called = sorted((one for one in requests if one["calls"]), key=lambda one: one["sent_s"] + one["seconds"])
    if not called:
        return None
    x = list(range(1, len(called) + 1))
    mean = [round(one["prompt_tokens"] / one["calls"], 1) for one in called]
    dots = {
        "type": "scatter", "mode": "markers", "name": "mean of a goal's calls", "x": x, "y": mean,
        "marker": {"color": PURPLE, "size": 5, "opacity": 0.7},
    }  # fmt: skip
    return _chart("context", "Tokens of a prompt, goal by goal", [dots], "goals in the order of their ends", "tokens")


def _searched(search: Mapping[str, Any] | None) -> Chart | None:
    if not search:
        return None
    trials = [one for one in search["trials"] if not one["batch_size"]]
    x = [one["concurrency"] for one in trials]
    pace = _line("goals a second", x, [one["throughput"] for one in trials], GREEN)
    late = _line("p95", x, [one["p95"] for one in trials], RED) | {"yaxis": "y2"}
    for one in (pace, late):
        one["mode"] = "lines+markers"
    chart = _chart("search", "The search: more at once", [pace, late], "goals at once", "goals a second")
    chart["layout"]["yaxis2"] = {
        "title": {"text": "p95, seconds"},
        "overlaying": "y",
        "side": "right",
        "showgrid": False,
    }
    chart["layout"]["xaxis"] |= {"type": "log", "tickvals": x}
    return chart


def _line(name: str, x: Sequence[float], y: Sequence[Any], colour: str, *, dash: str = "solid") -> dict[str, Any]:
    line = {"color": colour, "width": 2, "dash": dash}
    return {"type": "scatter", "mode": "lines", "name": name, "x": list(x), "y": list(y), "line": line}


def _chart(name: str, title: str, data: list[Any], x: str, y: str) -> Chart:
    """`label` is what a screen reader says."""
    layout: dict[str, Any] = {"xaxis": {"title": {"text": x}}, "yaxis": {"title": {"text": y}, "rangemode": "tozero"}}
    many = len([one for one in data if one.get("showlegend", True)]) > 1
    return {
        "id": name,
        "title": title,
        "label": f"{title}: {y or 'values'} by {x}",
        "data": data,
        "layout": layout | {"showlegend": many},
    }
