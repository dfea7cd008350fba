"""The tool that fetches a web page or file by GET.

Rule: every hop is checked before it is connected to, and connected to at the address that was checked. Proxies of the
environment are not used, because a proxy would look the name up again.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from ....errors import AccessError, ToolError, TransientError
from ...tool import ToolContext, tool
from ..files.contents import decoded
from .hosts import Target, resolved

if TYPE_CHECKING:
    import httpx

_REDIRECTS = 5
_MOVED = frozenset({301, 302, 303, 307, 308})
_TEXTUAL = ("json", "xml", "javascript", "yaml", "toml", "csv", "www-form-urlencoded", "graphql", "ndjson")
_HEADERS = {"User-Agent": "planloom", "Accept": "*/*", "Accept-Encoding": "identity"}


class Fetched(TypedDict):
    """`url` after redirects. `text` None for binary content, whose file is at `path` (None for text). `bytes` of it."""

    status: int
    url: str
    media_type: str
    text: str | None
    path: str | None
    bytes: int


@dataclass(frozen=True, slots=True)
class _Answer:
    """One response; `location` is where it moves to, None when it does not."""

    status: int
    media_type: str
    charset: str | None
    location: str | None
    body: bytes


@tool(effect="read", outward=True)
async def fetch(url: str, *, context: ToolContext) -> Fetched:
    """Fetches a web page or file by GET (http or https) and gives its text, or saves it when it is binary.

    Limits of size and time are settings (tools.http); addresses of private networks are refused unless allowed there.
    """
    limits = context.config.tools.http
    try:
        async with asyncio.timeout(limits.timeout_s):
            return await _followed(url, context)
    except TimeoutError as error:
        raise TransientError(f"expected an answer of {url!r} within {limits.timeout_s:g} s, got none") from error


async def _followed(url: str, context: ToolContext) -> Fetched:
    import httpx

    limits = context.config.tools.http
    at = _parsed(url)
    for _ in range(_REDIRECTS + 1):
        port = at.port or (443 if at.scheme == "https" else 80)
        target = await resolved(at.raw_host.decode("ascii"), port, allow_private=limits.allow_private)
        answer = await _got(at, target, context)
        if answer.location is None:
            return _result(str(at), answer, context)
        try:
            at = _parsed(str(at.join(answer.location)))
        except httpx.InvalidURL as error:
            raise ToolError(f"{at} moves to something that is no URL: {answer.location!r}") from error
    raise ToolError(f"expected at most {_REDIRECTS} redirects, got more from {url!r}")


def _parsed(url: str) -> httpx.URL:
    """The URL of a page.

    Raises:
        ToolError: it is none, or not http or https.
        AccessError: it holds a user name or password, which would end up in journals.
    """
    import httpx

    try:
        found = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ToolError(f"expected a URL such as https://example.org/page, got {url!r}: {error}") from error
    if found.scheme not in ("http", "https") or not found.host:
        raise ToolError(f"expected a URL that starts with http:// or https://, got {url!r}")
    if found.userinfo:
        raise AccessError(f"expected a URL without user name and password, got one for {found.host!r}")
    return found.copy_with(fragment=None)


async def _got(url: httpx.URL, target: Target, context: ToolContext) -> _Answer:
    """The answer from the first of the target's addresses that can be connected to."""
    import httpx

    error: Exception | None = None
    async with httpx.AsyncClient(
        trust_env=False, follow_redirects=False, timeout=context.config.tools.http.timeout_s
    ) as client:
        for address in target.addresses:
            try:
                return await _asked(client, url, address, context)
            except httpx.ConnectError as failed:
                error = failed
            except httpx.TimeoutException as failed:
                raise TransientError(f"{url.host!r} did not answer in time") from failed
            except httpx.TransportError as failed:
                raise TransientError(f"the connection to {url.host!r} broke: {failed}") from failed
    raise _unconnected(url, error) from error


def _unconnected(url: httpx.URL, error: Exception | None) -> ToolError | TransientError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return ToolError(f"expected a secure connection to {url.host!r} that can be trusted, got: {cause}")
        cause = cause.__cause__ or cause.__context__
    return TransientError(f"could not connect to {url.host!r}: {error}", overloaded=True)


async def _asked(client: httpx.AsyncClient, url: httpx.URL, address: str, context: ToolContext) -> _Answer:
    """Asks at `address` for what is at `url`: host header and certificate are those of the name."""
    pinned = url.copy_with(host=address)
    headers = _HEADERS | {"Host": url.netloc.decode("ascii")}
    extensions = {"sni_hostname": url.raw_host.decode("ascii")} if url.scheme == "https" else {}
    async with client.stream("GET", pinned, headers=headers, extensions=extensions) as response:
        media_type, charset = _kind(response)
        location = response.headers.get("location") if response.status_code in _MOVED else None
        if location is None:
            _require_ok(url, response)
        body = b"" if location else await _body(url, response, context)
        return _Answer(response.status_code, media_type, charset, location, body)


def _kind(response: httpx.Response) -> tuple[str, str | None]:
    told = response.headers.get("content-type", "")
    return told.partition(";")[0].strip().lower() or "application/octet-stream", response.charset_encoding


def _require_ok(url: httpx.URL, response: httpx.Response) -> None:
    """Passes for 2xx.

    Raises:
        TransientError: 408, 429 and 5xx; with Retry-After when told.
        ToolError: everything else.
    """
    status = response.status_code
    text = f"{url} answered {status} {response.reason_phrase}".strip()
    if status in (429, 503):
        raise TransientError(text, overloaded=True, retry_after_s=retry_after(response.headers.get("retry-after")))
    if status == 408 or status >= 500:
        raise TransientError(text, retry_after_s=retry_after(response.headers.get("retry-after")))
    if not 200 <= status < 300:
        raise ToolError(f"{text}; check the address")


def retry_after(told: str | None, now: dt.datetime | None = None) -> float | None:
    """Seconds to wait by a Retry-After header (RFC 9110, 10.2.3): seconds or a date; None when it says nothing."""
    if not told:
        return None
    if told.strip().isdecimal():
        return float(told)
    try:
        at = parsedate_to_datetime(told)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
    return max(0.0, (at - (now or dt.datetime.now(dt.UTC))).total_seconds())


async def _body(url: httpx.URL, response: httpx.Response, context: ToolContext) -> bytes:
    """The whole body, never more in memory than the limit and one block.

    Raises:
        ToolError: it is larger than the limit, or encoded in a way that was not asked for.
    """
    most = context.config.tools.http.max_bytes
    told = response.headers.get("content-length", "")
    total = int(told) if told.isdecimal() else None
    if total is not None and total > most:
        raise _too_large(url, most)
    parts: list[bytes] = []
    size = 0
    async for part in _unpacked(url, response, most):
        parts.append(part)
        size += len(part)
        if size > most:
            raise _too_large(url, most)
        context.progress(size, total, url.host)
    return b"".join(parts)


def _too_large(url: httpx.URL, most: int) -> ToolError:
    return ToolError(f"expected at most {most:,} bytes, got more from {url}; raise tools.http.max_bytes")


async def _unpacked(url: httpx.URL, response: httpx.Response, most: int) -> AsyncIterator[bytes]:
    """The body in blocks; gzip and deflate are unpacked, at most one byte more than the limit from each block."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        async for block in response.aiter_raw():
            yield block
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise ToolError(f"expected content without encoding, got {encoding!r} from {url}, which was not asked for")
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        async for block in response.aiter_raw():
            yield unpacker.decompress(block, most + 1)
    except zlib.error as error:
        raise ToolError(f"expected {encoding} content, got something else from {url}: {error}") from error


def _result(url: str, answer: _Answer, context: ToolContext) -> Fetched:
    made: Fetched = {
        "status": answer.status,
        "url": url,
        "media_type": answer.media_type,
        "text": None,
        "path": None,
        "bytes": len(answer.body),
    }
    if _is_text(answer.media_type):
        return {**made, "text": _text(answer)}
    path = context.workspace.output(PurePosixPath(url.partition("?")[0]).name or "download")
    path.write_bytes(answer.body)
    context.artifact(path, answer.media_type)
    return {**made, "path": str(path)}


def _is_text(media_type: str) -> bool:
    main, _, sub = media_type.partition("/")
    return main == "text" or sub.rpartition("+")[2].removeprefix("x-") in _TEXTUAL


def _text(answer: _Answer) -> str:
    if answer.charset:
        try:
            return answer.body.decode(answer.charset)
        except (LookupError, UnicodeDecodeError):
            return decoded(answer.body)[0]
    return decoded(answer.body)[0]
