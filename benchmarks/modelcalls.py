"""Model calls of typical requests, counted where they arrive: naive, with batching, and from kept plans."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import yaml

from planloom import Planloom
from planloom.config import Config, Features, Limits, Models

from . import reader, typical
from .typical import REQUESTS, Typical

NAIVE = Features(step_batching=False, call_batching=False, plan_cache=False)
BATCHED = Features(plan_cache=False)
KEPT = Features()


@dataclass(frozen=True, slots=True)
class Asked:
    """What one goal cost, and what its steps gave."""

    calls: Counter[str]
    results: dict[str, str]


async def count() -> dict[str, dict[str, float]]:
    """By request: calls in all ways of running it, the planner's for goals asked again, and `differing` results."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        typical.write_files(folder)
        rules = folder / "scenario.yaml"
        rules.write_text(yaml.safe_dump({"rules": typical.scenario()}, sort_keys=False), encoding="utf-8")
        async with reader.reading(rules) as (url, server):
            return {one.name: await _one(one, folder, url, server) for one in REQUESTS}


async def _one(request: Typical, folder: Path, url: str, server: reader.Reader) -> dict[str, float]:
    async def ask(which: int, features: Features) -> Asked:
        before = Counter(server.calls)
        config = _config(folder, url, features)
        out = Path(tempfile.mkdtemp(dir=folder))
        async with Planloom(config) as loom:
            result = await loom.run(request.text(which), out=out)
        if result.status != "done":
            raise RuntimeError(f"{request.name}: {result.status}: {result.reason}")
        values = {name: json.dumps(step.value).replace(str(out), "OUT") for name, step in result.steps.items()}
        return Asked(server.calls - before, values)

    naive, other_naive = await ask(0, NAIVE), await ask(1, NAIVE)
    batched, first = await ask(0, BATCHED), await ask(0, KEPT)
    again, other = await ask(0, KEPT), await ask(1, KEPT)
    same = [naive.results == one.results for one in (batched, first, again)]
    return {
        "naive": naive.calls.total(),
        "batched": batched.calls.total(),
        "first": first.calls.total(),
        "again": again.calls.total(),
        "other": other.calls.total(),
        "planner_again": again.calls["planner"] + other.calls["planner"],
        "differing": [*same, other_naive.results == other.results].count(False),
    }


def _config(folder: Path, url: str, features: Features) -> Config:
    return Config(
        workspace=str(folder),
        state=str(folder / "state"),
        out=str(folder / "out"),
        models=Models(base_url=url, model="simulated-small"),
        limits=Limits(requests_per_minute=0, tokens_per_minute=0),
        features=features,
    )


def mean(counted: dict[str, dict[str, float]], way: str) -> float:
    """The mean over the requests."""
    return statistics.fmean(one[way] for one in counted.values())
