"""Servers that nobody here wrote: replies byte by byte as they stand on the wire, through all of the model layer."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from planloom.clock import SystemClock
from planloom.config import Models as Settings
from planloom.errors import ModelError, PlanloomError, TransientError
from planloom.models.attempt import Rules
from planloom.models.breaker import Breakers
from planloom.models.client import Models
from planloom.models.cost import Prices
from planloom.models.guard import Guard
from planloom.models.ledger import Ledger
from planloom.models.quota import Limits
from planloom.models.transport import GovernedTransport

HELLO = [{"role": "user", "content": "hello"}]
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
KEY = "sk-strange-server-key"
Write = Callable[[asyncio.StreamWriter], Coroutine[Any, Any, None]]


class Raw:
    """A server that answers each request with the next of `answers`, the last again and again, and closes."""

    def __init__(self, *answers: bytes | Write) -> None:
        self.answers = list(answers)
        self.heads: list[bytes] = []
        self.url = ""
        self._tasks: set[asyncio.Task[Any]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            await reader.readexactly(length)
            self.heads.append(head)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if callable(answer):
                await answer(writer)
            else:
                writer.write(answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()


@asynccontextmanager
async def raw(*answers: bytes | Write) -> AsyncIterator[Raw]:
    made = Raw(*answers)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield made
    finally:
        server.close()
        made.stop()


@asynccontextmanager
async def models_of(url: str, timeout_s: float = 5.0) -> AsyncIterator[Models]:
    rules = Rules(guard=Guard(), prices=Prices(), breakers=Breakers(), max_attempts=2, backoff_base_s=0)
    transport = GovernedTransport(httpx2.AsyncHTTPTransport(), Ledger(lambda key: Limits(), SystemClock()), rules)
    models = Models(Settings(base_url=url, model="m", api_key=SecretStr(KEY), timeout_s=timeout_s), transport)
    try:
        yield models
    finally:
        await models.close()


async def completed(*answers: bytes | Write, timeout_s: float = 5.0) -> str:
    async with raw(*answers) as server, models_of(server.url, timeout_s) as models:
        return (await models.complete("worker", HELLO)).text


async def streamed(*answers: bytes | Write, timeout_s: float = 5.0) -> str:
    async with raw(*answers) as server, models_of(server.url, timeout_s) as models:
        return "".join([piece async for piece in models.stream("worker", HELLO)])


async def refused(ask: Coroutine[Any, Any, str]) -> PlanloomError:
    """The error a call ends with, soon, and without the key."""
    async with asyncio.timeout(20):
        with pytest.raises(PlanloomError) as caught:
            await ask
    assert KEY not in f"{caught.value} {caught.value!r}"
    return caught.value


def http(body: bytes | str, *headers: str, status: str = "200 OK", kind: str | None = "application/json") -> bytes:
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", *([f"content-type: {kind}"] if kind else []), *headers]
    if not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in lines):
        lines.append(f"content-length: {len(content)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


def reply(message: dict[str, Any] | None = None, **more: Any) -> str:
    choice = {"index": 0, "message": message or {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}
    return json.dumps({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], **more})


def chunk(delta: Any, finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return json.dumps({"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]})


def sse(text: str, *headers: str, kind: str = "text/event-stream") -> bytes:
    return http(text, *headers, "connection: close", kind=kind)


def chunked(*pieces: bytes, trailer: bytes = b"") -> bytes:
    body = b"".join(b"%X;ext=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n" + trailer + b"\r\n"
    return http(body, "transfer-encoding: chunked")


FINE = reply()
RIGHT = {
    "text/plain": http(FINE, kind="text/plain; charset=utf-8"),
    "text/html though it is JSON": http(FINE, kind="text/html"),
    "no content type": http(FINE, kind=None),
    "binary": http(FINE, kind="application/octet-stream"),
    "a byte order mark": http(b"\xef\xbb\xbf" + FINE.encode()),
    "blank lines to keep the connection open": http("\n\n   \n" + FINE),
    "gzip": http(gzip.compress(FINE.encode()), "content-encoding: gzip"),
    "chunks of one byte, extensions, a trailer": chunked(*(bytes([b]) for b in FINE.encode()), trailer=b"x: y\r\n"),
    "http 1.0, ended by the connection": b"HTTP/1.0 200 OK\r\n\r\n" + FINE.encode(),
    "duplicate headers": http(FINE, "x-request-id: 1", "x-request-id: 2", "x-ratelimit-limit-requests: 9", "date: no"),
    "nonsense in limit headers": http(FINE, "x-ratelimit-limit-tokens: many", "x-ratelimit-reset-tokens: soon"),
    "long headers": http(FINE, f"x-long: {'a' * 30_000}"),
    "100 continue first": b"HTTP/1.1 100 Continue\r\n\r\n" + http(FINE),
    "usage missing, model missing": http('{"choices": [{"message": {"content": "fine"}}]}'),
    "usage null": http(reply(usage=None)),
    "usage of texts": http(reply(usage={"prompt_tokens": "12", "completion_tokens": None})),
    "usage below zero": http(reply(usage={"prompt_tokens": -5, "completion_tokens": -1})),
    "usage is a list": http(reply(usage=[1, 2])),
    "parts": http(reply({"content": [{"type": "thinking", "text": "hm"}, {"type": "text", "text": "fine"}]})),
    "thoughts": http(reply({"content": "<think>Is it? It is.</think>\n\nfine"})),
    "thoughts aside": http(reply({"content": "fine", "reasoning_content": "Is it?", "reasoning": "It is."})),
    "several choices": http(json.dumps({"choices": [{"message": {"content": "fine"}}, {"message": None}]})),
}


@pytest.mark.parametrize("answer", RIGHT.values(), ids=RIGHT)
async def test_a_reply_is_understood_however_it_is_wrapped(answer: bytes) -> None:
    assert await completed(answer) == "fine"


DATA = {
    "fence": {"content": 'Here you are:\n```json\n{"n": 3}\n```\nAnything else?'},
    "thoughts": {"content": '<think>{"n": 1}? No.</think>{"n": 3}'},
    "thoughts without an end": {"content": '{"n": 3}<think>maybe'},
    "arguments of a call": {
        "content": None,
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "number", "arguments": '{"n": 3}'}}],
    },
    "all in the thoughts": {"content": None, "reasoning_content": 'Well: {"n": 3}'},
    "other objects before it": {"content": '{"m": 1} and {"n": 3}'},
}


@pytest.mark.parametrize("message", DATA.values(), ids=DATA)
async def test_data_is_found_where_servers_put_it(message: dict[str, Any]) -> None:
    async with raw(http(reply(message))) as server, models_of(server.url) as models:
        assert (await models.structured("worker", HELLO, name="number", schema=SCHEMA)).data == {"n": 3}


A, B, END = chunk({"role": "assistant", "content": "fi"}), chunk({"content": "ne"}), chunk({}, "stop")
PLAIN = f"data: {A}\n\ndata: {B}\n\ndata: {END}\n\ndata: [DONE]\n\n"
STREAMS = {
    "as usual": sse(PLAIN),
    "carriage returns": sse(PLAIN.replace("\n", "\r\n")),
    "comments": sse(f": hello\n\n{PLAIN}".replace("\n\n", "\n\n: keep-alive\n\n")),
    "no [DONE]": sse(PLAIN.replace("data: [DONE]\n\n", "")),
    "no blank behind data:": sse(PLAIN.replace("data: ", "data:")),
    "names, ids and retries": sse(PLAIN.replace("data: ", "retry: 10\nid: 7\nevent: message\ndata: ")),
    "gzip": sse("", "content-encoding: gzip").replace(b"content-length: 0", b"x: y") + gzip.compress(PLAIN.encode()),
    "empty choices first and usage last": sse(
        'data: {"choices": [], "prompt_filter_results": []}\n\n'
        + PLAIN.replace("data: [DONE]", 'data: {"choices": null, "usage": {"prompt_tokens": 1}}\n\ndata: [DONE]')
    ),
    "nothing in some deltas": sse(f"data: {chunk({'content': None})}\n\ndata: {chunk(None)}\n\n{PLAIN}"),
    "thoughts beside": sse(f"data: {chunk({'reasoning_content': 'hm'})}\n\n{PLAIN}"),
    "another content type": sse(PLAIN, kind="text/plain"),
    "a whole reply": http(FINE),
}


@pytest.mark.parametrize("answer", STREAMS.values(), ids=STREAMS)
async def test_a_stream_is_understood_however_it_is_written(answer: bytes) -> None:
    assert await streamed(answer) == "fine"


async def test_characters_cut_in_two_by_the_wire_are_whole() -> None:
    async def byte_by_byte(writer: asyncio.StreamWriter) -> None:
        text = f"data: {json.dumps(json.loads(chunk({'content': 'é漢🙂'})), ensure_ascii=False)}\n\ndata: {END}\n\n"
        writer.write(sse("").replace(b"content-length: 0", b"x: y"))
        for byte in text.encode():
            writer.write(bytes([byte]))
            await writer.drain()

    assert await streamed(byte_by_byte) == "é漢🙂"


async def test_a_stream_that_is_done_is_done_though_the_connection_stays_open() -> None:
    async def open_end(writer: asyncio.StreamWriter) -> None:
        writer.write(sse(PLAIN).replace(f"content-length: {len(PLAIN)}".encode(), b"x: y"))
        await asyncio.Event().wait()

    began = time.monotonic()
    assert await streamed(open_end, timeout_s=60) == "fine"
    assert time.monotonic() - began < 30  # and not the time limit


async def test_halves_of_characters_are_replaced() -> None:
    text = await completed(http('{"choices": [{"message": {"content": "a\\ud83db"}}]}'))
    assert text.encode("utf-8").startswith(b"a")


async def _silence(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _endless_head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x: y\r\n")
        await writer.drain()
        await asyncio.sleep(0)


async def _endless_body(writer: asyncio.StreamWriter) -> None:
    writer.write(http("", "transfer-encoding: chunked"))
    while True:
        writer.write(b"10000\r\n" + b" " * 65_536 + b"\r\n")
        await writer.drain()


def _endless_stream(piece: bytes) -> Write:
    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(sse("").replace(b"content-length: 0", b"x: y"))
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)  # drain alone may never let the client run

    return write


WRONG: dict[str, tuple[bytes | Write, str]] = {
    "a web page": (http("<!doctype html><title>Login</title>", kind="text/html"), "HTML page"),
    "a web page called JSON": (http("<html>Login</html>"), "HTML page"),
    "nothing": (http(""), "got 'nothing'"),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", "got 'nothing'"),
    "null": (http("null"), "expected a reply in JSON"),
    "a text": (http('"fine"'), "expected a chat completion"),
    "a list": (http("[]"), "expected a chat completion"),
    "an error with status 200": (http(json.dumps({"error": {"message": f"bad key {KEY}"}})), "bad key (key)"),
    "no choices": (http('{"id": "1", "object": "chat.completion"}'), "expected a chat completion"),
    "empty choices": (http('{"choices": []}'), "expected a chat completion"),
    "choices of texts": (http('{"choices": ["fine"]}'), "expected a chat completion"),
    "no message": (http('{"choices": [{"message": null}]}'), "expected a chat completion"),
    "a call nobody asked for": (
        http(reply({"content": None, "tool_calls": [{"function": {"name": "rm", "arguments": "{}"}}]})),
        "a call of the tool 'rm'",
    ),
    "a refusal": (http(reply({"content": None, "refusal": "I can't."})), 'the model refused: "I can\'t."'),
    "half of it": (http('{"choices": [{"mess'), "expected a reply in JSON"),
    "a deep well": (http("[" * 200_000), "expected a reply in JSON"),
    "no HTTP": (b"220 mail.example ESMTP ready\r\n", "broke off"),
    "hung up at once": (b"", "broke off"),
    "half a head": (b"HTTP/1.1 200 OK\r\ncontent-", "broke off"),
    "a body shorter than promised": (http(FINE, "content-length: 100000"), "broke off"),
    "broken gzip": (http(b"\x1f\x8b" + b"0" * 40, "content-encoding: gzip"), "broke off"),
    "a broken chunk": (http(b"ZZ\r\n{}\r\n0\r\n\r\n", "transfer-encoding: chunked"), "broke off"),
    "headers without measure": (http(FINE, f"x-long: {'a' * 400_000}"), "broke off"),
    "a teapot": (http(f"I know {KEY}", status="418 I'm a teapot", kind="text/plain"), "refused with 418"),
    "a failing gateway": (http("<html>502</html>", status="502 Bad Gateway", kind="text/html"), "failed with 502"),
    "silence": (_silence, "no reply within 0.4 s"),
    "a head without end": (_endless_head, "broke off|no reply within"),
    "a body without end": (_endless_body, "no reply within|at most 64 MiB"),
}


@pytest.mark.parametrize(("answer", "told"), WRONG.values(), ids=WRONG)
async def test_a_reply_that_can_not_be_used_is_named_in_time(answer: bytes | Write, told: str) -> None:
    error = await refused(completed(answer, timeout_s=0.4 if callable(answer) else 5.0))
    assert isinstance(error, (ModelError, TransientError))
    assert any(part in str(error) for part in told.split("|")), error


WRONG_STREAMS: dict[str, tuple[bytes | Write, str]] = {
    "a web page": (http("<html>Login</html>", kind="text/html"), "HTML page"),
    "an error in the middle": (
        sse(f'data: {A}\n\ndata: {{"error": {{"message": "{KEY} has no more", "code": 503}}}}\n\n'),
        "ended its reply with an error: (key) has no more",
    ),
    "no end": (sse(f"data: {A}\n\n"), "ended in the middle"),
    "no JSON": (sse("data: fine\n\n"), "expected a chat completion"),
    "one line without end": (_endless_stream(b"a" * 65_536), "1 MiB of them in one event"),
    "lines without end": (_endless_stream(b"data: 1\n" * 8_000), "1 MiB of them in one event"),
    "comments without end": (_endless_stream(b": ping\n\n" * 1_000), "no reply within 0.4 s"),
    "words without end": (_endless_stream(f"data: {A}\n\n".encode()), "no reply within 0.4 s"),
    "silence after the head": (_silence, "no reply within 0.4 s"),
}


@pytest.mark.parametrize(("answer", "told"), WRONG_STREAMS.values(), ids=WRONG_STREAMS)
async def test_a_stream_that_can_not_be_used_is_named_in_time(answer: bytes | Write, told: str) -> None:
    limit_s = 0.4 if told.startswith("no reply") else 10.0
    error = await refused(streamed(answer, timeout_s=limit_s))
    assert isinstance(error, (ModelError, TransientError))
    assert told in str(error), error


NO_DATA = {
    "another language": "Natürlich! 好的。 Конечно.",
    "another shape": '{"number": 3}',
    "another type": '{"n": "three"}',
    "nothing": "",
}


@pytest.mark.parametrize("text", NO_DATA.values(), ids=NO_DATA)
async def test_a_reply_that_breaks_the_schema_in_every_way_of_asking_is_an_error(text: str) -> None:
    async with raw(http(reply({"content": text}))) as server, models_of(server.url) as models:
        with pytest.raises(ModelError, match="expected JSON of the given schema"):
            await models.structured("worker", HELLO, name="number", schema=SCHEMA)
        assert len(server.heads) == 3


# ---- redirects


async def test_neither_key_nor_prompt_follows_to_another_server() -> None:
    async with raw(http(FINE)) as other:
        for status in ("301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"):
            error = await refused(completed(http("", f"location: {other.url}/chat/completions", status=status)))
            assert isinstance(error, ModelError) and error.kind == "url"
            assert "sent on to" in str(error)
        assert other.heads == []


async def test_a_server_may_send_on_within_itself() -> None:
    moved = http("", "location: /v1/chat/completions/", status="308 Permanent Redirect")
    assert await completed(moved, http(FINE)) == "fine"


async def test_a_server_that_sends_in_circles_is_a_wrong_address() -> None:
    error = await refused(completed(http("", "location: /v1/again", status="307 Temporary Redirect")))
    assert isinstance(error, ModelError) and error.kind == "url"


# ---- refusals of too many calls

REFUSALS = {
    "OpenAI": {
        "error": {
            "message": "Rate limit reached for m on tokens per min (TPM): Please try again in 10ms.",
            "type": "tokens",
            "param": None,
            "code": "rate_limit_exceeded",
        }
    },
    "Azure": {"error": {"code": "429", "message": "Requests have exceeded the rate limit. Retry after 0.01 seconds."}},
    "vLLM": {"object": "error", "message": "Too many requests", "type": "TooManyRequests", "param": None, "code": 429},
    "LiteLLM": {"error": {"message": "Crossed TPM limit", "type": None, "param": None, "code": "429"}},
    "Ollama": {"error": "server busy, please try again. maximum pending requests exceeded"},
    "llama.cpp": {"error": {"code": 429, "message": "No slot available", "type": "unavailable_error"}},
    "a list": [{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [{"retryDelay": "0.01s"}]}}],
    "words": "slow down",
}
WISHES = ("retry-after: 0", "retry-after-ms: 10", f"retry-after: {formatdate(0, usegmt=True)}", "retry-after: soon")


@pytest.mark.parametrize("body", REFUSALS.values(), ids=REFUSALS)
async def test_too_many_calls_are_tried_again_whoever_says_it(body: Any) -> None:
    too_many = http(json.dumps(body), status="429 Too Many Requests")
    assert await completed(too_many, http(FINE)) == "fine"
    assert await streamed(too_many, sse(PLAIN)) == "fine"


@pytest.mark.parametrize("wish", WISHES)
async def test_wishes_for_later_are_read_as_dates_milliseconds_or_not_at_all(wish: str) -> None:
    assert await completed(http("{}", wish, status="429 Too Many Requests"), http(FINE)) == "fine"


@pytest.mark.parametrize("status", ["500 Oops", "503 Service Unavailable", "529 Overloaded", "408 Request Timeout"])
async def test_failures_that_may_pass_are_tried_again(status: str) -> None:
    loading = json.dumps({"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}})
    assert await completed(http(loading, status=status), http(FINE)) == "fine"


# ---- addresses and keys


@pytest.mark.parametrize("url", ["localhost:1234/v1", "ftp://127.0.0.1/v1", "not an address"])
async def test_an_address_that_is_none_is_said_at_once(url: str) -> None:
    async with models_of(url) as models:
        error = await refused(_text(models))
    assert isinstance(error, ModelError) and error.kind == "url", error


@pytest.mark.parametrize("key", ["sk-strange\nserver", "schlüssel-ключ"])
async def test_a_key_that_can_not_be_sent_is_said_and_not_shown(key: str) -> None:
    async with raw(http(FINE)) as server:
        models = Models(Settings(base_url=server.url, model="m", api_key=SecretStr(key)))
        with pytest.raises(ModelError, match="characters that no key has") as caught:
            await models.complete("worker", HELLO)
        await models.close()
    assert key not in str(caught.value) and caught.value.kind == "key"


async def test_a_key_read_from_a_file_with_a_line_end_works() -> None:
    async with raw(http(FINE)) as server:
        models = Models(Settings(base_url=server.url, model="m", api_key=SecretStr(f"{KEY}\n")))
        await models.complete("worker", HELLO)
        await models.close()
        assert f"Bearer {KEY}\r\n".encode() in server.heads[0]


async def test_a_query_of_the_address_is_sent_with_every_call() -> None:
    async with raw(http(FINE)) as server, models_of(f"{server.url}?api-version=2024-10-21") as models:
        await models.complete("worker", HELLO)
        assert server.heads[0].startswith(b"POST /v1/chat/completions?api-version=2024-10-21 ")


async def _text(models: Models) -> str:
    return (await models.complete("worker", HELLO)).text
