"""The chat server under many clients: memory of idle ones, time to the first event, cut connections, slow readers.

The server is a process of its own, as `planloom serve` starts it; all is on loopback. Clients are those of the
`websockets` library as they come. Run with: python -m benchmarks.chat [--quick] [--json OUT]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from benchmarks.harness import Measured, Target, main

_LOOPBACK = "127.0.0.1"
_DEADLINE_S = 300.0
_AT_ONCE = 50  # connections opened side by side


class Serving:
    """A server process. `url` is its HTTP address."""

    def __init__(self, url: str, process: psutil.Process) -> None:
        self.url = url
        self.socket = url.replace("http", "ws", 1) + "/ws/chat"
        self.process = process

    def rss_kb(self) -> float:
        return float(self.process.memory_info().rss) / 1024


@asynccontextmanager
async def serving(folder: Path, **settings: Any) -> AsyncIterator[Serving]:
    """A server over an empty folder; `settings` as in config.yaml. All clients are one to it: limits of one are off."""
    limits = {"max_connections": 8192, "messages_per_minute": 0, "requests_per_minute": 0}
    config = folder / "planloom.yaml"
    config.write_text(json.dumps({"server": limits, "monitoring": {"log_level": "error"}, **settings}))
    command = ["-m", "planloom", "serve", "--port", "0", "--workspace", str(folder), "--config", str(config)]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE, cwd=folder)
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 120)).decode()
        yield Serving(next(word for word in line.split() if word.startswith("http")), psutil.Process(process.pid))
    finally:
        process.terminate()
        await process.wait()


async def opened(stack: AsyncExitStack, socket: str, count: int) -> list[ClientConnection]:
    """Connections that have said hello."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one() -> ClientConnection:
        async with gate:
            client = await connect(socket, open_timeout=60, ping_interval=None, max_size=2**24)
            await client.recv()
            return client

    clients = await asyncio.gather(*(one() for _ in range(count)))
    for client in clients:
        stack.push_async_callback(client.close)
    return list(clients)


async def idle(server: Serving, count: int) -> float:
    """Memory that a connection costs which has said something and waits, in KB."""
    async with AsyncExitStack() as stack:
        await opened(stack, server.socket, 20)  # what is allocated once
        before = server.rss_kb()
        clients = await opened(stack, server.socket, count)
        for client in clients:
            await client.send('{"type": "ping"}')
            await client.recv()
        return (server.rss_kb() - before) / count


def plan(steps: int) -> dict[str, Any]:
    """A plan of steps that take no time, side by side."""
    return {
        "goal": "Work out a sum",
        "steps": [
            {"id": f"sum{n}", "action": "maths.calculate", "parameters": {"expression": f"{n} + 1"}}
            for n in range(steps)
        ],
        "answer": "${sum0.value}" if steps else "Done.",
    }


async def goal(client: ClientConnection, frame: dict[str, Any]) -> tuple[float, float]:
    """Seconds to the first event and to the answer of one goal."""
    began, first = time.perf_counter(), 0.0
    await client.send(json.dumps(frame))
    async for text in client:
        told = json.loads(text)
        if told["type"] == "error":
            raise RuntimeError(told["message"])
        if "seq" in told and not first:
            first = time.perf_counter() - began
        if told["type"] == "approval.asked":  # nobody is there to agree to what a simulated model plans
            await client.send(json.dumps({"type": "refuse", "run_id": told["run_id"], "step": told["step"]}))
        if told["type"] == "run.finished":
            if told["status"] != "done" and "plan" in frame:  # what a simulated model plans may fail
                raise RuntimeError(told["reason"])
            return first, time.perf_counter() - began
    raise RuntimeError("the server closed the connection")


async def goals(server: Serving, count: int, frame: dict[str, Any]) -> tuple[list[float], list[float]]:
    """The same for `count` goals at the same moment, each on a connection of its own."""
    async with AsyncExitStack() as stack:
        clients = await opened(stack, server.socket, count)
        await goal(clients[0], frame)
        times = await asyncio.gather(*(goal(client, frame) for client in clients))
    return [first for first, _ in times], [last for _, last in times]


def share(values: Sequence[float], part: float) -> float:
    """The value below which this part of all lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def shares(name: str, values: Sequence[float]) -> dict[str, float]:
    return {f"{name}_p{p}_s": round(share(values, p / 100), 4) for p in (50, 95, 99)}


# ---- cut connections


async def cut_often(server: Serving, session: str, cuts: int, seed: int) -> list[int]:
    """The numbers of the events that a client saw which loses its connection `cuts` times on the way."""
    chance, seen = random.Random(seed), [0]
    for attempt in range(cuts + 1):
        is_last = attempt == cuts
        client = await connect(server.socket, open_timeout=60, ping_interval=None)
        try:
            await client.send(json.dumps({"type": "resume", "session_id": session, "last_seq": seen[-1]}))
            if await read_some(client, seen, None if is_last else chance.randint(1, 40)):
                return seen[1:]
        finally:
            client.transport.abort()  # no goodbye: the cable was pulled
    return seen[1:]


async def read_some(client: ClientConnection, seen: list[int], most: int | None) -> bool:
    """Takes events until the run is over, `most` of them at most; whether it is over and all cuts may stop."""
    count = 0
    try:
        async for text in client:
            told = json.loads(text)
            if "seq" not in told:
                continue
            seen.append(told["seq"])
            count += 1
            if most is None and told["type"] == "run.finished":
                return True
            if count == most:
                return False
    except ConnectionClosed:
        return False
    return False


async def reconnects(server: Serving, sessions: int, clients: int, cuts: int) -> dict[str, float]:
    """Events that were lost, repeated or out of order over all clients, against the journal."""
    begun = []
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
        for _ in range(sessions):
            told = (await http.post("/api/runs", json={"plan": plan(150)})).json()
            begun.append(told["session_id"])
        work = [cut_often(server, begun[n % sessions], cuts, n) for n in range(clients)]
        seen = await asyncio.gather(*(throttled(one) for one in work))
        lost = repeated = reordered = 0
        for number, numbers in enumerate(seen):
            kept = (await http.get(f"/api/sessions/{begun[number % sessions]}/events?limit=10000")).json()["events"]
            lost += len({event["seq"] for event in kept} - set(numbers))
            repeated += len(numbers) - len(set(numbers))
            reordered += sum(b < a for a, b in pairwise(numbers))
    return {"events_seen": sum(map(len, seen)), "lost": lost, "repeated": repeated, "reordered": reordered}


_GATE = asyncio.Semaphore(100)  # clients at work at the same time


async def throttled(work: Any) -> Any:
    async with _GATE:
        return await work


# ---- a reader that never reads


async def slow_reader(server: Serving, steps: int, repetitions: int) -> tuple[float, float]:
    """How much longer a run takes for others while somebody never reads, and what that costs in KB."""
    frame = {"type": "message", "plan": plan(steps)}
    times: dict[bool, list[float]] = {False: [], True: []}
    before = server.rss_kb()
    async with AsyncExitStack() as stack:
        (client, other) = await opened(stack, server.socket, 2)
        await goal(client, frame)
        for _ in range(repetitions):
            for is_stuck in (False, True):
                session = f"bench{random.getrandbits(60):x}"
                stuck = await connect(server.socket, ping_interval=None, max_queue=1) if is_stuck else None
                if stuck is not None:
                    stuck.transport.pause_reading()
                    await stuck.send(json.dumps({"type": "open", "session_id": session}))
                times[is_stuck].append((await goal(client, {**frame, "session_id": session}))[1])
                if stuck is not None:
                    stuck.transport.abort()
        await other.send('{"type": "ping"}')
    return median(times[True]) / median(times[False]), server.rss_kb() - before


async def measured(quick: bool) -> Measured:
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="planloom-bench-") as name:
        async with serving(Path(name)) as server:
            found["idle_kb"] = round(await idle(server, 200 if quick else 1000), 1)
            found["idle_connections"] = 200 if quick else 1000
            frame = {"type": "message", "plan": plan(3)}
            for count in (50, 200) if quick else (50, 200, 1000):
                rounds = [await goals(server, count, frame) for _ in range(1 if count > 200 else 3)]
                first = sorted((one[0] for one in rounds), key=lambda values: share(values, 0.95))
                last = sorted((one[1] for one in rounds), key=lambda values: share(values, 0.95))
                found |= shares(f"goals_{count}_first_event", first[len(first) // 2])
                found |= shares(f"goals_{count}_answer", last[len(last) // 2])
            told = await reconnects(server, 5 if quick else 25, 50 if quick else 500, 5 if quick else 20)
            found |= {f"reconnects_{key}": value for key, value in told.items()}
            effect, kb = await slow_reader(server, 200, 5 if quick else 15)
            found |= {"slow_reader_effect": round(effect, 4), "slow_reader_kb": round(kb, 1)}
            found["rss_mb_at_the_end"] = round(server.rss_kb() / 1024, 1)
    found |= await with_models(20 if quick else 50)
    return found, [
        Target("idle_kb", found["idle_kb"], "<=", 100),
        Target("first_event_p95_s", found["goals_200_first_event_p95_s"], "<=", 0.25),
        Target("events_lost", found["reconnects_lost"], "==", 0),
        Target("events_repeated", found["reconnects_repeated"], "==", 0),
        Target("events_reordered", found["reconnects_reordered"], "==", 0),
        Target("slow_reader_effect", found["slow_reader_effect"], "<=", 1.05),
    ]


async def with_models(count: int) -> dict[str, float]:
    """Goals that no playbook fits, planned and answered by the simulated provider."""
    from planloom.models.simulate.serving import running
    from planloom.models.simulate.settings import Settings

    with tempfile.TemporaryDirectory(prefix="planloom-bench-") as name:
        async with running(Settings()) as provider:
            models = {"base_url": provider.base_url, "model": "simulated", "api_key": "simulated"}
            async with serving(Path(name), models=models) as server:
                frame = {"type": "message", "message": "Weigh the pros and cons of short meetings for a team of five"}
                first, last = await goals(server, count, frame)
    return {**shares(f"models_{count}_first_event", first), **shares(f"models_{count}_answer", last)}


def _measure(args: argparse.Namespace) -> Measured:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 8192), hard), hard))

    async def within() -> Measured:
        async with asyncio.timeout(_DEADLINE_S * (1 if args.quick else 3)):
            return await measured(args.quick)

    return asyncio.run(within())


if __name__ == "__main__":
    main("The chat server under many clients.", _measure)
