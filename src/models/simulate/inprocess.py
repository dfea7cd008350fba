"""The provider without sockets: an HTTP transport that hands requests to the application in the same event loop.

Rule: streams stay streams (each part arrives when it is sent), time limits hold, and a broken connection is an error
of transport as over a real one; so everything also runs on a virtual loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2

_BOUND = 64  # parts on their way before the application waits for its reader


class InProcess(httpx2.AsyncBaseTransport):
    """Give it to `openai.DefaultAsyncHttpx2Client(transport=...)`. Closing it ends what still runs."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._calls: set[_Call] = set()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The response as soon as its head is there.

        Raises:
            httpx2.ReadTimeout: nothing came within the request's time limit.
            httpx2.RemoteProtocolError: the application ended without a whole response.
        """
        call = _Call(request, await request.aread())
        self._calls.add(call)
        call.start(self._app, self._calls.discard)
        try:
            head = await call.next()
        except BaseException:
            await call.aclose()
            raise
        if head is None or head["type"] != "http.response.start":
            await call.aclose()
            raise httpx2.RemoteProtocolError("Server disconnected without sending a response.", request=request)
        return httpx2.Response(head["status"], headers=head["headers"], stream=call, request=request)

    async def aclose(self) -> None:
        for call in list(self._calls):
            await call.aclose()


class _Call(httpx2.AsyncByteStream):
    """One request in the application, and its response body."""

    def __init__(self, request: httpx2.Request, body: bytes) -> None:
        self._request = request
        self._body: list[bytes] = [body]
        self._messages: asyncio.Queue[Any] = asyncio.Queue(_BOUND)
        self._left = asyncio.Event()
        self._timeout_s = request.extensions.get("timeout", {}).get("read")
        self._task: asyncio.Task[None] | None = None

    def start(self, app: Any, ended: Any) -> None:
        """Begins to run the application."""
        self._task = asyncio.ensure_future(self._run(app))
        self._task.add_done_callback(lambda _: ended(self))

    async def next(self) -> Any:
        """The next message of the application, None after its last."""
        try:
            async with asyncio.timeout(self._timeout_s):
                message = await self._messages.get()
        except TimeoutError as error:
            raise httpx2.ReadTimeout("The read operation timed out", request=self._request) from error
        if isinstance(message, BaseException):
            raise message
        return message

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            message = await self.next()
            if message is None:
                text = "peer closed connection without sending complete message body (incomplete chunked read)"
                raise httpx2.RemoteProtocolError(text, request=self._request)
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body", False):
                return

    async def aclose(self) -> None:
        """Leaves, as a client does that closes its connection. May be called again."""
        self._left.set()
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self, app: Any) -> None:
        try:
            await app(self._scope(), self._receive, self._messages.put)
        except Exception as error:  # noqa: BLE001 - the border of the application, as a server has one
            await self._messages.put(error)
        await self._messages.put(None)

    async def _receive(self) -> dict[str, Any]:
        if self._body:
            return {"type": "http.request", "body": self._body.pop(), "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    def _scope(self) -> dict[str, Any]:
        url = self._request.url
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self._request.method,
            "headers": [(name.lower(), value) for name, value in self._request.headers.raw],
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.split(b"?")[0],
            "query_string": url.query,
            "server": (url.host, url.port),
            "client": ("127.0.0.1", 0),
            "root_path": "",
        }
