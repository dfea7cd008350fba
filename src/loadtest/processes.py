"""The server and the simulated provider of a load, as processes of their own. Rule: none outlives the load."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..agents.mcp.launch import Launch
from ..agents.mcp.process import Process
from ..errors import TransientError
from ..settings import variable_of
from .load import Load

_START_S = 120.0
_LINE = 65_536
_ROLES = ("planner", "worker", "verifier", "writer", "embeddings")


@dataclass(frozen=True, slots=True)
class Started:
    """A process that told its address; `pid` is the process itself, not its guard."""

    url: str
    pid: int
    process: Process

    async def epitaph(self) -> str:
        """How it ended and what it said last; empty while it runs."""
        await self.process.ended(1.0)
        told = self.process.epitaph()
        return "" if "closed its output" in told and _is_alive(self.pid) else told


@asynccontextmanager
async def started(name: str, arguments: Sequence[str], env: Mapping[str, str], folder: Path) -> AsyncIterator[Started]:
    """`planloom ARGUMENTS` once it has told its address; ended at the end.

    Raises:
        TransientError: it tells none within two minutes.
    """
    command = (sys.executable, "-m", "planloom", *arguments)
    process = await Process.start(Launch(name=name, command=command, env=env, cwd=str(folder)))
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    reading = asyncio.create_task(_read(process, address))
    try:
        try:
            url = await asyncio.wait_for(asyncio.shield(address), _START_S)
        except TimeoutError:
            raise TransientError(f"expected the {name} to be ready within {_START_S:g} s, but it was not") from None
        if not url:
            await process.ended(5.0)
            raise TransientError(f"expected the {name} to start, but {process.epitaph()}")
        yield Started(url, _child_of(process.guard_pid), process)
    finally:
        await process.end()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _read(process: Process, address: asyncio.Future[str]) -> None:
    """Takes its lines, so that it never waits for us; the first address is what we want."""
    async for line in process.lines(_LINE):
        words = line.decode("utf-8", "replace").split() if isinstance(line, bytes) else []
        url = next((word for word in words if word.startswith("http")), "")
        if url and not address.done():
            address.set_result(url)
    if not address.done():
        address.set_result("")


def provider_arguments(load: Load) -> list[str]:
    """The command line of the simulated provider."""
    quota = load.quota
    given = ["simulate", "--port", "0", "--seed", str(load.seed), "--ttft", load.latency]
    given += ["--rpm", str(quota.requests_per_minute), "--tpm", str(quota.tokens_per_minute)]
    return given + [part for fault in load.faults for part in ("--fault", fault)]


def server_environment(load: Load, environ: Mapping[str, str], folder: Path, provider_url: str) -> dict[str, str]:
    """The environment of the server: what is given, our folders and address, and the provider that was chosen.

    All clients come from one address, so the server's limits of one client are off.
    """
    kept = {name: value for name, value in environ.items() if load.provider == "real" or not _is_of_models(name)}
    kept.pop("PLANLOOM_CONFIG", None)
    settings: dict[str, Any] = {
        "workspace": folder,
        "state": folder / ".planloom",
        "out": folder / "out",
        "server.host": "127.0.0.1",
        "server.token": "",
        "server.tokens": "{}",
        "server.messages_per_minute": 0,
        "server.requests_per_minute": 0,
        "server.max_connections": load.concurrency + 64,
        "monitoring.enabled": "true",
        "monitoring.log_level": "error",
    }
    if load.provider != "real":
        key = "simulated" if provider_url else ""
        settings |= {"models.base_url": provider_url, "models.api_key": key, "models.model": key}
        settings |= {f"models.{role}.{part}": "" for role in _ROLES for part in ("base_url", "api_key", "model")}
    if load.provider == "simulate":
        settings["limits.requests_per_minute"] = load.quota.requests_per_minute
        settings["limits.tokens_per_minute"] = load.quota.tokens_per_minute
    return kept | {variable_of(key): str(value) for key, value in settings.items()}


def allow_many_files(wanted: int) -> None:
    """Raises how many files this process and what it starts may have open, as far as it may."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if 0 <= soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _is_of_models(name: str) -> bool:
    return name.startswith(("OPENAI_", "PLANLOOM_MODELS__"))


def _child_of(guard_pid: int) -> int:
    import psutil

    children = psutil.Process(guard_pid).children()
    return children[0].pid if children else guard_pid


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
