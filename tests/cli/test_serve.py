from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from planloom.cli.chatting import socket_url
from planloom.cli.serve import line, settings
from planloom.errors import UsageError

PLANLOOM = [sys.executable, "-m", "planloom"]
QUIET = {key: value for key, value in os.environ.items() if not key.startswith(("PLANLOOM_", "OPENAI_"))}


@contextmanager
def serving(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [*PLANLOOM, "serve", "--port", "0", "--workspace", str(folder)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env=QUIET
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline()
        finally:
            process.kill()


def test_one_line_is_printed_when_it_can_be_used_and_a_signal_ends_it(tmp_path: Path) -> None:
    with serving(tmp_path) as (process, told):
        url = next(word for word in told.split() if word.startswith("http"))
        assert httpx.get(f"{url}/health/ready", timeout=10).status_code == 200
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=30)
        assert (process.returncode, rest) == (0, "")
    assert "no token" in told


def test_a_goal_is_answered_in_the_terminal(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, told):
        url = next(word for word in told.split() if word.startswith("http"))
        command = [*PLANLOOM, "chat", "--url", url]
        one = subprocess.run([*command, "hello"], capture_output=True, text=True, env=QUIET, timeout=60, check=False)
        lines = "hello\n/sessions\nzzz qqq\n/quit\n"
        more = subprocess.run(command, input=lines, capture_output=True, text=True, env=QUIET, timeout=60, check=False)
    assert (one.returncode, "Hello." in one.stdout) == (0, True), one.stderr
    assert more.stdout.count("Hello.") == 1
    assert "expected a goal that a playbook fits" in more.stdout
    assert more.returncode == 1


def test_without_a_server_it_says_how_to_start_one(tmp_path: Path) -> None:
    command = [*PLANLOOM, "chat", "--url", "http://127.0.0.1:9", "hello"]
    done = subprocess.run(command, capture_output=True, text=True, env=QUIET, timeout=60, check=False)
    assert done.returncode == 2
    assert "planloom serve" in done.stderr


def test_journals_and_files_go_below_the_workspace_unless_said_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = settings(None, tmp_path / "data")
    assert (config.workspace, config.state) == (str(tmp_path / "data"), str(tmp_path / "data" / ".planloom"))
    (tmp_path / "mine.yaml").write_text("planloom: 1\nstate: elsewhere\n")
    assert settings(tmp_path / "mine.yaml", tmp_path / "data").state == "elsewhere"


def test_the_line_names_the_token_that_was_made_up() -> None:
    assert "abc" in line("http://x:1", "abc", is_open=False)
    assert "token" not in line("http://x:1", "", is_open=False)


@pytest.mark.parametrize(
    ("url", "socket"),
    [
        ("http://localhost:8400", "ws://localhost:8400/ws/chat"),
        ("https://chat.example.org/", "wss://chat.example.org/ws/chat"),
        ("localhost:8400", "ws://localhost:8400/ws/chat"),
    ],
)
def test_the_socket_of_an_address(url: str, socket: str) -> None:
    assert socket_url(url) == socket


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(UsageError, match="--url"):
        socket_url("ftp://x")
