"""The provider over real HTTP, spoken to by the clients people use."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import openai
import pytest

from planloom.models.simulate.quota import Limits
from planloom.models.simulate.serving import Running, running
from planloom.models.simulate.settings import Settings

HELLO = [{"role": "user", "content": "hello there"}]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "people": {"type": "integer", "minimum": 3, "maximum": 9}},
    "required": ["city", "people"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": SCHEMA}}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a place.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    },
}

Serve = Callable[..., AbstractAsyncContextManager[tuple[openai.AsyncOpenAI, Running]]]


@pytest.fixture
def serve() -> Serve:
    """A provider on a free port, and the openai client for it."""

    @asynccontextmanager
    async def made(key: str = "any", timeout_s: float = 20, **settings: Any) -> AsyncIterator[Any]:
        async with (
            running(Settings(**settings)) as provider,
            openai.AsyncOpenAI(base_url=provider.base_url, api_key=key, max_retries=0, timeout=timeout_s) as client,
        ):
            yield client, provider

    return made


async def test_a_plain_reply_calls_itself_simulated_and_counts_its_tokens(serve: Serve) -> None:
    async with serve() as (client, _):
        reply = await client.chat.completions.create(model="gpt-x", messages=HELLO)
    assert reply.model == "simulated-gpt-x"
    assert "hello there" in reply.choices[0].message.content
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert reply.usage.prompt_tokens > 0


async def test_a_stream_adds_up_to_the_plain_reply_and_ends_with_its_usage(serve: Serve) -> None:
    async with serve(seed=3) as (client, _):
        stream = await client.chat.completions.create(
            model="m", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.startswith("Simulated reply")
    assert text.endswith("hello there")
    assert len(chunks) > 3
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == -(-len(text) // 4)
    assert chunks[-2].choices[0].finish_reason == "stop"


async def test_without_include_usage_no_chunk_has_usage(serve: Serve) -> None:
    async with serve() as (client, _):
        stream = await client.chat.completions.create(model="m", messages=HELLO, stream=True)
        chunks = [chunk async for chunk in stream]
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


async def test_a_schema_is_answered_by_json_that_fits_it(serve: Serve) -> None:
    from jsonschema import validate

    async with serve() as (client, _):
        reply = await client.chat.completions.create(model="m", messages=HELLO, response_format=FORMAT)
    import json

    validate(json.loads(reply.choices[0].message.content), SCHEMA)


async def test_an_offered_tool_is_called_once_and_its_result_then_answered(serve: Serve) -> None:
    import json

    messages: list[Any] = [{"role": "user", "content": "What is the weather in Oslo?"}]
    async with serve() as (client, _):
        first = await client.chat.completions.create(model="m", messages=messages, tools=[WEATHER])
        call = first.choices[0].message.tool_calls[0]
        messages += [
            first.choices[0].message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": call.id, "content": "rain"},
        ]
        second = await client.chat.completions.create(model="m", messages=messages, tools=[WEATHER])
    assert first.choices[0].finish_reason == "tool_calls"
    assert call.function.name == "weather"
    assert isinstance(json.loads(call.function.arguments)["place"], str)
    assert second.choices[0].message.tool_calls is None
    assert second.choices[0].message.content


async def test_a_streamed_tool_call_adds_up(serve: Serve) -> None:
    import json

    async with serve() as (client, _):
        stream = await client.chat.completions.create(
            model="m", messages=HELLO, tools=[WEATHER], tool_choice="required", stream=True
        )
        deltas = [chunk.choices[0].delta async for chunk in stream if chunk.choices]
    parts = [call for delta in deltas for call in delta.tool_calls or []]
    assert parts[0].id
    assert parts[0].function.name == "weather"
    assert json.loads("".join(part.function.arguments for part in parts))["place"]


async def test_langchain_streams_calls_tools_and_gets_structured_output(serve: Serve) -> None:
    from langchain_openai import ChatOpenAI
    from pydantic import BaseModel

    class City(BaseModel):
        name: str
        people: int

    async with serve() as (_, provider):
        model = ChatOpenAI(model="m", base_url=provider.base_url, api_key="any", stream_usage=True, max_retries=0)
        parts = [part async for part in model.astream("hello there")]
        city = await model.with_structured_output(City).ainvoke("A city")
        called = await model.bind_tools([WEATHER]).ainvoke("The weather in Oslo?")
        await model.root_async_client.close()
        model.root_client.close()
    assert "".join(str(part.content) for part in parts).startswith("Simulated reply")
    assert any(part.usage_metadata for part in parts)
    assert isinstance(city, City)
    assert called.tool_calls[0]["name"] == "weather"


async def test_embeddings_of_equal_texts_are_equal_and_of_alike_ones_close(serve: Serve) -> None:
    import numpy as np

    texts = ["red apples and pears", "red apples and plums", "quarterly tax filings", "red apples and pears"]
    async with serve() as (client, _):
        as_bytes = await client.embeddings.create(model="e", input=texts)
        as_numbers = await client.embeddings.create(model="e", input=texts, encoding_format="float", dimensions=64)
    vectors = np.array([item.embedding for item in as_bytes.data])
    assert as_bytes.model == "simulated-e"
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (vectors[0] == vectors[3]).all()
    assert vectors[0] @ vectors[1] > 0.5
    assert abs(vectors[0] @ vectors[2]) < 0.2
    short = np.array([item.embedding for item in as_numbers.data])
    assert short.shape == (4, 64)
    cut = vectors[:, :64] / np.linalg.norm(vectors[:, :64], axis=1, keepdims=True)
    assert np.allclose(short, cut, atol=1e-5)


@pytest.mark.parametrize(
    "body",
    [
        {"input": "text"},
        {"model": "e", "input": ""},
        {"model": "e", "input": ["a", ""]},
        {"model": "e", "input": []},
        {"model": "e", "input": "a", "dimensions": 10_000},
        {"model": "e", "input": "a", "encoding_format": "hex"},
        {"model": "e", "input": "word " * 9000},
    ],
)
async def test_embedding_requests_that_make_no_sense_are_refused(serve: Serve, body: dict[str, Any]) -> None:
    async with serve() as (_, provider), httpx.AsyncClient() as client:
        reply = await client.post(f"{provider.base_url}/embeddings", json=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"


async def test_models_are_listed_and_others_unknown_when_names_are_given(serve: Serve) -> None:
    async with serve(models=("small",)) as (client, _):
        assert [model.id async for model in client.models.list()] == ["small"]
        with pytest.raises(openai.NotFoundError) as caught:
            await client.chat.completions.create(model="large", messages=HELLO)
    assert caught.value.code == "model_not_found"


async def test_a_wrong_key_is_refused_without_repeating_it(serve: Serve) -> None:
    async with serve(key="sk-secret-9876", api_keys=("right",)) as (client, _):
        with pytest.raises(openai.AuthenticationError) as caught:
            await client.chat.completions.create(model="m", messages=HELLO)
    assert caught.value.code == "invalid_api_key"
    assert "secret" not in str(caught.value)


async def test_the_429_has_the_real_headers_and_body(serve: Serve) -> None:
    async with serve(limits=Limits(rpm=1, tpm=1000)) as (client, _):
        raw = await client.chat.completions.with_raw_response.create(model="m", messages=HELLO)
        with pytest.raises(openai.RateLimitError) as caught:
            await client.chat.completions.create(model="m", messages=HELLO)
        other_model = await client.chat.completions.create(model="m2", messages=HELLO)
    assert raw.headers["x-ratelimit-limit-requests"] == "1"
    assert raw.headers["x-ratelimit-remaining-requests"] == "0"
    assert raw.headers["x-ratelimit-reset-requests"] == "1m0s"
    used = raw.parse().usage.total_tokens
    assert raw.headers["x-ratelimit-remaining-tokens"] == str(1000 - used)
    headers = caught.value.response.headers
    assert 55_000 < int(headers["retry-after-ms"]) <= 60_000
    assert 55 < int(headers["retry-after"]) <= 60
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.type == "requests"
    assert other_model.choices


async def test_limits_are_apart_for_each_key(serve: Serve) -> None:
    async with serve(limits=Limits(rpm=1)) as (client, _):
        for key in ("one", "two"):
            await client.with_options(api_key=key).chat.completions.create(model="m", messages=HELLO)
        with pytest.raises(openai.RateLimitError):
            await client.with_options(api_key="one").chat.completions.create(model="m", messages=HELLO)


async def test_a_body_beyond_the_limit_is_refused(serve: Serve) -> None:
    async with serve(max_body_bytes=200) as (client, _):
        with pytest.raises(openai.APIStatusError) as caught:
            await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x" * 500}])
    assert caught.value.status_code == 413


async def test_a_prompt_longer_than_the_context_is_refused(serve: Serve) -> None:
    async with serve(context_tokens=100) as (client, _):
        await client.chat.completions.create(model="m", messages=HELLO)
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x" * 500}])
    assert caught.value.code == "context_length_exceeded"


async def test_urls_that_are_not_there_get_the_api_s_error(serve: Serve) -> None:
    async with serve() as (_, provider), httpx.AsyncClient() as client:
        unknown = await client.post(f"{provider.base_url}/completions", json={})
        wrong = await client.get(f"{provider.base_url}/chat/completions")
        garbage = await client.post(f"{provider.base_url}/chat/completions", content=b"{nope")
    assert (unknown.status_code, wrong.status_code, garbage.status_code) == (404, 405, 400)
    assert "/v1/completions" in unknown.json()["error"]["message"]
    assert "JSON" in garbage.json()["error"]["message"]


async def test_azure_paths_and_key_header_work(serve: Serve) -> None:
    async with serve(api_keys=("azure",)) as (_, provider):
        endpoint = provider.base_url.removesuffix("/v1")
        client = openai.AsyncAzureOpenAI(azure_endpoint=endpoint, api_key="azure", api_version="2024-10-21")
        async with client:
            reply = await client.chat.completions.create(model="deployed", messages=HELLO)
    assert reply.model == "simulated-deployed"


async def test_abilities_can_be_missing(serve: Serve) -> None:
    async with serve(without=frozenset({"json_schema", "tools", "embeddings"})) as (client, _):
        with pytest.raises(openai.BadRequestError):
            await client.chat.completions.create(model="m", messages=HELLO, response_format=FORMAT)
        with pytest.raises(openai.BadRequestError):
            await client.chat.completions.create(model="m", messages=HELLO, tools=[WEATHER])
        with pytest.raises(openai.NotFoundError):
            await client.embeddings.create(model="e", input="a")


async def test_stats_count_what_happened_and_can_be_reset(serve: Serve) -> None:
    async with serve(limits=Limits(rpm=1)) as (client, provider), httpx.AsyncClient() as plain:
        origin = provider.base_url.removesuffix("/v1")
        reply = await client.chat.completions.create(model="m", messages=HELLO)
        with pytest.raises(openai.RateLimitError):
            await client.chat.completions.create(model="m", messages=HELLO)
        stats = (await plain.get(f"{origin}/simulate/stats")).json()
        await plain.post(f"{origin}/simulate/reset")
        after = (await plain.get(f"{origin}/simulate/stats")).json()
    assert stats["simulated"] is True
    assert stats["by_status"] == {"200": 1, "429": 1}
    assert stats["rejected"] == {"total": 1, "rpm": 1}
    assert stats["tokens"]["total"] == stats["window"]["tokens"] == reply.usage.total_tokens
    assert stats["in_flight"] == 0
    assert after["requests"] == 0


async def test_kept_requests_can_be_read_back(serve: Serve) -> None:
    async with serve(keep_requests=2) as (client, provider):
        for number in range(3):
            await client.chat.completions.create(model=f"m{number}", messages=HELLO)
    assert [kept["body"]["model"] for kept in provider.provider.requests] == ["m1", "m2"]


async def test_max_tokens_and_stop_cut_the_reply(serve: Serve) -> None:
    async with serve() as (client, _):
        short = await client.chat.completions.create(model="m", messages=HELLO, max_tokens=2)
        stopped = await client.chat.completions.create(model="m", messages=HELLO, stop=" to:")
        several = await client.chat.completions.create(model="m", messages=HELLO, n=3)
    assert short.choices[0].finish_reason == "length"
    assert short.usage.completion_tokens == 2
    assert stopped.choices[0].message.content.startswith("Simulated reply")
    assert "to:" not in stopped.choices[0].message.content
    assert [choice.index for choice in several.choices] == [0, 1, 2]


async def test_a_port_that_is_taken_is_told() -> None:
    from planloom.errors import UsageError

    async with running() as provider:
        port = int(provider.base_url.split(":")[2].split("/")[0])
        with pytest.raises(UsageError, match=f"127.0.0.1:{port}"):
            async with running(port=port):
                pass
