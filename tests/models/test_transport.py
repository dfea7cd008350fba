"""What happens around every call: tries, limits, budgets, breaker and events, over real HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from starlette.responses import JSONResponse, Response, StreamingResponse
from tests.orchestrator.scripted import Scripted, serving

from planloom.clock import SystemClock
from planloom.config import Models as Settings
from planloom.errors import BudgetError, ContextError, ModelError, TransientError
from planloom.events import LimitWaiting, ModelCall, Payload
from planloom.models.attempt import Rules
from planloom.models.breaker import Breakers
from planloom.models.budget import Budget
from planloom.models.client import Models
from planloom.models.cost import Prices
from planloom.models.guard import Guard
from planloom.models.ledger import Ledger
from planloom.models.quota import Limits
from planloom.models.scope import Scope, entered
from planloom.models.transport import GovernedTransport

HELLO = [{"role": "user", "content": "hello"}]
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
PRICES = {"m": {"input": 100.0, "output": 1000.0}}


@dataclass
class Heard:
    """A server, models that reach it, a run's budget, and the events of the calls."""

    server: Scripted
    models: Models
    budget: Budget
    breakers: Breakers
    events: list[Payload] = field(default_factory=list)

    @property
    def calls(self) -> list[ModelCall]:
        return [event for event in self.events if isinstance(event, ModelCall)]

    @property
    def outcomes(self) -> list[str]:
        return [call.outcome for call in self.calls]


@asynccontextmanager
async def governed(
    script: Callable[[dict[str, Any]], Any],
    *,
    timeout_s: float = 20,
    budget: Budget | None = None,
    open_s: float = 15,
    run: str = "",
    **rules: Any,
) -> AsyncIterator[Heard]:
    """Models behind the governed transport, called for a run with `budget`; its retries wait for nothing."""
    given = {"max_attempts": 3, "backoff_base_s": 0.0, **rules}
    with serving(script) as server:
        made = Rules(guard=Guard(), prices=Prices.read(PRICES), breakers=Breakers(open_s), **given)
        ledger = Ledger(lambda key: Limits(), SystemClock())
        transport = GovernedTransport(httpx2.AsyncHTTPTransport(), ledger, made)
        models = Models(Settings(base_url=server.url, model="m", timeout_s=timeout_s), transport)
        heard = Heard(server, models, budget or Budget({}), made.breakers)
        with entered(Scope(run=run, budgets=(heard.budget,), report=heard.events.append)):
            yield heard
        await models.close()
        assert all(amount == pytest.approx(0) for amount in heard.budget.reserved.values())


def said(text: str) -> JSONResponse:
    """A whole reply with its usage."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    told = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": USAGE}
    return JSONResponse(told)


def refusal(status: int, code: str = "", **headers: str) -> JSONResponse:
    error = {"message": "no", "type": "error", "code": code}
    return JSONResponse({"error": error}, status, {name.replace("_", "-"): value for name, value in headers.items()})


def in_turn(*replies: Any) -> Callable[[dict[str, Any]], Any]:
    """One reply after the other."""
    left = iter(replies)
    return lambda body: next(left)


def events(texts: Iterable[str], *, ends: bool) -> Response:
    """A stream of texts with its usage at the end; `ends` False: it stays open after them."""

    async def lines() -> AsyncIterator[str]:
        head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        for text in texts:
            yield _line({**head, "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})
            await asyncio.sleep(0)  # lets the server notice that the client left
        if not ends:
            await asyncio.Event().wait()
        yield _line({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        yield _line({**head, "choices": [], "usage": USAGE})
        yield "data: [DONE]\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")


def _line(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"


def broken_off() -> Response:
    """A reply whose body ends before the length it promised."""

    async def piece() -> AsyncIterator[bytes]:
        yield b'{"id": "1", "choi'
        raise ConnectionError("on purpose")

    return StreamingResponse(piece(), media_type="application/json", headers={"content-length": "1000"})


def stalled() -> Response:
    """A reply whose body never comes."""

    async def nothing() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    return StreamingResponse(nothing(), media_type="application/json")


def dripping() -> Response:
    """A reply that sends byte after byte, for ever."""

    async def drops() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0)

    return StreamingResponse(drops(), media_type="application/json")


async def test_a_429_is_tried_again_when_the_server_said() -> None:
    async with governed(in_turn(refusal(429, retry_after_ms="20"), said("fine"))) as heard:
        assert (await heard.models.complete("worker", HELLO)).text == "fine"
    assert heard.outcomes == ["429", "ok"]


async def test_a_failing_server_is_tried_again() -> None:
    async with governed(in_turn(refusal(500), refusal(503), said("fine"))) as heard:
        assert (await heard.models.complete("worker", HELLO)).text == "fine"
    assert heard.outcomes == ["500", "503", "ok"]


async def test_the_last_failure_is_handed_on() -> None:
    async with governed(lambda body: refusal(500)) as heard:
        with pytest.raises(TransientError, match="failed with 500"):
            await heard.models.complete("worker", HELLO)
    assert heard.outcomes == ["500"] * 3


async def test_an_account_without_money_is_asked_once() -> None:
    async with governed(lambda body: refusal(429, "insufficient_quota")) as heard:
        with pytest.raises(ModelError, match="nothing left to spend"):
            await heard.models.complete("worker", HELLO)
    assert len(heard.server.requests) == 1


async def test_a_refused_request_is_sent_once() -> None:
    async with governed(lambda body: refusal(400)) as heard:
        with pytest.raises(ModelError):
            await heard.models.complete("worker", HELLO)
    assert heard.outcomes == ["400"]


@pytest.mark.parametrize(("fault", "timeout_s"), [(broken_off, 20), (stalled, 0.3), (dripping, 0.3)])
async def test_a_reply_that_breaks_off_or_does_not_end_is_asked_for_again(fault: Any, timeout_s: float) -> None:
    async with governed(in_turn(fault(), said("fine")), timeout_s=timeout_s) as heard:
        assert (await heard.models.complete("worker", HELLO)).text == "fine"
    assert heard.outcomes == ["cut", "ok"]


async def test_a_stream_that_stops_in_the_middle_ends_in_time_with_its_pieces() -> None:
    async with governed(lambda body: events(["one "], ends=False), timeout_s=0.3) as heard:
        got = []
        with pytest.raises(TransientError, match="no reply within"):
            async for piece in heard.models.stream("worker", HELLO):
                got.append(piece)
    assert got == ["one "]
    assert heard.outcomes == ["cut"]


async def test_a_stream_that_never_ends_ends_in_time() -> None:
    def endless() -> Iterable[str]:
        while True:
            yield "and "

    async with governed(lambda body: events(endless(), ends=True), timeout_s=0.3) as heard:
        with pytest.raises(TransientError, match="no reply within"):
            async for _ in heard.models.stream("worker", HELLO):
                await asyncio.sleep(0)
    assert heard.outcomes == ["cut"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_costs_what_it_used(stream: bool) -> None:
    script = (lambda body: events(["fine"], ends=True)) if stream else (lambda body: said("fine"))
    async with governed(script, budget=Budget({"usd": 1e3, "tokens": 1e6, "model_calls": 9})) as heard:
        if stream:
            assert [piece async for piece in heard.models.stream("worker", HELLO)] == ["fine"]
        else:
            await heard.models.complete("worker", HELLO)
    assert heard.budget.used == pytest.approx({"usd": 0.006, "tokens": 15, "model_calls": 1})
    (call,) = heard.calls
    assert (call.prompt_tokens, call.completion_tokens, call.outcome, call.role) == (10, 5, "ok", "worker")
    assert call.cost_usd == pytest.approx(0.006)


async def test_a_call_beyond_the_budget_is_not_sent() -> None:
    async with governed(lambda body: said("fine"), budget=Budget({"tokens": 100})) as heard:
        with pytest.raises(BudgetError, match=r"limits\.tokens"):
            await heard.models.complete("worker", HELLO)
    assert heard.server.requests == []


async def test_a_request_larger_than_the_context_is_not_sent() -> None:
    async with governed(lambda body: said("fine"), context_tokens=1_000, max_output_tokens=100) as heard:
        with pytest.raises(ContextError, match=r"models\.context_tokens"):
            await heard.models.complete("worker", [{"role": "user", "content": "word " * 5_000}], max_tokens=100)
    assert heard.server.requests == []


async def test_after_five_failures_in_a_row_nobody_calls() -> None:
    async with governed(lambda body: refusal(500), max_attempts=5) as heard:
        with pytest.raises(TransientError):
            await heard.models.complete("worker", HELLO)
        with pytest.raises(ModelError, match="tried again in") as caught:
            await heard.models.complete("writer", HELLO)
    assert caught.value.kind == "open"
    assert len(heard.server.requests) == 5


async def test_a_planner_waits_until_a_server_that_failed_is_tried_again() -> None:
    left = iter(range(5))
    script = lambda body: said("fine") if next(left, None) is None else refusal(500)  # noqa: E731
    async with governed(script, max_attempts=5, open_s=0.05) as heard:
        with pytest.raises(TransientError):
            await heard.models.complete("writer", HELLO)
        assert (await heard.models.complete("planner", HELLO)).text == "fine"
    waits = [(event.step, event.limit) for event in heard.events if isinstance(event, LimitWaiting)]
    assert waits == [("planner", "server")]


async def test_of_many_that_wait_for_a_server_one_tries_and_the_others_follow() -> None:
    replies = [*[refusal(500)] * 5, said("probe")]
    script = lambda body: replies.pop(0) if replies else said("fine")  # noqa: E731
    async with governed(script, max_attempts=5, open_s=0.05) as heard:
        with pytest.raises(TransientError):
            await heard.models.complete("writer", HELLO)
        texts = await asyncio.gather(*((heard.models.complete("planner", HELLO)) for _ in range(6)))
    assert sorted(reply.text for reply in texts) == ["fine"] * 5 + ["probe"]
    assert len(heard.server.requests) == 11


async def test_a_planner_gives_up_on_a_server_that_keeps_failing() -> None:
    async with governed(lambda body: refusal(500), max_attempts=50, open_s=0.01) as heard:
        with pytest.raises(ModelError, match="tried again in") as caught:
            await heard.models.complete("planner", HELLO)
    assert caught.value.kind == "open"
    assert len(heard.server.requests) == 5 + 3


async def test_nobody_waits_for_a_server_beyond_the_deadline() -> None:
    async with governed(lambda body: refusal(500), max_attempts=50, max_wait_s=5.0) as heard:
        with pytest.raises(ModelError, match="tried again in 15 s"):
            await heard.models.complete("planner", HELLO)
    assert len(heard.server.requests) == 5


async def test_a_wish_in_the_words_of_a_refusal_is_honoured() -> None:
    told = JSONResponse({"error": {"message": "Rate limit reached. Please try again in 30s.", "code": "429"}}, 429)
    async with governed(in_turn(told, said("fine")), max_wait_s=1.0) as heard:
        with pytest.raises(TransientError, match="pause") as caught:
            await heard.models.complete("worker", HELLO)
    assert caught.value.retry_after_s == pytest.approx(30, abs=1)
    assert len(heard.server.requests) == 1


async def test_a_role_s_own_context_is_the_one_that_counts() -> None:
    large = [{"role": "user", "content": "word " * 5_000}]
    rules = {"context_tokens": 1_000, "contexts": {"writer": 50_000, "verifier": 900}, "max_output_tokens": 100}
    async with governed(lambda body: said("fine"), **rules) as heard:
        assert (await heard.models.complete("writer", large, max_tokens=100)).text == "fine"
        with pytest.raises(ContextError, match=r"models\.verifier\.context_tokens"):
            await heard.models.complete("verifier", large, max_tokens=100)
        with pytest.raises(ContextError, match=r"models\.context_tokens"):
            await heard.models.complete("planner", large, max_tokens=100)
    assert len(heard.server.requests) == 1


async def test_refusals_for_too_many_calls_are_no_failures_of_the_server() -> None:
    async with governed(lambda body: refusal(429, retry_after_ms="1"), max_attempts=2) as heard:
        with pytest.raises(TransientError):
            await heard.models.complete("worker", HELLO)
        assert heard.outcomes == ["429"] * 8  # four refusals of this kind are as one failure
        assert repr(heard.breakers.of(heard.server.url.removesuffix("/v1"))) == "Breaker(closed, 0 failures)"
