"""The parser of each kind of document. Rule: imported in a process that reads files, never where people wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...errors import ToolError
from ..blocks import Parsed
from ..kinds import kind_of
from . import books, mail, markup, office, pages, tables, web

_PARSERS: Mapping[str, Callable[[bytes], Parsed]] = {
    "pdf": pages.pdf,
    "word": office.word,
    "slides": office.slides,
    "sheets": tables.workbook,
    "html": web.html,
    "markdown": markup.markdown,
    "table": tables.separated,
    "code": markup.code,
    "text": markup.text,
    "mail": mail.mail,
    "book": books.book,
}


def parse(name: str, data: bytes) -> Parsed:
    """A whole file as blocks.

    Raises:
        ToolError: it can't be read; says why.
    """
    verdict = kind_of(name, data)
    if not verdict.kind:
        raise ToolError(verdict.reason)
    try:
        return _PARSERS[verdict.kind](data)
    except (ToolError, MemoryError, RecursionError):
        raise
    except Exception as error:  # the border to libraries that raise whatever they like
        raise ToolError(f"it is damaged: {type(error).__name__}: {str(error)[:200]}") from error
