"""Who may come in. Rule: a name only after a secret was shown, or on this machine where none is set.

Tokens come in the `Authorization` header, in the socket's first frame, or as the cookie that `POST /api/login` sets;
never in an address, which ends up in logs. The cookie is signed with the token it was given for: a changed token ends
it.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..clock import Clock
from ..errors import ConfigError
from .owners import LOCAL
from .rates import Buckets

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from ..config import Server

COOKIE = "planloom"
COOKIE_S = 30 * 86_400
_SHORTEST = 16  # characters of a token
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
_VARIABLE = re.compile(r"\$\{ENV:([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody who may come in. `key` is what limits count by."""

    owner: str
    key: str


class Access:
    """Decides about clients by the settings."""

    def __init__(self, settings: Server, clock: Clock, environ: Mapping[str, str] | None = None) -> None:
        """
        Raises:
            ConfigError: a token is short, stands for two people, or its variable is not set.
        """
        self._settings = settings
        self._clock = clock
        self._tokens = _tokens(settings, os.environ if environ is None else environ)
        self._requests = Buckets(settings.requests_per_minute)
        self._messages = Buckets(settings.messages_per_minute, burst_s=60.0)
        self._origins = {origin.rstrip("/").lower() for origin in settings.origins}
        self._hosts = {name.lower() for name in (*_LOOPBACK_NAMES, settings.host, *settings.hosts)}

    def __repr__(self) -> str:
        return f"Access({len(self._tokens)} tokens)"

    @property
    def needs_token(self) -> bool:
        """Whether nobody gets in without one."""
        return bool(self._tokens)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The tokens, for those who hide them."""
        return tuple(self._tokens.values())

    # ---- who it is

    def known(self, token: str, peer: str = "") -> Client | None:
        """Whose token it is; None: nobody's. Takes as long for every token."""
        found = None
        for owner, own in self._tokens.items():
            if hmac.compare_digest(own.encode(), token.encode("utf-8", "replace")):
                found = owner
        return Client(found, f"{found}@{peer}") if found is not None else None

    def client(self, connection: HTTPConnection) -> Client | None:
        """Who is behind a request; None: they have to show a token."""
        peer = connection.client.host if connection.client is not None else LOCAL
        if not self._tokens:
            return Client(LOCAL, f"{LOCAL}@{peer}") if _is_loopback(peer) else None
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if token and scheme.lower() == "bearer":
            return self.known(token.strip(), peer)
        owner = self._owner_of(connection.cookies.get(COOKIE, ""))
        return Client(owner, f"{owner}@{peer}") if owner is not None else None

    def cookie(self, client: Client) -> str:
        """What a browser keeps instead of the token."""
        ends = int(self._clock.wall()) + COOKIE_S
        return f"{client.owner.encode().hex()}.{ends}.{self._signature(client.owner, ends)}"

    def _owner_of(self, cookie: str) -> str | None:
        name, _, rest = cookie.partition(".")
        ends, _, signature = rest.partition(".")
        if not re.fullmatch(r"[0-9]{1,15}", ends) or not re.fullmatch(r"(?:[0-9a-f]{2})+", name):
            return None
        owner = bytes.fromhex(name).decode("utf-8", "replace")
        if owner not in self._tokens or int(ends) < self._clock.wall():
            return None
        good = self._signature(owner, int(ends))
        return owner if hmac.compare_digest(good.encode(), signature.encode("utf-8", "replace")) else None

    def _signature(self, owner: str, ends: int) -> str:
        said = f"planloom-cookie\n{owner}\n{ends}".encode()
        return hmac.new(self._tokens[owner].encode(), said, hashlib.sha256).hexdigest()

    # ---- from where

    def refusal(self, connection: HTTPConnection, *, changes: bool) -> str | None:
        """Why a request is not let in at all, None: it is. `changes`: it may change something, or is a socket.

        Without tokens the name it was sent to has to be one of this machine: else any page on the web could have a name
        of its own point here.
        """
        host = connection.headers.get("host", "")
        name = (urlsplit(f"//{host}").hostname or "") if _is_host(host) else ""
        if (self._settings.hosts or not self._tokens) and name.lower() not in self._hosts:
            return f"expected a request to one of {', '.join(sorted(self._hosts))}, got {host[:80]!r}; see server.hosts"
        origin = connection.headers.get("origin")
        if not changes or origin is None or origin.lower().rstrip("/") in self._origins:
            return None
        if _is_host(host) and origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}"):
            return None
        return f"expected a page of this server, got one of {origin[:80]!r}; see server.origins"

    # ---- how often

    def may_request(self, client: Client) -> float:
        """0.0, or the seconds to wait before the next HTTP request."""
        return self._requests.take(client.key, self._clock.now())

    def may_ask(self, client: Client | None) -> float:
        """0.0, or the seconds to wait before the next goal."""
        return self._messages.take(client.owner if client is not None else "", self._clock.now())


def is_loopback_host(host: str) -> bool:
    """Whether what listens at this address is reachable from this machine alone."""
    return host.lower() in _LOOPBACK_NAMES or _is_loopback(host)


def _is_loopback(peer: str) -> bool:
    if peer in (LOCAL, ""):
        return True
    try:
        return ipaddress.ip_address(peer.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _is_host(host: str) -> bool:
    return re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?", host) is not None


def _tokens(settings: Server, environ: Mapping[str, str]) -> dict[str, str]:
    given = {name: secret.get_secret_value() for name, secret in settings.tokens.items()}
    if own := settings.token.get_secret_value():
        if LOCAL in given:
            raise ConfigError(f"server.tokens: expected names beside {LOCAL!r}, which `server.token` stands for")
        given[LOCAL] = own
    tokens = {name: _expanded(name, text, environ) for name, text in given.items()}
    for name, token in tokens.items():
        if len(token) < _SHORTEST:
            raise ConfigError(
                f"server.tokens: expected at least {_SHORTEST} characters for {name!r}, got {len(token)}; "
                'make one with: python -c "import secrets; print(secrets.token_urlsafe(24))"'
            )
    if len(set(tokens.values())) < len(tokens):
        raise ConfigError("server.tokens: expected another token for each name, got one twice")
    return tokens


def _expanded(name: str, text: str, environ: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in environ:
            raise ConfigError(f"server.tokens: {name!r} takes {match[0]}, which is not set")
        return environ[match[1]]

    return _VARIABLE.sub(value, text)
