"""Small JSON files by name, each under a key; with another key it counts as not there.

Rule: losing one costs time only.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

_VERSION = 1


class Shelf:
    """A folder of named entries. `folder` None: nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, name: str, key: str) -> Any:
        """What was put under this name with this key; None if nothing usable is there."""
        found = self.any(name)
        return found[1] if found is not None and found[0] == key else None

    def any(self, name: str) -> tuple[str, Any] | None:
        """The key and the data under this name, whatever the key; None if nothing usable is there."""
        if self._folder is None:
            return None
        try:
            entry = json.loads(self._path(name).read_bytes())
            if entry["version"] != _VERSION or entry["name"] != name:
                return None
            return str(entry["key"]), entry["data"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def put(self, name: str, key: str, data: Any) -> None:
        """Keeps data; a folder that can't be written keeps nothing."""
        if self._folder is None:
            return
        text = json.dumps({"version": _VERSION, "name": name, "key": key, "data": data}, separators=(",", ":"))
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._folder)
            try:
                with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
                    file.write(text)
                Path(temporary).replace(self._path(name))
            except BaseException:
                with contextlib.suppress(OSError):
                    Path(temporary).unlink()
                raise

    def _path(self, name: str) -> Path:
        assert self._folder is not None
        slug = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60]
        return self._folder / f"{slug}-{hashlib.sha256(name.encode()).hexdigest()[:8]}.json"
