"""Which network addresses may be fetched, and the URL of a request pinned to one of them.

Rule: a name is resolved once; the address that was checked is the one that is connected to, so that a second answer
of the name server (DNS rebinding) changes nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass

from ....errors import AccessError, ToolError, TransientError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# prefixes that carry an IPv4 address in an IPv6 one: NAT64 (RFC 6052, RFC 8215), 6to4, Teredo, IPv4-compatible
_CARRIERS = tuple(
    map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "::ffff:0:0:0/96"))
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect: the host as named, its port, and the checked addresses in the order to try."""

    host: str
    port: int
    addresses: tuple[str, ...]


def refusal(address: Address) -> str:
    """Why an address may not be fetched, empty when it is an ordinary public one."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return "an IPv4-mapped address"
        if address.is_loopback or address.is_unspecified:
            return "a loopback address" if address.is_loopback else "the unspecified address"
        if any(address in net for net in _CARRIERS):
            return "an address that carries an IPv4 address"
    for is_so, name in (
        (address.is_unspecified, "the unspecified address"),
        (address.is_loopback, "a loopback address"),
        (address.is_link_local, "a link-local address"),
        (address.is_multicast, "a multicast address"),
        (not address.is_global, "a private or reserved address"),
    ):
        if is_so:
            return name
    return ""


async def resolved(host: str, port: int, *, allow_private: bool) -> Target:
    """The addresses of a host, all of them checked.

    Raises:
        AccessError: one of them is not public and `allow_private` is off.
        ToolError: there is no such host.
        TransientError: the name server does not answer.
    """
    try:
        answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise TransientError(f"the name {host!r} could not be looked up now: {error.strerror}") from error
        raise ToolError(f"expected a host that exists, got {host!r}: {error.strerror}; check the spelling") from error
    except UnicodeError as error:
        raise ToolError(f"expected a host name, got {host!r}") from error
    addresses = tuple(dict.fromkeys(str(answer[4][0]) for answer in answers))
    if not allow_private:
        _check(host, addresses)
    return Target(host, port, addresses)


def _check(host: str, addresses: tuple[str, ...]) -> None:
    for text in addresses:
        if why := refusal(ipaddress.ip_address(text.partition("%")[0])):
            raise AccessError(
                f"expected a public address, got {why} ({text}) for {host!r}; "
                "set tools.http.allow_private to fetch from your own network"
            )
