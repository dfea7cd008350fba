"""Opens ZIP and TAR archives the same way. Rule: what an archive says of itself is counted, never believed.

TAR archives may be packed with gzip, bzip2 or xz.
"""

from __future__ import annotations

import datetime as dt
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, Protocol

from ....errors import ToolError

Kind = Literal["file", "folder", "link", "other"]
MOST_ENTRIES = 50_000
_OTHERS = {b"7z\xbc\xaf\x27\x1c": "7-Zip", b"Rar!": "RAR", b"\x28\xb5\x2f\xfd": "Zstandard"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A member of an archive; `size` is what it says it unpacks to. `modified` is an ISO time, empty if unknown."""

    name: str
    kind: Kind
    size: int
    modified: str
    is_encrypted: bool
    handle: Any


class Archive(Protocol):
    """Members in their order; `open` gives the content of one."""

    form: str

    def entries(self) -> Iterator[Entry]: ...

    def open(self, entry: Entry) -> IO[bytes]: ...


class _Zip:
    form = "zip"

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def entries(self) -> Iterator[Entry]:
        for info in self._archive.infolist():
            mode = info.external_attr >> 16
            kind: Kind = "folder" if info.is_dir() else "link" if stat.S_ISLNK(mode) else "file"
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
                kind = "other"
            yield Entry(info.filename, kind, info.file_size, _zip_time(info), bool(info.flag_bits & 1), info)

    def open(self, entry: Entry) -> IO[bytes]:
        return self._archive.open(entry.handle)


class _Tar:
    form = "tar"

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive

    def entries(self) -> Iterator[Entry]:
        while (info := self._archive.next()) is not None:
            kind: Kind = "folder" if info.isdir() else "link" if info.issym() or info.islnk() else "other"
            kind = "file" if info.isreg() else kind
            yield Entry(info.name, kind, info.size if kind == "file" else 0, _time(info.mtime), False, info)

    def open(self, entry: Entry) -> IO[bytes]:
        found = self._archive.extractfile(entry.handle)
        if found is None:
            raise ToolError(f"expected a file in the archive, got {entry.name!r}, which is none")
        return found


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """An archive, whatever its name says it is.

    Raises:
        ToolError: it is none, is broken, or of a kind that is not read.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield _Zip(archive)
        else:
            with tarfile.open(path, "r:*") as packed:
                yield _Tar(packed)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ToolError(f"expected a whole ZIP or TAR archive, got {path.name!r}: {_reason(path, error)}") from error
    except OSError as error:
        if isinstance(error, FileExistsError) or error.errno is not None:
            raise
        raise ToolError(f"expected a whole archive, got {path.name!r}: {error}") from error  # gzip: bad checksum
    except _packing_errors() as error:
        raise ToolError(f"expected a whole archive, got {path.name!r}: {error}") from error


def _packing_errors() -> tuple[type[Exception], ...]:
    import lzma
    import zlib

    return zlib.error, lzma.LZMAError


def _reason(path: Path, error: Exception) -> str:
    with path.open("rb") as file:
        head = file.read(8)
    for mark, name in _OTHERS.items():
        if head.startswith(mark):
            return f"it is {name}, which is not read here"
    return str(error).split("\n", 1)[0][:200] or type(error).__name__


def _zip_time(info: zipfile.ZipInfo) -> str:
    try:
        return dt.datetime(*info.date_time).isoformat(" ")  # noqa: DTZ001  # ZIP keeps local time without a zone
    except ValueError:
        return ""


def _time(seconds: float) -> str:
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC).replace(tzinfo=None).isoformat(" ", "seconds")
    except (ValueError, OverflowError, OSError):
        return ""
