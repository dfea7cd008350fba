"""Reads what is inside files: text whatever its encoding, lines, to-do marks.

Rule: files are read in pieces; what was not read is said.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ....errors import ToolError
from .kinds import Kind, looks_like_text

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
COUNTED_BYTES = 20_000_000
_LINE = 4000

MARKS = ("TODO", "FIXME", "XXX", "HACK")
_ANY_MARK = re.compile("|".join(MARKS).encode())
_MARK = re.compile(
    rf"(?:(?:\#|//|/\*|\*|--|;|%|<!--|\{{\#|\brem)\s*@?(?P<after>{'|'.join(MARKS)})\b"
    rf"|(?<![\w.$/\"'`-])(?P<colon>{'|'.join(MARKS)})(?=:|\(\w))"
)


@dataclass(frozen=True, slots=True)
class Text:
    """Text of a file; `truncated` when the file has more bytes than were read."""

    text: str
    encoding: str
    truncated: bool
    size: int


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a file. `code` + `comment` + `blank` = `total`; in prose and data `code` are the lines with text."""

    total: int = 0
    code: int = 0
    comment: int = 0
    blank: int = 0

    def __add__(self, other: Lines) -> Lines:
        return Lines(
            self.total + other.total,
            self.code + other.code,
            self.comment + other.comment,
            self.blank + other.blank,
        )


def read_text(path: Path, max_bytes: int) -> Text:
    """The first `max_bytes` of a text file, cut at a whole character.

    Raises:
        ToolError: a folder, a file that may not be read, or a binary one.
    """
    if path.is_dir():
        raise ToolError(f"expected a file, got the folder {str(path)!r}; files.list names the files in it")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            data = file.read(max_bytes)
            more = bool(file.read(1))
    except OSError as error:
        raise ToolError(f"expected a file that may be read, got {str(path)!r}: {error.strerror}") from error
    if not looks_like_text(data[:8192]):
        raise ToolError(f"expected a text file, got binary data in {str(path)!r} ({size:,} bytes)")
    text, encoding = decoded(data, partial=more)
    return Text(text, encoding, more, size)


def decoded(data: bytes, *, partial: bool = False) -> tuple[str, str]:
    """Text and the name of its encoding: by byte order mark, else UTF-8, else Latin-1 (which never fails)."""
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
    try:
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        return decoder.decode(data, final=not partial), encoding.removesuffix("-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"


def sha256(path: Path, *, first_bytes: int = 0) -> str:
    """The SHA-256 of a file, or of its first bytes, in hexadecimal.

    Raises:
        OSError: the file can't be read.
    """
    with path.open("rb") as file:
        if first_bytes:
            return hashlib.sha256(file.read(first_bytes)).hexdigest()
        return hashlib.file_digest(file, "sha256").hexdigest()


def count_lines(path: Path, kind: Kind) -> Lines:
    """Lines of a text file; by the kind's comment marks at the start of a line, strings are not understood.

    Raises:
        OSError: the file can't be read.
    """
    starts = tuple(mark.encode() for mark in kind.line_marks)
    block = tuple(mark.encode() for mark in kind.block_marks) if kind.block_marks else None
    code = comment = blank = 0
    inside = False
    with path.open("rb") as file:
        for line in file:
            text = line.strip()
            if not text:
                blank += 1
                continue
            if inside and block:
                inside = block[1] not in text
                comment += 1
            elif block and text.startswith(block[0]):
                inside = block[1] not in text[len(block[0]) :]
                comment += 1
            elif starts and text.startswith(starts):
                comment += 1
            else:
                code += 1
    return Lines(code + comment + blank, code, comment, blank)


def marks_in(path: Path) -> Iterator[tuple[str, int, str]]:
    """To-do marks of a text file as (mark, line number from 1, the line's text, 200 characters at most).

    A mark counts when it opens a comment or is followed by a colon or a name in parentheses, outside of strings.

    Raises:
        OSError: the file can't be read.
    """
    data = path.read_bytes()
    if not _ANY_MARK.search(data):
        return
    for number, line in enumerate(data.split(b"\n"), 1):
        if len(line) > _LINE or not _ANY_MARK.search(line):
            continue
        text = line.decode("utf-8", "replace")
        found = _MARK.search(text)
        if found and not _is_quoted(text[: found.start()]):
            yield found["after"] or found["colon"], number, text.strip()[:200]


def _is_quoted(before: str) -> bool:
    """Whether a string that is not closed begins in the text before a mark."""
    return before.count('"') % 2 == 1 or (before.count('"') == 0 and before.count("'") % 2 == 1)
