"""A server's process: our pipes to it, the last it said on standard error, and its end.

Rule: every process is started through `guard`, so that none outlives us, however we end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import ToolError, TransientError
from .launch import Launch

_GUARD = Path(__file__).with_name("guard.py")
_CHUNK = 1 << 18
_STDERR_BYTES = 16_384
_SHOWN_CHARS, _SHOWN_LINES = 600, 5
_GRACE_S = 2.0
_GONE_S = 10.0
_DYING_S = 0.5
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line above the limit: its first and last bytes; the rest was thrown away."""

    head: bytes
    tail: bytes
    size: int


class Process:
    """One server process under its guard. Used by one event loop."""

    def __init__(self, launch: Launch, guard: asyncio.subprocess.Process, control: int, status: int) -> None:
        self._launch = launch
        self._guard = guard
        self._control = control
        self._status = status
        self._outcome: dict[str, object] | None = None
        self._stderr: deque[bytes] = deque()
        self._stderr_size = 0
        self._output_closed = False
        self.died_alone = False  # before anyone ended it; known once `end` was called
        self._listener = asyncio.create_task(self._listen(), name=f"mcp {launch.name} stderr")

    @classmethod
    async def start(cls, launch: Launch) -> Process:
        """Starts the launch's command.

        Raises:
            ToolError: its folder is not there.
            TransientError: no process can be started now.
        """
        if launch.cwd is not None and not os.path.isdir(launch.cwd):  # noqa: ASYNC240, PTH112 - one look
            raise ToolError(f"mcp.servers.{launch.name}.cwd: expected a folder, got {launch.cwd!r}")
        told, control = os.pipe()
        status, tell = os.pipe()
        pipe = asyncio.subprocess.PIPE
        try:
            guard = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(_GUARD), str(told), str(tell), str(_GRACE_S), *launch.command),
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                env=dict(launch.env),
                cwd=launch.cwd,
                pass_fds=(told, tell),
                start_new_session=True,
                limit=_CHUNK,
            )
        except OSError as error:
            os.close(control)
            os.close(status)
            raise TransientError(f"the server {launch.name!r} can't be started now: {error}") from error
        finally:
            os.close(told)
            os.close(tell)
        return cls(launch, guard, control, status)

    @property
    def guard_pid(self) -> int:
        """The process that guards the server; its only child is the server."""
        return self._guard.pid

    async def lines(self, max_bytes: int) -> AsyncIterator[bytes | TooLong]:
        """The lines of its standard output without their ends, until it closes; memory stays below `max_bytes`."""
        assert self._guard.stdout is not None
        parts: list[bytes] = []
        size = 0
        while chunk := await self._guard.stdout.read(_CHUNK):
            *whole, rest = chunk.split(b"\n")
            for number, line in enumerate(whole):
                if number == 0 and parts:
                    yield _line(parts, line, size, max_bytes)
                    parts, size = [], 0
                elif line:
                    yield line
            if rest:
                size += len(rest)
                if size <= max_bytes:
                    parts.append(rest)
                else:
                    parts = [parts[0][:256] if parts else rest[:256], rest[-256:]]
        self._output_closed = True

    async def write(self, line: bytes) -> None:
        """Sends bytes; waits while the server does not read.

        Raises:
            OSError: it is gone.
        """
        assert self._guard.stdin is not None
        self._guard.stdin.write(line)
        await self._guard.stdin.drain()

    async def end(self, *, now: bool = False) -> None:
        """Ends the process and all it started; waits until they are gone. `now`: without asking it first."""
        if self._output_closed:
            await self.ended(_DYING_S)
        self.died_alone = self._guard.returncode is not None
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        self._let_go(b"k" if now else b"")
        try:
            async with asyncio.timeout(_GONE_S):
                await self._guard.wait()
        except TimeoutError:
            self._kill_group()
            await self._guard.wait()
        finally:
            self._settle()
            self._listener.cancel()

    async def ended(self, within_s: float) -> None:
        """Waits for its end, at most so long, so that `epitaph` can say how it came."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._guard.wait()
                await asyncio.wait({self._listener})
        if self._guard.returncode is not None:
            self._settle()

    @property
    def was_not_started(self) -> str:
        """Why the command could not be executed, empty if it was."""
        return str((self._outcome or {}).get("failed", ""))

    def epitaph(self) -> str:
        """How it ended, and the last it said, without secrets."""
        outcome = self._outcome or {}
        match outcome:
            case {"failed": why}:
                return f"{self._launch.program!r} could not be started: {why}"
            case {"signal": int(number)}:
                how = f"was ended by {_signal_name(number)}"
            case {"exit": code}:
                how = f"ended with exit code {code}"
            case _:
                how = "closed its output"
        words = self.last_words()
        return f"it {how}; the last it said: {words}" if words else f"it {how} and said nothing on standard error"

    def last_words(self) -> str:
        """The end of its standard error in one line, without secrets; empty if it said nothing."""
        text = _ANSI.sub("", b"".join(self._stderr).decode("utf-8", "replace")).strip()
        lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
        told = self._launch.masked(" | ".join(lines[-_SHOWN_LINES:]))
        return told if len(told) <= _SHOWN_CHARS else f"... {told[-_SHOWN_CHARS:]}"

    def _let_go(self, word: bytes = b"") -> None:
        """Closes the control pipe, after a word to the guard."""
        if self._control >= 0:
            if word:
                with contextlib.suppress(OSError):
                    os.write(self._control, word)
            os.close(self._control)
            self._control = -1

    def _settle(self) -> None:
        """Reads how the server ended, once the guard is gone; kills what a killed guard left."""
        if self._status < 0:
            return
        os.set_blocking(self._status, False)
        with contextlib.suppress(OSError, ValueError):
            self._outcome = json.loads(os.read(self._status, 4096).split(b"\n")[0])
        os.close(self._status)
        self._status = -1
        self._let_go()
        if self._outcome is None:
            self._kill_group()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._guard.pid, signal.SIGKILL)

    async def _listen(self) -> None:
        assert self._guard.stderr is not None
        while chunk := await self._guard.stderr.read(_CHUNK):
            self._stderr.append(chunk[-_STDERR_BYTES:])
            self._stderr_size += len(self._stderr[-1])
            while self._stderr_size - len(self._stderr[0]) >= _STDERR_BYTES:
                self._stderr_size -= len(self._stderr.popleft())


def _line(parts: list[bytes], end: bytes, size: int, max_bytes: int) -> bytes | TooLong:
    size += len(end)
    if size <= max_bytes:
        return b"".join([*parts, end])
    return TooLong(parts[0][:256], (parts[-1] + end)[-256:], size)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
