"""A load from its start to its report: provider, server, clients, figures. Rule: everything started here ends here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..clock import Clock, SystemClock
from ..config import Models
from ..errors import UsageError
from .driving import Drive
from .load import Load
from .processes import Started, allow_many_files, provider_arguments, server_environment, started
from .records import Record
from .scenarios import checked, find
from .watching import MetricsWatch, ProcessWatch, Watch, samples, take

if TYPE_CHECKING:
    import httpx

    from .scenarios import Frame

_FILES = 8_192
_WARM_S = 30.0
_WARM = 2  # goals before the first that counts: what is imported and allocated once
_ASK_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where and with what a load runs. `folder` is the workspace of its server, `config_file` its settings.

    `token` is that of a server that runs already. `models` are the settings' own, for `--provider real`.
    """

    folder: Path
    environ: Mapping[str, str] = field(repr=False)
    config_file: Path | None = None
    token: str = field(default="", repr=False)
    models: Models = field(default_factory=Models)
    clock: Clock = field(default_factory=SystemClock)


@dataclass(slots=True, kw_only=True)
class Site:
    """A server under load, and the provider beside it; None: none was started here."""

    url: str
    told: str
    watch: Watch
    server: Started | None = None
    provider: httpx.AsyncClient | None = None
    minute: tuple[int, int] = (0, 0)
    _counted: int = 0

    async def reset(self) -> None:
        """The provider counts from zero."""
        if self.provider is not None:
            await self.provider.post("/simulate/reset")

    async def counts(self) -> dict[str, float]:
        """What the provider counted since; empty without one, or when it is gone."""
        import httpx

        if self.provider is None:
            return {}
        try:
            told = (await self.provider.get("/simulate/stats")).raise_for_status().json()
        except (httpx.HTTPError, ValueError):
            return {}
        window = told["window"]
        self.minute = (window["requests"], window["tokens"])
        return {
            "requests": float(told["requests"]),
            "rejected": float(told["rejected"]["total"]),
            "tokens": float(told["tokens"]["total"]),
            "most_requests": float(window["most_requests"]),
            "most_tokens": float(window["most_tokens"]),
            "most_in_flight": float(told["most_in_flight"]),
        }


def first_line(load: Load, models: Models) -> str:
    """What answers the calls of models in this load; the first line of every report.

    Raises:
        UsageError: a real provider is wanted and none is set.
    """
    if load.url:
        return f"The server at {load.url}, with whatever models its settings name: its provider is not ours to count."
    match load.provider:
        case "simulate":
            return (
                "Simulated provider: no model answered; times, tokens and limits are those of `planloom simulate` "
                f"({load.latency} s a call, {load.quota.requests_per_minute:,} requests and "
                f"{load.quota.tokens_per_minute:,} tokens a minute)."
            )
        case "none":
            return "No model: playbooks, rules and templates alone."
        case "real":
            if not (models.base_url or models.api_key.get_secret_value()):
                raise UsageError(
                    "--provider real: expected models.base_url or models.api_key, got none; "
                    "set OPENAI_API_KEY, or leave it to the simulated provider"
                )
            where = urlsplit(models.base_url).hostname if models.base_url else "OpenAI"
            return f"Real provider: {models.model or 'the default model'} at {where}. It costs real money."


@asynccontextmanager
async def site(load: Load, place: Place) -> AsyncIterator[Site]:
    """A server that can be asked, and the simulated provider where it was chosen.

    Raises:
        UsageError: as `first_line`.
        TransientError: a process does not start.
    """
    import httpx

    told = first_line(load, place.models)
    allow_many_files(_FILES)
    async with AsyncExitStack() as stack:
        if load.url:
            headers = {"Authorization": f"Bearer {place.token}"} if place.token else {}
            http = await stack.enter_async_context(
                httpx.AsyncClient(base_url=load.url, headers=headers, timeout=_ASK_S)
            )
            yield Site(url=load.url.rstrip("/"), told=told, watch=MetricsWatch(http))
            return
        place.folder.mkdir(parents=True, exist_ok=True)
        provider_url, provider = "", None
        if load.provider == "simulate":
            own = {name: value for name, value in place.environ.items() if not name.startswith("PLANLOOM_")}
            simulated = await stack.enter_async_context(
                started("simulated provider", provider_arguments(load), own, place.folder)
            )
            provider_url = simulated.url
            provider = httpx.AsyncClient(base_url=provider_url.removesuffix("/v1"), timeout=_ASK_S)
            await stack.enter_async_context(provider)
        arguments = ["serve", "--port", "0"]
        if place.config_file is not None:
            arguments += ["--config", str(place.config_file.resolve())]
        environment = server_environment(load, place.environ, place.folder.resolve(), provider_url)
        server = await stack.enter_async_context(started("server", arguments, environment, place.folder))
        yield Site(url=server.url, told=told, watch=ProcessWatch(server.pid), server=server, provider=provider)


async def measured(
    load: Load, place: Place, there: Site, stop: asyncio.Event, heard: Callable[[Drive], None] = lambda _: None
) -> Record:
    """The load on a server that is there; `heard` is called twice a second while it runs.

    Ends early when `stop` is set or the server is gone; the record says so.

    Raises:
        UsageError: the scenario does not fit, or the server lets nobody in.
    """
    frames = checked(
        find(load.scenario).goals(load.requests, load.seed, None if load.url else place.folder), load.requests
    )
    if not load.url:
        await _warm(load, frames, there, place, stop)
    await there.reset()
    drive = Drive(load, frames, there.url, place.token, place.clock)
    watching = asyncio.create_task(samples(drive, there.watch, lambda: there.minute, lambda: heard(drive)))
    counting = asyncio.create_task(_count(there))
    try:
        record = await drive.run(stop)
        await take(drive, there.watch, lambda: there.minute)
        record.provider = await there.counts()
        if record.ended == "died" and there.server is not None:
            record.epitaph = await there.server.epitaph() or record.epitaph
        return record
    finally:
        watching.cancel()
        counting.cancel()
        await asyncio.gather(watching, counting, return_exceptions=True)


async def _warm(load: Load, frames: list[Frame], there: Site, place: Place, stop: asyncio.Event) -> None:
    few = min(_WARM, load.requests)
    warm = replace(load, requests=few, concurrency=1, batch_size=0, pause_s=0.0, timeout_s=min(load.timeout_s, _WARM_S))
    await Drive(warm, frames[:few], there.url, place.token, place.clock).run(stop)


async def _count(there: Site) -> None:
    """Asks the provider once a second how full its minute is."""
    while there.provider is not None:
        await there.counts()
        await asyncio.sleep(1.0)
