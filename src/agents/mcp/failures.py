"""What went wrong with a server, as one of our errors. Rule: names the server, and never says more than it may."""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import PlanloomError, ToolError, TransientError
from .launch import Launch
from .session import Link

_SHOWN_CHARS = 400
_DENIED = {401: "asks who we are", 403: "refuses us", 407: "is behind a proxy that asks who we are"}


def explained(error: BaseException, launch: Launch, *, during: str, sent: bool) -> PlanloomError:
    """`error` as one of ours. `during` is what was tried; `sent`: it may have taken effect."""
    import httpx
    from mcp import McpError

    where = f"MCP server {launch.name!r}"
    for cause in _causes(error):
        match cause:
            case PlanloomError():
                return cause
            case httpx.HTTPStatusError():
                return _refused(where, launch, cause)
            case httpx.InvalidURL() | httpx.UnsupportedProtocol():
                return ToolError(f"{where}: expected an address that can be called, got one that can't: {cause}")
            case httpx.ConnectError() | httpx.ConnectTimeout():
                return TransientError(f"{where} can't be reached: {_told(cause, launch)}")
            case httpx.HTTPError():
                return TransientError(
                    f"{where}: the connection broke {during}: {_told(cause, launch)}", outcome_unknown=sent
                )
            case McpError() if is_forgotten(cause):
                return ToolError(f"{where} is not at its url (HTTP 404); correct mcp.servers.{launch.name}.url")
            case McpError():
                return ToolError(f"{where} answered {during} with error {cause.error.code}: {_told(cause, launch)}")
    first = next(_causes(error))
    return TransientError(
        f"{where} failed {during}: {type(first).__name__}: {_told(first, launch)}", outcome_unknown=sent
    )


def died(launch: Launch, link: Link | None, *, during: str, sent: bool) -> PlanloomError:
    """The error of a server that is gone; a program that could not be started at all is no passing trouble."""
    where = f"MCP server {launch.name!r}"
    pipes = link.pipes if link is not None else None
    if pipes is None:
        return TransientError(f"{where} closed the connection {during}", outcome_unknown=sent)
    if pipes.process.was_not_started:
        key = f"mcp.servers.{launch.name}"
        return ToolError(f"{where}: {pipes.process.epitaph()}; install {launch.program!r}, or correct {key}")
    noise = f"; {told}" if (told := pipes.told()) else ""
    return TransientError(
        f"{where} died {during}: {launch.masked(pipes.process.epitaph() + noise)}", outcome_unknown=sent
    )


def late(launch: Launch, link: Link | None, timeout_s: float, *, during: str, sent: bool) -> PlanloomError:
    """The error of a server that does not answer in time."""
    pipes = link.pipes if link is not None else None
    words = pipes.process.last_words() if pipes is not None else ""
    noise = pipes.told() if pipes is not None else ""
    more = "".join(f"; {text}" for text in (noise, f"the last it said: {words}" if words else "") if text)
    return TransientError(
        f"MCP server {launch.name!r} gave no answer within {timeout_s:g} s {during}{launch.masked(more)}",
        outcome_unknown=sent,
    )


def is_closed(error: BaseException | None) -> bool:
    """Whether the library says so because the connection closed while it waited."""
    from mcp import McpError
    from mcp.types import CONNECTION_CLOSED

    return isinstance(error, McpError) and error.error.code == CONNECTION_CLOSED


def is_forgotten(error: BaseException) -> bool:
    """Whether a server over HTTP no longer knows our session; what was asked did not happen."""
    from mcp import McpError

    return isinstance(error, McpError) and error.error.message == "Session terminated"


def unreadable(launch: Launch, error: Exception) -> PlanloomError:
    """The error of an endpoint whose reply is no message of the protocol."""
    told = _told(error, launch).partition(" [type=")[0]
    return ToolError(
        f"MCP server {launch.name!r} answers with something that is no message of the protocol ({told}); "
        f"see that mcp.servers.{launch.name}.url leads to an MCP endpoint"
    )


def _refused(where: str, launch: Launch, error: object) -> PlanloomError:
    status = error.response.status_code  # type: ignore[attr-defined]
    if status in _DENIED:
        return ToolError(
            f"{where} {_DENIED[status]} (HTTP {status}); set mcp.servers.{launch.name}.headers, "
            "for example {Authorization: 'Bearer ${ENV:MY_TOKEN}'}"
        )
    if 300 <= status < 400:
        return ToolError(f"{where} sends us elsewhere (HTTP {status}), which is not followed; correct its url")
    if status in (429, 503):
        return TransientError(f"{where} has too much to do (HTTP {status})", overloaded=True)
    if status >= 500:
        return TransientError(f"{where} broke (HTTP {status})", outcome_unknown=True)
    return ToolError(f"{where} refuses the request (HTTP {status}); see that its url leads to an MCP endpoint")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The errors inside groups, outermost first, then what led to them."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
        return
    yield error
    if error.__cause__ is not None:
        yield from _causes(error.__cause__)


def _told(error: BaseException, launch: Launch) -> str:
    text = " ".join(launch.masked(str(error)).split()) or type(error).__name__
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."
