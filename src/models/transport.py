"""The HTTP transport under every model client: limits, budgets, breaker and retries in one place.

Rule: whatever sends a request through it, our client or a library's, is admitted by the ledger before it is sent and
settled after it. Retries happen here, before a byte of the reply was handed on; SDKs are told not to retry.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from ..errors import ContextError
from ..events import LimitWaiting, ModelCall
from . import tokens
from .breaker import Breakers, Pass
from .cost import Prices
from .guard import Guard
from .ledger import Amounts, Key, Ledger, Ticket
from .scope import Scope, current
from .usage import Tail, Usage, usage_of

_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_LEFT_BODY = frozenset({"content-encoding", "content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How calls are judged, priced and repeated. `context_tokens` 0: no limit; `max_output_tokens` 0: not told."""

    guard: Guard
    prices: Prices
    breakers: Breakers
    context_tokens: int = 0
    max_output_tokens: int = 4096
    max_attempts: int = 5
    backoff_base_s: float = 0.5
    backoff_cap_s: float = 20.0

    def estimate(self, model: str, body: Mapping[str, Any]) -> Amounts:
        """The most a call can take, reply included.

        Raises:
            ContextError: it is more than the model takes; the request is not sent.
        """
        if "messages" in body:
            schema = body.get("response_format")
            size = self.guard.measure(model, body["messages"], tools=body.get("tools"), schema=schema)
            prompt, reply = size.most, int(body.get("max_tokens") or self.max_output_tokens)
            if self.context_tokens and size.expected + reply > self.context_tokens:
                raise ContextError(
                    f"expected a request of at most {self.context_tokens - reply:,} tokens for {model!r}, got about "
                    f"{size.expected:,}; send less, or raise models.context_tokens if the model takes more",
                    tokens=size.expected + reply,
                    limit=self.context_tokens,
                )
        else:
            prompt, reply = tokens.of_data(body.get("input", "")), 0
        return Amounts(tokens=prompt + reply, usd=self.prices.most(model, prompt, reply))


class GovernedTransport(httpx2.AsyncBaseTransport):
    """Sends requests through `inner` once the ledger admits them."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, ledger: Ledger, rules: Rules) -> None:
        self._inner = inner
        self._ledger = ledger
        self._rules = rules
        self._random = random.Random(0)  # noqa: S311  # jitter

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The reply, after as many tries as it takes and may take.

        Raises:
            ModelError: the breaker is open (kind `open`).
            BudgetError, ContextError: the call was not sent.
            TransientError: limits did not open before the scope's deadline.
            httpx2.TransportError: the last try failed on the way.
        """
        content = await request.aread()
        body = _json(content)
        if body is None or request.method != "POST":
            return await self._inner.handle_async_request(request)
        key = Key(f"{request.url.scheme}://{request.url.netloc.decode()}", str(body.get("model", "")))
        for attempt in range(1, self._rules.max_attempts + 1):
            call = _Call(key, body, current(), self._rules)
            response = await self._once(request, call, is_last=attempt == self._rules.max_attempts)
            if response is not None:
                return response
            ceiling = min(self._rules.backoff_cap_s, self._rules.backoff_base_s * 2 ** (attempt - 1))
            await asyncio.sleep(self._random.uniform(0, ceiling))
        raise AssertionError("the last try gives a reply or raises")

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _once(self, request: httpx2.Request, call: _Call, *, is_last: bool) -> httpx2.Response | None:
        """One try: the reply, or None when it should be repeated."""
        ticket = await self._admitted(call)
        due = _due(request)
        try:
            async with _until(due):
                response = await self._inner.handle_async_request(request)
        except httpx2.TransportError:
            call.leave(ok=False)
            call.end(ticket, None, "unreachable")
            if is_last:
                raise
            return None
        except BaseException:
            call.leave(ok=None)
            call.end(ticket, None, "cancelled")
            raise
        if response.status_code < 400 and response.headers.get("content-type", "").startswith("text/event-stream"):
            call.leave(ok=True)
            ticket.heard(response.headers)
            return _with_stream(response, call, ticket, due)
        return await self._whole(response, call, ticket, due, is_last=is_last)

    async def _whole(
        self, response: httpx2.Response, call: _Call, ticket: Ticket, due: float | None, *, is_last: bool
    ) -> httpx2.Response | None:
        """A reply that is read before it is handed on; one that breaks off on the way may be asked for again."""
        try:
            async with _until(due):
                content = await _read(response)
        except httpx2.TransportError:
            call.leave(ok=False)
            call.end(ticket, None, "cut", response.headers)
            if is_last:
                raise
            return None
        except BaseException:
            call.leave(ok=None)
            call.end(ticket, None, "cut", response.headers)
            raise
        if response.status_code in _RETRIED:
            return _refused(response, content, call, ticket, is_last=is_last)
        call.leave(ok=True)
        outcome = "ok" if response.status_code < 400 else str(response.status_code)
        call.end(ticket, usage_of(_json(content)), outcome, response.headers)
        return _rebuilt(response, content)

    async def _admitted(self, call: _Call) -> Ticket:
        scope = call.scope
        estimate = self._rules.estimate(call.key.model, call.body)
        ticket = await self._ledger.admit(
            scope.session,
            call.key,
            estimate,
            budgets=scope.budgets,
            deadline_s=scope.deadline_s,
            on_wait=lambda waiting: scope.report(LimitWaiting(scope.step or scope.role, waiting.limit)),
        )
        call.began = asyncio.get_running_loop().time()
        try:
            call.leave_to_call = self._rules.breakers.enter(call.key.endpoint, call.began)
        except BaseException:
            ticket.cancel()
            raise
        return ticket


class _Call:
    """One try of one request."""

    def __init__(self, key: Key, body: Mapping[str, Any], scope: Scope, rules: Rules) -> None:
        self.key = key
        self.body = body
        self.scope = scope
        self.rules = rules
        self.began = 0.0
        self.leave_to_call: Pass | None = None

    def leave(self, *, ok: bool | None) -> None:
        """Tells the breaker how the call went; None: it says nothing about the endpoint."""
        if self.leave_to_call is not None:
            now = asyncio.get_running_loop().time()
            self.rules.breakers.of(self.key.endpoint).leave(self.leave_to_call, ok, now)
            self.leave_to_call = None

    def end(self, ticket: Ticket, usage: Usage | None, outcome: str, headers: Mapping[str, str] | None = None) -> None:
        """Settles the ticket: with what was used, with nothing when the server refused, else with the estimate."""
        if usage is not None:
            real = Amounts(tokens=usage.prompt + usage.completion, usd=self.rules.prices.cost(self.key.model, usage))
            if "messages" in self.body:
                size = self.rules.guard.measure(self.key.model, self.body["messages"], tools=self.body.get("tools"))
                raw = size.messages + size.tools
                self.rules.guard.corrections.learn(self.key.model, raw, usage.prompt)
            ticket.settle(real, headers)
        elif outcome in ("ok", "cancelled", "cut"):
            ticket.settle(None, headers)
        else:
            ticket.settle(Amounts(tokens=0, usd=0.0), headers)
        self.tell(usage, ticket, outcome)

    def tell(self, usage: Usage | None, ticket: Ticket, outcome: str) -> None:
        """The event of this try."""
        scope = self.scope
        cost = self.rules.prices.cost(self.key.model, usage) if usage is not None else None
        scope.report(
            ModelCall(
                step=scope.step,
                role=scope.role,
                model=self.key.model,
                prompt_tokens=usage.prompt if usage else 0,
                completion_tokens=usage.completion if usage else 0,
                cached_tokens=usage.cached if usage else 0,
                cost_usd=cost,
                seconds=asyncio.get_running_loop().time() - self.began,
                waited_s=ticket.waited_s,
                outcome=outcome,
            )
        )


def _refused(
    response: httpx2.Response, content: bytes, call: _Call, ticket: Ticket, *, is_last: bool
) -> httpx2.Response | None:
    """A reply that asks to come back: the ledger hears of it; the last one is handed on."""
    call.leave(ok=response.status_code == 429)
    if response.status_code == 429:
        ticket.reject(response.headers)
        call.tell(None, ticket, "429")
    else:
        call.end(ticket, None, str(response.status_code), response.headers)
    return _rebuilt(response, content) if is_last or _is_final(content) else None


def _due(request: httpx2.Request) -> float | None:
    """When a try must have ended, loop time: the client's read time-out is for the whole of it. None: no limit."""
    seconds = request.extensions.get("timeout", {}).get("read")
    return None if seconds is None else asyncio.get_running_loop().time() + seconds


@asynccontextmanager
async def _until(due: float | None) -> AsyncIterator[None]:
    """Ends what takes longer, as a time-out on the way."""
    try:
        async with asyncio.timeout_at(due):
            yield
    except TimeoutError as error:
        raise httpx2.ReadTimeout("the reply was not whole in time") from error


async def _read(response: httpx2.Response) -> bytes:
    try:
        return await response.aread()
    finally:
        await response.aclose()


def _rebuilt(response: httpx2.Response, content: bytes) -> httpx2.Response:
    headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in _LEFT_BODY]
    return httpx2.Response(response.status_code, headers=headers, content=content, extensions=response.extensions)


def _with_stream(response: httpx2.Response, call: _Call, ticket: Ticket, due: float | None) -> httpx2.Response:
    stream = _Watched(response, call, ticket, due)
    return httpx2.Response(
        response.status_code, headers=response.headers, stream=stream, extensions=response.extensions
    )


class _Watched(httpx2.AsyncByteStream):
    """Hands a streamed reply on, and settles the call when it ends or is left."""

    def __init__(self, response: httpx2.Response, call: _Call, ticket: Ticket, due: float | None) -> None:
        self._response = response
        self._due = due
        self._call = call
        self._ticket = ticket
        self._tail = Tail()
        self._open = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = aiter(self._response.stream)  # type: ignore[arg-type]  # an async transport gives async streams
        while (piece := await self._next(pieces)) is not None:
            self._tail.add(piece)
            yield piece
        self._end("ok")

    async def _next(self, pieces: AsyncIterator[bytes]) -> bytes | None:
        async with _until(self._due):
            return await anext(pieces, None)

    async def aclose(self) -> None:
        self._end("cut")
        await self._response.aclose()

    def _end(self, outcome: str) -> None:
        if self._open:
            self._open = False
            self._call.end(self._ticket, self._tail.usage(), outcome, self._response.headers)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return None


def _is_final(content: bytes) -> bool:
    """Whether a 429 means that no money is left: coming back would not help."""
    found = _json(content)
    error = found.get("error") if isinstance(found, Mapping) else None
    return isinstance(error, Mapping) and error.get("code") == "insufficient_quota"
