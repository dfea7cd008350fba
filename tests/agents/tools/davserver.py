"""A CalDAV server of a package, Radicale, on a loopback port."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from tests.agents.tools.mailservers import free_port, until_listening

USER, PASSWORD = "ada", "dav-pass-4711"


@contextmanager
def dav_server(folder: Path, *calendars: str) -> Iterator[str]:
    """The address of a server where USER has these calendars."""
    port = free_port()
    (folder / "users").write_text(f"{USER}:{PASSWORD}\n")
    options = {
        "server-hosts": f"127.0.0.1:{port}",
        "storage-filesystem-folder": str(folder / "collections"),
        "auth-type": "htpasswd",
        "auth-htpasswd-filename": str(folder / "users"),
        "auth-htpasswd-encryption": "plain",
        "auth-delay": "0",
        "logging-level": "critical",
    }
    flags = [flag for name, value in options.items() for flag in (f"--{name}", value)]
    process = subprocess.Popen([sys.executable, "-m", "radicale", "--config", "", *flags], stderr=subprocess.DEVNULL)
    try:
        until_listening(port, process)
        address = f"http://127.0.0.1:{port}/"
        with httpx.Client(auth=(USER, PASSWORD), trust_env=False) as client:
            for name in calendars:
                body = (
                    '<c:mkcalendar xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:set><d:prop>'
                    f"<d:displayname>{name}</d:displayname></d:prop></d:set></c:mkcalendar>"
                )
                client.request("MKCALENDAR", f"{address}{USER}/{name.lower()}/", content=body).raise_for_status()
        yield address
    finally:
        process.terminate()
        process.wait(10)


def stored(address: str, calendar: str) -> str:
    """Everything in a calendar, as another program sees it."""
    with httpx.Client(auth=(USER, PASSWORD), trust_env=False) as client:
        return client.get(f"{address}{USER}/{calendar.lower()}/").text
