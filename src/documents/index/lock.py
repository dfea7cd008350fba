"""One process at a time changes an index. Rule: the lock goes with the process, however it ends."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ...errors import SearchIndexError


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the index for the block.

    Raises:
        SearchIndexError: kind `busy`: another process, named by its pid, has it; kind `disk`: not writable.
    """
    import fcntl

    path = folder / "lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SearchIndexError(f"expected a folder for the index, got {str(folder)!r}: {error}", kind="disk") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise SearchIndexError(
                f"another process (pid {holder}) is indexing into {str(folder)!r}; wait until it is done, or end it",
                kind="busy",
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)
