"""Files and large values by content hash. Rule: what is stored under a hash never changes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Container
from pathlib import Path

from ..errors import JournalError

_CHUNK = 1 << 20
_HEX = re.compile(rb"[0-9a-f]{64}")


class ArtifactStore:
    """A folder of immutable blobs, each named by the sha256 of its bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes) -> str:
        """Stores bytes and gives their sha256; storing the same bytes again costs one look.

        Raises:
            JournalError: the folder can't be written.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        try:
            if path.exists():
                os.utime(path)  # in use again: `sweep` leaves it alone
                return sha256
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                Path(temporary).replace(path)
            except BaseException:
                with contextlib.suppress(OSError):
                    Path(temporary).unlink()
                raise
        except OSError as error:
            raise JournalError(f"expected to store {len(data)} bytes in {str(self.folder)!r}, got: {error}") from error
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes stored under a hash.

        Raises:
            JournalError: nothing is stored under it, or what is there has another hash.
        """
        try:
            data = self.path(sha256).read_bytes()
        except OSError as error:
            raise JournalError(f"expected a stored value {sha256!r}, got: {error}") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise JournalError(f"expected the bytes of {sha256!r}, got damaged ones; run the step again")
        return data

    def read(self, sha256: str, offset: int, size: int) -> bytes:
        """A slice of a stored value; shorter at its end."""
        with self.path(sha256).open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def named_in(self, sha256: str) -> set[str]:
        """The hashes that occur in a stored value; none where nothing is stored."""
        try:
            return {match.decode() for match in _HEX.findall(self.path(sha256).read_bytes())}
        except OSError:
            return set()

    def sweep(self, used: Container[str], *, before: float) -> tuple[int, int]:
        """Removes values that are not used and were stored before a Unix time; gives how many, and their bytes.

        Raises:
            JournalError: the folder can't be read or written.
        """
        count = size = 0
        try:
            for path in self.folder.glob("??/*"):
                about = path.stat()
                if path.name not in used and about.st_mtime < before:
                    path.unlink()
                    count, size = count + 1, size + about.st_size
        except OSError as error:
            raise JournalError(f"expected to tidy up {str(self.folder)!r}, got: {error}") from error
        return count, size

    def path(self, sha256: str) -> Path:
        """Where the bytes of this hash are, or would be."""
        return self.folder / sha256[:2] / sha256


def file_sha256(path: Path) -> str:
    """The sha256 of a file's bytes, read in pieces."""
    state = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            state.update(chunk)
    return state.hexdigest()
