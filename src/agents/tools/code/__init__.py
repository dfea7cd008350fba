"""Runs Python that a plan brings along, in a sandbox that can reach nothing but what it is given.

Rule: it changes nothing outside its sandbox but new files in the run's own folder, so its effect is `read`.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from ....config.actions import Code
from ....errors import ToolError
from ...sandbox import Kind, Limits, Sandbox
from ...tool import ToolContext, tool

_TIMEOUT_S = 900.0  # the setting tools.code.timeout_s is what counts; this is above any sensible one

Source = Annotated[str, Field(min_length=1, max_length=200_000)]


class LeftFile(TypedDict):
    """A file that the code left in `out/`, now in the run's folder."""

    name: str
    path: str
    bytes: int


class CodeResult(TypedDict):
    """`result`: plain data. `sandbox`: how the code was walled in. `seconds` on the wall."""

    result: Any
    stdout: str
    stderr: str
    sandbox: Kind
    seconds: float
    files: list[LeftFile]


@tool(effect="read", timeout_s=_TIMEOUT_S, concurrency=4)
def run(
    source: Source,
    inputs: dict[str, Any] | None = None,
    files: list[str] | None = None,
    *,
    context: ToolContext,
) -> CodeResult:
    """Runs Python in a sandbox without network: it sees `inputs` (a dict) and `files` (paths by file name), no others.

    The result is the variable `result`, else the value of the last line. numpy, polars and the standard library are
    there. Files it writes to `out/` come back.
    """
    sources = [context.workspace.readable(path) for path in files or []]
    for path in sources:
        if not path.is_file():
            raise ToolError(f"expected files for code.run, got the folder {str(path)!r}; name the files in it")
    settings = context.config.tools.code
    outcome = _sandbox(settings.sandbox).run(
        source, inputs, sources, limits=_limits(settings), cancelled=context.cancelled
    )
    return {
        "result": outcome.result,
        "stdout": outcome.stdout,
        "stderr": outcome.stderr,
        "sandbox": outcome.sandbox,
        "seconds": outcome.seconds,
        "files": _kept(outcome.files, context),
    }


@cache
def _sandbox(kind: Any) -> Sandbox:
    return Sandbox(kind=kind)


def _limits(settings: Code) -> Limits:
    return Limits(
        seconds=settings.timeout_s,
        cpu_s=settings.cpu_s,
        memory_bytes=settings.memory_bytes,
        scratch_bytes=settings.scratch_bytes,
        output_bytes=settings.output_bytes,
    )


def _kept(files: Mapping[str, bytes], context: ToolContext) -> list[LeftFile]:
    kept: list[LeftFile] = []
    for name, content in files.items():
        path = context.workspace.output(name)
        path.write_bytes(content)
        context.artifact(path, mimetypes.guess_type(path.name)[0])
        kept.append({"name": name, "path": str(path), "bytes": len(content)})
    return kept
