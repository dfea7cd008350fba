from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from planloom.agents.policy import Wish, decide, role_of
from planloom.agents.tool import ToolContext
from planloom.agents.tools import notify
from planloom.agents.workspace import Workspace
from planloom.config import Config, Policy
from planloom.errors import AccessError, ToolError, TransientError

HOOK = "/hook/secret-path-42"


@contextmanager
def chat(status: int = 200, answer: bytes = b"ok", *, silent: bool = False) -> Iterator[tuple[str, list[Any]]]:
    """A chat program's webhook; what was posted to it."""
    posted: list[Any] = []
    over = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append((self.path, json.loads(body), self.headers))
            if silent:
                over.wait(30)
                return
            self.send_response(status)
            self.send_header("Location", "http://169.254.169.254/")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Nothing on the screen."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{HOOK}", posted
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def context_of(folder: Path, hook: str = "", *, private: bool = False, timeout_s: float = 5.0) -> ToolContext:
    hooks = {"team": hook} if hook else {}
    tools = {"notify": {"webhooks": hooks, "timeout_s": timeout_s}, "http": {"allow_private": private}}
    config = Config.model_validate({"tools": tools})
    return ToolContext(workspace=Workspace(folder, folder), config=config, idempotency_key="run/1")


async def test_named_webhook_gets_the_message_and_its_address_is_told_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with chat(answer=b"x" * 5_000) as (url, posted):
        context = context_of(tmp_path, url)
        found = await notify.webhook(context, "High water at 06:12", name="team", data={"channel": "#pier"})
    path, body, headers = posted[0]
    assert path == HOOK and body == {"text": "High water at 06:12", "channel": "#pier"}
    assert headers["Idempotency-Key"] == "run/1" and headers["Content-Type"] == "application/json"
    assert (found["to"], found["status"], len(found["answer"])) == ("team", 200, 500)
    assert "secret-path" not in repr(found) + repr(context.config) + caplog.text


async def test_address_given_as_an_argument_must_be_public(tmp_path: Path) -> None:
    with chat() as (url, posted):
        with pytest.raises(AccessError, match="loopback"):
            await notify.webhook(context_of(tmp_path), "Hi", url=url)
        assert posted == []
        assert (await notify.webhook(context_of(tmp_path, private=True), "Hi", url=url))["to"] == "127.0.0.1"
    for address in ("http://169.254.169.254/x", "http://[::ffff:10.0.0.1]/", "http://localhost:1/"):
        with pytest.raises(AccessError):
            await notify.webhook(context_of(tmp_path), "Hi", url=address)


async def test_redirects_are_not_followed(tmp_path: Path) -> None:
    with chat(302) as (url, posted), pytest.raises(ToolError, match="got 302"):
        await notify.webhook(context_of(tmp_path, url), "Hi")
    assert len(posted) == 1


@pytest.mark.parametrize(
    ("status", "kind", "unknown"),
    [(404, ToolError, None), (429, TransientError, False), (500, TransientError, True), (503, TransientError, False)],
)
async def test_refusals_say_whether_it_may_have_happened(
    tmp_path: Path, status: int, kind: type[Exception], unknown: bool | None
) -> None:
    with chat(status, b"secret words of the server") as (url, _):
        context = context_of(tmp_path, url)
        with pytest.raises(kind, match=str(status)) as caught:
            await notify.webhook(context, "Hi")
    assert getattr(caught.value, "outcome_unknown", None) == unknown
    assert "secret" not in str(caught.value)


async def test_silent_servers_leave_the_outcome_unknown_and_absent_ones_do_not(tmp_path: Path) -> None:
    with chat(silent=True) as (url, _), pytest.raises(TransientError) as caught:
        await notify.webhook(context_of(tmp_path, url, timeout_s=0.2), "Hi")
    assert caught.value.outcome_unknown
    with pytest.raises(TransientError, match="could not connect to 'team'") as caught:
        await notify.webhook(context_of(tmp_path, url), "Hi")
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize(
    "bad",
    [
        {"text": "Hi", "url": "https://a.example", "name": "team"},
        {"text": "Hi", "url": "file:///etc/passwd"},
        {"text": "Hi", "url": "https://u:p@a.example/"},
        {"text": "", "url": "https://a.example"},
        {"data": {"x": "y" * 100_001}, "url": "https://a.example"},
        {"text": "Hi", "name": "other"},
    ],
)
async def test_messages_that_do_not_fit_are_refused(tmp_path: Path, bad: dict[str, Any]) -> None:
    with pytest.raises(ToolError):
        await notify.webhook(context_of(tmp_path, "https://a.example/secret"), **bad)


def test_named_address_that_is_none_is_not_told(tmp_path: Path) -> None:
    import asyncio

    with pytest.raises(ToolError, match="webhook 'team'") as caught:
        asyncio.run(notify.webhook(context_of(tmp_path, "htp:secret-path-42"), "Hi"))
    assert "secret-path" not in str(caught.value)


@pytest.mark.parametrize("arguments", [{"url": "https://a.example/x"}, {"name": "team"}, {}])
def test_policy_asks_before_a_webhook(arguments: dict[str, str]) -> None:
    wish = Wish(tool="notify.webhook", effect="write", arguments={"text": "Hi", **arguments})
    assert decide(role_of(Policy()), wish).verdict == "ask"


# ---- on the desktop


def test_without_the_program_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="install libnotify"):
        notify.desktop("Hi")


@pytest.mark.skipif(shutil.which("notify-send") is None, reason="notify-send is not installed")
def test_without_a_desktop_the_error_is_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
    with pytest.raises(ToolError, match="expected a desktop"):
        notify.desktop("Hi", "there")


def test_desktop_gets_plain_text_whatever_is_in_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "notify-send"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/given\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert notify.desktop("--help <b>", "$(touch x) & y\x1b[2J", urgency="critical") is True
    given = (tmp_path / "given").read_text().splitlines()
    assert given == [
        "--app-name=planloom",
        "--urgency=critical",
        "--",
        "--help &lt;b&gt;",
        "$(touch x) &amp; y[2J",
    ]
