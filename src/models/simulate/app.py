"""The provider as an ASGI application. Rule: reads bodies and plays exchanges; decisions are `provider`'s."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from ...clock import Clock, SystemClock
from . import exchange, problems
from .exchange import Player
from .problems import ApiError
from .provider import Decision, Provider
from .settings import Settings

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request


def create_app(settings: Settings | None = None, clock: Clock | None = None) -> Starlette:
    """The application; `app.state.provider` is its `Provider`. `clock` only dates replies; delays are the loop's."""
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.routing import Route

    app = Starlette(exception_handlers={HTTPException: _no_such_url})
    provider = Provider(settings or Settings(), clock or SystemClock())
    app.state.provider = provider
    shell = _Shell(provider)
    routes = [("/", shell.about, "GET"), ("/simulate/stats", shell.stats, "GET")]
    routes += [("/simulate/reset", shell.reset, "POST"), ("/simulate/requests", shell.kept, "GET")]
    for prefix in ("/v1", "/openai/v1", "/openai/deployments/{model}"):
        routes += [(f"{prefix}/chat/completions", shell.chat, "POST"), (f"{prefix}/embeddings", shell.embed, "POST")]
    for prefix in ("/v1", "/openai/v1"):
        routes += [(f"{prefix}/models", shell.models, "GET"), (f"{prefix}/models/{{name:path}}", shell.models, "GET")]
    app.router.routes += [Route(path, endpoint, methods=[method]) for path, endpoint, method in routes]
    return app


def _no_such_url(request: Any, error: Any) -> Any:
    from starlette.responses import JSONResponse

    problem = ApiError(error.status_code, f"Invalid URL ({request.method} {request.url.path})")
    return JSONResponse(problem.body(), status_code=error.status_code, headers=error.headers)


class _Shell:
    """The endpoints."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    async def about(self, request: Request) -> Any:
        """What this is, for people who look."""
        return self._json({"simulated": True, "about": "Planloom's simulated provider", "base_url": "/v1"})

    async def stats(self, request: Request) -> Any:
        return self._json(self._provider.stats.told(_now()))

    async def kept(self, request: Request) -> Any:
        return self._json({"requests": list(self._provider.requests)})

    async def reset(self, request: Request) -> Any:
        """Counts from zero; limits and caches stay. Requests in flight are still counted when they end."""
        old = self._provider.stats
        self._provider.stats = type(old)(since=_now(), in_flight=old.in_flight)
        self._provider.requests.clear()
        return self._json({"simulated": True})

    async def models(self, request: Request) -> Any:
        try:
            self._provider.check_key(_key(request))
            return self._json(self._provider.models(request.path_params.get("name", "")))
        except ApiError as problem:
            return self._json(problem.body(), problem.status)

    async def chat(self, request: Request) -> Any:
        return await self._answer(request, "chat")

    async def embed(self, request: Request) -> Any:
        return await self._answer(request, "embeddings")

    async def _answer(self, request: Request, endpoint: str) -> Any:
        provider, now = self._provider, _now()
        provider.stats.begin(endpoint, now)
        try:
            decision = await self._decision(request, endpoint, now)
        except ApiError as problem:
            decision = Decision(exchange=exchange.refused(problem, {"x-simulated": "1"}))
        except BaseException:
            provider.stats.end(499, gone=True)
            raise
        learn, status = decision.learn, decision.exchange.status
        return Player(
            decision.exchange,
            now,
            on_first=lambda: None if learn is None else learn(_now()),
            on_end=lambda gone: provider.stats.end(status, gone=gone),
        )

    async def _decision(self, request: Request, endpoint: str, now: float) -> Decision:
        provider, key, model = self._provider, _key(request), request.path_params.get("model", "")
        provider.check_key(key)
        body = await _body(request, provider.settings.max_body_bytes)
        if provider.settings.keep_requests:
            provider.requests.append({"endpoint": endpoint, "at_s": now, "body": body})
        decide = provider.chat if endpoint == "chat" else provider.embeddings
        decision = decide(body, key=key, model=model, now=now)
        if decision.embed is not None:
            return Decision(exchange=await asyncio.to_thread(decision.embed))
        return decision

    def _json(self, data: Any, status: int = 200) -> Any:
        from starlette.responses import JSONResponse

        return JSONResponse(data, status_code=status)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _key(request: Request) -> str:
    given = request.headers.get("authorization", "")
    return given[7:].strip() if given.lower().startswith("bearer ") else request.headers.get("api-key", "")


async def _body(request: Request, limit: int) -> Any:
    """The body as JSON.

    Raises:
        ApiError: it is larger than `limit` bytes, or not JSON.
    """
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise problems.too_large(limit)
        chunks.append(chunk)
    try:
        return json.loads(b"".join(chunks))
    except (ValueError, RecursionError) as error:
        raise problems.invalid(f"We could not parse the JSON body of your request: {error}") from error
