"""Takes files out of archives: all that were asked for, or none. Rule: nothing lands outside the folder.

Refused are absolute names, `..`, links, devices, passwords, a name that comes twice, and bombs: too many files or
bytes, or far more bytes than the archive has.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from ....errors import ToolError
from ...tool import ToolContext
from .reading import MOST_ENTRIES, Archive, Entry, opened

MOST_BYTES = 4_000_000_000
MOST_RATIO = 200
_SMALL_BYTES = 50_000_000  # so much may come out of any archive
_PIECE = 1 << 20
_LONGEST_NAME = 255


def extracted(source: Path, folder: Path, names: Sequence[str], context: ToolContext) -> list[Path]:
    """The files now in `folder`, which exists; none of them was there before.

    Raises:
        ToolError: the archive is refused, a file is there already, or no name matches.
        AccessError: a link in `folder` leads outside the workspace.
    """
    allowed = max(_SMALL_BYTES, min(MOST_BYTES, source.stat().st_size * MOST_RATIO))
    waiting = folder / f".{source.name[:60]}.part"
    shutil.rmtree(waiting, ignore_errors=True)
    waiting.mkdir(parents=True)
    try:
        with opened(source) as archive:
            found = _unpack(archive, waiting, names, allowed, context)
        if names and not found:
            raise ToolError(f"expected names or patterns of files in the archive, got {', '.join(names)}")
        return _moved(found, waiting, folder, context)
    finally:
        shutil.rmtree(waiting, ignore_errors=True)


def _unpack(archive: Archive, into: Path, names: Sequence[str], allowed: int, context: ToolContext) -> list[Path]:
    made: list[Path] = []
    seen: set[Path] = set()
    total = 0
    for number, entry in enumerate(archive.entries()):
        if number >= MOST_ENTRIES:
            raise ToolError(f"expected at most {MOST_ENTRIES:,} entries, got more; take out some with `names`")
        place = safe_place(entry)
        if entry.kind == "folder" or (names and not _is_wanted(place, names)):
            continue
        if entry.is_encrypted:
            raise ToolError(f"expected files without a password, got {entry.name!r}, which needs one")
        if place in seen:
            raise ToolError(f"expected each name once, got {entry.name!r} twice")
        seen.add(place)
        _check_size(entry, entry.size, allowed - total)
        total += _write(archive, entry, into / place, allowed - total, context)
        made.append(place)
        context.progress(len(made), None, str(place)[-60:])
    return made


def safe_place(entry: Entry) -> Path:
    """Where a member belongs, relative to the folder.

    Raises:
        ToolError: the name leads elsewhere, or the member is a link or a device.
    """
    name = entry.name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name):
        raise ToolError(f"expected names inside the archive's folder, got {entry.name!r}; nothing was taken out")
    if not parts and entry.kind != "folder":
        raise ToolError(f"expected a name, got {entry.name!r}; nothing was taken out")
    if any(len(part.encode("utf-8", "replace")) > _LONGEST_NAME or re.search(r"[\x00-\x1f]", part) for part in parts):
        raise ToolError(f"expected names without control characters, got {entry.name[:80]!r}; nothing was taken out")
    if entry.kind in ("link", "other"):
        what = "a link" if entry.kind == "link" else "a device"
        raise ToolError(f"expected files and folders, got {entry.name!r}, which is {what}; nothing was taken out")
    return Path(*parts) if parts else Path()


def _is_wanted(place: Path, names: Sequence[str]) -> bool:
    text = place.as_posix()
    return any(fnmatchcase(text, name) or text.startswith(f"{name.rstrip('/')}/") for name in names)


def _check_size(entry: Entry, size: int, left: int) -> None:
    if size > left:
        raise ToolError(
            f"expected at most {left:,} more bytes from this archive, got more in {entry.name!r}; "
            "it unpacks to far more than it should, so nothing was taken out"
        )


def _write(archive: Archive, entry: Entry, target: Path, left: int, context: ToolContext) -> int:
    """Writes one file and returns its real size."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except (FileExistsError, NotADirectoryError) as error:
        raise ToolError(f"expected each name once, got {entry.name!r}, which is a file and a folder") from error
    written = 0
    with os.fdopen(descriptor, "wb") as file, archive.open(entry) as content:
        while piece := content.read(_PIECE):
            written += len(piece)
            _check_size(entry, written, left)
            file.write(piece)
            if context.cancelled():
                raise ToolError("cancelled")
    return written


def _moved(places: Sequence[Path], waiting: Path, folder: Path, context: ToolContext) -> list[Path]:
    """Puts all files at their places, after making sure that none is taken or leads outside."""
    targets = []
    for place in places:
        target = context.workspace.writable(str(folder / place))
        if target.exists():
            raise ToolError(f"expected no file {str(place)!r} in the folder, got one; choose another with `into`")
        targets.append(target)
    for place, target in zip(places, targets, strict=True):
        (waiting / place).rename(target)
    return targets
