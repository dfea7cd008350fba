"""Calls of one run side by side, and calls with the same long beginning: who goes first, who follows and when."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI, DefaultAsyncHttpx2Client

from planloom.models.attempt import Rules
from planloom.models.breaker import Breakers
from planloom.models.cost import Prices
from planloom.models.guard import Guard
from planloom.models.ledger import Key, Ledger
from planloom.models.quota import Limits
from planloom.models.scope import Scope, entered
from planloom.models.simulate.app import create_app
from planloom.models.simulate.inprocess import InProcess
from planloom.models.simulate.settings import Settings
from planloom.models.simulate.timing import Spread
from planloom.models.simulate.virtual import LoopClock, run_virtual
from planloom.models.slots import Slots
from planloom.models.transport import GovernedTransport
from planloom.models.warm import LEVELS, digests

LONG = "You plan with these tools. " * 400
URL = "http://server/v1/chat/completions"


def virtual(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Runs an async test without arguments on a virtual clock."""

    def run() -> None:
        run_virtual(test())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


class Held(httpx2.AsyncBaseTransport):
    """A server whose replies the test gives when it wants; `sent` are the last words of the requests, in order."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.replies: dict[str, asyncio.Future[httpx2.Response]] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        name = json.loads(await request.aread())["messages"][-1]["content"]
        self.sent.append(name)
        reply = self.replies[name] = asyncio.get_running_loop().create_future()
        return await reply


class Calls:
    """A governed transport over a held server, and calls through it by name."""

    def __init__(self, **rules: Any) -> None:
        self.server = Held()
        made = Rules(guard=Guard(), prices=Prices(), breakers=Breakers(), max_attempts=2, backoff_base_s=0, **rules)
        self.transport = GovernedTransport(self.server, Ledger(lambda key: Limits(), LoopClock()), made)
        self.waits: list[Any] = []

    def call(self, name: str, prefix: str = LONG, *, role: str = "planner", run: str = "") -> asyncio.Task[Any]:
        body = {"model": "m", "messages": [{"role": "system", "content": prefix}, {"role": "user", "content": name}]}
        with entered(Scope(role=role, run=run, report=self.waits.append)):
            return asyncio.create_task(
                self.transport.handle_async_request(httpx2.Request("POST", URL, content=json.dumps(body).encode()))
            )

    def answer(self, name: str, status: int = 200, cached: int | None = None) -> None:
        usage: dict[str, Any] = {"prompt_tokens": 2_000, "completion_tokens": 1}
        usage |= {} if cached is None else {"prompt_tokens_details": {"cached_tokens": cached}}
        self.server.replies[name].set_result(httpx2.Response(status, json={"usage": usage}))


async def settled() -> None:
    """Lets everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


# ---- places of a run


@virtual
async def test_a_run_has_at_most_so_many_calls_under_way_and_another_run_its_own() -> None:
    calls = Calls(run_calls=2)
    tasks = [calls.call(name, "short", run="r") for name in "abcd"] + [calls.call("other", "short", run="s")]
    await settled()
    assert calls.server.sent == ["a", "b", "other"]
    assert [event.limit for event in calls.waits if event.type == "limit.waiting"] == ["max_parallel_llm_calls"] * 2
    calls.answer("b")
    await settled()
    assert calls.server.sent == ["a", "b", "other", "c"]
    for name in ("a", "c", "other"):
        calls.answer(name)
    await settled()
    calls.answer("d")
    await asyncio.gather(*tasks)


@virtual
async def test_a_place_comes_back_from_calls_that_fail_or_are_cancelled() -> None:
    calls = Calls(run_calls=1)
    first, second, third = (calls.call(name, "short", run="r") for name in "abc")
    await settled()
    first.cancel()
    await settled()
    assert calls.server.sent == ["a", "b"]
    third.cancel()
    calls.answer("b", 500)
    await settled()
    assert calls.server.sent == ["a", "b", "b"]
    calls.answer("b")
    assert (await second).status_code == 200
    assert "{}" in repr(calls.transport._slots)


@virtual
async def test_a_place_handed_to_a_call_that_is_cancelled_in_that_moment_goes_to_the_next() -> None:
    slots = Slots(1)
    await slots.enter("r", lambda: None)
    second = asyncio.create_task(slots.enter("r", lambda: None))
    third = asyncio.create_task(slots.enter("r", lambda: None))
    await settled()
    slots.leave("r")
    second.cancel()
    await third
    assert second.cancelled()
    slots.leave("r")
    assert "{}" in repr(slots)


# ---- warm fan-out


@virtual
async def test_the_first_of_calls_with_one_beginning_goes_alone_and_the_others_follow_at_its_end() -> None:
    calls = Calls()
    tasks = [calls.call(name) for name in "abc"]
    await settled()
    assert calls.server.sent == ["a"]
    assert [event.limit for event in calls.waits] == ["warm_prefix"] * 2
    calls.answer("a")
    await settled()
    assert calls.server.sent == ["a", "b", "c"]
    tasks.append(calls.call("d"))
    await settled()
    assert calls.server.sent[-1] == "d"
    for name in "bcd":
        calls.answer(name)
    await asyncio.gather(*tasks)


@virtual
async def test_the_others_follow_at_the_first_token_of_a_stream() -> None:
    calls, more = Calls(), asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        await more.wait()
        yield b"data: {}\n\n"
        await asyncio.Event().wait()

    first, second = calls.call("a"), calls.call("b")
    await settled()
    head = {"content-type": "text/event-stream"}
    calls.server.replies["a"].set_result(httpx2.Response(200, headers=head, content=pieces()))
    stream = aiter((await first).aiter_bytes())
    reading = asyncio.ensure_future(anext(stream))
    await settled()
    assert calls.server.sent == ["a"]
    more.set()
    await reading
    await settled()
    assert calls.server.sent == ["a", "b"]
    calls.answer("b")
    await second
    await (await first).aclose()


@pytest.mark.parametrize("how", ["refused", "cancelled"])
def test_when_the_first_gives_nothing_exactly_one_other_leads(how: str) -> None:
    async def test() -> None:
        calls = Calls()
        first, *others = [calls.call(name) for name in "abc"]
        await settled()
        if how == "refused":
            calls.answer("a", 400)
        else:
            first.cancel()
        await settled()
        assert calls.server.sent == ["a", "b"]
        calls.answer("b")
        await settled()
        assert calls.server.sent == ["a", "b", "c"]
        calls.answer("c")
        await asyncio.gather(*others)

    run_virtual(test())


@virtual
async def test_nobody_waits_long_for_a_call_that_does_not_answer() -> None:
    calls = Calls()
    tasks = [calls.call(name) for name in "abc"]
    await asyncio.sleep(1.9)
    assert calls.server.sent == ["a"]
    await asyncio.sleep(0.2)
    assert calls.server.sent == ["a", "b", "c"]
    for name in "abc":
        calls.answer(name)
    await asyncio.gather(*tasks)


@virtual
async def test_other_roles_short_beginnings_and_other_prompts_wait_for_nobody() -> None:
    calls = Calls()
    tasks = [
        calls.call("a"),
        calls.call("b", role="writer"),
        calls.call("c", "You are somebody else. " * 400),
        calls.call("d", "short"),
        calls.call("e", "short"),
    ]
    await settled()
    assert calls.server.sent == list("abcde")
    for name in "abcde":
        calls.answer(name)
    await asyncio.gather(*tasks)


@virtual
async def test_a_longer_common_beginning_is_warmed_anew_though_its_start_is_known() -> None:
    calls = Calls()
    first = calls.call("a", LONG[: LEVELS[0] + 200])
    await settled()
    calls.answer("a")
    await first
    tasks = [calls.call(name, LONG) for name in "bc"]
    await settled()
    assert calls.server.sent == ["a", "b"]
    calls.answer("b")
    await settled()
    calls.answer("c")
    await asyncio.gather(*tasks)


@virtual
async def test_where_the_server_says_that_nothing_was_kept_nobody_waits_any_more() -> None:
    calls = Calls()
    for name in ("first", "a", "b", "c"):
        task = calls.call(name)
        await settled()
        calls.answer(name, cached=0)
        await task
    tasks = [calls.call(name, f"{name} {LONG}") for name in "xy"] + [calls.call(name, f"new {LONG}") for name in "zw"]
    await settled()
    assert calls.server.sent[-4:] == list("xyzw")
    for name in "xyzw":
        calls.answer(name)
    await asyncio.gather(*tasks)


@virtual
async def test_without_the_feature_all_go_at_once() -> None:
    calls = Calls(warm_fan_out=False)
    tasks = [calls.call(name) for name in "abc"]
    await settled()
    assert calls.server.sent == list("abc")
    for name in "abc":
        calls.answer(name)
    await asyncio.gather(*tasks)


@pytest.mark.parametrize(("warm", "found"), [(True, 7), (False, 0)])
def test_a_fan_out_over_one_prefix_finds_it_cached_at_the_provider(warm: bool, found: int) -> None:
    async def test() -> int:
        settings = Settings(ttft_s=Spread("fixed", 0.8), token_rate=50)
        rules = Rules(guard=Guard(), prices=Prices(), breakers=Breakers(), warm_fan_out=warm)
        inner = InProcess(create_app(settings, LoopClock()))
        transport = GovernedTransport(inner, Ledger(lambda key: Limits(), LoopClock()), rules)
        http = DefaultAsyncHttpx2Client(transport=transport)
        async with AsyncOpenAI(base_url="http://simulated/v1", api_key="any", http_client=http) as client:

            async def one(number: int) -> bool:
                asked: list[Any] = [
                    {"role": "system", "content": LONG},
                    {"role": "user", "content": f"Question {number}"},
                ]
                stream = await client.chat.completions.create(
                    model="m", messages=asked, stream=True, stream_options={"include_usage": True}
                )
                used = [chunk.usage async for chunk in stream if chunk.usage is not None]
                details = used[-1].prompt_tokens_details
                return details is not None and bool(details.cached_tokens)

            return sum(await asyncio.gather(*(one(number) for number in range(8))))

    assert run_virtual(test()) == found


def test_the_beginning_counts_tools_first_and_knows_endpoint_and_model() -> None:
    body = {"messages": [{"role": "system", "content": LONG}], "tools": [{"name": "t"}]}
    key = Key("http://a", "m")
    assert len(digests(key, "planner", body)) == 2
    others = [
        digests(key, "planner", {**body, "tools": [{"name": "u"}]}),
        digests(Key("http://b", "m"), "planner", body),
        digests(Key("http://a", "n"), "planner", body),
        digests(key, "writer", body),
    ]
    assert len({found[0] for found in (digests(key, "planner", body), *others)}) == 5
    assert digests(key, "embeddings", {"input": LONG}) == ()
