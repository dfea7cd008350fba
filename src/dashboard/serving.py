"""The dashboard behind a port. Rule: loopback only, no measurements sent to anyone, nothing fetched from elsewhere."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ..errors import ConfigError, UsageError
from .livepage import poller
from .source import Source

LOOPBACK = "127.0.0.1"
_SCRIPT = Path(__file__).with_name("script.py")
_READY_S = 60.0
_LOOK_S = 0.1


def serve(source: Source, port: int, announce: Callable[[str], None]) -> None:
    """Serves until the process is told to end; `announce` gets the address once it can be opened. Port 0: a free one.

    Raises:
        ConfigError: Streamlit is not installed.
        UsageError: the port can't be had.
    """
    try:
        from streamlit import net_util
        from streamlit.web import bootstrap
    except ModuleNotFoundError as error:
        raise ConfigError(f"the dashboard needs the package {error.name}: pip install 'planloom[dashboard]'") from error
    port = _free(port)
    flags = _options(port)
    net_util._external_ip = LOOPBACK  # else a page of another origin makes it ask a service what our address is
    bootstrap.load_config_options(flags)
    poller(source.url).looks()  # from now on, not from when somebody opens the page
    waiting = threading.Thread(target=_tell_when_ready, args=(port, announce), daemon=True)
    waiting.start()
    bootstrap.run(str(_SCRIPT), False, [source.text()], flags)


def _options(port: int) -> dict[str, object]:
    """Settings of Streamlit; they win over files and variables of its own."""
    return {
        "server.address": LOOPBACK,
        "server.port": port,
        "server.headless": True,
        "server.allowedHosts": ["localhost", LOOPBACK],
        "server.enableCORS": True,
        "server.enableXsrfProtection": True,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.maxUploadSize": 1,
        "browser.gatherUsageStats": False,
        "browser.serverAddress": "localhost",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "type",
        "client.showErrorLinks": "false",
        "logger.level": "error",
        "logger.hideWelcomeMessage": True,
        "theme.light.primaryColor": "#0b6fb8",
        "theme.dark.primaryColor": "#4aa8ec",
    }


def _free(port: int) -> int:
    """The port, when it can be had."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((LOOPBACK, port))
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"expected a free port at {LOOPBACK}:{port}, got {error}; choose another --port"
            ) from error
        return int(tried.getsockname()[1])


def _tell_when_ready(port: int, announce: Callable[[str], None]) -> None:
    until = time.monotonic() + _READY_S
    while time.monotonic() < until:
        try:
            socket.create_connection((LOOPBACK, port), timeout=1.0).close()
        except OSError:
            time.sleep(_LOOK_S)
            continue
        announce(f"http://{LOOPBACK}:{port}")
        return
