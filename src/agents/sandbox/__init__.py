"""Runs Python given as text where it can harm nothing: `Sandbox.run`.

No network, no other processes, nothing to write to but a scratch folder in memory, nothing to see but Python, its
packages and the files that were asked for; limits on processor time, time, memory, output and threads.

Rule: a way of building the sandbox is used only after attacks from inside it were tried on this machine and failed.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ...errors import ConfigError, ToolError
from . import calls, kinds, process
from .kinds import Kind
from .room import ENVIRONMENT, FILES, SCRATCH, room, shown_files

__all__ = ["Sandbox", "Limits", "Outcome", "Kind"]

_MIB = 1 << 20
_JOB_BYTES = 64 * _MIB
_WALLS = "; there is no network here, no other program, and only the working folder can be written"
_HINTS = {
    "MemoryError": "; it used more memory than it may",
    **dict.fromkeys(("PermissionError", "URLError", "gaierror", "ConnectionError"), _WALLS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run may use. `seconds` is time on the wall, `memory_bytes` address space, `output_bytes` each of
    standard output and standard error, `file_bytes` all files it leaves together. None may be 0.
    """

    seconds: float = 30.0
    cpu_s: int = 20
    memory_bytes: int = 1024 * _MIB
    scratch_bytes: int = 64 * _MIB
    output_bytes: int = _MIB
    result_bytes: int = 16 * _MIB
    file_bytes: int = 32 * _MIB
    threads: int = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a run. `result` is plain data; `files` are those it left in `out/`, by name."""

    result: Any
    stdout: str
    stderr: str
    sandbox: Kind
    seconds: float
    files: Mapping[str, bytes] = field(default_factory=dict)


class Sandbox:
    """Runs source text. Any number at the same time, from any thread; nothing of one run is left for the next."""

    def __init__(self, limits: Limits | None = None, *, kind: Kind | Literal["auto"] = "auto") -> None:
        """`kind` auto: the first way that withstands the attacks. Nothing is tried before the first run."""
        if kind not in ("auto", *kinds.KINDS):
            raise ConfigError(f"expected auto, {', '.join(kinds.KINDS)} as the kind of sandbox, got {kind!r}")
        self._limits = limits or Limits()
        self._kind: Kind | Literal["auto"] = kind

    @property
    def kind(self) -> Kind:
        """The way that is used on this machine.

        Raises:
            ToolError: none is safe here; says why.
        """
        from .trial import safe_kind

        return safe_kind(self._kind)

    def run(
        self,
        source: str,
        inputs: Mapping[str, Any] | None = None,
        files: Sequence[Path] = (),
        *,
        limits: Limits | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Runs `source`, which sees `inputs` (plain data) and `files` (paths by name), in a folder of its own.

        Its result is the variable `result`, else the value of an expression in its last line, else None. Numbers of
        fixed point and dates come back as text.

        Raises:
            ToolError: the source raised, was ended by a limit, gave no data; or no way to run it is safe here.
        """
        return run_as(self.kind, source, inputs or {}, files, limits=limits or self._limits, cancelled=cancelled)


def run_as(
    kind: Kind,
    source: str,
    inputs: Mapping[str, Any],
    files: Sequence[Path] = (),
    *,
    limits: Limits | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Outcome:
    """As `Sandbox.run`, in a sandbox of one kind, whether it was tried or not."""
    limits = limits or Limits()
    named = shown_files(files)
    job = _job(source, inputs, named, limits)
    bounds = process.Bounds(
        seconds=limits.seconds,
        output_bytes=limits.output_bytes,
        report_bytes=limits.result_bytes + limits.file_bytes,
    )
    try:
        said = process.ran(
            lambda _: kinds.command(kind, room(), job),
            lambda report: _packed(job | {"report": report}),
            bounds,
            environment=ENVIRONMENT,
            cancelled=cancelled,
        )
    except OSError as error:
        raise ToolError(f"the sandbox {kind!r} can't be built here: {error}") from error
    return _outcome(kind, said, limits)


def _job(source: str, inputs: Mapping[str, Any], files: Mapping[str, Path], limits: Limits) -> dict[str, Any]:
    try:
        code = base64.b64encode(calls.program()).decode()
    except OSError as error:
        raise ToolError(f"a sandbox can't be built here: {error}") from error
    for name, path in files.items():
        if not path.is_file() or _is_of_the_kernel(path):
            raise ToolError(f"expected a file with data for {name!r}, got {str(path)!r}, which is none")
    shown = [*room().shown, *((os.path.realpath(path), f"{FILES}/{name}") for name, path in files.items())]
    return {
        "source": source,
        "inputs": dict(inputs),
        "files": {name: f"{FILES}/{name}" for name in files},
        "limits": asdict(limits),
        "filter": code,
        "inside": str(kinds.INSIDE),
        "packages": list(room().packages),
        "shown": shown,
        "links": list(room().links),
        "devices": kinds.devices(),
        "scratch": SCRATCH,
        "root": kinds.ROOT,
    }


def _is_of_the_kernel(path: Path) -> bool:
    """Whether it is made up by the kernel when it is read, such as another process's variables."""
    return os.path.realpath(path).startswith(("/proc/", "/sys/", "/dev/"))


def _packed(job: Mapping[str, Any]) -> bytes:
    try:
        body = json.dumps(job, allow_nan=False).encode("utf-8", "replace")
    except (TypeError, ValueError) as error:
        raise ToolError(f"expected inputs of plain data, got something else: {error}") from error
    if len(body) > _JOB_BYTES:
        raise ToolError(f"expected source and inputs of at most {_JOB_BYTES} bytes, got {len(body)}; pass files")
    return body


def _outcome(kind: Kind, said: process.Said, limits: Limits) -> Outcome:
    told, files = _report(said)
    if reason := _stopped(said, told, limits):
        raise ToolError(reason + _tail(said))
    if "refused" in told:
        raise ToolError(f"the sandbox {kind!r} can't be built here: {told['refused']}")
    if "error" in told:
        raise ToolError(_failure(told["error"]))
    return Outcome(
        result=told["result"],
        stdout=said.stdout.decode("utf-8", "replace"),
        stderr=said.stderr.decode("utf-8", "replace"),
        sandbox=kind,
        seconds=round(said.seconds, 3),
        files=files,
    )


def _report(said: process.Said) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What the inside reported; the source can write there too, so nothing of it is believed without a look."""
    head, _, rest = bytes(said.report).partition(b"\n")
    try:
        told = json.loads(head)
        if "result" in told:
            told["result"] = json.loads(told["result"], parse_constant=_no_number)
        files, place = {}, 0
        for name, size in told.get("files", []):
            if (
                not isinstance(name, str)
                or name != Path(name).name
                or not isinstance(size, int)
                or not 0 <= size <= len(rest) - place
            ):
                return {}, {}
            files[name] = rest[place : place + size]
            place += size
    except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error):
        return {}, {}
    return (told, files) if isinstance(told, dict) and {"result", "error", "refused"} & told.keys() else ({}, {})


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _stopped(said: process.Said, told: Mapping[str, Any], limits: Limits) -> str:
    """Why there is no report, as a sentence; empty when there is one."""
    match said.ended:
        case "time":
            return f"the code did not end within {limits.seconds:g} s; do less, or raise the limit"
        case "output":
            return (
                f"the code gave more than {limits.output_bytes} bytes of output or {limits.result_bytes} of results; "
                "print less, or return less"
            )
        case "cancelled":
            return "the code was cancelled"
    if told:
        return ""
    if said.code in (128 + 24, 128 + 9):
        return f"the code used more than {limits.cpu_s} s of processor time, or was killed; do less, or raise the limit"
    return f"the code ended without a result (exit status {said.code})"


def _failure(error: Any) -> str:
    if not isinstance(error, dict):
        return "the code failed without saying how"
    line = f" in line {error['line']}" if error.get("line") else ""
    hint = _HINTS.get(str(error.get("type")), "")
    return f"the code raised {error.get('type', 'an error')}{line}: {str(error.get('text', ''))[:1000]}{hint}"


def _tail(said: process.Said) -> str:
    text = said.stderr[-400:].decode("utf-8", "replace").strip()
    return f"; it said: {text}" if text else ""
