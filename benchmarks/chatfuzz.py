"""Frames and requests that nobody means, many of them: no error of the server's own, no crash, no growth.

100,000 frames over sockets, 10,000 HTTP requests made by schemathesis from the server's own description.
Run with: python -m benchmarks.chatfuzz [--quick] [--json OUT]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import string
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx

from benchmarks.chat import opened, serving
from benchmarks.harness import Measured, Target, main

_KINDS = [
    *("hello", "message", "approve", "refuse", "edit_plan", "cancel", "continue"),
    *("resume", "open", "leave", "sessions", "ping", "fly", "", None, 7),
]
_FIELDS = [
    *("message", "session_id", "run_id", "step", "plan", "inputs", "playbook", "last_seq", "limit"),
    *("changes", "note", "reason", "token", "from_step", "search", "id", "type"),
]
_NASTY = ["", "\0", "../../etc/passwd", "${a.b}", "\ud800", "a" * 5000, "💥", "'; DROP TABLE x", "<script>", "\u202e"]


def value(chance: random.Random, depth: int = 0) -> Any:
    """Any JSON value, and some that hurt."""
    kinds = [
        lambda: None,
        lambda: chance.random() < 0.5,
        lambda: chance.choice([0, -1, 2**63, 2**64, 10**400, 1.5, 1e308]),
        lambda: chance.choice(_NASTY),
        lambda: "".join(chance.choices(string.printable, k=chance.randint(0, 20))),
    ]
    if depth < 4:
        kinds += [
            lambda: [value(chance, depth + 1) for _ in range(chance.randint(0, 4))],
            lambda: {chance.choice(_FIELDS): value(chance, depth + 1) for _ in range(chance.randint(0, 4))},
        ]
    return chance.choice(kinds)()


def frames(chance: random.Random, count: int) -> Iterator[str]:
    """Texts: whole frames with fields of any kind, broken JSON, plain noise."""
    for _ in range(count):
        frame = {"type": chance.choice(_KINDS)} | {
            chance.choice(_FIELDS): value(chance) for _ in range(chance.randint(0, 5))
        }
        text = json.dumps(frame)
        dice = chance.random()
        if dice < 0.15:
            at = chance.randint(0, len(text))
            text = text[:at] + chance.choice(_NASTY).encode("utf-8", "replace").decode() + text[at + 1 :]
        elif dice < 0.2:
            text = "".join(chance.choices(string.printable, k=chance.randint(0, 60)))
        yield text


async def schemathesis_requests(client: httpx.AsyncClient, schema: dict[str, Any], count: int) -> Counter[int]:
    """Sends `count` requests that fit the description, and as many again that don't quite; how many got each status."""
    requests = await asyncio.to_thread(_made, schema, count)
    statuses: Counter[int] = Counter()
    gate = asyncio.Semaphore(8)

    async def one(request: dict[str, Any]) -> None:
        async with gate:
            try:
                statuses[(await client.request(**request)).status_code] += 1
            except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeError, TypeError, ValueError):
                statuses[0] += 1  # nothing that a client can send

    await asyncio.gather(*(one(request) for request in requests))
    return statuses


def _made(schema: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Requests as httpx takes them, evenly over all operations."""
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from schemathesis import GenerationMode

    found = [operation.ok() for operation in schemathesis.openapi.from_dict(schema).get_all_operations()]
    made: list[dict[str, Any]] = []

    def keep(case: Any) -> None:
        made.append(_request(case.as_transport_kwargs(base_url="http://127.0.0.1")))

    each = -(-count // (2 * len(found)))
    quiet = settings(
        max_examples=each,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for operation in found:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                strategy = operation.as_strategy(generation_mode=mode)
                seed(1)(quiet(given(case=strategy)(keep)))()
            except Exception as error:
                if type(error).__name__ not in ("Unsatisfiable", "SkipTest"):
                    raise
    return made


def _request(sent: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {name: sent[name] for name in ("method", "params", "headers") if sent.get(name)}
    kept["url"] = str(sent["url"]).removeprefix("http://127.0.0.1") or "/"
    headers = {str(k): str(v) for k, v in dict(kept.get("headers") or {}).items() if k.lower() != "host"}
    kept["headers"] = headers
    if sent.get("json") is not None:
        kept["json"] = sent["json"]
    elif isinstance(sent.get("data"), (bytes, str)):
        kept["content"] = sent["data"]
    return kept


async def measured(quick: bool) -> Measured:
    count, requests = (5_000, 1_000) if quick else (100_000, 10_000)
    limits = {"frames_per_second": 0, "messages_per_minute": 0, "requests_per_minute": 0, "max_connections": 100}
    with tempfile.TemporaryDirectory(prefix="planloom-bench-") as name:
        async with serving(Path(name), server=limits) as server, AsyncExitStack() as stack:
            clients = await opened(stack, server.socket, 4)
            await _fire(clients, count // 10, 0)
            before = server.rss_kb()
            faults = await _fire(clients, count, 1)
            grown_mb = (server.rss_kb() - before) / 1024
            async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
                schema = (await http.get("/openapi.json")).json()
                statuses = await schemathesis_requests(http, schema, requests)
                alive = (await http.get("/health/ready")).status_code == 200
    errors = sum(number for status, number in statuses.items() if status >= 500)
    found = {
        "frames": count,
        "frames_internal_errors": faults,
        "requests": sum(statuses.values()),
        "statuses": dict(sorted(statuses.items())),
        "grown_mb": round(grown_mb, 1),
    }
    return found, [
        Target("fuzz_frame_errors", faults, "==", 0),
        Target("fuzz_http_errors", errors, "==", 0),
        Target("fuzz_alive", float(alive), "==", 1),
        Target("fuzz_grown_mb", found["grown_mb"], "<=", 50),
    ]


async def _fire(clients: list[Any], count: int, start: int) -> int:
    """Sends frames over all clients; how many were answered with an error of the server's own."""

    async def one(number: int) -> int:
        client, errors = clients[number], 0
        chance = random.Random(1000 * start + number)
        for sent, text in enumerate(frames(chance, count // len(clients)), 1):
            await client.send(text)
            if sent % 50 == 0:
                errors += await _settled(client, str(sent))
        return errors + await _settled(client, "last")

    return sum(await asyncio.gather(*(one(number) for number in range(len(clients)))))


async def _settled(client: Any, mark: str) -> int:
    await client.send(json.dumps({"type": "ping", "id": mark}))
    errors = 0
    while True:
        told = json.loads(await client.recv())
        errors += told["type"] == "error" and told.get("code") == "internal"
        if told["type"] == "pong" and told.get("id") == mark:
            return errors


def _measure(args: argparse.Namespace) -> Measured:
    return asyncio.run(measured(args.quick))


if __name__ == "__main__":
    main("Frames and requests that nobody means.", _measure)
