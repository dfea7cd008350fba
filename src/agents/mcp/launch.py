"""How a server is reached, worked out from its settings. Rule: secrets are resolved here and shown nowhere."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from ...config import McpServer
from ...errors import ConfigError
from .presets import PRESETS

# what a program gets to know of our environment unless its settings say more
SAFE = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "TMPDIR", "TZ", "LANG", "LC_ALL", "LC_CTYPE"),
    *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "SYSTEMROOT"),
)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_FROM_ENVIRONMENT = re.compile(r"\$\{ENV:([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_NAME = re.compile(r"key|token|secret|passw|auth|cookie|credential", re.IGNORECASE)
_SHORTEST_SECRET = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What to start or to call, with every secret in place. `url` empty: a program."""

    name: str
    command: tuple[str, ...] = field(default=(), repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str | None = None
    url: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_sse: bool = False
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def program(self) -> str:
        """The command's first word, as people know it."""
        return Path(self.command[0]).name if self.command else ""

    def masked(self, text: str) -> str:
        """`text` without the secrets this server was given."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def check(name: str, server: McpServer) -> None:
    """Refuses settings that can't work.

    Raises:
        ConfigError: says which key, what was expected and what is there.
    """
    where = f"mcp.servers.{name}"
    if not _NAME.fullmatch(name) or name == "agent":
        raise ConfigError(f"{where}: expected a name of letters, digits, - and _, other than agent, got {name!r}")
    if server.preset and server.preset not in PRESETS:
        raise ConfigError(f"{where}.preset: expected one of {', '.join(PRESETS)}, got {server.preset!r}")
    if len([way for way in (server.command, server.url, server.preset) if way]) != 1:
        got = [way for way in ("command", "url", "preset") if getattr(server, way)]
        raise ConfigError(f"{where}: expected one of command, url and preset, got {' and '.join(got) or 'none'}")
    if server.url and not re.match(r"https?://[^/\s]", _FROM_ENVIRONMENT.sub("x", server.url)):
        raise ConfigError(
            f"{where}.url: expected an address with http:// or https://, got {server.url.split('?')[0]!r}"
        )


def resolved(name: str, server: McpServer, environ: Mapping[str, str]) -> Launch:
    """The launch for these settings.

    Raises:
        ConfigError: a variable that `${ENV:NAME}` names is not set, or as `check`.
    """
    check(name, server)
    expand = _Expansion(f"mcp.servers.{name}", environ)
    preset = PRESETS.get(server.preset)
    command = [*preset.command] if preset else [server.command] * bool(server.command)
    url = preset.url if preset else server.url
    headers = {**(preset.headers if preset else {}), **_shown(server.headers)}
    inherited = {key: environ[key] for key in SAFE if key in environ}
    return Launch(
        name=name,
        command=tuple(expand("args", part) for part in (*command, *server.args)) if command else (),
        env=inherited | expand.all("env", _shown(server.env)),
        cwd=str(Path(server.cwd).expanduser()) if server.cwd else None,
        url=expand("url", url),
        headers=expand.all("headers", headers),
        is_sse=server.transport == "sse",
        secrets=tuple(sorted(expand.secrets, key=len, reverse=True)),
    )


def _shown(values: Mapping[str, SecretStr]) -> dict[str, str]:
    return {key: value.get_secret_value() for key, value in values.items()}


def how(server: McpServer) -> str:
    """How a server is reached, in a line without its variables, headers and query."""
    preset = PRESETS.get(server.preset)
    command = preset.command if preset is not None else (server.command,) * bool(server.command)
    url = preset.url if preset is not None else server.url
    return " ".join((*command, *server.args)) if command else re.sub(r"//[^/@\s]*@", "//", url.partition("?")[0])


class _Expansion:
    """Replaces `${ENV:NAME}`, and remembers what must not be shown."""

    def __init__(self, where: str, environ: Mapping[str, str]) -> None:
        self._where = where
        self._environ = environ
        self.secrets: set[str] = set()

    def all(self, group: str, values: Mapping[str, str]) -> dict[str, str]:
        return {
            key: self(f"{group}.{key}", value, is_secret=bool(_SECRET_NAME.search(key)))
            for key, value in values.items()
        }

    def __call__(self, key: str, text: str, *, is_secret: bool = False) -> str:
        def value(match: re.Match[str]) -> str:
            found = self._environ.get(match[1])
            if found is None:
                raise ConfigError(
                    f"{self._where}.{key}: expected the variable {match[1]} to be set, and it is not; "
                    f"export it, or write another value"
                )
            self._keep(found)
            return found

        expanded = _FROM_ENVIRONMENT.sub(value, text)
        if is_secret:
            self._keep(expanded)
            self._keep(expanded.rpartition(" ")[2])  # the token after Bearer
        return expanded

    def _keep(self, value: str) -> None:
        if len(value) >= _SHORTEST_SECRET:
            self.secrets.add(value)


def signature(server: McpServer) -> str:
    """A hash of what decides which tools a server has; secrets go in as they are written, so only hashed."""
    told: dict[str, Any] = {
        "preset": server.preset,
        "command": server.command,
        "args": server.args,
        "cwd": server.cwd,
        "url": server.url,
        "transport": server.transport,
        "env": _shown(server.env),
        "headers": _shown(server.headers),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]
