"""Small versions of what `benchmarks.chatfuzz` does at length."""

from __future__ import annotations

import json
import random
from pathlib import Path

from benchmarks.chatfuzz import anchored, frames, known_parts, schemathesis_requests
from tests.server.talking import calling, served, talking

PATHS = (
    "/api/runs",
    "/api/sessions/{session_id}/events",
    "/api/runs/{run_id}/approvals/{step}",
    "/v1/chat/completions",
)


async def test_any_frames_leave_the_connection_usable(tmp_path: Path) -> None:
    chance = random.Random(7)
    limits = {"frames_per_second": 0, "messages_per_minute": 0}
    async with served(tmp_path, server=limits) as found, talking(found) as talk:
        for frame in frames(chance, 300):
            await talk.socket.send(frame)
        await talk.ask("ping", "pong")
    replies = [frame for frame in talk.seen if frame["type"] == "error"]
    assert replies
    assert [reply for reply in replies if reply["code"] == "internal"] == []


async def test_any_request_is_answered_without_an_error_of_the_server(tmp_path: Path) -> None:
    async with served(tmp_path, server={"messages_per_minute": 0}) as found, calling(found) as client:
        schema = (await client.get("/openapi.json")).json()
        schema["paths"] = {path: schema["paths"][path] for path in PATHS}
        schemas = [schema, anchored(schema, await known_parts(client, 2))]
        statuses = await schemathesis_requests(client, schemas, 80)
        assert (await client.get("/health/ready")).status_code == 200
    assert sum(statuses.values()) == 80
    assert any(status < 300 for status in statuses)
    assert {status for status in statuses if status >= 500} == set(), json.dumps(statuses)
