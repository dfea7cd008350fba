"""What every server of ours needs of a socket and of the process. Rule: a port that can't be had is told in words."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import suppress

from .errors import UsageError

BACKLOG = 2048


def listener(host: str, port: int) -> socket.socket:
    """A socket that listens and does not block; port 0: a free one.

    Raises:
        UsageError: the port can't be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio then sets TCP_NODELAY
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        made.close()
        raise UsageError(f"expected a free port at {host}:{port}, got {error}; choose another --port") from error
    made.setblocking(False)
    return made


def origin(listening: socket.socket) -> str:
    """Where a socket listens, as the start of a URL that works on this machine."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - what it is bound to, told as a name that works
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def when_told_to_end(act: Callable[[], None]) -> None:
    """Calls `act` on the running loop when the process is told to end (SIGINT, SIGTERM)."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows: Ctrl-C is a KeyboardInterrupt there
            loop.add_signal_handler(number, act)
