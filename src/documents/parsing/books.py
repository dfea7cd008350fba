"""Books as EPUB: the chapters in reading order. Rule: only what the package file names is read."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from ...errors import ToolError
from ..blocks import Block, Parsed, language_code
from ..places import Place
from .web import html

_CONTAINER = "META-INF/container.xml"


def book(data: bytes) -> Parsed:
    """The text of a book, chapter after chapter.

    Raises:
        ToolError: it is encrypted, or no chapter has text.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = set(archive.namelist())
        if "META-INF/rights.xml" in names:
            raise ToolError("it is encrypted; only a copy without protection can be read")
        container = _tree(archive.read(_CONTAINER))
        place = str(next(iter(container.xpath("//*[local-name()='rootfile']/@full-path"))))
        package = _tree(archive.read(place))
        chapters = [name for name in _chapters(package, posixpath.dirname(place)) if name in names]
        blocks = [block for name in chapters for block in html(archive.read(name)).blocks]
    placed = [
        Block(text=one.text, place=Place(unit="paragraph", first=n, last=n), role=one.role, level=one.level)
        for n, one in enumerate(blocks, 1)
    ]
    return Parsed(
        kind="book",
        blocks=placed,
        title=_said(package, "title"),
        author=_said(package, "creator"),
        language=language_code(_said(package, "language")),
    )


def _chapters(package: Any, folder: str) -> Iterator[str]:
    """The files of the spine, in its order."""
    files = {item.get("id"): item.get("href", "") for item in package.xpath("//*[local-name()='item']")}
    for reference in package.xpath("//*[local-name()='itemref']/@idref"):
        if href := files.get(reference):
            yield posixpath.normpath(posixpath.join(folder, unquote(href)))


def _said(package: Any, name: str) -> str:
    found = package.xpath(f"//*[local-name()='metadata']/*[local-name()='{name}']/text()")
    return " ".join(str(found[0]).split()) if found else ""


def _tree(data: bytes) -> Any:
    from lxml import etree

    return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False))
