"""What the model layer (pool, ledger, guard, events) adds to a call, beside the bare openai client.

And what it saves: of calls with one long beginning that are sent at once, how much of their prompts the provider had
in its cache, with and without warm fan-out; in virtual time, on a provider that reads 4,000 tokens a second.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from typing import Any

import openai

from planloom.clock import SystemClock
from planloom.config import Config, Limits, Models
from planloom.events import ModelCall
from planloom.models.attempt import Rules
from planloom.models.breaker import Breakers
from planloom.models.client import Models as Client
from planloom.models.cost import Prices
from planloom.models.governed import governed
from planloom.models.guard import Guard
from planloom.models.ledger import Ledger
from planloom.models.quota import Limits as Quota
from planloom.models.scope import Scope, entered
from planloom.models.simulate.app import create_app
from planloom.models.simulate.inprocess import InProcess
from planloom.models.simulate.settings import Settings
from planloom.models.simulate.timing import Spread
from planloom.models.simulate.virtual import LoopClock, run_virtual
from planloom.models.transport import GovernedTransport

from . import harness, provider
from .harness import Target

MESSAGES = [
    {"role": "system", "content": "You answer briefly. " * 20},
    {"role": "user", "content": "Say what a plan is. " * 40},
]

FAN_OUT = 20
PREFIX = "A tool that measures a part of the harbour and gives its figures. " * 350  # some 5,600 tokens


async def _times(base_url: str, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each call, bare and governed in turn."""
    bare = openai.AsyncOpenAI(base_url=base_url, api_key="any", max_retries=0)
    settings = Models(base_url=base_url, model="simulated-small")
    limits = Limits(requests_per_minute=10_000_000, tokens_per_minute=10_000_000_000)
    own = governed(Config(models=settings, limits=limits), SystemClock())
    events: list[Any] = []
    found: dict[str, list[float]] = {"bare": [], "governed": []}
    with entered(Scope(session="bench", report=events.append)):
        for number in range(rounds + 10):
            began = time.perf_counter()
            await bare.chat.completions.create(model="simulated-small", messages=MESSAGES)  # type: ignore[arg-type]
            middle = time.perf_counter()
            await own.complete("worker", MESSAGES)
            ended = time.perf_counter()
            if number >= 10:
                found["bare"].append((middle - began) * 1e3)
                found["governed"].append((ended - middle) * 1e3)
    await own.close()
    await bare.close()
    assert sum(e.type == "model.call" for e in events) == rounds + 10
    return found


async def _fan_out(warm: bool) -> tuple[float, float]:
    """The cached share of all prompts' tokens, and the seconds until the last call has ended."""
    provided = Settings(ttft_s=Spread("lognormal", 0.3, 0.3), prefill_rate=4_000, token_rate=80)
    rules = Rules(guard=Guard(), prices=Prices(), breakers=Breakers(), warm_fan_out=warm)
    inner = InProcess(create_app(provided, LoopClock()))
    transport = GovernedTransport(inner, Ledger(lambda key: Quota(), LoopClock()), rules)
    models = Client(Models(base_url="http://simulated/v1", model="simulated-small"), transport)
    events: list[Any] = []

    async def one(number: int) -> None:
        asked = [{"role": "system", "content": PREFIX}, {"role": "user", "content": f"Question {number}?"}]
        async for _ in models.stream("planner", asked):
            pass

    with entered(Scope(report=events.append)):
        await asyncio.gather(*(one(number) for number in range(FAN_OUT)))
    calls = [event for event in events if isinstance(event, ModelCall)]
    await models.close()
    assert [call.outcome for call in calls] == ["ok"] * FAN_OUT
    prompts = sum(call.prompt_tokens for call in calls)
    return sum(call.cached_tokens for call in calls) / prompts, asyncio.get_running_loop().time()


def measure(args: argparse.Namespace) -> harness.Measured:
    """Medians, and the median of the differences."""
    with provider.serving() as base_url:
        found = asyncio.run(_times(base_url, 100 if args.quick else 600))
    added = statistics.median(g - b for g, b in zip(found["governed"], found["bare"], strict=True))
    (warm_share, warm_s), (cold_share, cold_s) = run_virtual(_fan_out(True)), run_virtual(_fan_out(False))
    measured = {
        "bare_ms": statistics.median(found["bare"]),
        "governed_ms": statistics.median(found["governed"]),
        "added_ms": added,
        "fan_out_cached_share": warm_share,
        "fan_out_cached_share_all_at_once": cold_share,
        "fan_out_seconds": warm_s,
        "fan_out_seconds_all_at_once": cold_s,
    }
    return measured, [Target("added_ms", added, "<=", 3.0)]


if __name__ == "__main__":
    harness.main(__doc__ or "", measure)
