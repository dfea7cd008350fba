"""Faults as a client meets them, over real HTTP."""

import json
from typing import Any

import httpx
import httpx2
import openai
import pytest

from planloom.errors import UsageError
from planloom.models.simulate.provider import Provider
from planloom.models.simulate.serving import running
from planloom.models.simulate.settings import Settings, fault_rate

HELLO = [{"role": "user", "content": "hello there"}]
AS_JSON = [{"role": "user", "content": "Say it in JSON."}]


async def _ask(fault: str, *, stream: bool = False, timeout_s: float = 10, **rest: Any) -> Any:
    """The reply, or the text of a stream, of a provider that always has this fault."""
    async with (
        running(Settings(faults={fault: 1.0})) as provider,
        openai.AsyncOpenAI(base_url=provider.base_url, api_key="k", max_retries=0, timeout=timeout_s) as client,
    ):
        reply = await client.chat.completions.create(**{"model": "m", "messages": HELLO, "stream": stream, **rest})
        if stream:
            return "".join([chunk.choices[0].delta.content or "" async for chunk in reply if chunk.choices])
        return reply


@pytest.mark.parametrize(("fault", "error"), [("429", openai.RateLimitError), ("500", openai.InternalServerError)])
async def test_failures_have_their_status(fault: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        await _ask(fault)
    assert caught.value.status_code == int(fault)  # type: ignore[attr-defined]


async def test_the_429_on_purpose_asks_to_wait() -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        await _ask("429")
    assert caught.value.response.headers["retry-after-ms"] == "1000"


async def test_529_says_overloaded() -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        await _ask("529")
    assert (caught.value.status_code, caught.value.type) == (529, "overloaded_error")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_stall_ends_in_the_client_s_timeout(stream: bool) -> None:
    with pytest.raises((openai.APITimeoutError, httpx2.ReadTimeout)):
        await _ask("stall", stream=stream, timeout_s=0.3)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_cut_stream_is_a_broken_connection(stream: bool) -> None:
    with pytest.raises((openai.APIConnectionError, httpx2.RemoteProtocolError)):
        await _ask("cut_stream", stream=stream)


async def test_truncated_json_ends_in_the_middle_and_says_so() -> None:
    reply = await _ask("truncated_json", messages=AS_JSON, response_format={"type": "json_object"})
    assert reply.choices[0].finish_reason == "length"
    with pytest.raises(ValueError, match="line 1 column"):
        json.loads(reply.choices[0].message.content)


async def test_a_truncated_body_is_no_json() -> None:
    with pytest.raises(ValueError, match="line 1 column"):
        await _ask("truncated_body")


async def test_html_comes_with_status_200() -> None:
    async with running(Settings(faults={"html": 1.0})) as provider, httpx.AsyncClient() as client:
        body = {"model": "m", "messages": HELLO}
        reply = await client.post(f"{provider.base_url}/chat/completions", json=body)
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/html")
    assert reply.text.startswith("<!doctype html>")


async def test_an_empty_reply_has_no_content() -> None:
    assert (await _ask("empty")).choices[0].message.content == ""
    assert await _ask("empty", stream=True) == ""


async def test_wrong_schema_is_json_of_another_shape() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    reply = await _ask("wrong_schema", response_format=wanted)
    assert "a" not in json.loads(reply.choices[0].message.content)


@pytest.mark.parametrize(
    ("fault", "status", "kind", "vectors"),
    [
        ("529", 529, "application/json", None),
        ("empty", 200, "application/json", 0),
        ("wrong_schema", 200, "application/json", None),
        ("html", 200, "text/html; charset=utf-8", None),
        ("slow", 200, "application/json", 2),
    ],
)
async def test_embeddings_have_faults_too(fault: str, status: int, kind: str, vectors: int | None) -> None:
    settings = Settings(faults={fault: 1.0}, slow_s=0.01)
    async with running(settings) as provider, httpx.AsyncClient() as client:
        reply = await client.post(f"{provider.base_url}/embeddings", json={"model": "e", "input": ["a", "b"]})
    assert (reply.status_code, reply.headers["content-type"]) == (status, kind)
    data = reply.json().get("data") if "json" in kind else None
    assert (None if data is None else len(data)) == vectors


@pytest.mark.parametrize("fault", ["truncated_json", "truncated_body"])
async def test_embeddings_can_end_in_the_middle(fault: str) -> None:
    async with running(Settings(faults={fault: 1.0})) as provider, httpx.AsyncClient() as client:
        reply = await client.post(f"{provider.base_url}/embeddings", json={"model": "e", "input": ["a", "b"]})
    assert reply.status_code == 200
    with pytest.raises(ValueError, match="line 1 column"):
        reply.json()


def test_the_share_of_faults_is_what_was_asked_for_and_repeats() -> None:
    def met(seed: int) -> list[str]:
        from planloom.clock import ManualClock

        provider = Provider(Settings(seed=seed, faults={"500": 0.1, "429": 0.2}), ManualClock())
        bodies = [{"model": "m", "messages": [{"role": "user", "content": str(n % 100)}]} for n in range(2000)]
        return [str(provider.chat(b, key="", model="", now=0.0).exchange.status) for b in bodies]

    statuses = met(1)
    assert 0.08 < statuses.count("500") / 2000 < 0.12
    assert 0.17 < statuses.count("429") / 2000 < 0.23
    assert statuses == met(1)
    assert statuses != met(2)


def test_what_a_request_meets_does_not_depend_on_the_others() -> None:
    from planloom.clock import ManualClock

    def met(order: list[int]) -> dict[int, int]:
        provider = Provider(Settings(faults={"500": 0.5}), ManualClock())
        bodies = {n: {"model": "m", "messages": [{"role": "user", "content": str(n)}]} for n in order}
        return {n: provider.chat(bodies[n], key="", model="", now=0.0).exchange.status for n in order}

    assert met(list(range(50))) == met(list(reversed(range(50))))


@pytest.mark.parametrize("text", ["500", "oops=0.1", "500=2", "500=-1", "500=x", "=0.1"])
def test_a_fault_that_is_not_one_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="KIND=RATE"):
        fault_rate(text)


def test_fault_rates_are_shares_or_percent() -> None:
    assert fault_rate("500=0.25") == fault_rate("500=25%") == ("500", 0.25)


@pytest.mark.parametrize(
    "wrong",
    [
        {"faults": {"500": 0.7, "429": 0.7}},
        {"faults": {"fire": 0.1}},
        {"judge_failure_rate": 2},
        {"without": frozenset({"speech"})},
        {"token_rate": -1},
        {"embedding_dimensions": 0},
    ],
)
def test_settings_that_do_not_fit_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="expected"):
        Settings(**wrong)
