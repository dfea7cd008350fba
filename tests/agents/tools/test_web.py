from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from planloom.agents.tool import ToolContext
from planloom.agents.tools import web
from planloom.agents.tools.web import content
from planloom.agents.workspace import Workspace
from planloom.config import Config
from planloom.errors import AccessError, ToolError, TransientError

STORY = """<!doctype html><html lang="en"><head><title>Tides of the bay | Harbour News</title>
<meta property="og:site_name" content="Harbour News"><meta name="author" content="Ada Shore">
<meta name="description" content="When the water comes."><meta property="article:published_time" content="2026-05-04">
<script>document.write("stolen")</script><style>p {color: red}</style></head>
<body><nav><a href="/">Home</a><a href="/weather">Weather</a></nav>
<article><h1>Tides of the bay</h1>
<p>The tide rises twice a day in the bay, and fishermen have known its hours for many generations of families.</p>
<p>On Monday high water is at six in the morning, which the harbour master confirmed after measuring it himself.</p>
<p>Ships of more than four metres draught wait outside until the water is high enough for them to pass the bar.</p>
<table><caption>High water</caption><tr><th>Day</th><th>Hour</th></tr>
<tr><td rowspan="2">Monday</td><td>06:12</td></tr><tr><td>18:40</td></tr></table>
<p>More is told by the <a href="tables/2026.html#may" rel="nofollow">tables of the year</a>, and by
<a href="https://other.example/x">others</a>, <a href="javascript:alert(1)">not</a> <a href="mailto:a@b.example">by</a>
<a href="tables/2026.html">these</a>.</p></article><footer>Imprint and adverts</footer>
</body></html>"""


@contextmanager
def site(**pages: tuple[int, str, str]) -> Iterator[str]:
    """A site with pages by name: status, media type (or address to move to), body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, body = pages.get(self.path.strip("/").replace(".", "_"), (404, "text/plain", "none"))
            self.send_response(status)
            self.send_header("Location" if status in (301, 302) else "Content-Type", kind)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            """Nothing on the screen."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def context_of(folder: Path, *, robots: bool = True, private: bool = True) -> ToolContext:
    tools = {"web": {"robots": robots}, "http": {"allow_private": private, "timeout_s": 10}}
    return ToolContext(workspace=Workspace(folder, folder / "out"), config=Config.model_validate({"tools": tools}))


HTML = "text/html; charset=utf-8"


async def test_page_gives_the_main_text_and_what_it_says_of_itself(tmp_path: Path) -> None:
    with site(story=(200, HTML, STORY)) as url:
        found = await web.page(f"{url}/story", context_of(tmp_path))
    assert found["title"].startswith("Tides of the bay") and found["author"] == "Ada Shore"
    assert (found["date"], found["site"]) == ("2026-05-04", "Harbour News")
    assert found["description"] == "When the water comes." and found["url"] == f"{url}/story"
    assert "high water is at six in the morning" in found["text"] and found["words"] > 50
    assert "| Monday | 06:12 |" in found["text"]
    assert not any(word in found["text"] for word in ("Weather", "stolen", "color: red", "Imprint"))


async def test_links_are_absolute_and_each_once(tmp_path: Path) -> None:
    with site(story=(200, HTML, STORY)) as url:
        found = await web.links(f"{url}/story", context_of(tmp_path))
        inside = await web.links(f"{url}/story", context_of(tmp_path), only_internal=True, count=2)
    assert [(link["url"].removeprefix(url), link["internal"], link["nofollow"]) for link in found] == [
        ("/", True, False),
        ("/weather", True, False),
        ("/tables/2026.html", True, True),
        ("https://other.example/x", False, False),
    ]
    assert found[2]["text"] == "tables of the year"
    assert [link["text"] for link in inside] == ["Home", "Weather"]


async def test_tables_are_rows_with_spans_filled(tmp_path: Path) -> None:
    with site(story=(200, HTML, STORY)) as url:
        found = await web.tables(f"{url}/story", context_of(tmp_path))
    rows = [["Monday", "06:12"], ["Monday", "18:40"]]
    assert found == [{"caption": "High water", "header": ["Day", "Hour"], "rows": rows}]


async def test_page_closed_to_programs_is_refused_unless_set_otherwise(tmp_path: Path) -> None:
    rules = "User-agent: *\nDisallow: /st*y$\nAllow: /open"
    pages = {"robots_txt": (200, "text/plain", rules), "story": (200, HTML, STORY), "moved": (302, "/story", "")}
    with site(**pages) as url:
        for name in ("story", "moved"):
            with pytest.raises(AccessError, match="robots"):
                await web.page(f"{url}/{name}", context_of(tmp_path))
        assert (await web.page(f"{url}/story", context_of(tmp_path, robots=False)))["words"] > 50


async def test_rules_that_cannot_be_had_now_mean_later(tmp_path: Path) -> None:
    with site(robots_txt=(500, "text/plain", "")) as url, pytest.raises(TransientError):
        await web.page(f"{url}/story", context_of(tmp_path))


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/", "http://169.254.169.254/latest/meta-data", "http://[::1]/"])
async def test_addresses_of_private_networks_are_refused(tmp_path: Path, address: str) -> None:
    for robots in (True, False):
        with pytest.raises(AccessError):
            await web.page(address, context_of(tmp_path, private=False, robots=robots))


async def test_what_is_no_page_is_saved_and_said(tmp_path: Path) -> None:
    with site(picture=(200, "image/png", "png")) as url:
        page = web.page(f"{url}/picture", context_of(tmp_path))
        with pytest.raises(ToolError, match="image/png of 3 bytes, saved as"):
            await page


async def test_html_that_is_there_already_is_extracted() -> None:
    found = await web.extract(STORY)
    assert found["author"] == "Ada Shore" and "fishermen" in found["text"]


@pytest.mark.parametrize("html", ["", " ", "<!-- nothing -->", "\0"])
def test_nothing_is_no_page(html: str) -> None:
    with pytest.raises(ToolError, match="in HTML"):
        content.article(html)


def test_page_without_a_main_part_gives_its_title() -> None:
    found = content.article("<html><head><title>Bare</title></head><body><p>Hi</p></body></html>")
    assert found["title"] == "Bare"


def test_heading_of_a_menu_is_not_taken_for_the_title() -> None:
    page = STORY.replace("<nav>", "<nav><h1>Keyboard shortcuts</h1>").replace("<h1>Tides of the bay</h1>", "")
    assert content.article(page)["title"] == "Tides of the bay | Harbour News"


def test_page_is_read_in_the_encoding_it_declares() -> None:
    head = '<html><head><meta http-equiv="Content-Type" content="text/html; charset=windows-1251"><title>'
    raw = (head + "Прилив</title></head></html>").encode("cp1251")
    assert "<title>Прилив" in content.as_declared(raw.decode("latin-1"))
    for text in (head + "Прилив", head.replace("windows-1251", "x-none") + "é", head.replace("windows-1251", "utf-8")):
        assert content.as_declared(text) == text


def test_spans_without_bound_do_not_fill_the_memory() -> None:
    cell = '<td colspan="99999999" rowspan="99999999">x</td>'
    grids = content.tables(f"<table><tr>{cell}</tr><tr>{cell}</tr></table>", 5)
    assert [len(row) for row in grids[0]["rows"]] == [200, 200]
    row = '<tr><td colspan="200">x</td></tr>'
    with pytest.raises(ToolError, match="cells"):
        content.tables(f"<table>{row * 300}</table>", 5)


def test_nesting_without_bound_is_read_or_refused() -> None:
    found = content.links("<div>" * 50_000 + '<a href="/x">x</a>', "https://a.example/", 10)
    assert found in ([], [{"url": "https://a.example/x", "text": "x", "internal": True, "nofollow": False}])


def test_entities_that_would_read_files_are_not_followed() -> None:
    html = f'<!DOCTYPE html [<!ENTITY f SYSTEM "file:///etc/hostname">]>{STORY.replace("Ships", "&f; Ships")}'
    host = Path("/etc/hostname").read_text().strip()
    assert host not in content.article(html)["text"]


def test_layout_tables_are_left_out() -> None:
    html = "<table><tr><td><table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table></td></tr></table>"
    assert [grid["rows"] for grid in content.tables(html, 5)] == [[["a", "b"], ["c", ""]]]


def test_too_large_a_page_is_refused() -> None:
    with pytest.raises(ToolError, match="5,000,000 characters"):
        content.article("x" * 5_000_001)
