"""What got better and what worse between two measurements. Rule: pure; noise below the tolerance is neither."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Better = Literal["less", "more"]
Verdict = Literal["better", "worse", "same", "gone", "new"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A figure of a report: where it is, which way is better, and below what difference nobody cares."""

    name: str
    better: Better
    least: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A figure before and after; `change` is the relative one, None: there is none to give."""

    name: str
    before: float | None
    after: float | None
    change: float | None
    verdict: Verdict


MEASURES = (
    Measure(name="success_share", better="more", least=0.002),
    Measure(name="rejected_429", better="less", least=0.5),
    Measure(name="p50", better="less", least=0.02),
    Measure(name="p95", better="less", least=0.05),
    Measure(name="p99", better="less", least=0.1),
    Measure(name="first_event_p95", better="less", least=0.02),
    Measure(name="throughput", better="more"),
    Measure(name="tokens.per_request", better="less", least=5),
    Measure(name="cost.usd_per_1000", better="less", least=0.001),
    Measure(name="context.largest", better="less", least=50),
    Measure(name="rss_mb.peak", better="less", least=5),
    Measure(name="rss_mb.workers_peak", better="less", least=10),
    Measure(name="slope_kb_per_request", better="less", least=2),
    Measure(name="cpu.server_ms_per_request", better="less", least=2),
)
# What has to be equal for the figures to say anything of the program.
_SAME = ("scenario", "requests", "concurrency", "batch_size", "turns", "provider", "quota", "latency", "faults", "url")


def compared(before: Mapping[str, Any], after: Mapping[str, Any], tolerance: float) -> list[Row]:
    """Two reports of loads, figure by figure."""
    return [row(one, at(before, one.name), at(after, one.name), tolerance) for one in MEASURES]


def row(measure: Measure, before: float | None, after: float | None, tolerance: float) -> Row:
    """One figure; worse: it moved the wrong way by more than `tolerance` (0.1: a tenth) and `measure.least`."""
    if before is None or after is None:
        verdict: Verdict = "same" if before is after else "gone" if after is None else "new"
        return Row(name=measure.name, before=before, after=after, change=None, verdict=verdict)
    moved = after - before
    change = moved / abs(before) if before else None
    wrong = moved if measure.better == "less" else -moved
    is_noise = abs(moved) <= measure.least or abs(moved) <= tolerance * abs(before)
    verdict = "same" if is_noise else "worse" if wrong > 0 else "better"
    return Row(name=measure.name, before=before, after=after, change=change, verdict=verdict)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What else is different between two loads, in words: then the figures compare more than the program."""
    told = [
        f"{name}: {before['load'].get(name)!r} before, {after['load'].get(name)!r} after"
        for name in _SAME
        if before["load"].get(name) != after["load"].get(name)
    ]
    told += [
        f"machine, {name}: {before['machine'].get(name)!r} before, {after['machine'].get(name)!r} after"
        for name in ("cpu", "cores")
        if before["machine"].get(name) != after["machine"].get(name)
    ]
    return told + [f"{which}: {one['ended']}" for which, one in (("before", before), ("after", after)) if one["ended"]]


def is_worse(rows: Iterable[Row]) -> bool:
    """Whether anything got worse; a figure that is gone counts too."""
    return any(row.verdict in ("worse", "gone") for row in rows)


def lines(rows: Sequence[Row]) -> list[tuple[str, str, str, str, str]]:
    """Name, before, after, change and verdict as texts."""
    return [
        (one.name, _n(one.before), _n(one.after), "" if one.change is None else f"{one.change:+.1%}", one.verdict)
        for one in rows
        if not (one.before is None and one.after is None)
    ]


def at(report: Mapping[str, Any], name: str) -> float | None:
    """The number at a dotted name; None where there is none."""
    value: Any = report
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _n(value: float | None) -> str:
    return "none" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
