"""Runs source text inside a sandbox that is already built: takes the last rights away, runs it, tells how it went.

Rule: this file is run as a program on nothing but the standard library, also by `walls`; it imports nothing of ours.

It reads a job as JSON from standard input and writes to the descriptor `report`: one line of JSON, then the bytes of
the files that the source left in `out/`, one after another.
"""

from __future__ import annotations

import ast
import base64
import builtins
import ctypes
import json
import os
import resource
import stat
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

NAME = "<code>"
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _PR_SET_DUMPABLE = 38, 22, 4
_FILTER_MODE = 2
_TRACE_CHARS = 4000


class _Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def serve(job: Mapping[str, Any]) -> None:
    """Runs the job's source and reports; never returns."""
    report = int(job["report"])
    room = {"__name__": "__main__", "__builtins__": builtins, "inputs": job["inputs"], "files": job["files"]}
    try:
        _settle(job)
        _lock(job)
    except OSError as error:
        _tell(report, {"refused": f"{type(error).__name__}: {error}"}, {})
        os._exit(70)
    told = _ran(str(job["source"]), room)
    left = _left("out", int(job["limits"]["file_bytes"])) if "error" not in told else {}
    sys.stdout.flush()
    sys.stderr.flush()
    _tell(report, told, left)
    os._exit(0)


def _settle(job: Mapping[str, Any]) -> None:
    """Folder, module path and standard input of the source."""
    os.chdir(job["scratch"])
    os.makedirs("out", exist_ok=True)  # noqa: PTH103
    sys.path[:] = [path for path in sys.path if path.startswith((sys.base_prefix, "/usr"))] + list(job["packages"])
    sys.dont_write_bytecode = True
    sys.argv = [NAME]
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.closerange(3, int(job["report"]))
    os.closerange(int(job["report"]) + 1, 1024)


def _lock(job: Mapping[str, Any]) -> None:
    """Limits, then no new rights, then the filter of system calls; none can be taken back.

    Raises:
        OSError: one of them can't be set.
    """
    limits = job["limits"]
    seconds = int(limits["cpu_s"])
    for kind, soft, hard in (
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_FSIZE, limits["scratch_bytes"], limits["scratch_bytes"]),
        (resource.RLIMIT_NOFILE, 128, 128),
        (resource.RLIMIT_NPROC, limits["threads"], limits["threads"]),
        (resource.RLIMIT_MEMLOCK, 0, 0),
        (resource.RLIMIT_CPU, seconds, seconds),
        (resource.RLIMIT_AS, limits["memory_bytes"], limits["memory_bytes"]),
    ):
        most = resource.getrlimit(kind)[1]
        fits = [value if most == resource.RLIM_INFINITY else min(value, most) for value in (soft, hard)]
        resource.setrlimit(kind, (fits[0], fits[1]))
    libc = ctypes.CDLL(None, use_errno=True)
    code = base64.b64decode(job["filter"])
    held = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.cast(held, ctypes.c_void_p))
    for arguments in (
        (_PR_SET_DUMPABLE, 0, 0, 0, 0),
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _FILTER_MODE, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), f"prctl {arguments[0]}")


def _ran(source: str, room: dict[str, Any]) -> dict[str, Any]:
    """`{"result": JSON text}`, or `{"error": ...}` with what went wrong and where."""
    try:
        _execute(source, room)
    except SystemExit as error:
        if error.code not in (None, 0):
            return {"error": {"type": "SystemExit", "text": f"it ended itself with {error.code!r}", "line": 0}}
    except BaseException as error:  # noqa: BLE001  # the border: whatever the source raises becomes data
        return {"error": _described(error)}
    try:
        return {"result": json.dumps(room.get("result"), default=_as_data, allow_nan=False, ensure_ascii=True)}
    except (TypeError, ValueError, RecursionError, MemoryError) as error:
        return {"error": {"type": "ResultError", "text": f"its result is no data: {error}", "line": 0}}


def _execute(source: str, room: dict[str, Any]) -> None:
    """Runs source; when it ends in an expression and sets no `result`, that expression's value is the result."""
    tree = ast.parse(source, NAME)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, NAME, "exec"), room)  # noqa: S102  # this is what the sandbox is for
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), NAME, "eval"), room)  # noqa: S307
        room.setdefault("result", value)


def _described(error: BaseException) -> dict[str, Any]:
    """Type, text, the line of the source, and the traceback without our own frames."""
    try:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
        line = next((frame.lineno for frame in reversed(frames) if frame.filename == NAME), 0)
        if isinstance(error, SyntaxError) and error.filename == NAME:
            line = error.lineno or 0
        trace = "".join(traceback.format_list(frames))[-_TRACE_CHARS:]
        return {"type": type(error).__name__, "text": str(error)[:_TRACE_CHARS], "line": line or 0, "trace": trace}
    except BaseException:  # noqa: BLE001  # an exception whose text raises, or no memory left
        return {"type": type(error).__name__, "text": "", "line": 0, "trace": ""}


def _as_data(value: Any) -> Any:
    """What JSON has no form for, as the nearest thing it has: numbers of fixed point and dates are text."""
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    for name in ("isoformat", "to_dicts", "to_list", "tolist", "_asdict"):
        if callable(method := getattr(value, name, None)) and not isinstance(value, type):
            return method()
    if type(value).__name__ in ("Decimal", "Fraction", "UUID", "PosixPath", "timedelta"):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    fields: Callable[..., Any] | None = getattr(type(value), "__dataclass_fields__", None)
    if fields is not None:
        return {name: getattr(value, name) for name in getattr(value, "__dataclass_fields__", ())}
    raise TypeError(f"{type(value).__name__} is not a dict, list, text, number, bool or None")


def _left(folder: str, most_bytes: int) -> dict[str, bytes]:
    """The regular files in a folder by name, as far as they fit; links are not followed."""
    found: dict[str, bytes] = {}
    size = 0
    try:
        names = sorted(os.listdir(folder))[:100]  # noqa: PTH208
    except OSError:
        return {}
    for name in names:
        path = f"{folder}/{name}"
        try:
            if not stat.S_ISREG(os.lstat(path).st_mode):
                continue
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(handle, "rb") as stream:
                content = stream.read(most_bytes - size + 1)
        except (OSError, MemoryError):
            continue
        if size + len(content) > most_bytes:
            break
        size += len(content)
        found[name] = content
    return found


def _tell(report: int, told: Mapping[str, Any], left: Mapping[str, bytes]) -> None:
    head = json.dumps(dict(told) | {"files": [[name, len(content)] for name, content in left.items()]})
    for part in (head.encode() + b"\n", *left.values()):
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(report, rest) :]


if __name__ == "__main__":
    serve(json.loads(sys.stdin.buffer.read()))
