"""Virtual time, limits and the prompt cache: an hour of load in seconds, in process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import openai
import pytest

from planloom.models.simulate.app import create_app
from planloom.models.simulate.inprocess import InProcess
from planloom.models.simulate.quota import Limits
from planloom.models.simulate.settings import Settings
from planloom.models.simulate.timing import Spread
from planloom.models.simulate.virtual import LoopClock, run_virtual

HELLO = [{"role": "user", "content": "hello there"}]
LONG = "word " * 4000  # 5,000 tokens


def _now() -> float:
    return asyncio.get_running_loop().time()


@asynccontextmanager
async def _provider(timeout_s: float = 3600, **settings: Any) -> AsyncIterator[tuple[openai.AsyncOpenAI, Any]]:
    app = create_app(Settings(**settings), LoopClock())
    http = openai.DefaultAsyncHttpx2Client(transport=InProcess(app), timeout=timeout_s)
    async with openai.AsyncOpenAI(
        base_url="http://simulated/v1", api_key="k", http_client=http, max_retries=0, timeout=timeout_s
    ) as client:
        yield client, app.state.provider


def _run(work: Callable[[openai.AsyncOpenAI, Any], Awaitable[Any]], **settings: Any) -> Any:
    """What `work` gives, done on a virtual loop with a provider."""

    async def all_of_it() -> Any:
        async with _provider(**settings) as (client, provider):
            return await work(client, provider)

    return run_virtual(all_of_it())


async def _ask(client: openai.AsyncOpenAI, content: str = "hello there", **rest: Any) -> Any:
    return await client.chat.completions.create(model="m", messages=[{"role": "user", "content": content}], **rest)


def test_600_requests_at_60_a_minute_take_10_virtual_minutes() -> None:
    async def work(client: openai.AsyncOpenAI, provider: Any) -> tuple[float, Any]:
        async def patient(number: int) -> None:
            while True:
                try:
                    await _ask(client, f"request {number}")
                except openai.RateLimitError as error:
                    await asyncio.sleep(float(error.response.headers["retry-after-ms"]) / 1000 + number / 1000)
                else:
                    return

        await asyncio.gather(*(worker(patient, start) for start in range(6)))
        return _now(), provider.stats.told(_now())

    async def worker(patient: Any, start: int) -> None:
        for number in range(start, 600, 6):
            await patient(number)

    took_s, stats = _run(work, limits=Limits(rpm=60))
    assert 9 * 60 <= took_s <= 10 * 60
    assert stats["by_status"]["200"] == 600
    assert stats["window"]["most_requests"] == 60


def test_no_minute_ever_holds_more_tokens_than_the_limit() -> None:
    async def work(client: openai.AsyncOpenAI, provider: Any) -> tuple[int, int]:
        used: list[tuple[float, int]] = []
        for number in range(400):
            await asyncio.sleep(0.7)
            try:
                reply = await _ask(client, "x" * (1 + 97 * number % 2000))
                used.append((_now(), reply.usage.total_tokens))
            except openai.RateLimitError:
                pass
        most = max(sum(n for at, n in used if start <= at < start + 60) for start, _ in used)
        return most, provider.stats.rejected["tpm"]

    most, rejected = _run(work, limits=Limits(tpm=10_000))
    assert 9_000 < most <= 10_000
    assert rejected > 0


def test_a_request_that_waits_as_told_is_let_in() -> None:
    async def work(client: openai.AsyncOpenAI, _: Any) -> float:
        await _ask(client, "a" * 2000)
        await asyncio.sleep(13)
        await _ask(client, "b" * 1000)
        with pytest.raises(openai.RateLimitError) as caught:
            await _ask(client, "c" * 2000)
        await asyncio.sleep(float(caught.value.response.headers["retry-after-ms"]) / 1000)
        await _ask(client, "c" * 2000)
        return _now()

    assert _run(work, limits=Limits(tpm=1000)) == pytest.approx(60, abs=0.01)


def test_a_request_larger_than_the_limit_is_never_told_to_wait() -> None:
    async def work(client: openai.AsyncOpenAI, _: Any) -> Any:
        with pytest.raises(openai.RateLimitError) as caught:
            await _ask(client, LONG)
        return caught.value

    error = _run(work, limits=Limits(tpm=1000))
    assert "retry-after" not in error.response.headers
    assert "too large" in str(error)


def test_reserved_tokens_count_when_asked_for() -> None:
    async def work(client: openai.AsyncOpenAI, provider: Any) -> int:
        await _ask(client, max_tokens=5000)
        return int(provider.stats.minute.tokens)

    assert _run(work, reserve=True) > 5000
    assert _run(work) < 100


def test_requests_a_day_are_limited_over_24_hours() -> None:
    async def work(client: openai.AsyncOpenAI, _: Any) -> list[bool]:
        passed = []
        for _number in range(3):
            try:
                await _ask(client)
                passed.append(True)
            except openai.RateLimitError:
                passed.append(False)
            await asyncio.sleep(12.1 * 3600)
        return passed

    assert _run(work, limits=Limits(rpd=1)) == [True, False, True]


@pytest.mark.parametrize("counts", [False, True])
def test_refused_requests_count_only_when_asked_for(counts: bool) -> None:
    async def work(client: openai.AsyncOpenAI, _: Any) -> bool:
        await _ask(client)
        await asyncio.sleep(30)
        with pytest.raises(openai.RateLimitError):
            await _ask(client)
        await asyncio.sleep(31)
        try:
            await _ask(client)
        except openai.RateLimitError:
            return False
        return True

    assert _run(work, limits=Limits(rpm=1), count_rejected=counts) is not counts


def test_first_token_and_token_rate_take_their_time() -> None:
    async def work(client: openai.AsyncOpenAI, _: Any) -> tuple[float, float, float]:
        stream = await _ask(client, stream=True, stream_options={"include_usage": True})
        times = []
        tokens = 0
        async for chunk in stream:
            times.append(_now())
            tokens = chunk.usage.completion_tokens if chunk.usage else tokens
        start = _now()
        await _ask(client)
        return times[0], (times[-1] - times[0]) / tokens, _now() - start

    first_s, each_s, plain_s = _run(work, latency_s=Spread("fixed", 0.5), ttft_s=Spread("fixed", 1.0), token_rate=10)
    assert first_s == pytest.approx(1.5, abs=1e-6)
    assert each_s == pytest.approx(0.1, rel=0.1)
    assert plain_s > 2


def test_a_lognormal_latency_has_its_median() -> None:
    async def work(client: openai.AsyncOpenAI, _: Any) -> float:
        async def one(number: int) -> float:
            start = _now()
            await _ask(client, str(number))
            return _now() - start

        taken = sorted([await one(number) for number in range(301)])
        return taken[150]

    assert _run(work, latency_s=Spread("lognormal", 2.0, 0.5)) == pytest.approx(2.0, rel=0.15)


def test_warm_prompts_are_cached_from_the_first_token_on() -> None:
    async def cached(client: openai.AsyncOpenAI, question: str) -> int:
        reply = await client.chat.completions.create(
            model="m", messages=[{"role": "system", "content": LONG}, {"role": "user", "content": question}]
        )
        return int(reply.usage.prompt_tokens_details.cached_tokens)

    async def work(client: openai.AsyncOpenAI, _: Any) -> tuple[list[int], list[int], int, int]:
        at_once = await asyncio.gather(*(cached(client, f"question {n}") for n in range(4)))
        after = await asyncio.gather(*(cached(client, f"question {n}") for n in range(4, 8)))
        await asyncio.sleep(301)
        late = await cached(client, "question 9")
        short = (await _ask(client)).usage.prompt_tokens_details.cached_tokens
        return at_once, after, late, short

    at_once, after, late, short = _run(work, ttft_s=Spread("fixed", 1.0))
    assert at_once == [0, 0, 0, 0]
    assert len(set(after)) == 1
    assert 4800 < after[0] <= 5000
    assert after[0] % 128 == 0
    assert (late, short) == (0, 0)


def test_a_cached_prompt_is_read_faster() -> None:
    async def work(client: openai.AsyncOpenAI, _: Any) -> tuple[float, float]:
        start = _now()
        await _ask(client, LONG)
        middle = _now()
        await _ask(client, LONG)
        return middle - start, _now() - middle

    cold_s, warm_s = _run(work, prefill_rate=1000)
    assert cold_s == pytest.approx(5.0, rel=0.02)
    assert warm_s < 0.2


def test_a_stall_is_left_at_the_client_s_timeout_and_leaves_nothing_behind() -> None:
    async def work(client: openai.AsyncOpenAI, provider: Any) -> tuple[float, int, int]:
        with pytest.raises(openai.APITimeoutError):
            await client.with_options(timeout=7).chat.completions.create(model="m", messages=HELLO)
        return _now(), provider.stats.in_flight, provider.stats.gone

    at_s, in_flight, gone = _run(work, faults={"stall": 1.0})
    assert at_s == pytest.approx(7)
    assert (in_flight, gone) == (0, 1)


def test_a_client_that_leaves_a_stream_frees_it() -> None:
    async def work(client: openai.AsyncOpenAI, provider: Any) -> tuple[int, int]:
        stream = await _ask(client, stream=True)
        await anext(aiter(stream))
        during = provider.stats.in_flight
        await stream.close()
        return during, provider.stats.in_flight

    assert _run(work, token_rate=1) == (1, 0)


def test_a_cut_connection_is_an_error_of_transport_in_process_too() -> None:
    async def work(client: openai.AsyncOpenAI, _: Any) -> None:
        stream = await _ask(client, stream=True)
        async for _chunk in stream:
            pass

    with pytest.raises((openai.APIConnectionError, httpx2.RemoteProtocolError)):
        _run(work, faults={"cut_stream": 1.0})


def test_the_same_seed_gives_the_same_replies_and_times() -> None:
    async def work(client: openai.AsyncOpenAI, _: Any) -> list[Any]:
        replies = await asyncio.gather(*(_ask(client, f"n{n}") for n in range(20)))
        return [(reply.id, reply.created, reply.choices[0].message.content) for reply in replies] + [_now()]

    timing = Spread("lognormal", 1.0, 0.5)
    assert _run(work, seed=5, ttft_s=timing) == _run(work, seed=5, ttft_s=timing)
    assert _run(work, seed=5, ttft_s=timing) != _run(work, seed=6, ttft_s=timing)


def test_threads_take_no_virtual_time() -> None:
    async def work() -> float:
        done = await asyncio.wait_for(asyncio.to_thread(sum, range(1_000_000)), timeout=0.001)
        assert done == 499_999_500_000
        return _now()

    assert run_virtual(work()) == 0


def test_timers_fire_in_order_at_their_times() -> None:
    async def work() -> list[tuple[int, float]]:
        fired: list[tuple[int, float]] = []

        async def after(seconds: int) -> None:
            await asyncio.sleep(seconds)
            fired.append((seconds, _now()))

        await asyncio.gather(*(after(seconds) for seconds in (30, 3600, 1)))
        return fired

    assert run_virtual(work()) == [(1, 1.0), (30, 30.0), (3600, 3600.0)]


def test_a_deadlock_is_an_error_instead_of_a_hang() -> None:
    async def work() -> None:
        await asyncio.sleep(5)
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="virtual second 5"):
        run_virtual(work())
