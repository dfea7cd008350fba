"""The files a call makes, until the call succeeds. Rule: safe from any thread; a failed call leaves no artifact."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from pathlib import Path

from ...agents.workspace import Workspace
from ...events import ArtifactCreated
from ...memory.artifacts import file_sha256

_TYPES = {".md": "text/markdown", ".jsonl": "application/jsonl", ".parquet": "application/vnd.apache.parquet"}


class Files:
    """Collects `context.artifact(path)` calls. The hash is taken where the call is made, beside the event loop."""

    def __init__(self) -> None:
        self._made: dict[Path, tuple[str, str, int]] = {}

    def add(self, path: Path, media_type: str | None = None) -> None:
        """Registers a file; a second time replaces the first."""
        path = Path(path)
        guessed = media_type or _TYPES.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0]
        size = path.stat().st_size if path.is_file() else 0
        sha256 = file_sha256(path) if path.is_file() else ""
        self._made[path] = (sha256, guessed or "application/octet-stream", size)

    @property
    def paths(self) -> Sequence[Path]:
        return list(self._made)

    def events(self, step: str, workspace: Workspace) -> list[ArtifactCreated]:
        """One event for each file, paths as people read them."""
        return [
            ArtifactCreated(step, workspace.shown(path.resolve()), sha256, media_type, size)
            for path, (sha256, media_type, size) in self._made.items()
        ]
