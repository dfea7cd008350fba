"""The process that is loaded: tickets through one Planloom at a time, told as one JSON line a second and at the end.

Run by `benchmarks.desk`, so that its memory is its own.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from planloom import Planloom
from planloom.config import Config
from planloom.workflows.support.samples.generator import Sample
from planloom.workflows.support.samples.making import tickets

EVERY = 20  # tickets between two looks at the memory


@dataclass(slots=True)
class Seen:
    """What became of the tickets. `rss` has megabytes by number of tickets done, after garbage was collected."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    rss: list[tuple[int, float]] = field(default_factory=list)
    peak_mb: float = 0.0


def config(folder: Path, url: str, rpm: int, **performance: Any) -> Config:
    """Settings of the loaded process."""
    return Config.model_validate(
        {
            "workspace": str(folder),
            "state": str(folder / "state"),
            "out": str(folder / "out"),
            "models": {"base_url": url, "model": "simulated-small"} if url else {},
            "limits": {"requests_per_minute": rpm, "tokens_per_minute": 0},
            "performance": performance,
        }
    )


async def granted(asked: Any) -> bool:
    """A person who says yes to everything."""
    return True


async def load(loom: Planloom, samples: list[Sample], concurrency: int) -> Seen:
    """All tickets, so many at a time; who gets the place of one that ended begins at once."""
    seen, process = Seen(), psutil.Process(os.getpid())
    queue = iter(samples)

    async def worker() -> None:
        for one in queue:
            began = time.monotonic()
            inputs = {name: value for name, value in one.ticket().items() if name != "received"}
            try:
                result = await loom.run(playbook="support-ticket", inputs=inputs, approve=granted)
            except Exception as error:  # noqa: BLE001  # counted
                seen.failed.append(f"{type(error).__name__}: {error}"[:200])
                continue
            seen.seconds.append(time.monotonic() - began)
            if result.status == "done":
                seen.outcomes[result.steps["close"].value["outcome"]] += 1
            else:
                seen.failed.append(f"{result.status}: {result.reason}"[:200])
            seen.peak_mb = max(seen.peak_mb, process.memory_info().rss / 2**20)
            if len(seen.seconds) % EVERY == 0:
                gc.collect()
                seen.rss.append((len(seen.seconds), process.memory_info().rss / 2**20))

    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return seen


def slope_kb(rss: list[tuple[int, float]]) -> float:
    """Kilobytes a ticket over the second half, by least squares; of what is left after garbage was collected."""
    half = [(x, y * 1024) for x, y in rss if x > rss[-1][0] / 2]
    return statistics.linear_regression([x for x, _ in half], [y for _, y in half]).slope


async def main(args: argparse.Namespace) -> dict[str, Any]:
    settings = config(args.folder, args.url, args.rpm, max_parallel_llm_calls=4)
    samples = tickets(settings, args.tickets, seed=11)
    async with Planloom(settings) as loom:
        began = time.monotonic()
        seen = await load(loom, samples, args.concurrency)
        elapsed = time.monotonic() - began
    ordered = sorted(seen.seconds)
    return {
        "handled": sum(seen.outcomes.values()),
        "outcomes": dict(seen.outcomes),
        "failed": Counter(seen.failed).most_common(10),
        "elapsed_s": elapsed,
        "p50_s": ordered[len(ordered) // 2] if ordered else 0.0,
        "p95_s": ordered[int(len(ordered) * 0.95)] if ordered else 0.0,
        "start_mb": seen.rss[0][1] if seen.rss else 0.0,
        "peak_mb": seen.peak_mb,
        "end_mb": seen.rss[-1][1] if seen.rss else 0.0,
        "slope_kb": slope_kb(seen.rss) if len(seen.rss) > 6 else 0.0,
        "rss": seen.rss,
        "cpu_s": sum(psutil.Process().cpu_times()[:2]),
    }


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--folder", type=Path, required=True)
    options.add_argument("--url", default="")
    options.add_argument("--rpm", type=int, default=0)
    options.add_argument("--tickets", type=int, default=1000)
    options.add_argument("--concurrency", type=int, default=200)
    given = options.parse_args()
    print(json.dumps(asyncio.run(main(given))))
