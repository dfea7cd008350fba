"""Where an action's arguments point: paths, hosts, or a command. Rule: told by names and forms, never by looking."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

_PATHS = re.compile(
    r"(^|_)(path|paths|file|files|folder|folders|dir|directory|source|sources|target|destination|dest|into|output|database)($|_)"
)
_HOSTS = re.compile(
    r"(^|_)(url|urls|uri|host|hosts|server|endpoint|address|webhook|recipient|recipients|to|cc|bcc)($|_)"
)
_MAIL = re.compile(r"[^@\s<>]+@([A-Za-z0-9.-]+\.[A-Za-z]{2,})")
_NETWORK = (
    "http.*",
    "web.*",
    "mail.*",
    "calendar.*",
    "calendars.add",
    "calendars.remove",
    "contacts.*",
    "feeds.*",
    "notify.*",
    "notifications.*",
)
_COMMANDS = ("process.*", "shell.*", "code.*", "command.*", "terminal.*")
_MOST = 2_000  # values looked at


def is_command(tool: str) -> bool:
    """Whether a tool runs programs or code."""
    return any(fnmatchcase(tool, pattern) for pattern in _COMMANDS)


def is_network(tool: str) -> bool:
    """Whether a tool speaks to other machines, whatever its arguments say."""
    return any(fnmatchcase(tool, pattern) for pattern in _NETWORK)


def paths_in(arguments: Mapping[str, Any]) -> list[str]:
    """The texts that name files or folders."""
    return [text for name, text in _texts(arguments) if _PATHS.search(name.lower()) and not _host(text)]


def hosts_in(arguments: Mapping[str, Any]) -> list[str]:
    """The hosts of URLs anywhere, and of mail addresses in arguments that say where something goes; small letters."""
    found = []
    for name, text in _texts(arguments):
        host = _host(text)
        if not host and _HOSTS.search(name.lower()):
            mail = _MAIL.search(text)
            host = mail[1] if mail else ""
        if host:
            found.append(host.lower().rstrip("."))
    return list(dict.fromkeys(found))


def _host(text: str) -> str:
    head = text.lstrip()[:8].lower()
    if not re.match(r"(https?|wss?|ftps?|sftp|smtp|imap|file)", head) or "://" not in text[:16]:
        return ""
    try:
        return urlsplit(text.strip()).hostname or ""
    except ValueError:
        return "?"  # no host anybody could allow


def _texts(arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each text with the name of the nearest field it stands in."""
    stack: list[tuple[str, Any]] = list(arguments.items())
    for _ in range(_MOST):
        if not stack:
            return
        name, value = stack.pop()
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, Mapping):
            stack += [(str(key), inner) for key, inner in value.items()]
        elif isinstance(value, (list, tuple)):
            stack += [(name, inner) for inner in value]
