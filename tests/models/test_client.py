"""Calls of models against servers that do what real ones do, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import HTMLResponse, JSONResponse, Response
from tests.orchestrator.scripted import serving

from planloom.clock import SystemClock
from planloom.config import Models as Settings
from planloom.config import Role
from planloom.errors import ModelError, PlanloomError, TransientError
from planloom.models.cache import ResponseCache, key_of
from planloom.models.client import Models, endpoint_of
from planloom.models.simulate.serving import running
from planloom.models.simulate.settings import Settings as Simulated

HELLO = [{"role": "user", "content": "hello"}]
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
KEY = "sk-not-to-be-seen"


def said(text: str, finish: str = "stop") -> JSONResponse:
    """A whole reply."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return JSONResponse({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})


def refusal(status: int, code: str = "", message: str = "no") -> JSONResponse:
    return JSONResponse({"error": {"message": message, "type": "error", "code": code}}, status)


async def fails(reply: Response, *, stream: bool = False) -> PlanloomError:
    """The error that a server's reply becomes."""
    with serving(lambda body: reply) as server:
        models = Models(Settings(base_url=server.url, model="m", api_key=KEY))
        with pytest.raises(PlanloomError) as caught:
            await (streamed(models) if stream else models.complete("worker", HELLO))
        await models.close()
    assert KEY not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
    return caught.value


async def streamed(models: Models) -> str:
    return "".join([piece async for piece in models.stream("worker", HELLO)])


async def structured(script: Callable[[dict[str, Any]], Any], times: int = 1) -> tuple[list[Any], list[str]]:
    """What structured calls gave, and in which way each request asked."""
    with serving(script) as server:
        models = server.models()
        data = [(await models.structured("worker", HELLO, name="number", schema=SCHEMA)).data for _ in range(times)]
        await models.close()
    return data, [body.get("response_format", {}).get("type", "text") for body in server.requests]


async def test_without_a_model_the_error_says_what_to_set() -> None:
    with pytest.raises(ModelError, match=r"models\.base_url") as caught:
        await Models(Settings()).complete("worker", HELLO)
    assert caught.value.kind == "none"


def test_a_role_s_own_endpoint_goes_before_the_common_one() -> None:
    settings = Settings(base_url="http://one/v1/", model="small", writer=Role(base_url="http://two/v1", model="large"))
    writer, worker = endpoint_of(settings, "writer"), endpoint_of(settings, "worker")
    assert writer is not None and worker is not None
    assert (writer.base_url, writer.model) == ("http://two/v1", "large")
    assert (worker.base_url, worker.model) == ("http://one/v1", "small")


def test_a_key_alone_means_openai_and_is_not_shown() -> None:
    endpoint = endpoint_of(Settings(api_key=KEY, model="m"), "worker")
    assert endpoint is not None
    assert endpoint.base_url == "https://api.openai.com/v1"
    assert KEY not in repr(endpoint)


@pytest.mark.parametrize("stream", [False, True])
async def test_wrong_key_is_said(stream: bool) -> None:
    async with running(Simulated(api_keys=("right",))) as provider:
        models = Models(Settings(base_url=provider.base_url, model="m", api_key=KEY))
        with pytest.raises(ModelError, match="key was refused") as caught:
            await (streamed(models) if stream else models.complete("worker", HELLO))
        await models.close()
    assert caught.value.kind == "key"
    assert KEY not in f"{caught.value!r} {caught.value.__cause__!r}"


async def test_unknown_model_is_said() -> None:
    error = await fails(refusal(404, "model_not_found"))
    assert isinstance(error, ModelError) and error.kind == "model"


async def test_dead_host_asks_whether_the_server_runs() -> None:
    with serving(lambda body: "hello") as server:
        url = server.url
    models = Models(Settings(base_url=url, model="m"))
    with pytest.raises(TransientError, match="is the server running"):
        await models.complete("worker", HELLO)
    await models.close()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_web_page_instead_of_a_reply_is_a_wrong_address(stream: bool) -> None:
    error = await fails(HTMLResponse("<!doctype html><html>Welcome</html>"), stream=stream)
    assert isinstance(error, ModelError) and error.kind == "url"
    assert "/v1" in str(error)


async def test_json_that_is_no_completion_is_said() -> None:
    error = await fails(JSONResponse({"hello": "world"}))
    assert isinstance(error, ModelError) and error.kind == "reply"


async def test_a_body_broken_off_is_said() -> None:
    error = await fails(Response('{"id": "1", "choi', media_type="application/json"))
    assert isinstance(error, ModelError) and error.kind == "reply"


async def test_an_account_without_money_is_no_matter_of_waiting() -> None:
    error = await fails(refusal(429, "insufficient_quota"))
    assert isinstance(error, ModelError) and error.kind == "key"


async def test_too_many_requests_may_pass() -> None:
    error = await fails(refusal(429))
    assert isinstance(error, TransientError) and error.overloaded


async def test_a_failing_server_may_recover() -> None:
    error = await fails(refusal(500))
    assert isinstance(error, TransientError) and error.overloaded


async def test_an_empty_reply_is_empty_text() -> None:
    with serving(lambda body: said("")) as server:
        models = server.models()
        assert (await models.complete("worker", HELLO)).text == ""
        await models.close()


async def test_pieces_come_as_they_are_written() -> None:
    with serving(lambda body: ["one ", "two"]) as server:
        models = server.models()
        assert [piece async for piece in models.stream("worker", HELLO)] == ["one ", "two"]
        await models.close()


async def test_a_stream_without_its_end_is_an_error_after_its_pieces() -> None:
    with serving(lambda body: ["one ", None]) as server:
        models, got = server.models(), []
        with pytest.raises(TransientError, match="middle"):
            async for piece in models.stream("worker", HELLO):
                got.append(piece)
        await models.close()
    assert got == ["one "]


async def test_a_stream_cut_at_the_token_limit_is_an_error_after_its_pieces() -> None:
    async with running(Simulated(faults={"truncated_json": 1.0})) as provider:
        models, got = Models(Settings(base_url=provider.base_url, model="m")), []
        with pytest.raises(ModelError, match="token limit") as caught:
            async for piece in models.stream("worker", HELLO):
                got.append(piece)
        await models.close()
    assert got and caught.value.kind == "reply"


@pytest.mark.parametrize(("fault", "told"), [("stall", "no reply within 0.3 s"), ("cut_stream", "broke off")])
async def test_a_stream_that_fails_on_the_way_may_be_asked_again(fault: str, told: str) -> None:
    async with running(Simulated(faults={fault: 1.0})) as provider:
        models = Models(Settings(base_url=provider.base_url, model="m", timeout_s=0.3))
        with pytest.raises(TransientError, match=told) as caught:
            await streamed(models)
        await models.close()
    assert caught.value.outcome_unknown


async def test_data_fits_the_schema() -> None:
    assert await structured(lambda body: said('{"n": 3}')) == ([{"n": 3}], ["json_schema"])


async def test_a_server_that_knows_no_schemas_is_asked_another_way_which_is_remembered() -> None:
    def script(body: dict[str, Any]) -> Any:
        way = body.get("response_format", {}).get("type")
        return refusal(400, message="response_format is not supported") if way else said('```json\n{"n": 3}\n```')

    data, ways = await structured(script, times=2)
    assert data == [{"n": 3}, {"n": 3}]
    assert ways == ["json_schema", "json_object", "text", "text"]


async def test_a_reply_cut_once_does_not_change_the_way() -> None:
    replies = iter([said('{"n"', "length"), said('{"n": 3}'), said('{"n": 4}')])
    data, ways = await structured(lambda body: next(replies), times=2)
    assert data == [{"n": 3}, {"n": 4}]
    assert ways == ["json_schema"] * 3


async def test_a_reply_cut_once_is_not_kept(tmp_path: Path) -> None:
    replies = iter([said('{"n"', "length"), said('{"n": 3}')])
    with serving(lambda body: next(replies)) as server:
        cache = ResponseCache(tmp_path / "replies.sqlite", max_bytes=1_000_000, clock=SystemClock())
        models = Models(Settings(base_url=server.url, model="m"), cache=cache)
        for _ in range(2):
            assert (await models.structured("worker", HELLO, name="number", schema=SCHEMA)).data == {"n": 3}
        await models.close()
    assert len(server.requests) == 2


NOT_KEPT = {
    "breaks its schema": said('{"n": "three"}'),
    "no JSON": said("I would rather not."),
    "cut": said('{"n"', "length"),
    "empty": said(""),
    "refused": JSONResponse({"choices": [{"message": {"content": None, "refusal": "I can't help with that."}}]}),
    "kept back": said("", "content_filter"),
}


@pytest.mark.parametrize("bad", NOT_KEPT.values(), ids=NOT_KEPT)
async def test_a_reply_that_could_not_be_used_is_asked_for_anew(bad: Response, tmp_path: Path) -> None:
    replies = [bad] * 3
    with serving(lambda body: replies.pop() if replies else said('{"n": 3}')) as server:
        cache = ResponseCache(tmp_path / "replies.sqlite", max_bytes=1_000_000, clock=SystemClock())
        models = Models(Settings(base_url=server.url, model="m"), cache=cache)
        for _ in range(2):
            with suppress(ModelError):
                await models.structured("worker", HELLO, name="number", schema=SCHEMA)
        replies.clear()
        reply = await models.structured("worker", HELLO, name="number", schema=SCHEMA)
        asked = len(server.requests)
        again = await models.structured("worker", HELLO, name="number", schema=SCHEMA)
        await models.close()
    assert (reply.data, again) == ({"n": 3}, reply)
    assert len(server.requests) == asked


@pytest.mark.parametrize("finish", ["stop", "length", "content_filter", "eos"])
async def test_the_reason_of_the_end_is_handed_on_and_only_whole_texts_are_kept(finish: str, tmp_path: Path) -> None:
    with serving(lambda body: said("some text", finish)) as server:
        cache = ResponseCache(tmp_path / "replies.sqlite", max_bytes=1_000_000, clock=SystemClock())
        models = Models(Settings(base_url=server.url, model="m"), cache=cache)
        found = [(await models.complete("worker", HELLO)).finish for _ in range(2)]
        await models.close()
    assert found == [finish] * 2
    assert len(server.requests) == (1 if finish in ("stop", "eos") else 2)


async def test_a_kept_reply_that_no_longer_fits_is_asked_for_anew(tmp_path: Path) -> None:
    with serving(lambda body: said('{"n": 3}')) as server:
        cache = ResponseCache(tmp_path / "replies.sqlite", max_bytes=1_000_000, clock=SystemClock())
        models = Models(Settings(base_url=server.url, model="m"), cache=cache)
        await models.structured("worker", HELLO, name="number", schema=SCHEMA)
        (request,) = server.requests
        cache.put(key_of(server.url, request), {"choices": [{"message": {"content": "old nonsense"}}]})
        assert (await models.structured("worker", HELLO, name="number", schema=SCHEMA)).data == {"n": 3}
        await models.close()
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("word", "other"),
    [("max_tokens", "use 'max_completion_tokens' instead"), ("temperature", ""), ("stream_options", "")],
)
async def test_a_word_the_server_does_not_know_is_left_out_and_that_is_remembered(word: str, other: str) -> None:
    def script(body: dict[str, Any]) -> Any:
        if word in body:
            return refusal(400, "unsupported_parameter", f"Unsupported parameter: '{word}', {other}")
        return ["fine"] if body.get("stream") else said("fine")

    with serving(script) as server:
        models = Models(Settings(base_url=server.url, model="m", worker=Role(temperature=0.5)))
        assert [await streamed(models) for _ in range(2)] == ["fine"] * 2
        await models.close()
    assert [word in body for body in server.requests] == [True, False, False]
    if other:
        assert [body.get("max_completion_tokens") for body in server.requests] == [None, 4096, 4096]


async def test_replies_that_are_always_cut_are_given_up_with_what_to_raise() -> None:
    with serving(lambda body: said('{"n"', "length")) as server:
        models = server.models()
        with pytest.raises(ModelError, match="max_output_tokens"):
            await models.structured("worker", HELLO, name="number", schema=SCHEMA)
        await models.close()
    assert len(server.requests) == 2


async def test_data_that_breaks_the_schema_is_an_error_that_says_where() -> None:
    with serving(lambda body: said(json.dumps({"n": "three"}))) as server:
        models = server.models()
        with pytest.raises(ModelError, match="'three' is not of type 'integer' at n"):
            await models.structured("worker", HELLO, name="number", schema=SCHEMA)
        await models.close()
