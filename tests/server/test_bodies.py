"""Bodies that nobody reads, that never end, and that come too slowly: over plain connections."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.server.talking import calling, served


async def _exchanged(url: str, sent: bytes) -> bytes:
    """What comes back on one connection until the server closes it."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(sent)
        return await asyncio.wait_for(reader.read(), 30)
    finally:
        writer.close()


def _head(line: str, *headers: str) -> bytes:
    return "\r\n".join((line, "Host: 127.0.0.1", *headers, "", "")).encode()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/health/live", 200), ("POST", "/api/runs", 413), ("POST", "/nowhere", 405), ("DELETE", "/metrics", 405)],
)
async def test_an_answer_to_a_body_that_nobody_reads_arrives_and_the_connection_stays(
    tmp_path: Path, method: str, path: str, status: int
) -> None:
    async with served(tmp_path, server={"max_frame_bytes": 1024}) as found, calling(found) as client:
        for _ in range(40):
            assert (await client.request(method, path, content=b"x" * 2_000_000)).status_code == status


async def test_a_body_that_stops_in_the_middle_is_given_up(tmp_path: Path) -> None:
    head = _head("POST /api/runs HTTP/1.1", "Content-Length: 100", "Content-Type: application/json")
    async with served(tmp_path, server={"slow_reader_s": 0.2}) as found:
        told = await _exchanged(found.url, head + b'{"message"')
    assert told.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in told.lower()
    assert b"too_slow" in told


async def test_a_head_without_an_end_is_refused(tmp_path: Path) -> None:
    async with served(tmp_path) as found:
        told = await _exchanged(found.url, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 200_000)
    assert told.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))


@pytest.mark.parametrize("sent", [b"\x00\xff" * 50 + b"\r\n\r\n", b"GET\r\n\r\n"])
async def test_what_is_no_request_ends_its_connection_and_nothing_else(tmp_path: Path, sent: bytes) -> None:
    async with served(tmp_path) as found, calling(found) as client:
        told = await _exchanged(found.url, sent)
        assert (await client.get("/health/ready")).status_code == 200
    assert told.startswith(b"HTTP/1.1 400 ")


async def test_two_lengths_of_one_body_are_refused(tmp_path: Path) -> None:
    smuggled = b"0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    head = _head("POST /api/runs HTTP/1.1", "Content-Length: 4", f"Content-Length: {len(smuggled)}")
    async with served(tmp_path) as found:
        told = await _exchanged(found.url, head + smuggled)
    assert told.startswith(b"HTTP/1.1 400 ")
    assert b"planloom_" not in told
