"""The body of a request: how long it may take, and what is left of it when the response begins.

Rule: a client has a while, and a second more for each KB it has sent. What nobody reads is thrown away up to a bound:
when a server answers and closes while its client still sends, the answer is lost on the way, and the client's next
request on that connection with it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope

_BYTES_PER_S = 1_000
_MOST_BYTES = 64 * 2**20
_LONGEST_S = 5.0


class TooSlow(TimeoutError):  # noqa: N818 - named as what it is
    """The body did not come in time."""


class Remainder:
    """Hands on what an application receives. `patience_s`: seconds a client has, beside those it earns by sending."""

    def __init__(self, scope: Scope, receive: Receive, patience_s: float) -> None:
        names = dict(scope.get("headers", ()))
        self._receive = receive
        self._is_over = names.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in names
        self._is_broken = False
        self._until = asyncio.get_running_loop().time() + patience_s

    async def receive(self) -> Message:
        """The next message; to be handed to the application.

        Raises:
            TooSlow: it did not come in time; never once the body is whole.
        """
        try:
            async with asyncio.timeout_at(None if self._is_over else self._until):
                message = await self._receive()
        except TimeoutError:
            self._is_broken = True
            raise TooSlow("expected the whole body, got nothing more of it for too long") from None
        self._is_over = self._is_over or message["type"] != "http.request" or not message.get("more_body", False)
        self._until += len(message.get("body", b"")) / _BYTES_PER_S
        return message

    async def drop(self) -> bool:
        """Reads the rest; whether that was all of it."""
        size = 0
        try:
            async with asyncio.timeout(_LONGEST_S):
                while not self._is_over and not self._is_broken and size < _MOST_BYTES:
                    size += len((await self.receive()).get("body", b""))
        except TimeoutError:
            return False
        return self._is_over
