"""What a load adds up to. Rule: pure; what can't be known is None, never 0."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from .load import Load
from .records import Record, Sample, Served

_MONTH_S = 30 * 86_400.0


def figures(load: Load, record: Record, cores: int) -> dict[str, Any]:
    """All figures of a load by name; `docs/capacity.md` says what each is."""
    served = record.served
    done = [one for one in served if one.is_ok]
    times = sorted(one.seconds for one in done)
    firsts = sorted(one.first_s for one in served if one.first_s is not None)
    failed = Counter(one.outcome for one in served if not one.is_ok)
    unanswered = record.sent - len(served)
    if unanswered:
        failed["unanswered"] += unanswered
    return {
        "sent": record.sent,
        "succeeded": len(done),
        "failed": dict(failed.most_common()),
        "failed_total": sum(failed.values()),
        "success_share": _share(len(done), record.sent),
        "rejected_429": int(record.provider.get("rejected", sum(one.rejected for one in served))),
        "calls_repeated": sum(one.rejected for one in served),
        "seconds": round(record.seconds, 3),
        "throughput": _share(len(done), record.seconds),
        "p50": percentile(times, 0.50),
        "p95": percentile(times, 0.95),
        "p99": percentile(times, 0.99),
        "first_event_p95": percentile(firsts, 0.95),
        "approvals": sum(one.approvals for one in served),
        "steps": sum(one.steps for one in served),
        "tokens": _tokens(served, record.seconds),
        "cost": cost(load, served, record.seconds),
        "context": context_growth(served),
        "quota": quota(load, record, len(done)),
        "time": _time(served),
        **process(record.samples, cores),
    }


def percentile(ordered: Sequence[float], part: float) -> float | None:
    """The smallest value that at least this part of all reach (nearest rank); None: there are none."""
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(part * len(ordered)) - 1)], 4)


def slope(points: Iterable[tuple[float, float]]) -> float | None:
    """The steepness of the line of least squares; None: fewer than three points, or all at one place."""
    points = list(points)
    if len(points) < 3:
        return None
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else None


def process(samples: Sequence[Sample], cores: int) -> dict[str, Any]:
    """Memory and processor of the server; the slope is over the second half of the goals that were done."""
    if not samples:
        return {"rss_mb": None, "slope_kb_per_request": None, "slope_kb_last_quarter": None, "cpu": None}
    most = max(sample.done for sample in samples)
    busy = [sample for sample in samples if sample.under_way] or list(samples)
    steep, last = (_growth(samples, most * part) for part in (0.5, 0.75))
    machine = [sample.machine for sample in busy if sample.machine is not None]
    spent_s = sum(now.cores * (now.at_s - before.at_s) for before, now in pairwise(samples))
    return {
        "rss_mb": {
            "start": round(samples[0].rss_mb, 1),
            "peak": round(max(sample.rss_mb for sample in samples), 1),
            "end": round(samples[-1].rss_mb, 1),
            "workers_peak": round(max(sample.workers_mb for sample in samples), 1),
        },
        "slope_kb_per_request": None if steep is None else round(steep, 2),
        "slope_kb_last_quarter": None if last is None else round(last, 2),
        "cpu": {
            "server_cores": round(_mean(sample.cores for sample in busy), 3),
            "server_ms_per_request": round(spent_s / most * 1000, 1) if most else None,
            "server_cores_peak": round(max(sample.cores for sample in busy), 3),
            "workers_cores": round(_mean(sample.workers_cores for sample in busy), 3),
            "machine_share": round(_mean(machine), 3) if machine else None,
            "cores": cores,
        },
    }


def _growth(samples: Sequence[Sample], after: float) -> float | None:
    """KB a goal, over the goals from that number on."""
    return slope((float(one.done), one.rss_mb * 1024) for one in samples if one.done >= after)


def cost(load: Load, served: Sequence[Served], seconds: float) -> dict[str, Any]:
    """Dollars of the load, of 1,000 goals, and of a month at this pace; by the settings' prices or by `load.usd`."""
    known = [one.usd for one in served]
    if known and all(usd is not None for usd in known) and any(known):
        total, basis = sum(usd for usd in known if usd is not None), "prices of the settings"
    elif not any(one.calls for one in served):
        total, basis = 0.0, "no model was called"
    else:
        pairs = [(one.prompt_tokens, one.completion_tokens) for one in served]
        total = sum(ins * load.usd[0] + outs * load.usd[1] for ins, outs in pairs) / 1e6
        basis = f"assumed: {load.usd[0]:g} and {load.usd[1]:g} dollars for a million tokens in and out"
    a_goal = total / len(served) if served else 0.0
    month = a_goal * len(served) / seconds * _MONTH_S if seconds else 0.0
    return {
        "usd": round(total, 6),
        "usd_per_1000": round(a_goal * 1000, 4),
        "usd_per_month_at_this_pace": round(month, 2),
        "basis": basis,
    }


def context_growth(served: Sequence[Served]) -> dict[str, Any]:
    """Tokens of a prompt in the first and the last quarter of the goals and by turn of a session; the largest one."""
    called = [one for one in sorted(served, key=lambda one: one.ended_s) if one.calls]
    if not called:
        return {"first": None, "last": None, "growth": None, "largest": None, "by_turn": {}}
    quarter = max(1, len(called) // 4)
    first, last = _prompt(called[:quarter]), _prompt(called[-quarter:])
    turns = sorted({one.turn for one in called})
    return {
        "first": round(first, 1),
        "last": round(last, 1),
        "growth": round(last / first, 3) if first else None,
        "largest": max(one.largest_prompt for one in called),
        "by_turn": {str(turn): round(_prompt([one for one in called if one.turn == turn]), 1) for turn in turns},
    }


def quota(load: Load, record: Record, done: int) -> dict[str, Any]:
    """How much of the quota the fullest minute used, and how many goals a second it carries for ever."""
    limits = load.quota
    told = record.provider
    calls, tokens = told.get("requests", 0.0), told.get("tokens", 0.0)
    if load.provider != "simulate" or not told or not done:
        return {"requests_share": None, "tokens_share": None, "ceiling": None, "ceiling_by": ""}
    ways = {
        "requests a minute": (limits.requests_per_minute, calls / done),
        "tokens a minute": (limits.tokens_per_minute, tokens / done),
    }
    rates = {name: limit / 60 / each for name, (limit, each) in ways.items() if limit and each}
    by = min(rates, key=lambda name: rates[name]) if rates else ""
    return {
        "requests_per_minute": limits.requests_per_minute,
        "tokens_per_minute": limits.tokens_per_minute,
        "requests_share": _share(told.get("most_requests", 0.0), limits.requests_per_minute),
        "tokens_share": _share(told.get("most_tokens", 0.0), limits.tokens_per_minute),
        "calls_per_request": round(calls / done, 3),
        "tokens_per_request": round(tokens / done, 1),
        "ceiling": round(rates[by], 3) if by else None,
        "ceiling_by": by,
    }


def _tokens(served: Sequence[Served], seconds: float) -> dict[str, Any]:
    ins, outs = sum(one.prompt_tokens for one in served), sum(one.completion_tokens for one in served)
    return {
        "prompt": ins,
        "completion": outs,
        "total": ins + outs,
        "calls": sum(one.calls for one in served),
        "per_request": round((ins + outs) / len(served), 1) if served else None,
        "per_minute": _share((ins + outs) * 60, seconds),
    }


def _time(served: Sequence[Served]) -> dict[str, float]:
    """Seconds of all goals together, by what they went to; steps side by side count each."""
    return {
        "goals_s": round(sum(one.seconds for one in served), 2),
        "model_s": round(sum(one.model_s for one in served), 2),
        "limits_s": round(sum(one.waited_s for one in served), 2),
        "tools_s": round(sum(one.tool_s for one in served), 2),
        "queue_s": round(sum(one.queued_s for one in served), 2),
    }


def _prompt(served: Sequence[Served]) -> float:
    calls = sum(one.calls for one in served)
    return sum(one.prompt_tokens for one in served) / calls if calls else 0.0


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None


def _mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values) if values else 0.0


Figures = Mapping[str, Any]
