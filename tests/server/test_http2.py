"""HTTP/2, as a reverse proxy or a client with prior knowledge speaks it to the server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from tests.server.talking import calling, served, sums

H2 = {"http1": False, "http2": True}


async def test_many_requests_share_one_connection(tmp_path: Path) -> None:
    async with served(tmp_path) as found, calling(found, **H2, limits=httpx.Limits(max_connections=1)) as client:
        answers = await asyncio.gather(*(client.get(path) for path in ("/", "/health/ready", "/openapi.json") * 20))
    assert {answer.http_version for answer in answers} == {"HTTP/2"}
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.headers["x-content-type-options"] == "nosniff" for answer in answers)


async def test_a_run_is_begun_and_its_answer_streamed(tmp_path: Path) -> None:
    async with served(tmp_path) as found, calling(found, **H2) as client:
        begun = await client.post("/api/runs", json={"plan": sums(3)})
        asked = {"model": "planloom", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
        async with client.stream("POST", "/v1/chat/completions", json=asked) as stream:
            lines = [line async for line in stream.aiter_lines() if line]
    assert (begun.status_code, begun.http_version, stream.http_version) == (202, "HTTP/2", "HTTP/2")
    assert lines[-1] == "data: [DONE]"
    pieces = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    assert "goal" in "".join(piece["choices"][0]["delta"].get("content", "") for piece in pieces)


@pytest.mark.parametrize(("size", "status"), [(1_000, 201), (3_000_000, 413)])
async def test_files_come_in_and_too_large_ones_are_refused(tmp_path: Path, size: int, status: int) -> None:
    limits = {"max_upload_bytes": 100_000}
    async with served(tmp_path, server=limits) as found, calling(found, **H2) as client:
        for _ in range(3):
            answer = await client.put("/api/sessions/abc/files/data.csv", content=b"x" * size)
            assert (answer.status_code, answer.http_version) == (status, "HTTP/2")
        assert (await client.get("/health/live")).status_code == 200
