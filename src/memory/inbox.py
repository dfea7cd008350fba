"""Orders for a session from other processes: answers and cancels, while one process holds its journal.

Rule: an order is a small file of its own, whole and on disk before `post` returns; whoever holds the journal takes it
in, and an order is deleted only after it was written there. So nothing is lost when either process dies.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import JournalError
from .codec import pack, unpack


class Inbox:
    """The orders of one session, in its folder."""

    def __init__(self, session: Path) -> None:
        self._folder = session / "inbox"

    def post(self, order: Mapping[str, Any]) -> None:
        """Leaves an order (plain data).

        Raises:
            JournalError: the folder can't be written.
        """
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        temporary = self._folder / f".{name}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                file.write(pack(dict(order)))
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(self._folder / name)
            _sync_folder(self._folder)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise JournalError(f"expected to write into {str(self._folder)!r}, got: {error}; make room") from error

    def orders(self) -> Iterator[tuple[dict[str, Any], Path]]:
        """The orders, oldest first, each with the file to unlink once it is in the journal; what is none is dropped."""
        try:
            names = sorted(entry.name for entry in os.scandir(self._folder) if not entry.name.startswith("."))
        except OSError:
            return
        for name in names:
            path = self._folder / name
            try:
                order = unpack(path.read_bytes())
            except (OSError, ValueError):
                order = None
            if isinstance(order, dict):
                yield order, path
            else:
                path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
