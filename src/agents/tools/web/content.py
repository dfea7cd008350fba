"""What stands in a page: main text, links, tables. Rule: HTML is data; nothing in it is run, loaded or followed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

from typing_extensions import TypedDict

from ....errors import ToolError

_MOST_CHARACTERS = 5_000_000
_MOST_CELLS = 50_000
_WIDEST = 200
_CHARSET = re.compile(r"<meta[^>]{1,200}?charset\s*=\s*[\"']?([\w-]{1,30})", re.IGNORECASE)
_SPACE = re.compile(r"\s+")


class Article(TypedDict):
    """The main part of a page. `text` is Markdown; what the page does not tell is empty. `date` is ISO."""

    title: str
    author: str
    date: str
    site: str
    description: str
    text: str
    words: int


class Link(TypedDict):
    """`internal`: it leads to the same host. `nofollow`: the page does not vouch for it."""

    url: str
    text: str
    internal: bool
    nofollow: bool


class Grid(TypedDict):
    """A table; `header` is empty when it has none. Every row has as many cells as the widest."""

    caption: str
    header: list[str]
    rows: list[list[str]]


def tree_of(html: str) -> Any:
    """A page as a tree, without scripts, styles and comments.

    Raises:
        ToolError: it is no HTML, or too much of it.
    """
    from lxml import etree
    from lxml import html as parser

    if not html.strip("\0 \t\r\n"):
        raise ToolError("expected a page in HTML, got nothing")
    if len(html) > _MOST_CHARACTERS:
        raise ToolError(f"expected a page of at most {_MOST_CHARACTERS:,} characters, got {len(html):,}")
    try:
        made = parser.document_fromstring(html.encode("utf-8", "replace"), parser=parser.HTMLParser(encoding="utf-8"))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise ToolError(f"expected a page in HTML, got {html[:60]!r}: {error}") from error
    etree.strip_elements(made, "script", "style", "template", "noscript", etree.Comment, with_tail=False)
    return made


def as_declared(text: str) -> str:
    """A page in the encoding that it declares itself, where it was read as Latin-1 because its server told none."""
    match = _CHARSET.search(text[:4_096])
    if match is None or match[1].lower().replace("-", "") in ("utf8", "iso88591", "latin1"):
        return text
    try:
        return text.encode("latin-1").decode(match[1])
    except (LookupError, UnicodeError):
        return text


def article(html: str, url: str = "") -> Article:
    """The main text and what the page says of itself; text outside of the main part is left out.

    Raises:
        ToolError: as `tree_of`.
    """
    from trafilatura import extract, extract_metadata

    tree = tree_of(html)
    title = _flat(tree.findtext(".//title") or "")
    told: Any = extract_metadata(tree, default_url=url or None)
    text = extract(tree, url=url or None, output_format="markdown", include_comments=False) or ""
    return {
        "title": _title(told.title or "", title),
        "author": told.author or "",
        "date": told.date or "",
        "site": told.sitename or urlsplit(url).hostname or "",
        "description": told.description or "",
        "text": text,
        "words": len(text.split()),
    }


def _title(found: str, head: str) -> str:
    """The title of the text where the page's head confirms it; some pages have other headings before."""
    return found if found and (not head or found.casefold() in head.casefold()) else head


def links(html: str, url: str, count: int) -> list[Link]:
    """The http and https links of a page, each address once, in order.

    Raises:
        ToolError: as `tree_of`.
    """
    tree = tree_of(html)
    start = next((urljoin(url, base) for base in tree.xpath("//base/@href")), url)
    found: dict[str, Link] = {}
    for element in tree.iter("a", "area"):
        at = _address(start, element.get("href") or "")
        if at and at not in found and len(found) < count:
            found[at] = {
                "url": at,
                "text": _flat(element.text_content() or element.get("alt") or element.get("title") or "")[:300],
                "internal": urlsplit(at).netloc == urlsplit(url).netloc,
                "nofollow": "nofollow" in (element.get("rel") or "").lower().split(),
            }
    return list(found.values())


def _address(start: str, href: str) -> str:
    try:
        at = urlsplit(urljoin(start, href.strip()))
    except ValueError:
        return ""
    return at._replace(fragment="").geturl() if at.scheme in ("http", "https") and at.hostname else ""


def tables(html: str, count: int) -> list[Grid]:
    """The tables of a page that hold data: more than one row and column; tables for layout are left out.

    Raises:
        ToolError: as `tree_of`.
    """
    found = []
    for element in tree_of(html).iter("table"):
        if next(element.iterdescendants("table"), None) is not None:
            continue
        grid = _grid(element)
        if len(grid["rows"]) + bool(grid["header"]) > 1 and max(map(len, grid["rows"]), default=0) > 1:
            found.append(grid)
        if len(found) == count:
            break
    return found


def _grid(element: Any) -> Grid:
    rows, heads = _cells(element)
    width = max(map(len, rows), default=0)
    rows = [row + [""] * (width - len(row)) for row in rows]
    is_headed = bool(rows) and heads[0]
    return {
        "caption": _flat(element.findtext("caption") or ""),
        "header": rows[0] if is_headed else [],
        "rows": rows[1:] if is_headed else rows,
    }


def _cells(element: Any) -> tuple[list[list[str]], list[bool]]:
    """Texts of all rows, cells that span several repeated, and for each row whether it is a heading."""
    rows: list[list[str]] = []
    heads: list[bool] = []
    held: dict[int, tuple[int, str]] = {}  # column -> rows it still reaches down, text
    for line in element.iter("tr"):
        cells = [cell for cell in line if cell.tag in ("td", "th")]
        row: list[str] = []
        for text, deep in _spread(cells, held, row):
            if deep > 1:
                held[len(row)] = (deep - 1, text)
            row.append(text)
        rows.append(row)
        heads.append(bool(cells) and all(cell.tag == "th" for cell in cells))
        if sum(map(len, rows)) > _MOST_CELLS:
            raise ToolError(f"expected a table of at most {_MOST_CELLS:,} cells, got more")
    return rows, heads


def _spread(cells: list[Any], held: dict[int, tuple[int, str]], row: list[str]) -> Iterator[tuple[str, int]]:
    """Text and depth of the next column; `row` grows beside it, columns held from above come in between."""
    queue = [(_flat(c.text_content()), _span(c, "rowspan")) for c in cells for _ in range(_span(c, "colspan"))]
    while len(row) < _WIDEST:
        if len(row) in held:
            deep, text = held.pop(len(row))
            yield text, deep
        elif queue:
            yield queue.pop(0)
        else:
            return


def _span(cell: Any, name: str) -> int:
    told = (cell.get(name) or "1").strip()
    return min(max(int(told), 1), _WIDEST) if told.isascii() and told.isdecimal() and len(told) < 9 else 1


def _flat(text: str) -> str:
    return _SPACE.sub(" ", text).strip()
