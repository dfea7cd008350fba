"""Finds a text in every byte below a folder, also where it is packed."""

from __future__ import annotations

import contextlib
from pathlib import Path

import zstandard

_ZSTD = b"\x28\xb5\x2f\xfd"


def holding(folder: Path, words: str) -> list[str]:
    """The files with the words in their bytes, in their name, or in what zstd packed inside of them."""
    wanted = words.casefold().encode()
    found = []
    for path in sorted(folder.rglob("*")):
        if wanted in path.name.casefold().encode():
            found.append(f"name {path.relative_to(folder)}")
        if path.is_file() and any(wanted in data.lower() for data in _readings(path.read_bytes())):
            found.append(str(path.relative_to(folder)))
    return found


def _readings(data: bytes) -> list[bytes]:
    readings = [data]
    at = data.find(_ZSTD)
    while at >= 0:
        with contextlib.suppress(zstandard.ZstdError):
            readings.append(zstandard.ZstdDecompressor().decompressobj().decompress(data[at:]))
        at = data.find(_ZSTD, at + 1)
    return readings
