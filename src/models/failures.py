"""What the openai library raises and servers send instead of replies, as errors of ours: plain words, no keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import ModelError, PlanloomError, TransientError
from .reading import json_of

if TYPE_CHECKING:
    import httpx2
    import openai

    from .endpoints import Endpoint

_E = TypeVar("_E", bound=BaseException)
_SHOWN = 200
_NO_MONEY = ("insufficient_quota", "billing_hard_limit_reached", "insufficient_balance")


def json_body(endpoint: Endpoint, response: httpx2.Response) -> Any:
    """The JSON of a reply that was read, whatever its content type says.

    Raises:
        ModelError: it is a web page, or no JSON.
    """
    found = json_of(response.content)
    if found is not None:
        return found
    text = response.content[:_SHOWN].decode("utf-8", "replace").strip()
    if text.startswith("<") or "html" in response.headers.get("content-type", ""):
        told = "expected a reply of a model, got an HTML page; base_url usually ends in /v1"
        raise ModelError(f"{endpoint.shown}: {told}", kind="url")
    raise ModelError(f"{endpoint.shown}: expected a reply in JSON, got {text or 'nothing'!r}", kind="reply")


async def refuse_redirect(response: httpx2.Response) -> None:
    """Lets a server send a call on within itself only: prompts and keys go nowhere else.

    Raises:
        ModelError: it would go to another server (kind `url`).
    """
    if not response.has_redirect_location:
        return
    here, there = response.request.url, response.request.url.join(response.headers["location"])
    is_safer = (here.host, here.scheme, there.scheme) == (there.host, "http", "https")
    if (here.scheme, here.host, here.port) != (there.scheme, there.host, there.port) and not is_safer:
        raise ModelError(
            f"{here.scheme}://{here.netloc.decode()}: expected a reply of a model, got sent on to {there.host!r}; "
            "nothing was sent there, set models.base_url to it if it is the right one",
            kind="url",
        )


class explained:  # noqa: N801  # used as a word in a with statement
    """Turns the SDK's errors into ours, in plain words and without keys."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None or not isinstance(error, Exception):
            return
        if isinstance(error, PlanloomError):
            error.args = tuple(self._endpoint.hide(a) if isinstance(a, str) else a for a in error.args)
            return
        found = told(error, self._endpoint)
        found.args = tuple(self._endpoint.hide(a) if isinstance(a, str) else a for a in found.args)
        raise found from None


def told(error: Exception, endpoint: Endpoint) -> PlanloomError:
    """An error of the SDK as one of ours."""
    import httpx2
    import openai

    where = f"{endpoint.model!r} at {endpoint.shown}"
    own = _cause(error, PlanloomError)
    if own is not None:
        return own
    match error:
        case openai.APIStatusError():
            return _refused(error, where)
        case openai.APITimeoutError() | httpx2.TimeoutException():
            return TransientError(f"{where}: no reply within {endpoint.timeout_s:g} s", outcome_unknown=True)
        case openai.APIConnectionError() | httpx2.TransportError():  # the SDK lets a stream's own errors through
            return _unreached(error, where)
        case openai.APIError():
            return TransientError(f"{where}: the server ended its reply with an error: {_short(error)}")
        case UnicodeEncodeError():
            return ModelError(f"{where}: {_BAD_KEY}", kind="key")
        case _:
            return ModelError(f"{where}: expected a chat completion, got {type(error).__name__}", kind="reply")


_BAD_KEY = "the key has characters that no key has; check models.api_key or OPENAI_API_KEY"


def _refused(error: openai.APIStatusError, where: str) -> PlanloomError:
    """An answer of the server that is no reply."""
    status = error.status_code
    if status in (401, 403):
        return ModelError(f"{where}: the key was refused; check models.api_key or OPENAI_API_KEY", kind="key")
    if status == 402 or (status == 429 and (error.code in _NO_MONEY or error.type in _NO_MONEY)):
        return ModelError(f"{where}: the account of this key has nothing left to spend", kind="key")
    if status == 404:
        return ModelError(f"{where}: there is no such model or address; base_url usually ends in /v1", kind="model")
    if status == 429:
        return TransientError(f"{where}: too many requests", overloaded=True)
    if status >= 500:
        return TransientError(f"{where}: the server failed with {status}: {_short(error)}", overloaded=True)
    kind = "schema" if "response_format" in str(error) or "schema" in str(error) else "reply"
    return ModelError(f"{where}: the request was refused with {status}: {_short(error)}", kind=kind)


def _unreached(error: Exception, where: str) -> PlanloomError:
    """A call that was not answered."""
    import httpx2

    if _cause(error, httpx2.UnsupportedProtocol) is not None:
        return ModelError(f"{where}: expected an address that begins with http:// or https://", kind="url")
    if _cause(error, httpx2.LocalProtocolError) is not None:
        return ModelError(f"{where}: {_BAD_KEY}", kind="key")
    if _cause(error, httpx2.TooManyRedirects) is not None:
        return ModelError(f"{where}: the server sends every call in circles; check models.base_url", kind="url")
    if (cause := _cause(error, httpx2.ConnectError)) is not None:
        reason = f" ({_short(cause)})" if str(cause) else ""
        return TransientError(f"{where}: no connection{reason}; is the server running?", overloaded=True)
    return TransientError(f"{where}: the connection broke off in the middle", outcome_unknown=True)


def _cause(error: BaseException | None, kind: type[_E]) -> _E | None:
    """The error itself or the nearest one behind it that is of a kind."""
    while error is not None:
        if isinstance(error, kind):
            return error
        error = error.__cause__ or error.__context__
    return None


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:_SHOWN]
