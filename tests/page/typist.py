"""A model that types what a test tells it to, piece by piece."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class Typist:
    """`pieces` are typed one by one; None ends the reply."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[str | None] = asyncio.Queue()
        self.base_url = ""
        self.talks: set[asyncio.Task[None]] = set()

    def begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one request in a task of its own."""
        self.talks.add(asyncio.create_task(self.take(reader, writer)))

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        while (piece := await self.pieces.get()) is not None:
            await self._type(writer, {"content": piece}, None)
        await self._type(writer, {}, "stop")
        writer.write(b"data: [DONE]\n\n")
        await writer.drain()

    async def _type(self, writer: asyncio.StreamWriter, delta: dict[str, Any], finish: str | None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        writer.write(f"data: {json.dumps(chunk)}\n\n".encode())
        await writer.drain()


@asynccontextmanager
async def typing() -> AsyncIterator[Typist]:
    """A model on a free port of loopback."""
    typist = Typist()
    async with await asyncio.start_server(typist.begin, "127.0.0.1", 0) as listening:
        typist.base_url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        yield typist
        for talk in typist.talks:
            talk.cancel()
        await asyncio.gather(*typist.talks, return_exceptions=True)
