"""Tools that tell a person something: on the desktop, or by a webhook.

Rule: a webhook is posted to at an address that was checked, as for fetching; addresses in the settings are secrets and
stand in no text.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from ....errors import AccessError, ToolError, TransientError
from ...tool import ToolContext, tool
from ..credentials import chosen, revealed
from ..http.hosts import Target, resolved

_KEY = "tools.notify.webhooks"
_PROGRAM = "notify-send"
_MOST_BYTES = 100_000
_ANSWER_BYTES = 2_000
_DESKTOP_S = 10.0

Title = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=4_000)]


class Posted(TypedDict):
    """What a server answered; `to` is the webhook's name or the host, never the whole address."""

    to: str
    status: int
    answer: str


@tool(effect="write", timeout_s=_DESKTOP_S)
def desktop(title: Title, text: Text = "", urgency: Literal["low", "normal", "critical"] = "normal") -> bool:
    """Shows a notification on the desktop of the machine this runs on, where there is one."""
    program = shutil.which(_PROGRAM)
    if program is None:
        raise ToolError(f"expected the program {_PROGRAM} to show notifications, got none; install libnotify")
    command = [program, "--app-name=planloom", f"--urgency={urgency}", "--", _shown(title), _shown(text)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_DESKTOP_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"expected a desktop that shows notifications within {_DESKTOP_S:g} s, got none") from error
    if done.returncode != 0:
        told = done.stderr.decode("utf-8", "replace").strip()[:200]
        raise ToolError(f"expected a desktop that shows notifications, got: {told or 'none'}")
    return True


@tool(effect="write", outward=True)
async def webhook(
    context: ToolContext,
    text: Text = "",
    name: Annotated[str, Field(max_length=100)] = "",
    url: Annotated[str, Field(max_length=4_000)] = "",
    data: dict[str, Any] | None = None,
) -> Posted:
    """Posts a message as JSON to a webhook: one of the settings by name, or an address.

    `text` becomes {"text": ...}, which chat programs take; `data` is sent in place of it, or beside it.
    """
    if bool(url) and bool(name):
        raise ToolError("expected a name or a url, got both")
    body = json.dumps({**({"text": text} if text else {}), **(data or {})}).encode()
    if len(body) > _MOST_BYTES or body == b"{}":
        raise ToolError(f"expected a text or data of at most {_MOST_BYTES:,} bytes, got {len(body):,}")
    address, shown = (url, "") if url else _known(context, name)
    seconds = context.config.tools.notify.timeout_s
    try:
        async with asyncio.timeout(seconds):
            return await _posted(address, shown, body, context)
    except TimeoutError as error:
        where = shown or "the webhook"
        raise TransientError(
            f"expected an answer of {where} within {seconds:g} s, got none", outcome_unknown=True
        ) from error


def _known(context: ToolContext, name: str) -> tuple[str, str]:
    found, secret = chosen(context.config.tools.notify.webhooks, name, _KEY)
    return revealed(secret, f"{_KEY}.{found}"), found


async def _posted(address: str, shown: str, body: bytes, context: ToolContext) -> Posted:
    import httpx

    at = _parsed(address, shown)
    # a person put the named ones into the settings, so they may be in the person's own network
    allow = bool(shown) or context.config.tools.http.allow_private
    port = at.port or (443 if at.scheme == "https" else 80)
    target = await resolved(at.raw_host.decode("ascii"), port, allow_private=allow)
    headers = {"Content-Type": "application/json", "User-Agent": "planloom", "Host": at.netloc.decode("ascii")}
    if context.idempotency_key:
        headers["Idempotency-Key"] = context.idempotency_key
    try:
        status, answer = await _sent(at, target, body, headers)
    except httpx.ConnectError:
        raise TransientError(f"could not connect to {shown or at.host!r}", overloaded=True) from None
    except httpx.TransportError as error:
        raise TransientError(
            f"the connection to {shown or at.host!r} broke: {type(error).__name__}", outcome_unknown=True
        ) from None
    return _judged(status, answer, shown or at.host)


async def _sent(at: Any, target: Target, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """Status and beginning of the answer, from the first checked address. The caller has a deadline."""
    import httpx

    pinned = at.copy_with(host=target.addresses[0])
    extensions = {"sni_hostname": at.raw_host.decode("ascii")} if at.scheme == "https" else {}
    request = httpx.Request("POST", pinned, content=body, headers=headers, extensions=extensions)
    # the transport itself: a client would write the address into its log
    async with httpx.AsyncHTTPTransport(trust_env=False) as transport:
        response = await transport.handle_async_request(request)
        try:
            answer = b""
            async for part in response.aiter_raw():
                if len(answer := answer + part) >= _ANSWER_BYTES:
                    break
            return response.status_code, answer[:_ANSWER_BYTES]
        finally:
            await response.aclose()


def _parsed(address: str, shown: str) -> Any:
    """The address; what is wrong with a secret one is said without it."""
    import httpx

    try:
        found = httpx.URL(address)
    except (httpx.InvalidURL, UnicodeError):
        found = httpx.URL("")
    if found.scheme not in ("http", "https") or not found.host:
        got = f"the webhook {shown!r} of the settings" if shown else repr(address[:200])
        raise ToolError(f"expected an address that starts with http:// or https://, got {got}")
    if found.userinfo:
        raise AccessError(f"expected an address without user name and password, got one for {found.host!r}")
    return found.copy_with(fragment=None)


def _judged(status: int, answer: bytes, to: str) -> Posted:
    if 200 <= status < 300:
        return {"to": to, "status": status, "answer": answer.decode("utf-8", "replace")[:500]}
    if status in (408, 429, 503):
        raise TransientError(f"{to} answered {status}", overloaded=status != 408)
    if status >= 500:
        raise TransientError(f"{to} answered {status}", outcome_unknown=True)
    raise ToolError(f"expected {to} to take the message, got {status}; check its address")


def _shown(text: str) -> str:
    """Text as desktops show it: no marks, no control characters but line breaks."""
    kept = "".join(char for char in text if char == "\n" or char.isprintable())
    return kept.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
