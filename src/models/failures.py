"""What the openai library raises, as errors of ours: in plain words, without keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import ModelError, PlanloomError, TransientError

if TYPE_CHECKING:
    from .client import Endpoint

_E = TypeVar("_E", bound=BaseException)


def refuse_page(endpoint: Endpoint, found: Any) -> None:
    """Refuses a web page where a reply was expected; `found` is a media type or a reply.

    Raises:
        ModelError: it is one.
    """
    if isinstance(found, str) and (found.startswith("text/html") or found.lstrip().startswith("<")):
        told = "expected a reply of a model, got an HTML page; base_url usually ends in /v1"
        raise ModelError(f"{endpoint.base_url}: {told}", kind="url")


class explained:  # noqa: N801  # used as a word in a with statement
    """Turns the SDK's errors into ours, in plain words and without keys."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None or not isinstance(error, Exception) or isinstance(error, PlanloomError):
            return
        raise told(error, self._endpoint) from None


def told(error: Exception, endpoint: Endpoint) -> PlanloomError:
    """An error of the SDK as one of ours."""
    import httpx2
    import openai

    where = f"{endpoint.model!r} at {endpoint.base_url}"
    own = _cause(error, PlanloomError)
    if own is not None:
        return own
    match error:
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return ModelError(f"{where}: the key was refused; check models.api_key or OPENAI_API_KEY", kind="key")
        case openai.NotFoundError():
            return ModelError(f"{where}: there is no such model or address; base_url usually ends in /v1", kind="model")
        case openai.RateLimitError() if error.code == "insufficient_quota":
            return ModelError(f"{where}: the account of this key has nothing left to spend", kind="key")
        case openai.RateLimitError():
            return TransientError(f"{where}: too many requests", overloaded=True)
        case openai.APITimeoutError() | httpx2.TimeoutException():
            return TransientError(f"{where}: no reply within {endpoint.timeout_s:g} s", outcome_unknown=True)
        case openai.APIConnectionError() if _cause(error, httpx2.ConnectError) is not None:
            return TransientError(f"{where}: no connection; is the server running?", overloaded=True)
        case openai.APIStatusError() if error.status_code >= 500:
            return TransientError(f"{where}: the server failed with {error.status_code}", overloaded=True)
        case openai.APIConnectionError() | httpx2.TransportError():  # the SDK lets a stream's own errors through
            return TransientError(f"{where}: the connection broke off in the middle", outcome_unknown=True)
        case openai.APIStatusError():
            kind = "schema" if "response_format" in str(error) or "schema" in str(error) else "reply"
            return ModelError(f"{where}: the request was refused with {error.status_code}: {_short(error)}", kind=kind)
        case _:
            return ModelError(f"{where}: expected a chat completion, got {type(error).__name__}", kind="reply")


def _cause(error: BaseException | None, kind: type[_E]) -> _E | None:
    """The error itself or the nearest one behind it that is of a kind."""
    while error is not None:
        if isinstance(error, kind):
            return error
        error = error.__cause__ or error.__context__
    return None


def _short(error: Exception) -> str:
    return str(error).replace("\n", " ")[:200]
