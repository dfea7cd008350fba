"""A load, or a search and the load it leads to, from what is wanted to the report. Rule: what was measured is told."""

from __future__ import annotations

import asyncio
import datetime as dt
import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

from . import report as reports
from .driving import Drive
from .load import Load
from .measuring import Place, Site, measured, site
from .report import Report
from .searching import search

_ENOUGH = 0.95  # of the goals have to succeed
_CODES = {"interrupted": 130, "died": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is wanted; `most_p95_s` 0: a search takes any time. `most_mb` is the memory the server may take."""

    load: Load
    is_search: bool = False
    most_p95_s: float = 0.0
    most_mb: float = 500.0


async def carried_out(
    wanted: Wanted, place: Place, stop: asyncio.Event, heard: Callable[[Load, Drive], None] = lambda *_: None
) -> Report:
    """Runs it; `heard` gets the load under way and how far it is, twice a second.

    Raises:
        UsageError: something of the load does not fit.
        TransientError: the server or the provider does not start.
    """
    load = wanted.load
    async with site(load, place) as there:

        async def attempt(one: Load) -> Report:
            record = await measured(one, place, there, stop, lambda drive: heard(one, drive))
            return reports.made(
                one, record, machine=machine(), made_at=dt.datetime.now().astimezone().isoformat(timespec="seconds"),
                version=version("planloom"), told=there.told, most_mb=wanted.most_mb,
            )  # fmt: skip

        if not wanted.is_search:
            return await attempt(load)
        return await _searched(wanted, attempt, there, stop)


async def _searched(wanted: Wanted, attempt: Any, there: Site, stop: asyncio.Event) -> Report:
    """The search, then the whole load at the best it found; the last trial's report when there was no best one."""
    last: Report = {}

    async def kept(load: Load) -> Report:
        nonlocal last
        last = await attempt(load)
        if last["ended"]:
            stop.set()
        return last

    found = await search(wanted.load, kept, wanted.most_p95_s, stop)
    best = found["best"]
    if best is not None and not stop.is_set():
        await kept(replace(wanted.load, concurrency=best["concurrency"], batch_size=best["batch_size"]))
    last["search"] = found
    return last


def exit_code(report: Report) -> int:
    """What the command ends with: 0 enough succeeded, 1 not, 130 interrupted."""
    if report["ended"]:
        return _CODES[report["ended"]]
    return 0 if (report["success_share"] or 0.0) >= _ENOUGH else 1


def machine() -> dict[str, Any]:
    """What it was measured on."""
    import psutil

    return {
        "system": platform.system(),
        "cpu": _cpu(),
        "cores": len(psutil.Process().cpu_affinity())
        if hasattr(psutil.Process, "cpu_affinity")
        else psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
    }


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - one line of it
            named = next((line for line in file if line.startswith("model name")), "")
    except OSError:
        named = ""
    return named.partition(":")[2].strip() or platform.processor() or platform.machine()
