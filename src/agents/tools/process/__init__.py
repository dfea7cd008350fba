"""Runs commands that the settings allow, without a shell.

Rule: a command is a list of words that one pattern of `tools.process.allow` matches word by word; nothing it started
outlives the call.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from ....config.actions import Process
from ....errors import AccessError, ToolError
from ...mcp import guard
from ...sandbox import process
from ...tool import ToolContext, tool
from .allowing import Pattern, allowed_by, patterns
from .finding import program_of

_TIMEOUT_S = 7200.0  # the setting tools.process.timeout_s is what counts
_KEPT = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "SYSTEMROOT", "TEMP", "TMP")
_GRACE_S = "2"
_SHOWN_CHARS = 300

Words = Annotated[list[Annotated[str, Field(max_length=100_000)]], Field(min_length=1, max_length=1_000)]


class CommandResult(TypedDict):
    """`exit_code` is what the command says of itself, 0 in general for success; 128 and the signal when one ended it.

    `left_out`: bytes cut from the middle of both streams. `seconds` on the wall.
    """

    command: list[str]
    exit_code: int
    stdout: str
    stderr: str
    left_out: int
    seconds: float


@tool(effect="write", timeout_s=_TIMEOUT_S, destructive=True)
def run(
    command: Words, folder: str = ".", stdin: str = "", must_succeed: bool = True, *, context: ToolContext
) -> CommandResult:
    """Runs a command that the settings allow (tools.process.allow), as a list of words, without a shell.

    With `must_succeed` an exit status other than 0 is an error.
    """
    settings = context.config.tools.process
    where = _folder(folder, context)
    pattern = _allowed(command, settings, where, context)
    program = program_of(pattern, context.workspace.root)
    said = _said([str(program), *command[1:]], where, stdin, settings, context)
    result = _result(command, said, settings)
    if must_succeed and result["exit_code"] != 0:
        told = (result["stderr"].strip() or result["stdout"].strip())[-_SHOWN_CHARS:]
        raise ToolError(f"{command[0]!r} ended with exit status {result['exit_code']}: {told or 'it said nothing'}")
    return result


@tool(effect="read")
def allowed(*, context: ToolContext) -> list[str]:
    """Lists the patterns of commands that may be run; * stands for a word, ** at the end for any further ones."""
    return list(context.config.tools.process.allow)


def _folder(folder: str, context: ToolContext) -> Path:
    found = context.workspace.readable(folder)
    if not found.is_dir():
        raise ToolError(f"expected a folder to run in, got the file {str(found)!r}")
    if not any(found.is_relative_to(root) for root in (context.workspace.root, context.workspace.out)):
        raise AccessError(f"expected a folder inside the workspace, got {str(found)!r}")
    return found


def _allowed(command: list[str], settings: Process, where: Path, context: ToolContext) -> Pattern:
    if not settings.allow:
        raise AccessError(
            "no command is allowed; name those that may be run in the setting tools.process.allow, as ['make test']"
        )
    if any("\0" in word for word in command):
        raise ToolError("expected words without NUL characters")
    roots = (context.workspace.root, context.workspace.out)
    found = allowed_by(patterns(settings.allow), command, where, roots)
    if isinstance(found, str):
        raise AccessError(found)
    return found


def _said(command: list[str], where: Path, stdin: str, settings: Process, context: ToolContext) -> process.Said:
    told, control = os.pipe()
    environment = {name: os.environ[name] for name in (*_KEPT, *settings.env) if name in os.environ}
    try:
        return process.ran(
            lambda report: [sys.executable, "-I", "-S", guard.__file__, str(told), str(report), _GRACE_S, *command],
            lambda _: stdin.encode("utf-8", "replace"),
            process.Bounds(
                seconds=settings.timeout_s, output_bytes=settings.output_bytes, report_bytes=65_536, cut=True
            ),
            environment=environment | {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"},
            folder=str(where),
            cancelled=context.cancelled,
            inherited=(told,),
            stop=lambda: _ask_to_end(control),
        )
    except OSError as error:
        raise ToolError(f"expected to start {command[0]!r}, could not: {error}") from error
    finally:
        os.close(told)
        os.close(control)


def _ask_to_end(control: int) -> None:
    with contextlib.suppress(OSError):
        os.write(control, b"k")


def _result(command: list[str], said: process.Said, settings: Process) -> CommandResult:
    match said.ended:
        case "time":
            raise ToolError(f"{command[0]!r} did not end within {settings.timeout_s:g} s (tools.process.timeout_s)")
        case "cancelled":
            raise ToolError(f"{command[0]!r} was cancelled")
    outcome = _outcome(bytes(said.report))
    if "failed" in outcome:
        raise ToolError(f"expected to start {command[0]!r}, could not: {outcome['failed']}")
    code = int(outcome.get("exit", 128 + int(outcome.get("signal", 0))))
    return {
        "command": command,
        "exit_code": code,
        "stdout": said.stdout.decode("utf-8", "replace"),
        "stderr": said.stderr.decode("utf-8", "replace"),
        "left_out": sum(said.cut),
        "seconds": round(said.seconds, 3),
    }


def _outcome(report: bytes) -> Mapping[str, Any]:
    """The last line that the guard wrote; the command could not write there."""
    try:
        found = json.loads(report.splitlines()[0])
    except (ValueError, IndexError):
        return {"failed": "its guard was ended"}
    return found if isinstance(found, dict) else {"failed": "its guard was ended"}
