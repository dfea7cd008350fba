from __future__ import annotations

import datetime as dt
from email.utils import format_datetime
from pathlib import Path

import pytest
from tests.agents.tools.test_web import HTML, context_of, site

from planloom.agents.tools import feeds
from planloom.errors import AccessError, ToolError

ATOM = """<?xml version="1.0" encoding="iso-8859-1"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>Harbour</title><link href="https://h.example/"/>
<updated>2026-05-04T10:00:00Z</updated><id>urn:h</id>
<entry><title type="html">Old &amp;lt;b&amp;gt; news</title><id>1</id><link href="/old"/>
<updated>2026-05-01T08:00:00+02:00</updated><summary type="html">&lt;p&gt;The &lt;b&gt;old&lt;/b&gt; pier</summary>
<author><name>Ada</name></author><category term="piers"/></entry>
<entry><title>Café opens</title><id>2</id><link href="https://h.example/new"/>
<published>2026-05-04T10:00:00Z</published>
<content type="html">&lt;script&gt;steal()&lt;/script&gt;Warm &lt;i&gt;bread</content></entry>
<entry><title>Without a date</title><id>3</id><link href="javascript:alert(1)"/></entry></feed>"""
XML = "application/xml; charset=utf-8"


def rss(*days_ago: float) -> str:
    now = dt.datetime.now(dt.UTC)
    items = "".join(
        f"<item><title>{days} days old</title><link>https://h.example/{days}</link>"
        f"<pubDate>{format_datetime(now - dt.timedelta(days=days))}</pubDate></item>"
        for days in days_ago
    )
    return f'<rss version="2.0"><channel><title>Days</title>{items}</channel></rss>'


async def test_atom_entries_come_newest_first_in_plain_text(tmp_path: Path) -> None:
    with site(atom=(200, XML, ATOM)) as url:
        found = await feeds.read(f"{url}/atom", context_of(tmp_path))
    assert (found["title"], found["kind"], found["total"], found["damaged"]) == ("Harbour", "atom10", 3, False)
    assert [entry["title"] for entry in found["entries"]] == ["Café opens", "Old <b> news", "Without a date"]
    newest, old, undated = found["entries"]
    assert newest["published"] == "2026-05-04T10:00:00+00:00" and newest["summary"] == "Warm bread"
    assert old["url"] == f"{url}/old" and old["summary"] == "The old pier"
    assert (old["author"], old["tags"], old["published"]) == ("Ada", ["piers"], "2026-05-01T06:00:00+00:00")
    assert undated["url"] == "" and undated["published"] == ""


async def test_entries_since_a_day_in_words_and_with_a_word(tmp_path: Path) -> None:
    with site(rss=(200, "application/rss+xml", rss(0.5, 2, 9))) as url:
        context = context_of(tmp_path)
        found = await feeds.read(f"{url}/rss", context, since="3 days ago")
        assert [entry["title"] for entry in found["entries"]] == ["0.5 days old", "2 days old"]
        assert found["total"] == 3
        assert [e["title"] for e in (await feeds.read(f"{url}/rss", context, contains="9 DAYS"))["entries"]] == [
            "9 days old"
        ]
        assert len((await feeds.read(f"{url}/rss", context, count=1))["entries"]) == 1


async def test_feeds_of_a_page_are_found(tmp_path: Path) -> None:
    page = """<head><link rel="alternate" type="application/rss+xml" title="All" href="/rss">
    <link rel="stylesheet" href="x.css"><link rel="alternate" type="application/atom+xml" href="https://a.example/f">
    <link rel="alternate" type="application/rss+xml" href="file:///etc/passwd"></head><body>x</body>"""
    with site(page=(200, HTML, page)) as url:
        found = await feeds.find(f"{url}/page", context_of(tmp_path))
    assert found == [
        {"url": f"{url}/rss", "title": "All", "kind": "rss"},
        {"url": "https://a.example/f", "title": "", "kind": "atom"},
    ]


def test_entities_that_grow_without_bound_are_refused() -> None:
    lines = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY l0 "lol">{lines}]><rss version="2.0">&l9;</rss>'
    with pytest.raises(ToolError, match="declares some"):
        feeds.parsed(bomb, "https://h.example/f")


@pytest.mark.parametrize("text", ["<html><body>Hello</body></html>", "{}", "", "/etc/passwd", "http://127.0.0.1:9/"])
def test_what_is_no_feed_is_refused(text: str) -> None:
    with pytest.raises(ToolError, match="expected a feed"):
        feeds.parsed(text, "https://h.example/f")


def test_elements_within_each_other_without_bound_are_refused() -> None:
    with pytest.raises(ToolError, match="5,000 elements"):
        feeds.parsed("<rss version='2.0'><channel>" + "<a>" * 200_000, "https://h.example/f")


def test_large_damaged_feed_is_refused_before_it_is_repaired() -> None:
    with pytest.raises(ToolError, match="well-formed"):
        feeds.parsed("<rss version='2.0'><channel>" + "<a" * 2_000_000, "https://h.example/f")


def test_broken_feed_gives_what_it_has_and_says_so() -> None:
    found = feeds.parsed(rss(1, 2)[:-40] + "<item><title>Cut", "https://h.example/f")
    assert found["damaged"] and found["total"] >= 2


def test_too_large_a_feed_is_refused() -> None:
    with pytest.raises(ToolError, match="5,000,000"):
        feeds.parsed("x" * 5_000_001, "https://h.example/f")


async def test_feeds_of_private_networks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AccessError):
        await feeds.read("http://127.0.0.1:9/rss", context_of(tmp_path, private=False))
