"""The HTTP transport under every model client: limits, budgets, breaker, warm fan-out and retries in one place.

Rule: whatever sends a request through it, our client or a library's, is admitted by the ledger before it is sent and
settled after it. Retries happen here, before a byte of the reply was handed on; SDKs are told not to retry.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from ..events import LimitWaiting
from . import replies
from .attempt import REJECTION_COST, Attempt, Rules, Tries
from .ledger import Key, Ledger
from .ratelimits import wish
from .reading import json_of
from .scope import Scope, current
from .slots import Slots
from .usage import usage_of
from .warm import Lead, Prefixes

_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_OUR_FAULT = (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)  # an address or a key that can't be sent
_WISHES = ("retry-after", "retry-after-ms", "llm_provider-retry-after", "llm_provider-retry-after-ms")


class GovernedTransport(httpx2.AsyncBaseTransport):
    """Sends requests through `inner` once the ledger admits them."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, ledger: Ledger, rules: Rules) -> None:
        self._inner = inner
        self._ledger = ledger
        self._rules = rules
        self._random = random.Random(0)  # noqa: S311  # jitter
        self._slots = Slots(rules.run_calls)
        self._prefixes = Prefixes()
        self._changes: dict[str, asyncio.Event] = defaultdict(asyncio.Event)  # of an endpoint's breaker

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The reply, after as many tries as it takes and may take.

        Raises:
            ModelError: the server fails again and again (kind `open`).
            BudgetError, ContextError: the call was not sent.
            TransientError: limits did not open before the scope's deadline.
            httpx2.TransportError: the last try failed on the way.
        """
        body = json_of(await request.aread())
        if not isinstance(body, Mapping) or request.method != "POST":
            return await self._inner.handle_async_request(request)
        key = Key(f"{request.url.scheme}://{request.url.netloc.decode()}", str(body.get("model", "")))
        scope, openings = current(), self._rules.breakers.of(key.endpoint).openings
        tries = Tries(self._rules, self._due(scope), openings)
        lead = await self._lead(key, body, scope)
        try:
            while True:
                attempt = await self._admitted(key, body, scope, tries, lead)
                response = await self._once(request, attempt, tries)
                if response is not None:
                    return response
                await asyncio.sleep(self._random.uniform(0, tries.ceiling_s()))
        except BaseException:
            lead.ended()
            raise

    async def aclose(self) -> None:
        await self._inner.aclose()

    # ---- before it is sent

    async def _lead(self, key: Key, body: Mapping[str, Any], scope: Scope) -> Lead:
        if not self._rules.warm_fan_out:
            return Lead(self._prefixes, key, (), is_warm=False)
        return await self._prefixes.enter(key, scope.role, body, _telling(scope, "warm_prefix"))

    async def _admitted(self, key: Key, body: Mapping[str, Any], scope: Scope, tries: Tries, lead: Lead) -> Attempt:
        """A try that may be sent now."""
        estimate = self._rules.estimate(scope.role, key.model, body)
        while True:
            await self._awake(key.endpoint, scope, tries)
            attempt = await self._placed(key, body, scope, lead)
            try:
                attempt.ticket = await self._ledger.admit(
                    scope.session,
                    key,
                    estimate,
                    budgets=scope.budgets,
                    deadline_s=tries.left_s(),
                    on_wait=lambda waiting: _telling(scope, waiting.limit)(),
                )
                attempt.began = _now()
                attempt.pass_ = self._rules.breakers.of(key.endpoint).enter(attempt.began)
            except BaseException:
                attempt.cancel()
                raise
            if attempt.pass_ is not None:
                return attempt
            attempt.cancel()  # another call tries the server first

    async def _placed(self, key: Key, body: Mapping[str, Any], scope: Scope, lead: Lead) -> Attempt:
        """A try with a place of its run."""
        await self._slots.enter(scope.run, _telling(scope, "max_parallel_llm_calls"))
        return Attempt(
            key,
            body,
            scope,
            self._rules,
            lead=lead,
            changed=lambda: self._changed(key.endpoint),
            leave_slot=lambda: self._slots.leave(scope.run),
        )

    async def _awake(self, endpoint: str, scope: Scope, tries: Tries) -> None:
        """Waits while a server is left alone, if nothing else can do the call's work.

        Raises:
            ModelError: it may not wait, or the server failed again too often, or not soon enough for the deadline.
        """
        breaker, is_told = self._rules.breakers.of(endpoint), False
        while (at := breaker.opens_at(now := _now())) > now:
            due = tries.due if tries.due is not None else float("inf")
            is_late = now >= due or (breaker.state == "open" and at > due)
            if not scope.may_wait or is_late or breaker.openings - tries.openings > self._rules.probes:
                raise self._rules.breakers.refusal(endpoint, now)
            if not is_told:
                is_told = True
                _telling(scope, "server")()
            try:
                async with asyncio.timeout_at(min(at, due)):
                    await self._changes[endpoint].wait()
            except TimeoutError:
                continue

    def _changed(self, endpoint: str) -> None:
        """Wakes who waits for a server."""
        self._changes.pop(endpoint, asyncio.Event()).set()

    def _due(self, scope: Scope) -> float | None:
        longest = [s for s in (scope.deadline_s, self._rules.max_wait_s or None) if s is not None]
        return _now() + min(longest) if longest else None

    # ---- one try

    async def _once(self, request: httpx2.Request, attempt: Attempt, tries: Tries) -> httpx2.Response | None:
        """The reply, or None when it should be asked for again."""
        due = replies.due(request)
        try:
            async with replies.until(due):
                response = await self._inner.handle_async_request(request)
        except httpx2.TransportError as error:
            attempt.leave(ok=False)
            attempt.end(None, "unreachable")
            if tries.is_over(1) or isinstance(error, _OUR_FAULT):
                raise
            return None
        except BaseException:
            attempt.leave(ok=None)
            attempt.end(None, "cancelled")
            raise
        if response.status_code < 400 and response.headers.get("content-type", "").startswith("text/event-stream"):
            attempt.leave(ok=True)
            assert attempt.ticket is not None, "expected an admitted call"
            attempt.ticket.heard(response.headers)
            return replies.watched(response, attempt, due)
        return await self._whole(response, attempt, tries, due)

    async def _whole(
        self, response: httpx2.Response, attempt: Attempt, tries: Tries, due: float | None
    ) -> httpx2.Response | None:
        """A reply that is read before it is handed on; one that breaks off on the way may be asked for again."""
        try:
            async with replies.until(due):
                content = await replies.read(response)
        except (httpx2.TransportError, httpx2.DecodingError):
            attempt.leave(ok=False)
            attempt.end(None, "cut", response.headers)
            if tries.is_over(1):
                raise
            return None
        except BaseException:
            attempt.leave(ok=None)
            attempt.end(None, "cut", response.headers)
            raise
        if response.status_code in _RETRIED:
            return _refused(response, content, attempt, tries)
        attempt.leave(ok=True)
        outcome = "ok" if response.status_code < 400 else str(response.status_code)
        attempt.end(usage_of(json_of(content)), outcome, response.headers)
        return replies.rebuilt(response, content)


def _refused(response: httpx2.Response, content: bytes, attempt: Attempt, tries: Tries) -> httpx2.Response | None:
    """A reply that asks to come back: the ledger hears of it; the last one is handed on."""
    is_rejection = response.status_code == 429
    attempt.leave(ok=is_rejection)
    if is_rejection:
        attempt.reject(_with_wish(response.headers, content))
    else:
        attempt.end(None, str(response.status_code), response.headers)
    is_last = tries.is_over(REJECTION_COST if is_rejection else 1)
    return replies.rebuilt(response, content) if is_last or replies.is_final(content) else None


def _with_wish(headers: Mapping[str, str], content: bytes) -> Mapping[str, str]:
    """The headers, with the wish of the refusal's words where they have none."""
    if any(headers.get(name) for name in _WISHES):
        return headers
    seconds = wish(content[:16_384].decode("utf-8", "replace"))
    return headers if seconds is None else {**headers, "retry-after-ms": str(seconds * 1000)}


def _telling(scope: Scope, limit: str) -> Callable[[], None]:
    """Tells that a call waits."""
    return lambda: scope.report(LimitWaiting(scope.step or scope.role, limit))


def _now() -> float:
    return asyncio.get_running_loop().time()
