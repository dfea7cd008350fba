"""What kind of file a table is in, and in which encoding. Rule: decided by the bytes, not by the name alone."""

from __future__ import annotations

import codecs
import gzip
import json
import re
from pathlib import Path
from typing import BinaryIO

from ....errors import ToolError

_MAGIC = (
    (b"PK\x03\x04", "xlsx"),
    (b"PAR1", "parquet"),
    (b"\x1f\x8b", "gzip"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"\xd0\xcf\x11\xe0", "an old Office file (.xls); save it as .xlsx"),
)


def format_of(path: Path) -> str:
    """csv, json, jsonl, xlsx or parquet, by content first, then by name.

    Raises:
        ToolError: the file is empty, a folder, or something else than a table; says what it looks like.
    """
    if path.is_dir():
        raise ToolError(f"expected a table file, got the folder {str(path)!r}")
    if path.stat().st_size == 0:
        raise ToolError(f"expected a table file, got {path.name!r}, which is empty (0 bytes)")
    with opened(path) as stream:
        head = stream.read(65_536)
    kind = next((kind for magic, kind in _MAGIC if head.startswith(magic)), "")
    if kind in ("xlsx", "parquet"):
        return kind
    if kind or _is_binary(head):
        raise ToolError(
            f"expected a table (CSV, TSV, XLSX, Parquet, JSON or JSON Lines), got {path.name!r}, "
            f"which looks like {kind or 'binary data'}"
        )
    return _text_format(path, head)


def _text_format(path: Path, head: bytes) -> str:
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if suffix.lower() in (".jsonl", ".ndjson"):
        return "jsonl"
    if start[:1] == b"{" and suffix.lower() != ".csv":
        first = start.split(b"\n", 1)[0].strip()
        return "jsonl" if _is_json(first) and b"\n" in start.strip() else "json"
    if start[:1] == b"[" and suffix.lower() == ".json":
        return "json"
    return "csv"


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _is_binary(head: bytes) -> bool:
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or _utf16_without_mark(head):
        return False
    odd = sum(head.count(bytes([code])) for code in (*range(9), *range(14, 27), *range(28, 32)))
    return b"\0" in head or odd > len(head) * 0.02


def _utf16_without_mark(head: bytes) -> str | None:
    """utf-16-le or utf-16-be when every other byte is zero as in western text, else None."""
    pairs = len(head) // 2
    if pairs < 2:
        return None
    if head[1::2].count(0) > pairs * 0.9 and head[0::2].count(0) == 0:
        return "utf-16-le"
    return "utf-16-be" if head[0::2].count(0) > pairs * 0.9 and head[1::2].count(0) == 0 else None


def opened(path: Path) -> BinaryIO:
    """The bytes of a file, unpacked when it is gzip."""
    raw = path.open("rb")
    magic = raw.read(2)
    raw.seek(0)
    if magic != b"\x1f\x8b":
        return raw
    raw.close()
    return gzip.open(path, "rb")  # type: ignore[return-value]


def encoding_of(path: Path) -> str:
    """utf-8-sig, utf-16, utf-16-le, utf-16-be, cp1252 or latin-1. Reads the whole file once, in pieces."""
    with opened(path) as stream:
        head = stream.read(4096)
        if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        if guess := _utf16_without_mark(head):
            return guess
        decoder = codecs.getincrementaldecoder("utf-8")()
        undefined = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
        is_utf8, is_cp1252 = True, True
        piece = head
        while piece and (is_utf8 or is_cp1252):
            is_cp1252 = is_cp1252 and not undefined.search(piece)
            try:
                if is_utf8:
                    decoder.decode(piece)
            except UnicodeDecodeError:
                is_utf8 = False
            piece = stream.read(1 << 20)
    return "utf-8-sig" if is_utf8 else "cp1252" if is_cp1252 else "latin-1"
