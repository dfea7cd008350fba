"""Prices over HTTP from the source of the settings. Rule: keys go to that source and to no other, and into no log."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote, urlsplit

from ....config import Config
from ....errors import ToolError, TransientError
from ..credentials import revealed

_KEY = "tools.stocks"


async def fetched(config: Config, symbol: str, start: str, end: str) -> tuple[str, str]:
    """The text that the source gives for a symbol, and its media type.

    Raises:
        ToolError: there is no source, or it does not know the symbol.
        TransientError: it does not answer now.
    """
    import httpx

    limits, source = config.tools.http, config.tools.stocks
    if urlsplit(source.url).scheme not in ("http", "https") or "{symbol}" not in source.url:
        got = "none" if not source.url else "another"
        raise ToolError(f"expected {_KEY}.url as https://... with {{symbol}} in it, got {got}; or name a file")
    url = source.url
    for name, value in (("symbol", symbol), ("start", start), ("end", end)):
        url = url.replace("{" + name + "}", quote(value, safe=""))
    headers = {name: revealed(secret, f"{_KEY}.headers.{name}") for name, secret in source.headers.items()}
    request = httpx.Request("GET", url, headers={"User-Agent": "planloom", **headers})
    try:
        async with asyncio.timeout(limits.timeout_s):
            return await _answer(request, symbol, limits.max_bytes)
    except TimeoutError as error:
        raise TransientError(f"expected prices of {symbol!r} within {limits.timeout_s:g} s, got none") from error
    except httpx.TransportError as error:
        raise TransientError(f"the source of prices can't be reached: {type(error).__name__}") from None


async def _answer(request: Any, symbol: str, most: int) -> tuple[str, str]:
    import httpx

    # the transport itself: a client would write the address into its log, follow redirects and use proxies
    async with httpx.AsyncHTTPTransport(trust_env=False) as transport:
        response = await transport.handle_async_request(request)
        try:
            _require_ok(response.status_code, symbol)
            body = b""
            async for part in response.aiter_bytes():
                if len(body := body + part) > most:
                    raise ToolError(f"expected at most {most:,} bytes of prices, got more; raise tools.http.max_bytes")
        finally:
            await response.aclose()
    return body.decode("utf-8", "replace"), response.headers.get("content-type", "").partition(";")[0].strip().lower()


def _require_ok(status: int, symbol: str) -> None:
    if status == 200:
        return
    if status in (408, 429) or status >= 500:
        raise TransientError(f"the source of prices answered {status}", overloaded=status in (429, 503))
    if status in (401, 403):
        raise ToolError(f"the source of prices refuses ({status}); check {_KEY}.headers")
    raise ToolError(f"expected prices of {symbol!r}, got {status} from the source; check symbol and {_KEY}.url")
