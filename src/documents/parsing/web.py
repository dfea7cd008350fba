"""HTML: headings, paragraphs, lists and tables, with the lines they stand on. Owner of lxml."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..blocks import Block, Parsed, language_code
from .decoding import decoded
from .markup import line

_SPACE = re.compile(r"[ \t\r\f\v]+")
_LEFT = frozenset(
    ("script", "style", "noscript", "template", "svg", "nav", "head", "iframe", "object", "form", "footer")
)
_PART_NAMES = """
    p div section article main li ul ol dl dt dd table tr td th blockquote pre figure figcaption header aside address
    h1 h2 h3 h4 h5 h6 hr br body html details summary tbody thead caption fieldset
"""
_PARTS = frozenset(_PART_NAMES.split())
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))


def html(data: bytes) -> Parsed:
    """The text of a page, without scripts, styles and navigation."""
    from lxml import etree
    from lxml import html as parser

    text, note = decoded(data)
    notes = [note] if note else []
    if not text.strip():
        return Parsed(kind="html", blocks=[], notes=notes)
    safe = parser.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=False)
    try:
        root = parser.document_fromstring(text.encode("utf-8", "replace"), parser=safe)
    except etree.ParserError:
        return Parsed(kind="html", blocks=[], notes=notes)
    blocks = list(_blocks(root))
    if not blocks:  # all of it stands in what is usually left out
        whole = _SPACE.sub(" ", root.text_content()).strip()
        blocks = [Block(text=whole, place=line(1, max(1, text.count("\n"))))] if whole else []
    title = root.findtext(".//title") or ""
    return Parsed(
        kind="html",
        blocks=blocks,
        title=" ".join(title.split()),
        author=next(iter(root.xpath(".//meta[translate(@name, 'AUTHOR', 'author')='author']/@content")), ""),
        language=language_code(root.get("lang") or ""),
        notes=notes,
    )


def _blocks(root: Any) -> Iterator[Block]:
    held: list[str] = []
    begin = 1
    for kind, element, text in _walk(root):
        if kind == "text":
            if not held:
                begin = element.sourceline or begin
            held.append(text)
            continue
        if body := _joined(held):
            yield Block(text=body, place=line(begin, begin))
        held = []
        if kind == "heading" and (title := " ".join(element.text_content().split())):
            at = element.sourceline or begin
            yield Block(text=title, place=line(at, at), role="heading", level=int(element.tag[1]))
        elif kind == "pre" and (body := element.text_content().strip("\n")):
            at = element.sourceline or begin
            yield Block(text=body, place=line(at, at + body.count("\n")), role="code")
        elif kind == "row" and (cells := _cells(element)):
            at = element.sourceline or begin
            yield Block(text=cells, place=line(at, at), role="row")
    if body := _joined(held):
        yield Block(text=body, place=line(begin, begin))


def _walk(root: Any) -> Iterator[tuple[str, Any, str]]:
    """Texts and borders in the order of the page; without recursion, since pages nest as deep as they like."""
    stack: list[tuple[Any, bool]] = [(root, False)]
    while stack:
        element, is_end = stack.pop()
        tag = element.tag if isinstance(element.tag, str) else ""
        if is_end:
            if tag in _PARTS:
                yield "border", element, ""
        else:
            whole = _whole(tag, element)
            if tag in _PARTS or whole:
                yield whole or "border", element, ""
            if not whole and tag and tag not in _LEFT:
                if element.text:
                    yield "text", element, element.text
                stack.append((element, True))
                stack.extend((child, False) for child in reversed(element))
                continue
        if element is not root and element.tail and element.tail.strip():
            yield "text", element, element.tail
    return


def _whole(tag: str, element: Any) -> str:
    """What is taken as one piece: a heading, preformatted text, a row of a table."""
    if tag in _HEADINGS:
        return "heading"
    if tag == "pre":
        return "pre"
    return "row" if tag == "tr" and element.find(".//table") is None else ""


def _cells(row: Any) -> str:
    cells = (" ".join(cell.text_content().split()) for cell in row if cell.tag in ("td", "th"))
    return " | ".join(cell for cell in cells if cell)


def _joined(held: list[str]) -> str:
    return " ".join("".join(held).split())
