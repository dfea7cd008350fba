"""Memory and processor of a server while a load runs. Rule: looking costs little and never ends a load."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from .driving import Drive
from .records import Sample

if TYPE_CHECKING:
    import httpx

EVERY_S = 0.5
_YOUNG_S = 1.0  # a child that was only just forked still shows the memory of its parent
_MB = 2**20


class Watch(Protocol):
    """A look at a server."""

    async def look(self, at_s: float) -> dict[str, float] | None:
        """`rss_mb`, `workers_mb`, `cores`, `workers_cores`, and `machine` where it is known; None: it is gone."""
        ...


class ProcessWatch:
    """A server on this machine, by its process; its workers are the processes below it."""

    def __init__(self, pid: int) -> None:
        import psutil

        self._psutil = psutil
        self._process = psutil.Process(pid)
        self._used: dict[int, float] = {}
        self._at: float | None = None
        psutil.cpu_percent(None)

    async def look(self, at_s: float) -> dict[str, float] | None:
        """As `Watch.look`."""
        psutil = self._psutil
        try:
            memory, used = self._process.memory_info().rss, {self._process.pid: _cpu_s(self._process)}
            workers = 0
            for child in self._process.children(recursive=True):
                with suppress(psutil.Error):
                    if time.time() - child.create_time() < _YOUNG_S:
                        continue
                    workers += child.memory_info().rss
                    used[child.pid] = _cpu_s(child)
        except psutil.Error:
            return None
        span = at_s - self._at if self._at is not None else 0.0
        spent = {pid: seconds - self._used.get(pid, seconds) for pid, seconds in used.items()}
        own = spent.pop(self._process.pid)
        self._used, self._at = used, at_s
        return {
            "rss_mb": memory / _MB,
            "workers_mb": workers / _MB,
            "cores": own / span if span else 0.0,
            "workers_cores": sum(spent.values()) / span if span else 0.0,
            "machine": psutil.cpu_percent(None) / 100,
        }


class MetricsWatch:
    """A server anywhere, by its `/metrics`."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._used: float | None = None
        self._at = 0.0

    async def look(self, at_s: float) -> dict[str, float] | None:
        """As `Watch.look`."""
        import httpx

        try:
            text = (await self._http.get("/metrics")).raise_for_status().text
        except httpx.HTTPError:
            return None
        values = _values(text, ("process_resident_memory_bytes", "process_cpu_seconds_total"))
        used = values.get("process_cpu_seconds_total", 0.0)
        span = at_s - self._at
        cores = (used - self._used) / span if self._used is not None and span > 0 else 0.0
        self._used, self._at = used, at_s
        return {"rss_mb": values.get("process_resident_memory_bytes", 0.0) / _MB, "cores": cores}


async def samples(drive: Drive, watch: Watch, minute: Callable[[], tuple[int, int]], heard: Callable[[], None]) -> None:
    """Adds a sample to the record now and then, until it is cancelled; `heard` is called after each."""
    while True:
        await take(drive, watch, minute)
        heard()
        await asyncio.sleep(EVERY_S)


async def take(drive: Drive, watch: Watch, minute: Callable[[], tuple[int, int]]) -> None:
    """Adds one sample to the record, unless the server is gone."""
    at_s = drive.elapsed_s
    found = await watch.look(at_s)
    if found is not None:
        calls, tokens = minute()
        done, under_way = len(drive.record.served), drive.under_way
        drive.record.samples.append(
            Sample(at_s=at_s, done=done, under_way=under_way, minute_calls=calls, minute_tokens=tokens, **found)
        )


def _cpu_s(process: object) -> float:
    times = process.cpu_times()  # type: ignore[attr-defined]
    return float(times.user + times.system)


def _values(text: str, names: tuple[str, ...]) -> dict[str, float]:
    """The values of metrics without labels."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name in names:
            with suppress(ValueError):
                found[name] = float(value)
    return found
