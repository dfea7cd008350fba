"""The report as Markdown, for people and for pages that show it. Rule: the first line says what answered the models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ENDED = {
    "interrupted": "**Interrupted**: these are the figures up to then.",
    "died": "**The server ended in the middle of the load.** These are the figures up to then.",
}


def markdown(report: Mapping[str, Any]) -> str:
    """The whole report."""
    parts = [report["told"], f"# {title(report)}", about(report)]
    if report["ended"]:
        told = _ENDED[report["ended"]]
        parts.append(
            f"{told} {report['sent']} of {report['load']['requests']} goals were sent. {report['epitaph']}".strip()
        )
    cause = report["bottleneck"]
    parts += [f"**{cause['told']}**", "\n".join(f"- {fact}" for fact in cause["evidence"])]
    parts += [table(("", "measured"), *rows(report))]
    if report["failed"]:
        parts += ["## Failures", table(("kind", "goals", "for example"), *failures(report))]
    if report.get("search"):
        parts += ["## The search", report["search"]["told"], table(*search_rows(report["search"]))]
    return "\n\n".join(part for part in parts if part) + "\n"


def title(report: Mapping[str, Any]) -> str:
    """What was asked of whom."""
    load = report["load"]
    return f"Load test: {load['requests']} x {load['scenario']}, {load['concurrency']} at once"


def about(report: Mapping[str, Any]) -> str:
    """When and where."""
    machine = report["machine"]
    where = f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']:g} GB, Python {machine['python']}"
    return f"{report['made_at'][:16].replace('T', ' ')}, planloom {report['planloom']}, {where}."


def rows(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The figures, named and with their units."""
    cost, tokens = report["cost"], report["tokens"]
    return [
        ("goals sent, succeeded", f"{report['sent']:,}, {report['succeeded']:,} ({_percent(report['success_share'])})"),
        (
            "response time p50, p95, p99",
            f"{seconds(report['p50'])}, {seconds(report['p95'])}, {seconds(report['p99'])}",
        ),
        ("first event p95", seconds(report["first_event_p95"])),
        ("throughput", f"{_n(report['throughput'])} goals a second ({report['seconds']:,.1f} s in all)"),
        ("429s of the provider", f"{report['rejected_429']:,}"),
        ("approvals answered", f"{report['approvals']:,}"),
        ("model calls, tokens", f"{tokens['calls']:,}, {tokens['total']:,} ({_n(tokens['per_request'])} a goal)"),
        ("cost", f"${cost['usd']:,.4f}; ${cost['usd_per_1000']:,.2f} for 1,000 goals ({cost['basis']})"),
        ("at this pace for a month", f"${cost['usd_per_month_at_this_pace']:,.0f}"),
        *_limit_rows(report["quota"], report["context"]),
        *_machine_rows(
            report["rss_mb"], report["slope_kb_per_request"], report.get("slope_kb_last_quarter"), report["cpu"]
        ),
    ]


def _limit_rows(quota: Mapping[str, Any], context: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    if quota.get("requests_share") is not None:
        shares = f"{_percent(quota['requests_share'])} of the requests, {_percent(quota['tokens_share'])} of the tokens"
        found.append(("fullest minute of the quota", shares))
    if quota.get("ceiling"):
        found.append(("the quota carries", f"{quota['ceiling']:.3g} goals a second ({quota['ceiling_by']})"))
    if context["first"] is not None:
        growth = f"{context['first']:,.0f} to {context['last']:,.0f}, largest {context['largest']:,}"
        found.append(("tokens of a prompt, first to last quarter", growth))
    return found


def _machine_rows(rss: Any, slope: float | None, last: float | None, cpu: Any) -> list[tuple[str, str]]:
    found = []
    if rss:
        steep = "too few goals to tell a slope" if slope is None else f"{slope:+.2f} KB a goal over the second half"
        steep += "" if last is None else f", {last:+.2f} over the last quarter"
        levels = f"{rss['start']:g} MB at the start, {rss['peak']:g} at most, {rss['end']:g} at the end"
        found += [("memory of the server", f"{levels}; {steep}")]
        found += [("memory of its workers, at most", f"{rss['workers_peak']:g} MB")]
    if cpu:
        whole = "" if cpu["machine_share"] is None else f"; the whole machine {cpu['machine_share']:.0%} busy"
        own = f"server {cpu['server_cores']:.2f} cores, workers {cpu['workers_cores']:.2f}"
        each = cpu.get("server_ms_per_request")
        found += [("processor", own + whole + ("" if each is None else f"; {each:g} ms of the server a goal"))]
    return found


def failures(report: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Each kind, how often, and the first text that said so."""
    told: dict[str, str] = {}
    for one in report["requests"]:
        told.setdefault(one["outcome"], " ".join(one["reason"].split())[:160])
    return [(kind, f"{count:,}", told.get(kind, "")) for kind, count in report["failed"].items()]


def search_rows(search: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The trials of a search, with a head."""
    head = ("at once", "batch", "goals a second", "p95", "succeeded", "held by")
    return [
        head,
        *(
            (
                str(one["concurrency"]), str(one["batch_size"] or "none"), _n(one["throughput"]), seconds(one["p95"]),
                _percent(one["success_share"]), one["bottleneck"],
            )
            for one in search["trials"]
        ),
    ]  # fmt: skip


def table(head: tuple[str, ...], *body: tuple[str, ...]) -> str:
    """A table of Markdown."""
    lines = [head, tuple("---" for _ in head), *body]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def seconds(value: float | None) -> str:
    """A time as people read it."""
    return "none" if value is None else f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def _n(value: float | None) -> str:
    return "none" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{value:.1%}"
