"""Packs files and folders. Rule: links are not followed, and what was left out is said."""

from __future__ import annotations

import os
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from ....errors import ToolError
from ...tool import ToolContext
from .reading import MOST_ENTRIES


def packed(sources: Sequence[Path], target: Path, form: str, context: ToolContext) -> tuple[int, int, list[str]]:
    """Packs into `target`; how many files and bytes are in it, and what was left out.

    Raises:
        ToolError: two sources have one name, or there is nothing to pack.
    """
    left_out: list[str] = []
    files = list(_files(sources, target, left_out))
    if not files:
        raise ToolError("expected at least one file to pack, got none")
    if len(files) > MOST_ENTRIES:
        raise ToolError(f"expected at most {MOST_ENTRIES:,} files, got {len(files):,}; pack folders one by one")
    size = 0
    with _Packer(target, form) as packer:
        for number, (path, name) in enumerate(files):
            context.progress(number, len(files), name[-60:])
            try:
                packer.add(path, name)
                size += path.stat().st_size
            except OSError as error:
                raise ToolError(f"expected readable files, got {str(path)!r}: {error.strerror or error}") from error
            if context.cancelled():
                raise ToolError("cancelled")
    return len(files), size, left_out


def _files(sources: Sequence[Path], target: Path, left_out: list[str]) -> Iterator[tuple[Path, str]]:
    names: set[str] = set()
    for source in sources:
        name = source.name or "root"
        if name in names:
            raise ToolError(f"expected sources with names of their own, got two named {name!r}")
        names.add(name)
        if source.is_file():
            yield source, name
            continue
        for folder, folders, files in os.walk(source, followlinks=False):
            folders.sort()
            for file in sorted(files + [one for one in folders if (Path(folder) / one).is_symlink()]):
                path = Path(folder) / file
                if path.is_symlink() or not path.is_file():
                    left_out.append(f"{path.relative_to(source)}: a link or no file")
                elif path != target:
                    yield path, f"{name}/{path.relative_to(source).as_posix()}"


class _Packer:
    """Writes ZIP or TAR."""

    def __init__(self, target: Path, form: str) -> None:
        self._zip = (
            zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) if form == "zip" else None
        )
        self._tar = None if form == "zip" else tarfile.open(target, "w:gz" if form == "tar.gz" else "w")  # noqa: SIM115

    def __enter__(self) -> _Packer:
        return self

    def __exit__(self, *_: object) -> None:
        for archive in (self._zip, self._tar):
            if archive is not None:
                archive.close()

    def add(self, path: Path, name: str) -> None:
        safe = name.encode("utf-8", "replace").decode("utf-8")
        if self._zip is not None:
            self._zip.write(path, safe)
        elif self._tar is not None:
            self._tar.add(path, safe, recursive=False, filter=_nobodys)


def _nobodys(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the names of people of this machine."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info
