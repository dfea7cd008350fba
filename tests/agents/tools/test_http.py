from __future__ import annotations

import datetime as dt
import gzip
import ipaddress
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from planloom.agents.tool import ToolContext
from planloom.agents.tools import http
from planloom.agents.tools.http import hosts
from planloom.agents.workspace import Workspace
from planloom.config import Config, Http, Tools
from planloom.errors import AccessError, ToolError, TransientError

LIMIT = 20_000


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        match path.strip("/").split("/"):
            case ["status", code, *rest]:
                self._answer(int(code), b"", {"Retry-After": rest[0]} if rest else {})
            case ["hops", left]:
                self._answer(302, b"", {"Location": f"/hops/{int(left) - 1}" if int(left) else "/page"})
            case ["to", where]:
                self._answer(301, b"", {"Location": {"file": "file:///etc/passwd", "creds": "http://u:p@h/"}[where]})
            case ["host"]:
                self._answer(200, self.headers["Host"].encode(), {"Content-Type": "text/plain"})
            case ["latin"]:
                self._answer(200, "café".encode("latin-1"), {"Content-Type": "text/plain; charset=iso-8859-1"})
            case ["picture.png"]:
                self._answer(200, b"\x89PNG\x00", {"Content-Type": "image/png"})
            case ["large"]:
                self._answer(200, b"x" * (LIMIT + 1), {"Content-Type": "text/plain"})
            case ["endless"]:
                self._endless()
            case ["bomb"]:
                packed = gzip.compress(b"x" * 50_000_000)
                self._answer(200, packed, {"Content-Type": "text/plain", "Content-Encoding": "gzip"})
            case ["gzip"]:
                packed = gzip.compress(b"packed")
                self._answer(200, packed, {"Content-Type": "text/plain", "Content-Encoding": "gzip"})
            case ["br"]:
                self._answer(200, b"?", {"Content-Type": "text/plain", "Content-Encoding": "br"})
            case _:
                self._answer(200, b"<p>page</p>", {"Content-Type": "text/html; charset=utf-8"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _endless(self) -> None:
        """No length, and more and more until the other side has enough."""
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x" * 4096)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Nothing on the screen."""


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    return _context(tmp_path, allow_private=True)


def _context(folder: Path, *, allow_private: bool, timeout_s: float = 20.0) -> ToolContext:
    limits = Http(allow_private=allow_private, max_bytes=LIMIT, timeout_s=timeout_s)
    return ToolContext(workspace=Workspace(folder, folder / "out"), config=Config(tools=Tools(http=limits)))


async def _fetch(port: int, path: str, context: ToolContext) -> Any:
    return await http.fetch(f"http://127.0.0.1:{port}{path}", context=context)


async def test_page_is_fetched_as_text(port: int, context: ToolContext) -> None:
    found = await _fetch(port, "/page?q=1#part", context)
    assert found == {
        "status": 200,
        "url": f"http://127.0.0.1:{port}/page?q=1",
        "media_type": "text/html",
        "text": "<p>page</p>",
        "path": None,
        "bytes": 11,
    }


async def test_text_is_decoded_as_the_server_says(port: int, context: ToolContext) -> None:
    assert (await _fetch(port, "/latin", context))["text"] == "café"


async def test_binary_content_is_saved_as_a_file(port: int, context: ToolContext) -> None:
    found = await _fetch(port, "/picture.png", context)
    assert (found["text"], found["bytes"]) == (None, 5)
    path = Path(found["path"])
    assert path.read_bytes() == b"\x89PNG\x00"
    assert (path.parent, path.name) == (context.workspace.out, "picture.png")


async def test_five_redirects_are_followed(port: int, context: ToolContext) -> None:
    assert (await _fetch(port, "/hops/4", context))["url"].endswith("/page")


async def test_sixth_redirect_is_refused(port: int, context: ToolContext) -> None:
    with pytest.raises(ToolError, match="at most 5 redirects"):
        await _fetch(port, "/hops/5", context)


@pytest.mark.parametrize(("where", "error"), [("file", ToolError), ("creds", AccessError)])
async def test_redirect_is_checked_like_the_first_address(
    port: int, context: ToolContext, where: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await _fetch(port, f"/to/{where}", context)


@pytest.mark.parametrize("path", ["/large", "/endless", "/bomb"])
async def test_more_than_the_limit_is_refused(port: int, context: ToolContext, path: str) -> None:
    with pytest.raises(ToolError, match="20,000 bytes"):
        await _fetch(port, path, context)


async def test_packed_content_is_unpacked(port: int, context: ToolContext) -> None:
    assert (await _fetch(port, "/gzip", context))["text"] == "packed"


async def test_unknown_encoding_is_refused(port: int, context: ToolContext) -> None:
    with pytest.raises(ToolError, match="'br'"):
        await _fetch(port, "/br", context)


@pytest.mark.parametrize(
    ("path", "overloaded", "retry_after_s"),
    [("/status/429/7", True, 7.0), ("/status/503", True, None), ("/status/500", False, None)],
)
async def test_errors_that_may_pass_are_transient(
    port: int, context: ToolContext, path: str, overloaded: bool, retry_after_s: float | None
) -> None:
    with pytest.raises(TransientError) as caught:
        await _fetch(port, path, context)
    assert (caught.value.overloaded, caught.value.retry_after_s) == (overloaded, retry_after_s)


@pytest.mark.parametrize("status", [400, 404, 410, 304])
async def test_other_statuses_are_final(port: int, context: ToolContext, status: int) -> None:
    with pytest.raises(ToolError, match=str(status)):
        await _fetch(port, f"/status/{status}", context)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("120", 120.0),
        ("Fri, 31 Jan 2025 12:00:30 GMT", 30.0),
        ("Fri, 31 Jan 2025 11:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(told: str | None, seconds: float | None) -> None:
    assert http.retry_after(told, dt.datetime(2025, 1, 31, 12, tzinfo=dt.UTC)) == seconds


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "2130706433"])
async def test_own_machine_is_refused_unless_allowed(port: int, tmp_path: Path, host: str) -> None:
    with pytest.raises(AccessError, match="allow_private"):
        await http.fetch(f"http://{host}:{port}/", context=_context(tmp_path, allow_private=False))


@pytest.mark.parametrize(
    ("address", "is_refused"),
    [
        ("93.184.216.34", False),
        ("2606:2800:220:1::1", False),
        ("10.0.0.1", True),
        ("172.16.0.1", True),
        ("192.168.1.1", True),
        ("100.64.0.1", True),
        ("127.0.0.1", True),
        ("169.254.169.254", True),
        ("224.0.0.1", True),
        ("255.255.255.255", True),
        ("0.0.0.0", True),
        ("::", True),
        ("::1", True),
        ("::7f00:1", True),
        ("fe80::1", True),
        ("fc00::1", True),
        ("ff02::1", True),
        ("::ffff:8.8.8.8", True),
        ("::ffff:0:7f00:1", True),
        ("64:ff9b::7f00:1", True),
        ("64:ff9b:1::1", True),
        ("2002:7f00:1::", True),
        ("2001::1", True),
    ],
)
def test_only_public_addresses_may_be_fetched(address: str, is_refused: bool) -> None:
    assert bool(hosts.refusal(ipaddress.ip_address(address))) == is_refused


async def test_connection_goes_to_the_checked_address_whatever_the_name_says(port: int, context: ToolContext) -> None:
    url = httpx.URL(f"http://rebound.invalid:{port}/host")
    answer = await http._got(url, hosts.Target("rebound.invalid", port, ("127.0.0.1",)), context)
    assert answer.body == f"rebound.invalid:{port}".encode()


@pytest.mark.parametrize(
    "url", ["ftp://example.org/x", "file:///etc/passwd", "example.org", "http://", "http://[::1", "", "javascript:1"]
)
async def test_what_is_no_web_address_is_refused(context: ToolContext, url: str) -> None:
    with pytest.raises(ToolError, match="expected a URL"):
        await http.fetch(url, context=context)


async def test_password_in_an_address_is_refused_and_not_repeated(context: ToolContext) -> None:
    with pytest.raises(AccessError) as caught:
        await http.fetch("http://ada:secret@127.0.0.1/", context=context)
    assert "secret" not in str(caught.value)


async def test_refused_connection_may_pass(context: ToolContext) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    free = server.server_port
    server.server_close()
    with pytest.raises(TransientError) as caught:
        await _fetch(free, "/", context)
    assert caught.value.overloaded


async def test_server_without_tls_is_not_trusted_with_https(port: int, context: ToolContext) -> None:
    with pytest.raises(ToolError, match="secure connection"):
        await http.fetch(f"https://127.0.0.1:{port}/", context=context)


async def test_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        context = _context(tmp_path, allow_private=True, timeout_s=0.05)
        with pytest.raises(TransientError):
            await _fetch(silent.getsockname()[1], "/", context)
