"""Processes that run tools marked `process=True`: they can be killed, and a crash costs one step only.

Rule: nothing is pickled; a worker gets the place of a function and plain data, and returns plain data (see `worker`).
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ToolError, TransientError
from .results import plain
from .tool import Tool, ToolContext, batch_results
from .worker import HEAD, error_from, framed, packed, unpacked

if TYPE_CHECKING:
    from ..config import Config

MEMORY_BYTES = 4 * 2**30
WORKER = "planloom.agents.worker"
_TAIL_BYTES = 4096
_LARGE_BYTES = 1_000_000


class Workers:
    """At most `count` worker processes, started when needed, reused, killed when their call is cancelled.

    `memory_bytes` is what one may allocate, 0: no limit. One event loop uses it, any number of tasks.
    """

    def __init__(self, count: int, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self._memory_bytes = memory_bytes
        self._slots = asyncio.Semaphore(count)
        self._idle: list[_Process] = []
        self._all: set[_Process] = set()
        self._closed = False

    async def call(self, tool: Tool, arguments: Any, context: ToolContext, *, batch: bool = False) -> Any:
        """What the tool's function returns, as plain data (or bytes).

        `arguments` is a dict; with `batch` a list of them for the tool's batch form, and the result is a list of
        results and exceptions in the same order. Progress and artifacts go to `context` while it runs. Cancelling
        kills the process and everything it started.

        Raises:
            PlanloomError: what the function raised, of the same class; other exceptions become ToolError.
            ToolError: the process died; says how, and the last it printed.
        """
        request = framed(packed(_request(tool, arguments, context, batch=batch)))
        async with self._slots:
            reply = await self._reply(tool, request, context)
        if "items" in reply:
            return batch_results(tool, [_outcome(item) for item in reply["items"]], len(arguments))
        result = _outcome(reply)
        if isinstance(result, BaseException):
            raise result
        return result

    async def close(self) -> None:
        """Kills what is left and waits until it is gone. Calls under way end with a ToolError. May be repeated."""
        self._closed = True
        self._idle.clear()
        for process in self._all:
            process.kill()
        while self._all:
            process = next(iter(self._all))
            await process.gone()
            self._all.discard(process)

    def __repr__(self) -> str:
        return f"Workers(processes={len(self._all)}, idle={len(self._idle)}, closed={self._closed})"

    async def _reply(self, tool: Tool, request: bytes, context: ToolContext) -> Any:
        """One call on an idle or a new process; again on another if the process was dead before it took the call."""
        while True:
            process, is_new = await self._take()
            try:
                reply = await process.ask(request, context)
            except _DiedError as death:
                await self._drop(process)
                if self._closed:
                    raise ToolError(f"{tool.name}: the worker processes were closed while it ran") from None
                if death.taken or is_new:
                    raise ToolError(f"{tool.name}: {process.epitaph()}") from None
            except BaseException:
                await self._drop(process)
                raise
            else:
                if not self._closed:
                    self._idle.append(process)
                return reply

    async def _take(self) -> tuple[_Process, bool]:
        if self._closed:
            raise ToolError("expected open worker processes, got closed ones; this run is over")
        if self._idle:
            return self._idle.pop(), False
        if _is_worker():
            raise ToolError("expected to be outside a worker process; guard the script: if __name__ == '__main__'")
        try:
            process = await _Process.start(self._memory_bytes)
        except OSError as error:
            raise TransientError(f"a worker process can't be started now: {error}") from error
        self._all.add(process)
        if self._closed:  # while it was starting
            process.kill()
        return process, True

    async def _drop(self, process: _Process) -> None:
        """Ends a process for good. If this wait is cancelled too, `close` finishes it."""
        await process.end()
        self._all.discard(process)


class _DiedError(Exception):
    """The process ended in mid-call; `taken` says whether it had begun."""

    def __init__(self, *, taken: bool) -> None:
        super().__init__()
        self.taken = taken


class _Process:
    """One worker and its pipes, and the last it printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._tail = bytearray()
        self._listener = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, memory_bytes: int) -> _Process:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", WORKER),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            start_new_session=True,
            limit=_LARGE_BYTES,
        )
        self = cls(process)
        self._write(framed(packed({"path": list(sys.path), "memory_bytes": memory_bytes})))
        return self

    async def ask(self, request: bytes, context: ToolContext) -> Any:
        """The final message of a call.

        Raises:
            _DiedError: the process ended first.
        """
        self._tail.clear()
        taken = False
        try:
            self._write(request)
            await self._stdin.drain()
            while True:
                match await self._receive():
                    case {"taken": _}:
                        taken = True
                    case {"progress": [done, total, note]}:
                        context.progress(done, total, note)
                    case {"artifact": [path, media_type]}:
                        context.artifact(Path(path), media_type)
                    case final:
                        return final
        except (asyncio.IncompleteReadError, ConnectionError):
            raise _DiedError(taken=taken) from None

    def kill(self) -> None:
        """Kills the process and everything it started; not an error if it is gone."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def end(self) -> None:
        """Gives a process that is ending by itself a moment, then kills it; returns when it is gone."""
        try:
            if self._stdout.at_eof():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._process.wait(), 1.0)
        finally:
            self.kill()
        await self.gone()

    async def gone(self) -> None:
        """Waits for the killed process and closes its pipes."""
        self._stdin.close()
        await asyncio.shield(self._listener)
        while await self._stdout.read(_LARGE_BYTES):
            pass
        await self._process.wait()

    def epitaph(self) -> str:
        """How it ended, and the last it printed."""
        code = self._process.returncode or 0
        how = f"ended with exit code {code}" if code >= 0 else f"was killed by {_signal_name(-code)}"
        said = self._tail.decode("utf-8", "replace").strip()
        return f"its worker process {how} before it had a result" + (f"; the last it printed: {said}" if said else "")

    @property
    def _stdin(self) -> asyncio.StreamWriter:
        assert self._process.stdin is not None  # all three are pipes, see start
        return self._process.stdin

    @property
    def _stdout(self) -> asyncio.StreamReader:
        assert self._process.stdout is not None
        return self._process.stdout

    def _write(self, frame: bytes) -> None:
        self._stdin.write(frame)

    async def _receive(self) -> Any:
        size = HEAD.unpack(await self._stdout.readexactly(HEAD.size))[0]
        body = await self._stdout.readexactly(size)
        return unpacked(body) if size < _LARGE_BYTES else await asyncio.to_thread(unpacked, body)

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        while said := await self._process.stderr.read(_TAIL_BYTES):
            self._tail += said
            del self._tail[:-_TAIL_BYTES]


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _is_worker() -> bool:
    """Whether this process is a worker itself: a script that starts runs when it is imported must not multiply."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec is not None and spec.name == WORKER


def _outcome(reply: Mapping[str, Any]) -> Any:
    return error_from(reply["error"]) if "error" in reply else reply["value"]


def _request(
    tool: Tool, arguments: Mapping[str, Any] | Sequence[Mapping[str, Any]], context: ToolContext, *, batch: bool
) -> dict[str, Any]:
    function = tool.batch_function if batch else tool.function
    if function is None:
        raise ToolError(f"{tool.name}: expected a tool with a batch form, got one without")
    space = context.workspace
    names = ("run_id", "step_id", "attempt", "feedback", "idempotency_key")
    return {
        "tool": tool.name,
        **_place(function),
        "batch": batch,
        "arguments": plain(arguments, where="arguments"),
        "context": {
            "workspace": {
                "root": str(space.root),
                "out": str(space.out),
                "also_writable": [str(path) for path in space.also_writable],
            },
            "config": _config(context.config),
            "plain": {name: getattr(context, name) for name in names},
        },
    }


def _config(config: Config) -> dict[str, Any]:
    """Without what holds keys and passwords: a tool in another process has no business with them."""
    left_out: Any = {"models": True, "mcp": True, "server": True, "tools": {"sql": {"databases"}}}
    told: dict[str, Any] = _without_secrets(config.model_dump(exclude=left_out))
    return told


def _without_secrets(value: Any) -> Any:
    """Plain data with nothing in the place of each secret."""
    if isinstance(value, dict):
        return {name: _without_secrets(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_secrets(inner) for inner in value]
    return "" if callable(getattr(value, "get_secret_value", None)) else value


def _place(function: Callable[..., Any]) -> dict[str, str]:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return {
        "module": function.__module__,
        "file": os.path.abspath(code.co_filename) if code else "",  # noqa: PTH100  # links are kept: they name modules
        "name": function.__qualname__,
    }
