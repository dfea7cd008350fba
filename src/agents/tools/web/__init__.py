"""Tools that read web pages: main text, links, tables.

Rule: pages come through the HTTP group with its limits and its checks of addresses; robots.txt is kept to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, TypeVar

from pydantic import Field

from ....errors import ToolError
from ...call import in_thread
from ...tool import ToolContext, tool
from ..http import fetch
from .content import Article, Grid, Link, article, as_declared
from .content import links as links_of
from .content import tables as tables_of
from .robots import require_allowed

_EXTRACTION_S = 30.0

Url = Annotated[str, Field(min_length=1, max_length=4_000)]
T = TypeVar("T")


class Page(Article):
    """A page's main part; `url` after redirects."""

    url: str


@tool(effect="read", outward=True)
async def page(url: Url, context: ToolContext) -> Page:
    """Fetches a web page and extracts its main text as Markdown with title, author, date, site and description.

    For an article, post or documentation at an https address (URL). Menus, adverts and scripts are left out. Pages
    that robots.txt closes to programs are refused.
    """
    at, html = await _html(url, context)
    found = await _soon(lambda: article(html, at), at)
    return {**found, "url": at}


@tool(effect="read", outward=True)
async def links(
    url: Url, context: ToolContext, only_internal: bool = False, count: Annotated[int, Field(ge=1, le=2_000)] = 200
) -> list[Link]:
    """Fetches a web page and lists where its links lead, with their words, each address once."""
    at, html = await _html(url, context)
    found = await _soon(lambda: links_of(html, at, 10_000), at)
    return [link for link in found if link["internal"] or not only_internal][:count]


@tool(effect="read", outward=True)
async def tables(url: Url, context: ToolContext, count: Annotated[int, Field(ge=1, le=200)] = 20) -> list[Grid]:
    """Fetches a web page and gives its tables of data as rows of texts, headers apart."""
    at, html = await _html(url, context)
    return await _soon(lambda: tables_of(html, count), at)


@tool(effect="pure")
async def extract(html: Annotated[str, Field(min_length=1)], url: str = "") -> Article:
    """Extracts the main text and metadata from a page's HTML that is there already."""
    return await _soon(lambda: article(html, url), url or "the page")


async def _html(url: str, context: ToolContext) -> tuple[str, str]:
    """The address after redirects, and the page.

    Raises:
        ToolError: what is there is no page of text.
        AccessError: programs may not read it.
    """
    await require_allowed(url, context)
    found = await fetch(url, context=context)
    if found["url"] != url:
        await require_allowed(found["url"], context)
    if found["text"] is None:
        raise ToolError(
            f"expected a page in HTML at {url!r}, got {found['media_type']} of {found['bytes']:,} bytes, "
            f"saved as {found['path']!r}; read it with the tools for such files"
        )
    return found["url"], as_declared(found["text"])


async def _soon(work: Callable[[], T], what: str) -> T:
    """What `work` gives, from a thread and within the time a page may take."""
    try:
        async with asyncio.timeout(_EXTRACTION_S):
            result: T = await in_thread(work)
            return result
    except TimeoutError as error:
        raise ToolError(f"expected a page that is read within {_EXTRACTION_S:g} s, got longer for {what}") from error
