"""Mail servers of packages on loopback ports: pymap speaks IMAP, aiosmtpd SMTP."""

from __future__ import annotations

import imaplib
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

USER, PASSWORD = "demouser", "demo-pass-4711"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def until_listening(port: int, process: subprocess.Popen[Any], seconds: float = 30) -> None:
    """Waits until somebody takes connections at a port; fails when the process ends before."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, "the server ended"
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("the server does not listen")


@contextmanager
def imap_server(*messages: EmailMessage | bytes) -> Iterator[int]:
    """An IMAP server whose INBOX holds these messages, unread; gives its port."""
    port = free_port()
    command = ["--host", "127.0.0.1", "--port", str(port), "--no-tls"]
    command = [str(Path(sys.executable).with_name("pymap")), *command, "dict", "--demo-user", USER]
    process = subprocess.Popen([*command, "--demo-password", PASSWORD], stderr=subprocess.DEVNULL)
    try:
        until_listening(port, process)
        box = imaplib.IMAP4("127.0.0.1", port)
        box.login(USER, PASSWORD)
        for message in messages:
            box.append("INBOX", "", None, message if isinstance(message, bytes) else message.as_bytes())
        box.logout()
        yield port
    finally:
        process.terminate()
        process.wait(10)


def flags_of(port: int, uid: str) -> str:
    """What a message is marked with, as another client sees it."""
    box = imaplib.IMAP4("127.0.0.1", port)
    box.login(USER, PASSWORD)
    box.select("INBOX", readonly=True)
    found = str(box.uid("FETCH", uid, "(FLAGS)")[1][0])
    box.logout()
    return found


class Mailroom:
    """What an SMTP server was handed; `answers` are given in place of its own, by command."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.envelopes: list[Any] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, who: str, options: Any) -> str:  # noqa: N802
        if who.startswith("nobody"):
            return "550 No such user"
        envelope.rcpt_tos.append(who)
        return self.answers.get("rcpt", "250 OK")

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        if self.answers.get("data") == "hang up":
            server.transport.abort()
        return self.answers.get("data", "250 taken")


@contextmanager
def smtp_server(room: Mailroom, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """An SMTP server that asks for USER and PASSWORD; gives its port."""
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        is_known = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_known, handled=False)

    options = {"authenticator": check, "auth_require_tls": False, "auth_required": True}
    controller = Controller(room, hostname="127.0.0.1", port=free_port(), ssl_context=context, **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()
