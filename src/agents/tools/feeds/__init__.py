"""The tools that read feeds: RSS, RDF and Atom.

Rule: a feed is data of strangers: no entities, no HTML in results, no more entries than asked for.
"""

from __future__ import annotations

import calendar
import datetime as dt
import io
import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urljoin, urlsplit

from pydantic import Field
from typing_extensions import TypedDict

from ....errors import ToolError
from ...call import in_thread
from ...tool import ToolContext, tool
from ..dates.reading import moment
from ..http import fetch
from ..web.content import tree_of
from ..web.robots import require_allowed

_MOST_CHARACTERS = 5_000_000
_SUMMARY = 1_000
_DEEPEST = 5_000
_MOST_DAMAGED_BYTES = 200_000
_TAG = re.compile(r"<(/?)[A-Za-z][^<>]*?(/?)>")
_KINDS = ("application/rss+xml", "application/atom+xml", "application/rdf+xml")

Url = Annotated[str, Field(min_length=1, max_length=4_000)]
Count = Annotated[int, Field(ge=1, le=500)]


class Entry(TypedDict):
    """`published` is ISO in UTC, empty when the feed does not say. `summary` is plain text, cut at 1,000 characters."""

    title: str
    url: str
    published: str
    author: str
    summary: str
    tags: list[str]


class Feed(TypedDict):
    """A feed; `entries` newest first, those without a date last. `total` counts all the feed has.

    `damaged`: the feed is not well-formed, and entries may be missing.
    """

    title: str
    url: str
    kind: str
    total: int
    damaged: bool
    entries: list[Entry]


class Offer(TypedDict):
    """A feed that a page names."""

    url: str
    title: str
    kind: str


@tool(effect="read", outward=True)
async def read(url: Url, context: ToolContext, count: Count = 20, since: str = "", contains: str = "") -> Feed:
    """Reads an RSS or Atom feed and gives its newest entries.

    `since` leaves out older ones: a date, or words such as "3 days ago". `contains` keeps those with a word.
    """
    least = moment(since, "UTC") if since else None
    found = await fetch(url, context=context)
    if found["text"] is None:
        raise ToolError(f"expected a feed at {url!r}, got {found['media_type']}; feeds.find lists the feeds of a page")
    text = found["text"]
    feed: Feed = await in_thread(lambda: parsed(text, found["url"]))
    kept = [entry for entry in feed["entries"] if _is_wanted(entry, least, contains)]
    feed["entries"] = kept[:count]
    return feed


@tool(effect="read", outward=True)
async def find(url: Url, context: ToolContext) -> list[Offer]:
    """Lists the feeds that a web page offers."""
    await require_allowed(url, context)
    page = await fetch(url, context=context)
    if page["text"] is None:
        raise ToolError(f"expected a web page at {url!r}, got {page['media_type']}")
    tree = await in_thread(lambda: tree_of(page["text"] or ""))
    offers: dict[str, Offer] = {}
    for link in tree.iter("link"):
        kind = (link.get("type") or "").lower().partition(";")[0].strip()
        at = urljoin(page["url"], (link.get("href") or "").strip())
        if kind in _KINDS and "alternate" in (link.get("rel") or "").lower() and at.startswith(("http:", "https:")):
            offers.setdefault(at, {"url": at, "title": link.get("title") or "", "kind": _kind(kind)})
    return list(offers.values())[:100]


def parsed(text: str, url: str) -> Feed:
    """The feed in a text, with all its entries.

    Raises:
        ToolError: it is no feed, too large, or declares entities, which can grow without bound.
    """
    import feedparser

    if len(text) > _MOST_CHARACTERS:
        raise ToolError(f"expected a feed of at most {_MOST_CHARACTERS:,} characters, got {len(text):,}")
    if re.search(r"<!ENTITY", text, re.IGNORECASE):
        raise ToolError(f"expected a feed without entities of its own, got one that declares some at {url!r}")
    if _depth(text) > _DEEPEST:
        raise ToolError(f"expected a feed of at most {_DEEPEST:,} elements within each other, got more at {url!r}")
    data = re.sub(r"\A\s*<\?xml[^>]*\?>", "", text).strip().encode("utf-8", "replace")
    if len(data) > _MOST_DAMAGED_BYTES and not _is_well_formed(data):
        raise ToolError(f"expected a well-formed feed at {url!r}, got a damaged one of {len(data):,} bytes")
    made: Any = feedparser.parse(
        io.BytesIO(data),
        response_headers={"content-type": "application/xml; charset=utf-8", "content-location": url},
    )
    if not made.get("version"):
        raise ToolError(f"expected a feed in RSS or Atom at {url!r}, got something else; try feeds.find")
    entries = [_entry(entry, url) for entry in made.entries]
    entries.sort(key=lambda entry: entry["published"], reverse=True)
    return {
        "title": _plain(made.feed.get("title", "")),
        "url": url,
        "kind": str(made.version),
        "total": len(entries),
        "damaged": bool(made.bozo),
        "entries": entries,
    }


def _is_well_formed(data: bytes) -> bool:
    """Whether a feed is XML without faults; the library's time on others can grow with the square of their size."""
    from xml.parsers.expat import ExpatError, ParserCreate

    try:
        ParserCreate().Parse(data, True)
    except ExpatError:
        return False
    return True


def _depth(text: str) -> int:
    """How many elements are open at most; the library's time grows with its square."""
    depth = deepest = 0
    for match in _TAG.finditer(text):
        if match[1]:
            depth = max(0, depth - 1)
        elif not match[2]:
            depth += 1
            deepest = max(deepest, depth)
    return deepest


def _entry(entry: Mapping[str, Any], url: str) -> Entry:
    content = entry.get("content") or [{}]
    return {
        "title": _plain(entry.get("title", ""))[:_SUMMARY],
        "url": _address(urljoin(url, entry.get("link", ""))),
        "published": _iso(entry.get("published_parsed") or entry.get("updated_parsed")),
        "author": _plain(entry.get("author", ""))[:200],
        "summary": _plain(entry.get("summary") or content[0].get("value", ""))[:_SUMMARY],
        "tags": [str(tag.get("term") or "")[:100] for tag in (entry.get("tags") or [])[:20]],
    }


def _address(url: str) -> str:
    """An address that may be opened; empty for anything but http and https."""
    try:
        return url if urlsplit(url).scheme in ("http", "https") else ""
    except ValueError:
        return ""


def _plain(html: str) -> str:
    """Words without marks."""
    if "<" in html or "&" in html:
        try:
            html = tree_of(f"<body>{html}</body>").text_content()
        except ToolError:
            return ""
    return re.sub(r"\s+", " ", html).strip()


def _iso(parts: Any) -> str:
    if parts is None:
        return ""
    try:
        return dt.datetime.fromtimestamp(calendar.timegm(parts), dt.UTC).isoformat()
    except (ValueError, OverflowError, OSError, TypeError):
        return ""


def _is_wanted(entry: Entry, least: dt.datetime | None, word: str) -> bool:
    if least is not None and (not entry["published"] or dt.datetime.fromisoformat(entry["published"]) < least):
        return False
    told = f"{entry['title']} {entry['summary']} {' '.join(entry['tags'])}"
    return word.casefold() in told.casefold()


def _kind(media_type: str) -> str:
    return media_type.removeprefix("application/").removesuffix("+xml")
