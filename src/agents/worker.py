"""The worker process: runs tools that were marked `process=True`, one call after another, until its input ends.

Rule: this process shares nothing with the one that started it but two pipes, which carry frames: a length (4 bytes,
big endian) and that many bytes of msgpack. What a tool prints goes to standard error. The other end is `workers`.

To the worker: first `{path, memory_bytes}`, then calls `{tool, module, file, name, batch, arguments, context}`.
From the worker, for each call: `{taken}`, any number of `{progress}` and `{artifact}`, then `{value}`, `{items}` or
`{error}`.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import queue
import signal
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import msgpack

from .. import errors
from ..config import Config
from .call import translated
from .registry import load_module
from .results import plain
from .tool import Tool, ToolContext
from .workspace import Workspace

HEAD = struct.Struct(">I")
PROGRESS_INTERVAL_S = 0.05


def framed(body: bytes) -> bytes:
    """`body` with its length in front.

    Raises:
        ResultError: more than 4 GiB.
    """
    if len(body) >= 2**32:
        raise errors.ResultError(f"expected at most 4 GiB for a worker process, got {len(body)} bytes; pass a path")
    return HEAD.pack(len(body)) + body


def packed(message: Mapping[str, Any]) -> bytes:
    """A message as msgpack.

    Raises:
        ResultError: it is nested too deep for msgpack.
    """
    try:
        body: bytes = msgpack.packb(message, unicode_errors="replace")
    except ValueError as error:
        raise errors.ResultError(f"expected data nested less than 500 deep, got more ({error})") from error
    return body


def unpacked(body: bytes) -> Any:
    """What `packed` made."""
    return msgpack.unpackb(body, strict_map_key=False)


def error_data(tool: str, error: BaseException) -> dict[str, Any]:
    """An exception as plain data: the nearest class of our tree, its text, its attributes, where it was raised."""
    trace = "".join(traceback.format_exception(error)[-12:])[-4000:]
    if not isinstance(error, Exception):  # SystemExit
        error = errors.ToolError(f"{tool} raised {type(error).__name__}: {error}")
    error = translated(Tool(name=tool, description="", function=error_data, effect="pure"), error)
    known = next(c for c in type(error).__mro__ if c.__module__ == errors.__name__)
    attributes = {}
    for name, value in vars(error).items():
        if not name.startswith("__"):
            with contextlib.suppress(errors.ResultError):
                attributes[name] = plain(value)
    return {"class": known.__name__, "text": str(error), "attributes": attributes, "trace": trace}


def error_from(data: Mapping[str, Any]) -> errors.PlanloomError:
    """The exception that `error_data` described, with the worker's traceback as its note."""
    kind = getattr(errors, data["class"])
    error: errors.PlanloomError = kind.__new__(kind)
    error.args = (data["text"],)
    vars(error).update(data["attributes"])
    error.add_note("in the worker process:\n" + data["trace"])
    return error


def main() -> None:
    """Serves calls from standard input."""
    source, sink = _own_pipes()
    _die_with_parent()
    calls: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(source, calls), daemon=True).start()
    start = unpacked(calls.get())
    sys.path[:] = start["path"]
    _limit_memory(start["memory_bytes"])
    while True:
        call = unpacked(calls.get())
        _send(sink, {"taken": True})
        _serve(call, sink)


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes under new numbers that no child inherits; 0 becomes empty, 1 becomes standard error."""
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return source, sink


def _die_with_parent() -> None:
    if sys.platform != "linux":
        return  # the end of standard input says it too, see `_receive`
    import ctypes

    pr_set_pdeathsig = 1
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)


def _receive(source: BinaryIO, calls: queue.SimpleQueue[bytes]) -> None:
    """Reads calls; when the other side is gone, ends this process and what its tools started, even in mid-call."""
    while len(head := source.read(HEAD.size)) == HEAD.size:
        size = HEAD.unpack(head)[0]
        body = source.read(size)
        if len(body) < size:
            break
        calls.put(body)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _limit_memory(size_bytes: int) -> None:
    """Limits private writable memory; mapped files don't count."""
    if size_bytes <= 0:
        return
    import resource

    with contextlib.suppress(ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limit = size_bytes if hard == resource.RLIM_INFINITY else min(size_bytes, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def _send(sink: BinaryIO, message: Mapping[str, Any]) -> None:
    sink.write(framed(packed(message)))
    sink.flush()


def _serve(call: Mapping[str, Any], sink: BinaryIO) -> None:
    channel = _Channel(sink)
    limit = call["context"]["config"]["execution"]["max_result_bytes"]
    try:
        body = _bounded(_answer(call, channel), limit)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # the border: whatever a tool raises becomes data
        body = packed({"error": error_data(call["tool"], error)})
    channel.close()
    sink.write(framed(body))
    sink.flush()


def _bounded(answer: Mapping[str, Any], limit_bytes: int) -> bytes:
    body = packed(answer)
    if 0 < limit_bytes < len(body):
        raise errors.ResultError(
            f"expected a result of at most {limit_bytes} bytes (execution.max_result_bytes), got {len(body)}; "
            "write a file and return its path"
        )
    return body


def _answer(call: Mapping[str, Any], channel: _Channel) -> dict[str, Any]:
    target = _target(call["module"], call["file"], call["name"])
    if isinstance(target, Tool) and not call["batch"]:
        values = target.validated(call["arguments"]) | _context_argument(target.function, call["context"], channel)
        result = target.function(**values)
        return {"value": _plain(result if isinstance(result, bytes) else target.checked(result))}
    extra = _context_argument(target, call["context"], channel)
    if not call["batch"]:
        return {"value": _plain(target(**call["arguments"], **extra))}
    results = target([dict(one) for one in call["arguments"]], **extra)
    if not isinstance(results, (list, tuple)):
        raise errors.ToolError(f"expected a list from the batch form, got {type(results).__name__}")
    return {"items": [_item(call["tool"], result) for result in results]}


def _plain(result: Any) -> Any:
    return result if isinstance(result, bytes) else plain(result)


def _item(tool: str, result: Any) -> dict[str, Any]:
    if not isinstance(result, BaseException):
        try:
            return {"value": _plain(result)}
        except errors.ResultError as error:
            result = error
    return {"error": error_data(tool, result)}


@lru_cache(maxsize=1024)
def _target(module: str, file: str, name: str) -> Any:
    """The tool or function that is called `name` at the top of a module.

    The module is imported by its name when that leads to `file`, else loaded from the file (never as `__main__`).
    """
    found: Any = _module(module, file)
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise errors.ToolError(
            f"expected {name!r} at the top of {file or module!r}, got nothing; a tool that runs in a worker process "
            "must keep the name it was defined with"
        )
    return found


def _module(name: str, file: str) -> Any:
    try:
        spec = importlib.util.find_spec(name) if name != "__main__" else None
    except (ImportError, ValueError):
        spec = None
    if spec is not None and (not file or _same(spec.origin, file)):
        return importlib.import_module(name)
    return _loaded(file)


@lru_cache(maxsize=256)
def _loaded(file: str) -> Any:
    return load_module(file)


def _same(origin: str | None, file: str) -> bool:
    return origin is not None and Path(origin).exists() and Path(file).exists() and Path(origin).samefile(file)


def _context_argument(function: Callable[..., Any], data: Mapping[str, Any], channel: _Channel) -> dict[str, Any]:
    """The context under the name of the parameter that takes it, empty if there is none."""
    name = Tool(name="", description="", function=function, effect="pure").context_parameter
    if name is None:
        return {}
    space = data["workspace"]
    workspace = Workspace(
        Path(space["root"]), Path(space["out"]), also_writable=[Path(p) for p in space["also_writable"]]
    )
    context = ToolContext(
        workspace=workspace,
        config=Config.model_validate(data["config"]),
        progress=channel.progress,
        artifact=channel.artifact,
        **data["plain"],
    )
    return {name: context}


class _Channel:
    """What a tool reports while it runs, from any of its threads. Progress is thinned to 20 messages a second."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self._lock = threading.Lock()
        self._sent_s = 0.0
        self._held: list[Any] | None = None
        self._open = True

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        message = [float(done), None if total is None else float(total), str(note)]
        with self._lock:
            self._held = message
            if time.monotonic() - self._sent_s >= PROGRESS_INTERVAL_S:
                self._flush()

    def artifact(self, path: Path, media_type: str | None = None) -> None:
        with self._lock:
            if self._open:
                _send(self._sink, {"artifact": [str(path), media_type]})

    def close(self) -> None:
        """Sends the last progress; what threads report later belongs to no call and is dropped."""
        with self._lock:
            self._flush()
            self._open = False

    def _flush(self) -> None:
        if self._held is not None and self._open:
            _send(self._sink, {"progress": self._held})
            self._held, self._sent_s = None, time.monotonic()


if __name__ == "__main__":
    main()
