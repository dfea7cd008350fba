"""Calls of models by role: planner, worker, verifier, writer, embeddings. Owner of the openai library.

Rule: every call goes through one HTTP pool with the governed transport, so limits, budgets and events hold for all.
Without a base URL and a key there is no model, and whoever asks is told so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..config import Models as Settings
from ..errors import ModelError, TransientError
from ..events import ModelCall
from .cache import ResponseCache, key_of
from .dialects import Dialects
from .endpoints import Endpoint, RoleName, endpoint_of, keys_of
from .failures import explained, json_body, refuse_redirect
from .quiet import quieten
from .reading import CutError, Reply, WithheldError, reply_of, structured_of, text_of, vectors_of
from .scope import current, entered
from .structured import WAYS, Way, instruction, response_format

if TYPE_CHECKING:
    import httpx2
    import openai

Message = Mapping[str, Any]
_CUT = "the reply was cut at the token limit; raise models.max_output_tokens"


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
        self._dialects = Dialects()
        self._keys = keys_of(settings)

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

    def conceal(self, text: str) -> str:
        """A text without the keys of any model; what others wrote, or tools read, may hold them."""
        for key in self._keys:
            text = text.replace(key, "(key)")
        return text

    # ---- calls

    async def complete(self, role: RoleName, messages: Sequence[Message], *, max_tokens: int = 0) -> Reply:
        """A whole reply as text, without thoughts; `finish` says whether it was cut.

        Raises:
            ModelError: the endpoint refuses or answers nonsense.
            TransientError: it may work later.
            BudgetError, ContextError: the call was not sent.
        """
        endpoint = self.endpoint(role)
        with entered(replace(current(), role=role)):
            return await self._reply(endpoint, self._request(endpoint, messages, max_tokens), reply_of)

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
                if error.kind not in ("reply", "schema") or isinstance(error, (CutError, WithheldError)):
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
        request = {**self._request(endpoint, messages, max_tokens), "stream": True}
        finish = None
        with explained(endpoint):
            with entered(replace(current(), role=role)):  # the request itself; a generator must not leave it set
                chunks = await self._dialects.send(
                    endpoint,
                    {**request, "stream_options": {"include_usage": True}},
                    self._client(endpoint).chat.completions.create,
                )
            try:
                async for text, ended in _pieces(endpoint, chunks):
                    finish = ended or finish
                    if text:
                        yield text
            finally:
                await chunks.close()
        if finish is None:
            raise TransientError(f"{endpoint.shown}: the stream ended in the middle of the reply")
        if finish == "length":
            raise CutError(_CUT)
        if finish == "content_filter":
            raise WithheldError("the server's content filter kept the rest of the reply back")

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text, in order.

        Raises:
            ModelError: another number of vectors came back.
            TransientError, BudgetError, ContextError: as `complete`.
        """
        endpoint = self.endpoint("embeddings")
        with explained(endpoint), entered(replace(current(), role="embeddings")):
            raw = await self._client(endpoint).embeddings.with_raw_response.create(
                model=endpoint.model, input=list(texts), encoding_format="float"
            )
            return vectors_of(json_body(endpoint, raw.http_response), len(texts))

    async def _structured(
        self, endpoint: Endpoint, messages: Sequence[Message], way: Way, name: str, schema: Mapping[str, Any]
    ) -> Reply:
        asked = list(messages) if way == "json_schema" else [*messages, _user(instruction(schema))]
        request = self._request(endpoint, asked, 0)
        wanted = response_format(way, name, schema)
        if wanted is not None:
            request["response_format"] = wanted

        def read(data: Any) -> Reply:
            return structured_of(data, schema)

        try:
            return await self._reply(endpoint, request, read)
        except CutError:  # says nothing about the way: the same one is tried once more
            return await self._reply(endpoint, request, read)

    async def _reply(self, endpoint: Endpoint, request: dict[str, Any], read: Callable[[Any], Reply]) -> Reply:
        """The reply kept for exactly this request, else a new one; what is whole and could be read is kept."""
        if self._cache is None:
            return await self._made(endpoint, request, read)
        key = key_of(endpoint.base_url, request)
        found = await asyncio.to_thread(self._cache.get, key)
        if found is not None and (reply := _usable(found, read)) is not None:
            scope = current()
            scope.report(ModelCall(scope.step, scope.role, endpoint.model, 0, 0, 0, 0.0, 0.0, 0.0, "cached"))
            return reply

        def keep(data: Any) -> Reply:
            nonlocal found
            found, reply = data, read(data)
            return reply

        reply = await self._made(endpoint, request, keep)
        if _is_whole(reply):
            await asyncio.to_thread(self._cache.put, key, found)
        return reply

    async def _made(self, endpoint: Endpoint, request: dict[str, Any], read: Callable[[Any], Reply]) -> Reply:
        with explained(endpoint):
            raw = await self._dialects.send(
                endpoint, request, self._client(endpoint).chat.completions.with_raw_response.create
            )
            return read(json_body(endpoint, raw.http_response))

    def _request(self, endpoint: Endpoint, messages: Sequence[Message], max_tokens: int) -> dict[str, Any]:
        request: dict[str, Any] = {"model": endpoint.model, "messages": [self._told(m) for m in messages]}
        if limit := max_tokens or endpoint.max_output_tokens:
            request["max_tokens"] = limit
        if endpoint.temperature >= 0:
            request["temperature"] = endpoint.temperature
        return request

    def _told(self, message: Message) -> dict[str, Any]:
        content = message.get("content")
        return {**message, "content": self.conceal(content)} if isinstance(content, str) else dict(message)

    def http(self, endpoint: Endpoint) -> httpx2.AsyncClient:
        """The one HTTP pool, governed, for clients of other libraries too; it is closed here."""
        import openai

        if self._http is None:
            quieten()
            timeout = openai.Timeout(endpoint.timeout_s, connect=10.0)
            options: dict[str, Any] = {"timeout": timeout, "event_hooks": {"response": [refuse_redirect]}}
            if self._transport is not None:
                options["transport"] = self._transport
            self._http = openai.DefaultAsyncHttpx2Client(**options)
        return self._http

    def _client(self, endpoint: Endpoint) -> openai.AsyncOpenAI:
        import openai

        key = (endpoint.base_url, endpoint.api_key)
        if key not in self._clients:
            self._clients[key] = openai.AsyncOpenAI(
                base_url=endpoint.url,
                api_key=endpoint.api_key or "none",
                default_query=dict(endpoint.query),
                default_headers={"api-key": endpoint.api_key} if endpoint.is_azure else None,
                http_client=self.http(endpoint),
                max_retries=0,
                timeout=endpoint.timeout_s,
            )
        return self._clients[key]


async def _pieces(endpoint: Endpoint, chunks: Any) -> AsyncIterator[tuple[str, str | None]]:
    """Texts and the word for the end, of a stream; of a whole reply where the server doesn't stream."""
    if chunks.response.headers.get("content-type", "").startswith(("application/json", "text/html")):
        await chunks.response.aread()
        whole = reply_of(json_body(endpoint, chunks.response))
        yield whole.text, whole.finish or "stop"
        return
    async for chunk in chunks:
        choices = getattr(chunk, "choices", None)
        for choice in choices if isinstance(choices, list) else ():
            finish = getattr(choice, "finish_reason", None)
            text = text_of(getattr(getattr(choice, "delta", None), "content", None))
            yield text, finish if isinstance(finish, str) and finish else None


def _usable(found: Any, read: Callable[[Any], Reply]) -> Reply | None:
    """A reply that was kept, None if it can't be used."""
    try:
        reply = read(found)
    except ModelError:
        return None
    return reply if _is_whole(reply) else None


def _is_whole(reply: Reply) -> bool:
    """Whether a reply may be used again: not empty, not cut, nothing kept back."""
    return bool(reply.text or reply.data is not None) and reply.finish not in ("length", "content_filter")


def _user(text: str) -> Message:
    return {"role": "user", "content": text}


__all__ = ["Endpoint", "Message", "Models", "Reply", "RoleName", "endpoint_of"]
