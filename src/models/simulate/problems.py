"""Refusals in the shapes the real API uses: `{"error": {"message", "type", "param", "code"}}` and a status."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .quota import Refusal

_UNITS = {"RPM": "requests per min", "TPM": "tokens per min", "RPD": "requests per day"}


@dataclass(slots=True, eq=False)
class ApiError(Exception):
    """A request that gets an error instead of an answer."""

    status: int
    message: str
    type: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.status}: {self.message}"

    def body(self) -> dict[str, Any]:
        """What the client is sent."""
        told = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return {"error": told}


def invalid(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """400: the request itself is wrong."""
    return ApiError(400, message, param=param, code=code)


def unknown_model(name: str) -> ApiError:
    """404: there is no such model."""
    return ApiError(
        404,
        f"The model `{name}` does not exist or you do not have access to it.",
        param="model",
        code="model_not_found",
    )


def wrong_key(given: str) -> ApiError:
    """401; of the key no more than the last four characters is repeated, as the real API does."""
    told = f"Incorrect API key provided: ****{given[-4:]}." if given else "You didn't provide an API key."
    return ApiError(401, told, code="invalid_api_key" if given else None)


def too_long(tokens: int, limit: int) -> ApiError:
    """400: more tokens than the model reads."""
    return invalid(
        f"This model's maximum context length is {limit} tokens. However, your messages resulted in {tokens} tokens. "
        "Please reduce the length of the messages.",
        param="messages",
        code="context_length_exceeded",
    )


def too_large(limit: int) -> ApiError:
    """413: the body is too large."""
    return ApiError(413, f"Request body is larger than {limit} bytes.", code="request_too_large")


def limited(refusal: Refusal, model: str) -> ApiError:
    """429: a rate limit; `retry-after` and `retry-after-ms` say when the request fits, absent if it never does."""
    kind = "tokens" if refusal.unit == "TPM" else "requests"
    numbers = f"Limit {refusal.limit}, Used {refusal.used}, Requested {refusal.requested}."
    if math.isinf(refusal.wait_s):
        numbers = f"Limit {refusal.limit}, Requested {refusal.requested}."
        message = f"Request too large for {model} on {_UNITS[refusal.unit]} ({refusal.unit}): {numbers}"
        return ApiError(429, message, type=kind, code="rate_limit_exceeded")
    millis = max(1, math.ceil(round(refusal.wait_s * 1000, 6)))
    message = (
        f"Rate limit reached for {model} on {_UNITS[refusal.unit]} ({refusal.unit}): {numbers} "
        f"Please try again in {millis / 1000:g}s."
    )
    return ApiError(429, message, type=kind, code="rate_limit_exceeded", headers=after(millis))


def after(millis: int) -> dict[str, str]:
    """Headers that ask to wait."""
    return {"retry-after": str(-(-millis // 1000)), "retry-after-ms": str(millis)}


def failure(status: int, message: str = "", headers: Mapping[str, str] | None = None) -> ApiError:
    """A failure on purpose: 429, 5xx, or whatever a scenario asks for."""
    kinds = {
        429: ("Rate limit reached. Please try again later.", "requests", "rate_limit_exceeded"),
        500: ("The server had an error while processing your request.", "server_error", None),
        503: ("The engine is currently overloaded, please try again later.", "service_unavailable", None),
        529: ("Overloaded", "overloaded_error", None),
    }
    usual = ("The request failed.", "server_error" if status >= 500 else "invalid_request_error", None)
    text, kind, code = kinds.get(status, usual)
    return ApiError(status, message or text, type=kind, code=code, headers=headers or {})
