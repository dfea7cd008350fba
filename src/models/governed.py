"""The models of a process, put together: one ledger, one guard, one price table, breakers, one HTTP pool.

Rule: imported only when there is a model to call.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import httpx2

from ..clock import Clock
from ..config import Config
from .attempt import Rules
from .breaker import Breakers
from .cache import ResponseCache
from .client import Models, RoleName
from .cost import Prices
from .guard import Guard
from .ledger import Ledger, configured
from .transport import GovernedTransport

_CONNECTIONS = 200


def governed(config: Config, clock: Clock) -> Models:
    """Models whose every call is admitted, measured, priced and counted.

    Raises:
        ConfigError: a price or a limit per model does not fit.
    """
    settings = config.models
    rules = Rules(
        guard=Guard(),
        prices=Prices.read(settings.prices),
        breakers=Breakers(),
        context_tokens=settings.context_tokens,
        contexts={role: getattr(settings, role).context_tokens for role in get_args(RoleName)},
        max_output_tokens=settings.max_output_tokens,
        max_attempts=settings.max_attempts,
        max_wait_s=settings.max_wait_s,
        run_calls=config.performance.max_parallel_llm_calls,
        warm_fan_out=config.features.warm_fan_out,
    )
    limits = httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
    inner = httpx2.AsyncHTTPTransport(limits=limits)
    transport = GovernedTransport(inner, Ledger(configured(config.limits), clock), rules)
    caches = config.caches
    path = Path(config.state).expanduser() / "responses.sqlite"
    kept = ResponseCache(path, max_bytes=caches.response_cache_bytes, clock=clock) if caches.response_cache else None
    return Models(settings, transport, cache=kept)
