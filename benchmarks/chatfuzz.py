"""Frames and requests that nobody means, many of them: no error of the server's own, no crash, no growth.

100,000 frames over sockets, 10,000 HTTP requests made by schemathesis from the server's own description.
Run with: python -m benchmarks.chatfuzz [--quick] [--json OUT]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
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


async def schemathesis_requests(client: httpx.AsyncClient, schemas: list[dict[str, Any]], count: int) -> Counter[int]:
    """Sends `count` requests, half of which fit a description and half not quite; how many got each status."""
    requests = await asyncio.to_thread(_made, schemas, count)
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


def anchored(schema: dict[str, Any], known: dict[str, list[str]]) -> dict[str, Any]:
    """The description with parts of addresses that are there: else nearly every request ends at 404."""
    near: dict[str, Any] = json.loads(json.dumps(schema))
    for operations in near["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path" and parameter["name"] in known:
                    parameter["schema"] = {"enum": known[parameter["name"]]}
    return near


async def known_parts(client: httpx.AsyncClient, count: int) -> dict[str, list[str]]:
    """Ids of `count` sessions and runs that are there, their steps and files."""
    step = {"id": "note", "action": "files.write", "parameters": {"path": "n.txt", "text": "x"}, "approval": True}
    begun = [
        (await client.post("/api/runs", json={"plan": {"goal": "Write", "steps": [step]}})).json() for _ in range(count)
    ]
    await client.put(f"/api/sessions/{begun[0]['session_id']}/files/data.csv", content=b"a,b\n1,2\n")
    found = {name: [one[name] for one in begun] for name in ("session_id", "run_id")}
    return {**found, "step": ["note", "plan"], "name": ["data.csv", "planloom"]}


def _made(schemas: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """`count` requests as httpx takes them, evenly over all operations; those with few ways to ask are asked again."""
    import schemathesis

    described = [schemathesis.openapi.from_dict(schema) for schema in schemas]
    found = [operation.ok() for one in described for operation in one.get_all_operations()]
    made: list[dict[str, Any]] = []
    turns = itertools.count(1)
    while len(made) < count:
        number, each = next(turns), -(-(count - len(made)) // (2 * len(found)))
        for operation in found:
            made += _cases(operation, each, number)
    random.Random(7).shuffle(made)
    return made[:count]


def _cases(operation: Any, each: int, number: int) -> list[dict[str, Any]]:
    """At most `each` requests that fit an operation, and as many that don't quite."""
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from schemathesis import GenerationMode

    made: list[dict[str, Any]] = []

    def keep(case: Any) -> None:
        made.append(_request(case.as_transport_kwargs(base_url="http://127.0.0.1")))

    quiet = settings(
        max_examples=each,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        try:
            seed(number)(quiet(given(case=operation.as_strategy(generation_mode=mode))(keep)))()
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
            after_frames = server.rss_kb()
            async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
                schema = (await http.get("/openapi.json")).json()
                schemas = [schema, anchored(schema, await known_parts(http, 20))]
                statuses = await schemathesis_requests(http, schemas, requests // 10)
                middle = server.rss_kb()
                statuses += await schemathesis_requests(http, schemas, requests * 21 // 20)  # some can't be sent
                alive = (await http.get("/health/ready")).status_code == 200
            grown = [(after_frames - before) / 1024, (server.rss_kb() - middle) / 1024]
    errors = sum(number for status, number in statuses.items() if status >= 500)
    sent = sum(number for status, number in statuses.items() if status)
    found = {
        "frames": count,
        "frames_internal_errors": faults,
        "requests": sent,
        "statuses": dict(sorted(statuses.items())),
        "grown_by_frames_mb": round(grown[0], 1),
        "grown_by_requests_mb": round(grown[1], 1),
    }
    return found, [
        Target("fuzz_frame_errors", faults, "==", 0),
        Target("fuzz_http_errors", errors, "==", 0),
        Target("fuzz_http_requests", sent, ">=", requests),
        Target("fuzz_alive", float(alive), "==", 1),
        Target("fuzz_grown_mb", round(max(grown), 1), "<=", 50),
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
