"""PDF: the text of each page. Owner of pypdfium2."""

from __future__ import annotations

import re

from ...errors import ToolError
from ..blocks import Block, Parsed
from ..places import Place

_NOBODY = frozenset(("", "untitled", "anonymous", "unknown", "(anonymous)", "unspecified"))
_PARTS = re.compile(r"\n\s*\n")
_LEADER = re.compile(r"(?:\s?\.){4,}")
_HYPHEN = re.compile(r"(\w)(?:\ufffe|\xad|\x02)\n?(\w)|(\w)-\n([a-z])")


def pdf(data: bytes) -> Parsed:
    """The pages of a PDF.

    Raises:
        ToolError: it is encrypted, broken, or has no text.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        is_locked = "password" in str(error).lower() or "security" in str(error).lower()
        told = "it is encrypted; save it without a password" if is_locked else f"it is damaged: {error}"
        raise ToolError(told) from error
    try:
        return _read(document)
    finally:
        document.close()


def _read(document: object) -> Parsed:
    import pypdfium2

    assert isinstance(document, pypdfium2.PdfDocument)
    blocks: list[Block] = []
    notes: list[str] = []
    bare: list[int] = []
    for number in range(len(document)):
        try:
            page = document[number]
            text = page.get_textpage().get_text_bounded()
        except pypdfium2.PdfiumError as error:
            notes.append(f"page {number + 1} can't be read: {error}")
            continue
        place = Place(unit="page", first=number + 1, last=number + 1)
        found = [Block(text=part.strip(), place=place) for part in _PARTS.split(_mended(text)) if part.strip()]
        if not found:
            bare.append(number + 1)
        blocks += found
    if not blocks:
        raise ToolError("no page of it has text; it may be scanned: run text recognition (OCR) on it first")
    if bare:
        notes.append(f"pages without text: {', '.join(map(str, bare[:20]))}")
    said = {name: str(value or "").strip() for name, value in document.get_metadata_dict().items()}
    author = "" if said.get("Author", "").casefold() in _NOBODY else said["Author"]
    return Parsed(kind="pdf", blocks=blocks, title=_named(said.get("Title", "")), author=author, notes=notes)


def _named(title: str) -> str:
    """A title that somebody gave; programs write such of their own."""
    return "" if title.casefold() in _NOBODY else title


def _mended(text: str) -> str:
    """Words that a line's end has parted become whole; rows of dots become one sign."""
    text = _LEADER.sub(" \u2026", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _HYPHEN.sub(lambda m: (m[1] or m[3]) + (m[2] or m[4]), text)
