"""An address: what it takes, checked before its handler runs, and what OpenAPI says of it.

Rule: whatever comes from outside is read through a model or refused with what was expected.
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.responses import Response

from ...errors import PlanloomError
from ..access import Client
from ..faults import STATUS, fault
from ..logs import Log
from ..protocol.incoming import Malformed, object_of, told
from ..protocol.outgoing import Code, Fault
from ..remainder import TooSlow

if TYPE_CHECKING:
    from starlette.requests import Request

T = TypeVar("T", bound=BaseModel)


class Query(BaseModel):
    """Parameters of an address; unknown ones are left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Body(BaseModel):
    """A JSON body; unknown fields are left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that was let in."""

    request: Request
    client: Client
    query: Any = None
    body: Any = None

    def path(self, name: str) -> str:
        """A part of the address."""
        return str(self.request.path_params[name])

    @property
    def owner(self) -> str:
        """For whom it is."""
        return self.client.owner


Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """`is_open`: everybody may ask. `answer` is the JSON schema of what comes back, or its media type as a text."""

    method: str
    path: str
    handler: Handler
    summary: str
    query: type[Query] | None = None
    body: type[Body] | None = None
    takes_file: bool = False
    answer: Mapping[str, Any] | str = field(default_factory=lambda: {"type": "object"})
    is_open: bool = False


def as_json(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response. What JSON has no word for (NaN, bytes) becomes null or text."""
    text = json.dumps(_plain(data), ensure_ascii=False, separators=(",", ":"), default=str)
    return Response(text.encode("utf-8", "replace"), status, headers=headers, media_type="application/json")


def as_fault(found: Fault) -> Response:
    """The response for an error."""
    told = {"code": found.code, "message": found.message}
    if found.input:
        told["input"] = found.input
    whole: dict[str, Any] = {"error": told}
    if found.findings:
        whole["error"]["findings"] = list(found.findings)
    headers = {"Retry-After": str(math.ceil(found.retry_after_s))} if found.retry_after_s else None
    return as_json(whole, STATUS[found.code], headers)


def refused(code: Code, message: str, *, retry_after_s: float = 0.0) -> Response:
    """The response for an error that is no exception."""
    return as_fault(Fault(code=code, message=message, retry_after_s=retry_after_s))


async def answered(endpoint: Endpoint, request: Request, client: Client, *, max_bytes: int, log: Log) -> Response:
    """Reads the request, runs the handler, and turns errors into responses: the border of every request."""
    try:
        query = _query(endpoint.query, request)
        body = _read(endpoint.body, await body_of(request, max_bytes)) if endpoint.body is not None else None
        return await endpoint.handler(Call(request=request, client=client, query=query, body=body))
    except Malformed as error:
        return refused("malformed", str(error))
    except TooLarge as error:
        return refused("too_large", str(error))
    except TooSlow as error:
        return refused("too_slow", str(error))
    except PlanloomError as error:
        found = fault(error)
        if found.code == "internal":
            log.error("request not carried out", path=endpoint.path, error=str(error))
        return as_fault(found)
    except Exception as error:
        log.error("request broke", path=endpoint.path, kind=type(error).__name__, exc_info=True)
        return as_fault(fault(error, code="internal"))


class TooLarge(ValueError):  # noqa: N818 - named as what it is
    """More bytes came than are taken."""


async def body_of(request: Request, max_bytes: int) -> bytes:
    """The body.

    Raises:
        TooLarge: it is larger; nothing more of it is read.
    """
    declared = request.headers.get("content-length", "")
    parts, size = [], 0
    if not declared.isdigit() or int(declared) <= max_bytes:
        async for part in request.stream():
            size += len(part)
            if size > max_bytes:
                break
            parts.append(part)
        else:
            return b"".join(parts)
    raise TooLarge(f"expected a body of at most {max_bytes:,} bytes, got more")


def _read(model: type[T], body: bytes) -> T:
    data = object_of(body.decode("utf-8", "replace")) if body.strip() else {}
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise Malformed(told(error)) from error


def _query(model: type[Query] | None, request: Request) -> Query | None:
    if model is None:
        return None
    try:
        return model.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise Malformed(told(error)) from error


def _plain(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return None
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
        case _:
            return value
