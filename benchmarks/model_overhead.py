"""What the model layer (pool, ledger, guard, events) adds to a call, beside the bare openai client."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from typing import Any

import openai

from planloom.clock import SystemClock
from planloom.config import Config, Limits, Models
from planloom.models.governed import governed
from planloom.models.scope import Scope, entered

from . import harness, provider
from .harness import Target

MESSAGES = [
    {"role": "system", "content": "You answer briefly. " * 20},
    {"role": "user", "content": "Say what a plan is. " * 40},
]


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


def measure(args: argparse.Namespace) -> harness.Measured:
    """Medians, and the median of the differences."""
    with provider.serving() as base_url:
        found = asyncio.run(_times(base_url, 100 if args.quick else 600))
    added = statistics.median(g - b for g, b in zip(found["governed"], found["bare"], strict=True))
    measured = {
        "bare_ms": statistics.median(found["bare"]),
        "governed_ms": statistics.median(found["governed"]),
        "added_ms": added,
    }
    return measured, [Target("added_ms", added, "<=", 3.0)]


if __name__ == "__main__":
    harness.main(__doc__ or "", measure)
