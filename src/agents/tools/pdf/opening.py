"""Opens PDF files with pypdf, and says which pages are meant. Rule: a damaged file ends in a clear error."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ....errors import PlanloomError, ToolError

if TYPE_CHECKING:
    from pypdf import PdfReader

MOST_PAGES = 20_000
_RANGE = re.compile(r"(\d+)(?:\s*-\s*(\d*))?")


@contextmanager
def opened(path: Path) -> Iterator[PdfReader]:
    """A PDF file; everything that goes wrong while it is used is told as its fault.

    Raises:
        ToolError: it is none, is damaged, needs a password, or has too many pages.
    """
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it warns of each small repair
    if not path.is_file():
        raise ToolError(f"expected a PDF file, got {str(path)!r}, which is no file")
    try:
        with path.open("rb") as file:
            reader = PdfReader(file)
            if reader.is_encrypted and not reader.decrypt(""):
                raise ToolError(f"expected a PDF without a password, got {path.name!r}; save it without one first")
            if len(reader.pages) > MOST_PAGES:
                raise ToolError(f"expected at most {MOST_PAGES:,} pages, got {len(reader.pages):,} in {path.name!r}")
            yield reader
    except (PlanloomError, MemoryError):
        raise
    except Exception as error:  # the border to a library that raises all kinds on damaged files
        told = str(error).split("\n", 1)[0][:200] or type(error).__name__
        raise ToolError(f"expected a whole PDF file, got {path.name!r}: {told}") from error


def chosen(pages: str, count: int) -> list[int]:
    """The pages that a text such as `1-3, 7, 9-` names, from 0, in its order; all if it is empty.

    Raises:
        ToolError: it is no such text, or names pages that are not there.
    """
    if not pages.strip():
        return list(range(count))
    made: list[int] = []
    for part in pages.split(","):
        found = _RANGE.fullmatch(part.strip())
        if found is None:
            raise ToolError(f"expected pages such as '1-3, 7, 9-', got {pages!r}")
        first = int(found[1])
        last = first if found[2] is None else int(found[2] or count)
        if not 1 <= first <= last <= count:
            raise ToolError(f"expected pages from 1 to {count}, got {part.strip()!r}")
        made += range(first - 1, last)
        if len(made) > MOST_PAGES:
            raise ToolError(f"expected at most {MOST_PAGES:,} pages, got more in {pages!r}")
    return made
