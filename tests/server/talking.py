"""A real server on a free port of loopback, and a client of its socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from planloom.config import Config
from planloom.server.serving import Running, running

DEADLINE_S = 30


def settings(folder: Path, **groups: Any) -> Config:
    """Settings whose folders are all below `folder`; groups as in config.yaml."""
    given = {"monitoring": {"log_level": "error"}, **groups}
    return Config.model_validate(
        {"workspace": str(folder), "state": str(folder / ".planloom"), "out": str(folder / "out"), **given}
    )


@asynccontextmanager
async def served(folder: Path, **groups: Any) -> AsyncIterator[Running]:
    """A server over a folder."""
    async with running(settings(folder, **groups), port=0) as found:
        yield found


class Talk:
    """A socket; `seen` are all frames that came, in order."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seen: list[dict[str, Any]] = []

    async def say(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def until(self, kind: str, where: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """The next frame of a kind."""
        while True:
            frame = await self.until_any(kind)
            if where(frame):
                return frame

    async def until_any(self, *kinds: str) -> dict[str, Any]:
        """The next frame of one of the kinds."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                frame = json.loads(await self.socket.recv())
                self.seen.append(frame)
                if frame["type"] in kinds:
                    return frame

    async def ask(self, kind: str, reply: str, **fields: Any) -> dict[str, Any]:
        """Says something and gives the reply to it."""
        frame_id = f"f{len(self.seen)}"
        await self.say(kind, id=frame_id, **fields)
        return await self.until(reply, lambda frame: frame.get("id") == frame_id)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [frame for frame in self.seen if "seq" in frame]


@asynccontextmanager
async def talking(found: Running, **options: Any) -> AsyncIterator[Talk]:
    """A socket that has heard hello."""
    url = found.url.replace("http", "ws", 1) + "/ws/chat"
    async with connect(url, open_timeout=DEADLINE_S, max_size=2**24, **options) as socket:
        talk = Talk(socket)
        await talk.until("hello")
        yield talk


@asynccontextmanager
async def calling(found: Running, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of its addresses."""
    async with httpx.AsyncClient(base_url=found.url, timeout=DEADLINE_S, **options) as client:
        yield client


def sums(count: int, **extra: Any) -> dict[str, Any]:
    """A plan of steps that take no time, side by side."""
    steps = [
        {"id": f"s{n}", "action": "maths.calculate", "parameters": {"expression": f"{n} + 1"}} for n in range(count)
    ]
    return {"goal": "Add up", "steps": steps, "answer": "Added.", **extra}


def writing(name: str = "note.txt", **extra: Any) -> dict[str, Any]:
    """A plan that writes a file once a person has said yes."""
    parameters = {"path": name, "text": "Hello\nthere\n"}
    step = {"id": "write", "action": "files.write", "parameters": parameters, "approval": True, **extra}
    return {"goal": "Write a note", "steps": [step], "answer": "Written."}
