"""What a call of an MCP tool costs over a held session, and what happens when its server is killed in mid-call.

Everything goes the way of a step: the tool is looked up, its arguments are checked, the result is made plain. Beside
it, the same server and tool through `MultiServerMCPClient.get_tools()`, which opens a session for each call.

The kills: four servers side by side, each with three calls under way when its process is killed with SIGKILL (every
fourth time its guard is killed instead). Each of the three must end with an error that names the server; then the next
call must work. At the end no process with the benchmark's mark may be left. Nearly all kills hit a server that starts
at once (made by hand), some the library's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import signal
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from benchmarks.harness import Measured, Target, main
from planloom.agents.call import Caller
from planloom.agents.mcp.servers import Servers
from planloom.agents.tool import ToolContext
from planloom.agents.workspace import Workspace
from planloom.config import Mcp
from planloom.errors import PlanloomError

SERVER = str(Path(__file__).with_name("mcp_servers.py"))
CONTEXT = ToolContext(workspace=Workspace(Path(), Path()))
Call = Callable[[], Awaitable[Any]]


def settings(kind: str, mark: str) -> dict[str, Any]:
    start = ["-S", SERVER, kind, mark] if kind == "lean" else ["-P", SERVER, kind, mark]
    return {"command": sys.executable, "args": start, "concurrency": 0, "timeout_s": 60}


async def milliseconds(call: Call, times: int) -> list[float]:
    found = []
    for _ in range(times):
        began = time.perf_counter()
        await call()
        found.append((time.perf_counter() - began) * 1000)
    return found


def together(call: Call, count: int) -> Call:
    async def work() -> None:
        await asyncio.gather(*(call() for _ in range(count)))

    return work


def calling(servers: Servers, name: str) -> Call:
    tool = servers.find(name)
    assert tool is not None
    caller = Caller(lambda: None)  # type: ignore[arg-type,return-value]
    return lambda: caller.call(tool, {}, CONTEXT)


async def held(mark: str, times: int) -> dict[str, float]:
    """Milliseconds over our held session."""
    servers = Servers(Mcp.model_validate({"servers": {"it": settings("library", mark)}}), environ=os.environ)
    began = time.perf_counter()
    await servers.learn("it")
    start_s = time.perf_counter() - began
    noop = calling(servers, "it.noop")
    await milliseconds(noop, 20)
    one = await milliseconds(noop, times)
    ten = await milliseconds(together(noop, 10), max(5, times // 10))
    hundred = await milliseconds(together(noop, 100), max(3, times // 50))
    await servers.close()
    return {
        "start_s": start_s,
        "stdio_ms": statistics.median(one),
        "stdio_p95_ms": statistics.quantiles(one, n=20)[18],
        "parallel10_ms": statistics.median(ten),
        "parallel100_ms": statistics.median(hundred),
    }


async def adapters(mark: str, times: int) -> dict[str, float]:
    """The same through langchain-mcp-adapters, a session a call."""
    from langchain_mcp_adapters.client import MultiServerMCPClient

    connection: Any = {"transport": "stdio", "command": sys.executable, "args": ["-P", SERVER, "library", mark]}
    found = await MultiServerMCPClient({"it": connection}).get_tools()
    tool = next(one for one in found if one.name == "noop")
    one = await milliseconds(lambda: tool.ainvoke({}), times)
    ten = await milliseconds(together(lambda: tool.ainvoke({}), 10), 1)
    return {"adapters_ms": statistics.median(one), "adapters_parallel10_ms": ten[0]}


async def kills(kind: str, mark: str, count: int) -> dict[str, Any]:
    """Kills servers in mid-call, `count` times in all."""
    lanes = 4
    names = [f"it{number}" for number in range(lanes)]
    servers = Servers(Mcp.model_validate({"servers": {n: settings(kind, mark) for n in names}}), environ=os.environ)
    unanswered, recovered, seconds = 0, 0, []

    async def lane(name: str, times: int) -> None:
        nonlocal unanswered, recovered
        await servers.learn(name)
        work, noop = calling(servers, f"{name}.hang"), calling(servers, f"{name}.noop")
        connection = servers.server(name).connection
        for number in range(times):
            calls = [asyncio.ensure_future(work()) for _ in range(3)]
            await noop()  # comes after them on the same pipe, so that they are under way
            guard = connection.process_id
            assert guard is not None
            with suppress(psutil.NoSuchProcess, ProcessLookupError, IndexError):
                os.kill(guard if number % 4 == 3 else psutil.Process(guard).children()[0].pid, signal.SIGKILL)
            began = time.perf_counter()
            done, _ = await asyncio.wait(calls, timeout=30)
            for call in calls:
                error = call.exception() if call in done else None
                named = isinstance(error, PlanloomError) and repr(name) in str(error)
                unanswered += not named
            with suppress(PlanloomError):
                await asyncio.wait_for(noop(), 30)
                recovered += 1
                seconds.append(time.perf_counter() - began)

    await asyncio.gather(*(lane(name, count // lanes) for name in names))
    await servers.close()
    return {"unanswered": unanswered, "recovered": recovered, "seconds": seconds, "killed": count // lanes * lanes}


def left(mark: str) -> int:
    """Processes with the mark, after a second in which the last may go."""
    until = time.monotonic() + 3
    while True:
        found = 0
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                found += process.pid != os.getpid() and mark in process.cmdline()
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.1)


async def measured(args: argparse.Namespace) -> Measured:
    mark = f"planloom-benchmark-{secrets.token_hex(6)}"
    times = 60 if args.quick else 300
    ours = await held(mark, times)
    theirs = await adapters(mark, 3 if args.quick else 10)
    by_hand = await kills("lean", mark, 60 if args.quick else 980)
    library = await kills("library", mark, 4 if args.quick else 20)
    killed = by_hand["killed"] + library["killed"]
    leaked = left(mark)
    unanswered = by_hand["unanswered"] + library["unanswered"]
    share = (by_hand["recovered"] + library["recovered"]) / killed
    found = ours | theirs | {
        "calls_times_faster": theirs["adapters_ms"] / ours["stdio_ms"],
        "kills": killed,
        "recovery_s_median": statistics.median(by_hand["seconds"]),
        "recovery_s_p99": statistics.quantiles(by_hand["seconds"], n=100)[98],
        "recovery_s_library": statistics.median(library["seconds"]),
    }  # fmt: skip
    return found, [
        Target("stdio_ms", ours["stdio_ms"], "<=", 15),
        Target("parallel10_ms", ours["parallel10_ms"], "<=", 150),
        Target("leaked", leaked, "==", 0),
        Target("unanswered", unanswered, "==", 0),
        Target("recovered_share", share, "==", 1.0),
    ]


if __name__ == "__main__":
    main(__doc__ or "", lambda args: asyncio.run(measured(args)))
