"""The gate before every request: who may ask from where, and the headers that every response has.

Rule: pure ASGI, so that streams and sockets pass through untouched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection

from .http.endpoint import Endpoint, refused
from .remainder import Remainder

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ..clock import Clock
    from ..metrics import Metrics
    from .access import Access

# The page itself: everything from here, nothing inline, nowhere else to send anything to.
PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "frame-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Content-Security-Policy": PAGE_POLICY,
    "X-Frame-Options": "DENY",
}
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class Gate:
    """Wraps an application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        access: Access,
        metrics: Metrics | None,
        endpoints: Sequence[Endpoint],
        clock: Clock,
        patience_s: float,
    ) -> None:
        """`patience_s`: as `Remainder`."""
        self._app = app
        self._access = access
        self._metrics = metrics
        self._paths = {endpoint.path for endpoint in endpoints}
        self._clock = clock
        self._patience_s = patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through, or answers it with why not."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        is_socket = scope["type"] == "websocket"
        changes = is_socket or scope["method"] not in _SAFE_METHODS
        told = self._access.refusal(HTTPConnection(scope), changes=changes)
        if is_socket:
            if told is not None:
                await send({"type": "websocket.close", "code": 1008, "reason": told[:120]})
                return
            await self._app(scope, receive, send)
            return
        await self._http(scope, receive, send, told)

    async def _http(self, scope: Scope, receive: Receive, send: Send, told: str | None) -> None:
        began, status, body = self._clock.now(), 500, Remainder(scope, receive, self._patience_s)

        async def outward(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                _complete(headers)
                if not await body.drop() and scope["http_version"].startswith("1"):
                    headers["Connection"] = "close"
            await send(message)

        try:
            if told is not None:
                response = refused("refused", told)
                response.status_code = 403
                await response(scope, body.receive, outward)
            else:
                await self._app(scope, body.receive, outward)
        finally:
            if self._metrics is not None:
                seconds = self._clock.now() - began
                self._metrics.request(_method(scope), self._pattern(scope), status, seconds)

    def _pattern(self, scope: Scope) -> str:
        """The pattern of the address, so that no id becomes a label."""
        route = scope.get("route")
        path = getattr(route, "path", "")
        return path if path in self._paths else "page"


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in (*_SAFE_METHODS, "POST", "PUT", "PATCH", "DELETE") else "other"


def _complete(headers: MutableHeaders) -> None:
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    if headers.get("content-type", "").startswith("application/json"):
        headers.setdefault("Cache-Control", "no-store")
    if "server" in headers:
        del headers["server"]
