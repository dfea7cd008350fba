"""Processes that read files for this one: a file that hangs, crashes or eats memory costs itself alone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...config import Documents as Settings
from ...errors import ToolError
from ...memory.codec import unpack
from ..passages import Passage
from ..places import place_from
from .process import HEAD, framed

_MODULE = "planloom.documents.parsing.process"
_FILES = 500  # a process is replaced then, whatever its libraries have leaked
_START_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A file that was read; `sha256`, `size_bytes`, `mtime_ns` and `modified`, Unix seconds, are of what was read.

    `author` and `language`, a code of two letters, are empty where they are not known.
    """

    kind: str
    title: str
    notes: Sequence[str]
    sha256: str
    size_bytes: int
    mtime_ns: int
    modified: float = 0.0
    author: str = ""
    language: str = ""
    passages: Sequence[Passage]


class Readers:
    """At most `settings.processes` processes, started when needed and kept. Close it."""

    def __init__(self, settings: Settings) -> None:
        self.count = settings.processes
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.processes)
        self._idle: list[_Reader] = []
        self._all: set[_Reader] = set()

    async def read(self, path: Path) -> Read:
        """A file's passages.

        Raises:
            ToolError: it can't be read; says why, in words that follow the file's name.
        """
        settings = self._settings
        request = {"path": str(path), "max_bytes": settings.max_file_bytes, "chunk_chars": settings.chunk_chars}
        async with self._slots:
            reader = self._idle.pop() if self._idle else await self._start()
            try:
                async with asyncio.timeout(settings.parse_timeout_s + _START_S):
                    reply = await reader.ask(request, settings.parse_timeout_s)
            except TimeoutError:
                await self._drop(reader)
                raise ToolError(f"it took longer than {settings.parse_timeout_s:g} s to read") from None
            except (asyncio.IncompleteReadError, ConnectionError):
                await self._drop(reader)
                raise ToolError(f"reading it crashed ({reader.end()}); it may be damaged or too large") from None
            except BaseException:
                await self._drop(reader)
                raise
            if "error" in reply or reader.files >= _FILES:
                await self._retire(reader)
            else:
                self._idle.append(reader)
        if "error" in reply:
            raise ToolError(reply["error"])
        return _read(reply["read"])

    async def close(self) -> None:
        """Ends the processes; may be called again."""
        for reader in list(self._all):
            await self._drop(reader)
        self._idle.clear()

    async def _start(self) -> _Reader:
        reader = await _Reader.start(self._settings.parse_memory_bytes)
        self._all.add(reader)
        return reader

    async def _retire(self, reader: _Reader) -> None:
        """Ends a process that may be about to end, or has read enough."""
        if reader.files >= _FILES or reader.is_ending:
            await self._drop(reader)
        else:
            self._idle.append(reader)

    async def _drop(self, reader: _Reader) -> None:
        self._all.discard(reader)
        await reader.kill()


class _Reader:
    """One process and its pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.files = 0
        self.is_ending = False

    @classmethod
    async def start(cls, memory_bytes: int) -> _Reader:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", _MODULE, str(memory_bytes)),
            stdin=pipe,
            stdout=pipe,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            limit=2**20,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        return cls(process)

    async def ask(self, request: Mapping[str, Any], timeout_s: float) -> Any:
        """The reply. The time counts from when the process has taken the request.

        Raises:
            TimeoutError: it took longer.
            asyncio.IncompleteReadError, ConnectionError: the process ended first.
        """
        assert self._process.stdin is not None
        self.files += 1
        self._process.stdin.write(framed(request))
        await self._process.stdin.drain()
        await self._receive()
        async with asyncio.timeout(timeout_s):
            reply = await self._receive()
        self.is_ending = "memory" in str(reply.get("error", ""))
        return reply

    async def kill(self) -> None:
        """Ends it and waits until it is gone."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.stdout is not None
        while await self._process.stdout.read(2**20):
            pass
        await self._process.wait()

    def end(self) -> str:
        """How it ended."""
        code = self._process.returncode or 0
        if code >= 0:
            return f"exit code {code}"
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
        return f"signal {-code}"

    async def _receive(self) -> Any:
        assert self._process.stdout is not None
        size = HEAD.unpack(await self._process.stdout.readexactly(HEAD.size))[0]
        body = await self._process.stdout.readexactly(size)
        return await asyncio.to_thread(unpack, body) if size > 2**20 else unpack(body)


def _read(data: Mapping[str, Any]) -> Read:
    found = [Passage(text=text, place=place_from(place)) for text, place in data["passages"]]
    return Read(**{**data, "passages": found})
