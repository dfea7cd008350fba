"""What holds a load up, in words, with the evidence. Rule: pure; the first that the figures prove, else the largest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["quota", "CPU", "memory", "tools", "model", "load", "unknown"]

_FULL = 0.9  # of a limit, from which on it is what holds
_MOST_MB = 500.0
_STEEP_KB = 20.0
_WAITING = 0.25  # of the time of all goals, from which on waiting at limits counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottleneck:
    """What it is, told in a sentence, and the figures that say so."""

    kind: Kind
    told: str
    evidence: tuple[str, ...]


def bottleneck(figures: Mapping[str, Any], *, concurrency: int, most_mb: float = _MOST_MB) -> Bottleneck:
    """What breaks first as the load grows; `most_mb` is how much memory the server may take."""
    if not figures.get("succeeded"):
        return Bottleneck(kind="unknown", told="Nothing succeeded, so nothing can be said of capacity.", evidence=())
    evidence = tuple(_evidence(figures))
    for found in (_memory(figures, most_mb), _quota(figures), _processor(figures)):
        if found is not None:
            return Bottleneck(kind=found[0], told=found[1], evidence=evidence)
    kind, told = _largest(figures, concurrency)
    return Bottleneck(kind=kind, told=told, evidence=evidence)


def _memory(figures: Mapping[str, Any], most_mb: float) -> tuple[Kind, str] | None:
    rss = figures.get("rss_mb")
    slopes = [figures.get(name) for name in ("slope_kb_per_request", "slope_kb_last_quarter")]
    steep = min((one for one in slopes if one is not None), default=None)  # one step up is no growth
    if rss and rss["peak"] > most_mb:
        return "memory", f"Memory: the server took {rss['peak']:g} MB, above the {most_mb:g} MB it may take."
    if steep is not None and steep > _STEEP_KB and figures["succeeded"] >= 100:
        left = max(0.0, most_mb - rss["end"]) * 1024 / steep if rss else 0.0
        return "memory", f"Memory: it grows by {steep:g} KB a goal; {most_mb:g} MB are full after {left:,.0f} more."
    return None


def _quota(figures: Mapping[str, Any]) -> tuple[Kind, str] | None:
    quota, time = figures["quota"], figures["time"]
    shares = {name: quota.get(f"{name}_share") or 0.0 for name in ("requests", "tokens")}
    fullest = max(shares, key=lambda name: shares[name])
    waiting = time["limits_s"] / time["goals_s"] if time["goals_s"] else 0.0
    if shares[fullest] < _FULL and waiting < _WAITING:
        return None
    told = f"Quota: the fullest minute used {shares[fullest]:.0%} of the {fullest} a minute"
    if shares[fullest] < _FULL:
        told = f"Quota: goals spent {waiting:.0%} of their time waiting at the limits of the provider"
    if quota.get("ceiling"):
        told += f"; it carries {quota['ceiling']:.3g} goals a second for ever"
    return "quota", told + "."


def _processor(figures: Mapping[str, Any]) -> tuple[Kind, str] | None:
    cpu = figures.get("cpu")
    if not cpu:
        return None
    if cpu["server_cores"] >= _FULL:
        return "CPU", f"CPU: the server's process uses {cpu['server_cores']:.2f} cores; one event loop has one."
    own = cpu["server_cores"] + cpu["workers_cores"]
    if (cpu.get("machine_share") or 0.0) >= _FULL and own >= cpu["cores"] / 2:
        return "CPU", (
            f"CPU: the machine is full ({cpu['machine_share']:.0%} of {cpu['cores']} cores), most of it by the server "
            f"({cpu['server_cores']:.2f} cores) and its workers ({cpu['workers_cores']:.2f})."
        )
    return None


def _largest(figures: Mapping[str, Any], concurrency: int) -> tuple[Kind, str]:
    time = figures["time"]
    if time["tools_s"] > time["model_s"] and time["tools_s"] > 0.3 * time["goals_s"]:
        return "tools", f"Tools: steps spent {time['tools_s']:,.0f} s in them, {time['model_s']:,.0f} s in models."
    if time["model_s"] > 0.3 * time["goals_s"]:
        told = f"The model's own time: its replies took {time['model_s']:,.0f} s in {time['goals_s']:,.0f} s of goals, "
        is_full = ((figures.get("cpu") or {}).get("machine_share") or 0.0) >= _FULL
        rest = "the machine was, with other work." if is_full else "more goals at once would be carried."
        return "model", f"{told}side by side. Nothing of the server was full{';' if is_full else ':'} {rest}"
    return "load", f"Nothing was full: {concurrency} goals at once are fewer than it carries."


def _evidence(figures: Mapping[str, Any]) -> list[str]:
    time, quota, cpu, rss = figures["time"], figures["quota"], figures.get("cpu"), figures.get("rss_mb")
    found = [
        f"of {time['goals_s']:,.0f} s of all goals: {time['model_s']:,.0f} s in models, {time['limits_s']:,.0f} s "
        f"waiting at limits, {time['tools_s']:,.0f} s in tools, {time['queue_s']:,.0f} s waiting for a place "
        "(what is side by side counts each)"
    ]
    if quota.get("requests_share") is not None:
        found.append(f"{quota['requests_share']:.0%} of the requests a minute used in the fullest minute")
    if quota.get("tokens_share") is not None:
        found.append(f"{quota['tokens_share']:.0%} of the tokens a minute used in the fullest minute")
    if cpu:
        found.append(f"server {cpu['server_cores']:.2f} cores, workers {cpu['workers_cores']:.2f}, of {cpu['cores']}")
        if cpu.get("machine_share") is not None:
            found.append(_machine(cpu))
    if rss:
        found.append(f"memory {rss['start']:g} MB at the start, {rss['peak']:g} at most, {rss['end']:g} at the end")
    return found


def _machine(cpu: Mapping[str, Any]) -> str:
    busy = f"machine {cpu['machine_share']:.0%} busy"
    others = cpu["machine_share"] * cpu["cores"] - cpu["server_cores"] - cpu["workers_cores"]
    if cpu["machine_share"] >= _FULL and others >= cpu["cores"] / 2:
        return (
            f"{busy}, {others:.1f} cores of it by the load itself and other programs: alone the server would be quicker"
        )
    return busy
