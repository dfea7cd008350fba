"""Results by handle, as one step may see them: those it depends on, and what is stored of its run and session.

Rule: a handle is looked for where the step may read and nowhere else; knowing a hash opens nothing. Safe from any
thread.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ...errors import JournalError, ToolError
from ...events import ArtifactCreated, StepFinished
from ...memory.artifacts import file_sha256
from .core import Core

_HASH = re.compile(r"[0-9a-f]{64}")
_WRITTEN = re.compile(r"\$\{([^{}]+)\}")


class Handles:
    """What the results of a run look like from the step `step`."""

    def __init__(self, core: Core, step: str) -> None:
        self._core = core
        self._step = step

    def is_handle(self, text: str) -> bool:
        """Whether a text is a handle rather than a result: a hash, or the id of a step of this run."""
        return bool(_HASH.fullmatch(text)) or _plain(text) in self._core.state.cells

    def value(self, handle: str) -> Any:
        """The result or file behind a handle: plain data, or bytes.

        Raises:
            ToolError: there is none that this step may read; says what to do.
        """
        if _HASH.fullmatch(handle):
            return self._stored(handle)
        return self._result(_plain(handle))

    def _result(self, name: str) -> Any:
        values = self._core.run.values
        if name not in self._before():
            raise ToolError(
                f"expected a result that step {self._step!r} depends on, got {name!r}; "
                "refer to it as ${...}, or add it to the step's dependencies"
            )
        found = values.result(name)
        if found is None:
            raise ToolError(f"expected the result of step {name!r}, which gave none")
        return found.value if found.stored is None else values.unpacked(found.stored)

    def _before(self) -> set[str]:
        """All steps that this one waited for, directly or not."""
        cells, seen = self._core.state.cells, set[str]()
        left = [self._step]
        while left:
            cell = cells.get(left.pop())
            names = [*cell.edges, *(kid.id for kid in cell.kids or ())] if cell is not None else []
            left += [name for name in names if name not in seen]
            seen.update(names)
        return seen - {self._step}

    def _stored(self, sha256: str) -> Any:
        events = (event.payload for event in self._core.run.journal.events())
        for payload in events:
            if isinstance(payload, StepFinished) and payload.stored == sha256:
                return self._core.run.values.unpacked(sha256)
            if isinstance(payload, StepFinished) and _bytes_of(payload.value) == sha256:
                return self._core.run.values.raw(sha256)
            if isinstance(payload, ArtifactCreated) and payload.sha256 == sha256:
                return self._file(self._core.run.workspace.root / payload.path, sha256)
        raise ToolError(f"expected an artifact of this run or session, got {sha256!r}, which is none")

    def _file(self, path: Path, sha256: str) -> bytes:
        limit = self._core.services.config.execution.max_result_bytes
        try:
            if limit and path.stat().st_size > limit:
                raise ToolError(f"expected a file of at most {limit:,} bytes, got {path.stat().st_size:,}")
            if file_sha256(path) != sha256:
                raise ToolError(f"expected the file {str(path)!r} as it was made, and it was changed since")
            return path.read_bytes()
        except OSError as error:
            raise ToolError(f"expected the file {str(path)!r}, got: {error.strerror}") from error
        except JournalError as error:
            raise ToolError(str(error)) from error


def _plain(handle: str) -> str:
    match = _WRITTEN.fullmatch(handle.strip())
    return match[1] if match is not None else handle


def _bytes_of(value: Any) -> str | None:
    """The hash under which a result of bytes is stored."""
    if isinstance(value, dict) and set(value) == {"artifact", "size_bytes"}:
        return str(value["artifact"])
    return None
