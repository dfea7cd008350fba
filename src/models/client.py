"""Calls of models by role: planner, worker, verifier, writer, embeddings. Owner of the openai library.

Rule: every call goes through one HTTP pool with the governed transport, so limits, budgets and events hold for all.
Without a base URL and a key there is no model, and whoever asks is told so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from ..config import Models as Settings
from ..errors import ModelError, TransientError
from ..events import ModelCall
from .cache import ResponseCache, key_of
from .failures import explained, refuse_page
from .scope import current, entered
from .structured import WAYS, Way, instruction, parse, response_format, without_thoughts
from .usage import Usage, usage_of

if TYPE_CHECKING:
    import httpx2
    import openai

RoleName = Literal["planner", "worker", "verifier", "writer", "embeddings"]
Message = Mapping[str, Any]
_OPENAI = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a role's calls go, and with what. `max_output_tokens` 0 and `temperature` -1: the server's defaults."""

    base_url: str
    api_key: str = field(repr=False)
    model: str
    temperature: float
    max_output_tokens: int
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a model said. `data` is the checked JSON when a schema was asked for; `usage` None: the server said none."""

    text: str
    model: str
    finish: str
    data: Any = None
    usage: Usage | None = None


def endpoint_of(settings: Settings, role: RoleName) -> Endpoint | None:
    """The endpoint of a role, None when there is no model for it."""
    own = getattr(settings, role)
    is_elsewhere = bool(own.base_url) and own.base_url != settings.base_url
    shared = "" if is_elsewhere else settings.api_key.get_secret_value()  # a key never goes to another server
    key = own.api_key.get_secret_value() or shared
    base_url = own.base_url or settings.base_url or (_OPENAI if key else "")
    model = own.model or settings.model
    if not base_url or not model:
        return None
    return Endpoint(
        base_url=base_url.rstrip("/"),
        api_key=key,
        model=model,
        temperature=own.temperature,
        max_output_tokens=own.max_output_tokens or settings.max_output_tokens,
        timeout_s=settings.timeout_s,
    )


class _CutError(ModelError):
    """A reply was too long twice; another way of asking would not make it shorter."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="reply")


class Models:
    """The models of a process. `transport` is the governed one; None: plain HTTP (for a single check).

    `cache` keeps whole replies by the content of their requests, None: none are kept; streams are never kept.
    """

    def __init__(
        self,
        settings: Settings,
        transport: httpx2.AsyncBaseTransport | None = None,
        *,
        cache: ResponseCache | None = None,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._cache = cache
        self._http: httpx2.AsyncClient | None = None
        self._clients: dict[tuple[str, str], openai.AsyncOpenAI] = {}
        self._ways: dict[tuple[str, str], Way] = {}

    def endpoint(self, role: RoleName) -> Endpoint:
        """The endpoint of a role.

        Raises:
            ModelError: there is no model for it; says what to set.
        """
        found = endpoint_of(self._settings, role)
        if found is None:
            raise ModelError(
                f"expected a model for the {role}, got none; set models.base_url (or OPENAI_BASE_URL), "
                f"models.model, and a key if the server wants one",
                kind="none",
            )
        return found

    def has(self, role: RoleName) -> bool:
        """Whether there is a model for a role."""
        return endpoint_of(self._settings, role) is not None

    async def close(self) -> None:
        """Closes the pool; may be called again."""
        http, self._http = self._http, None
        self._clients.clear()
        if http is not None:
            await http.aclose()

    # ---- calls

    async def complete(self, role: RoleName, messages: Sequence[Message], *, max_tokens: int = 0) -> Reply:
        """A whole reply as text, without thoughts.

        Raises:
            ModelError: the endpoint refuses or answers nonsense.
            TransientError: it may work later.
            BudgetError, ContextError: the call was not sent.
        """
        endpoint = self.endpoint(role)
        with entered(replace(current(), role=role)):
            return _reply(await self._sent(endpoint, self._request(endpoint, messages, max_tokens)))

    async def structured(
        self, role: RoleName, messages: Sequence[Message], *, name: str, schema: Mapping[str, Any]
    ) -> Reply:
        """A reply whose `data` fits the schema, in the best way the server knows; that way is remembered.

        Raises:
            ModelError: no way gave JSON of this schema.
            TransientError, BudgetError, ContextError: as `complete`.
        """
        endpoint = self.endpoint(role)
        key = (endpoint.base_url, endpoint.model)
        first = WAYS.index(self._ways.get(key, "json_schema"))
        fault: ModelError | None = None
        for way in WAYS[first:]:
            try:
                with entered(replace(current(), role=role)):
                    reply = await self._structured(endpoint, messages, way, name, schema)
            except ModelError as error:
                if error.kind not in ("reply", "schema") or isinstance(error, _CutError):
                    raise
                fault = error
                continue
            self._ways[key] = way
            return reply
        assert fault is not None
        raise fault

    async def stream(self, role: RoleName, messages: Sequence[Message], *, max_tokens: int = 0) -> AsyncIterator[str]:
        """The pieces of a reply's text as they come, thoughts included.

        Raises:
            ModelError, TransientError, BudgetError, ContextError: as `complete`; also after some pieces came.
        """
        endpoint = self.endpoint(role)
        request = self._request(endpoint, messages, max_tokens)
        finish = None
        with explained(endpoint):
            with entered(replace(current(), role=role)):  # the request itself; a generator must not leave it set
                chunks = await self._client(endpoint).chat.completions.create(
                    **request, stream=True, stream_options={"include_usage": True}
                )
            try:
                refuse_page(endpoint, chunks.response.headers.get("content-type", ""))
                async for chunk in chunks:
                    for choice in chunk.choices or ():
                        finish = choice.finish_reason or finish
                        if choice.delta is not None and choice.delta.content:
                            yield choice.delta.content
            finally:
                await chunks.close()
        if finish is None:
            raise TransientError(f"{endpoint.base_url}: the stream ended in the middle of the reply")
        if finish == "length":
            raise ModelError("the reply was cut at the token limit; raise models.max_output_tokens", kind="reply")

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text, in order.

        Raises:
            ModelError: another number of vectors came back.
            TransientError, BudgetError, ContextError: as `complete`.
        """
        endpoint = self.endpoint("embeddings")
        with explained(endpoint), entered(replace(current(), role="embeddings")):
            found = await self._client(endpoint).embeddings.create(
                model=endpoint.model, input=list(texts), encoding_format="float"
            )
        data = getattr(found, "data", None)
        if not isinstance(data, list):
            raise ModelError(f"expected embeddings, got {str(found)[:120]!r}", kind="reply")
        rows = sorted(data, key=lambda row: row.index)
        if len(rows) != len(texts):
            raise ModelError(f"expected {len(texts)} embeddings, got {len(rows)}", kind="reply")
        return [list(row.embedding) for row in rows]

    async def _structured(
        self, endpoint: Endpoint, messages: Sequence[Message], way: Way, name: str, schema: Mapping[str, Any]
    ) -> Reply:
        asked = list(messages) if way == "json_schema" else [*messages, _user(instruction(schema))]
        request = self._request(endpoint, asked, 0)
        wanted = response_format(way, name, schema)
        if wanted is not None:
            request["response_format"] = wanted
        reply = _reply(await self._sent(endpoint, request))
        if reply.finish == "length":  # says nothing about the way: the same one is tried once more
            reply = _reply(await self._sent(endpoint, request))
        if reply.finish == "length":
            raise _CutError("expected a whole reply, got two cut at the token limit; raise models.max_output_tokens")
        return Reply(
            text=reply.text, model=reply.model, finish=reply.finish, usage=reply.usage, data=parse(reply.text, schema)
        )

    async def _sent(self, endpoint: Endpoint, request: dict[str, Any]) -> Any:
        if self._cache is None:
            return await self._made(endpoint, request)
        return await self._kept(self._cache, endpoint, request)

    async def _made(self, endpoint: Endpoint, request: dict[str, Any]) -> Any:
        with explained(endpoint):
            completion = await self._client(endpoint).chat.completions.create(**request)
        refuse_page(endpoint, completion)
        return completion

    async def _kept(self, cache: ResponseCache, endpoint: Endpoint, request: dict[str, Any]) -> Any:
        """The reply kept for exactly this request, else a new one, which is kept."""
        from openai.types.chat import ChatCompletion

        key = key_of(endpoint.base_url, request)
        found = await asyncio.to_thread(cache.get, key)
        if found is not None:
            scope = current()
            scope.report(ModelCall(scope.step, scope.role, endpoint.model, 0, 0, 0, 0.0, 0.0, 0.0, "cached"))
            return ChatCompletion.model_validate(found)
        completion = await self._made(endpoint, request)
        if getattr(completion, "choices", None) and completion.choices[0].finish_reason != "length":
            await asyncio.to_thread(cache.put, key, completion.model_dump(mode="json"))
        return completion

    def _request(self, endpoint: Endpoint, messages: Sequence[Message], max_tokens: int) -> dict[str, Any]:
        request: dict[str, Any] = {"model": endpoint.model, "messages": [dict(m) for m in messages]}
        if limit := max_tokens or endpoint.max_output_tokens:
            request["max_tokens"] = limit
        if endpoint.temperature >= 0:
            request["temperature"] = endpoint.temperature
        return request

    def http(self, endpoint: Endpoint) -> httpx2.AsyncClient:
        """The one HTTP pool, governed, for clients of other libraries too; it is closed here."""
        import openai

        if self._http is None:
            timeout = openai.Timeout(endpoint.timeout_s, connect=10.0)
            options: dict[str, Any] = {"timeout": timeout}
            if self._transport is not None:
                options["transport"] = self._transport
            self._http = openai.DefaultAsyncHttpx2Client(**options)
        return self._http

    def _client(self, endpoint: Endpoint) -> openai.AsyncOpenAI:
        import openai

        key = (endpoint.base_url, endpoint.api_key)
        if key not in self._clients:
            self._clients[key] = openai.AsyncOpenAI(
                base_url=endpoint.base_url,
                api_key=endpoint.api_key or "none",
                http_client=self.http(endpoint),
                max_retries=0,
                timeout=endpoint.timeout_s,
            )
        return self._clients[key]


def _user(text: str) -> Message:
    return {"role": "user", "content": text}


def _reply(completion: Any) -> Reply:
    choices = getattr(completion, "choices", None)
    if not choices:
        raise ModelError(f"expected a chat completion, got {str(completion)[:120]!r}", kind="reply")
    choice = choices[0]
    text = without_thoughts(choice.message.content or "")
    usage = usage_of({"usage": completion.usage.model_dump()}) if completion.usage is not None else None
    return Reply(text=text, model=completion.model or "", finish=choice.finish_reason or "", usage=usage)
