"""Plans by a model: how much sooner goals are done when plans start while written, and what they cost in calls.

Goal to last step finished, a plan that starts while it is written against a plan that is awaited:

The simulated provider writes each plan over HTTP, one line every 0.5, 1.0 or 1.5 s; steps take lognormal times with a
median of 1.5 s. All times are scaled down by one factor; several plans run at once.

Calls: typical requests (`typical`) over registered tools, every HTTP request counted at the provider. Naive is one call
for the plan, one for each step that a model works on, one for each judged step and one for the answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from planloom import Planloom, tool
from planloom.config import Config, Execution, Features, Limits, Models, Performance

from . import harness, modelcalls, plans, provider
from .harness import Target

EMITTED_S = (0.5, 1.0, 1.5)
STEP_MEDIAN_S = 1.5
AT_ONCE = 4
_PLANS = Path(__file__).parents[2] / "shared" / "data" / "gold_plans.json"


@tool(effect="read", name="bench.work")
async def work(seconds: float) -> None:
    """Works for some seconds."""
    await asyncio.sleep(seconds)


def _given(path: Path | None, sample: int, seed: int) -> list[dict[str, Any]]:
    """Plans as the provider takes them: goals of their own, steps in an order a model can write them."""
    rng = random.Random(seed)
    if path is None:
        source = [plan for plan in plans.generate(4 * sample, seed) if plan.id.startswith("small")][:sample]
    else:
        everything = json.loads(path.read_text(encoding="utf-8"))["plans"]
        worf = [plan for plan in everything if plan["id"].startswith("worfbench")] or everything
        chosen = rng.sample(worf, min(sample, len(worf)))
        source = [plans.Timed(p["id"], {s["id"]: 0.0 for s in p["steps"]}, _deps(p)) for p in chosen]
    return [_plan(number, plan, rng) for number, plan in enumerate(source)]


def _deps(plan: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {s["id"]: tuple(dict.fromkeys(s["deps"])) for s in plan["steps"]}


def _plan(number: int, plan: plans.Timed, rng: random.Random) -> dict[str, Any]:
    steps = [
        {
            "id": step,
            "deps": list(plan.deps[step]),
            "action": "bench.work",
            "parameters": {"seconds": math.exp(rng.gauss(math.log(STEP_MEDIAN_S), 0.6))},
        }
        for step in plan.order()
    ]
    return {"id": plan.id, "goal": f"benchmark goal number {number} of the sample", "steps": steps}


def _scaled(given: list[dict[str, Any]], factor: float) -> list[dict[str, Any]]:
    return [
        {
            **plan,
            "steps": [{**s, "parameters": {"seconds": s["parameters"]["seconds"] * factor}} for s in plan["steps"]],
        }
        for plan in given
    ]


def _config(base_url: str, folder: Path, *, streaming: bool) -> Config:
    return Config(
        workspace=str(folder),
        state=str(folder / "state"),
        out=str(folder / "out"),
        models=Models(base_url=base_url, model="simulated-small"),
        limits=Limits(requests_per_minute=0, tokens_per_minute=0),
        features=Features(plan_streaming=streaming, plan_cache=False),
        performance=Performance(max_parallel_steps=0),
        execution=Execution(max_replans=0),
    )


async def _seconds(config: Config, given: list[dict[str, Any]]) -> list[float]:
    """Seconds from the goal to the last finished step, of each plan."""
    gate = asyncio.Semaphore(AT_ONCE)
    async with Planloom(config, tools=[work]) as loom:

        async def one(plan: dict[str, Any]) -> float:
            async with gate:
                last = began = time.perf_counter()

                def heard(event: Any) -> None:
                    nonlocal last
                    if event.type == "step.finished":
                        last = time.perf_counter()

                result = await loom.run(plan["goal"], on_event=heard)
                if result.status != "done" or len(result.steps) != len(plan["steps"]):
                    raise RuntimeError(f"{plan['id']}: {result.status}: {result.reason}; {len(result.steps)} steps")
                return last - began

        return list(await asyncio.gather(*(one(plan) for plan in given)))


def measure(args: argparse.Namespace) -> harness.Measured:
    """Speed-ups of each plan at each writing speed, and their means."""
    given = _given(args.plans, 12 if args.quick else args.sample, args.seed)
    measured: dict[str, Any] = {"plans": len(given), "steps": sum(len(p["steps"]) for p in given)}
    speedups: dict[float, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "plans.json"
        path.write_text(json.dumps({"plans": _scaled(given, args.scale)}))
        for emitted in EMITTED_S:
            options = ("--plans", str(path), "--seconds-per-step", str(emitted * args.scale))
            with provider.serving(*options) as base_url:
                took = {
                    streaming: asyncio.run(_seconds(_config(base_url, folder, streaming=streaming), given))
                    for streaming in (False, True)
                }
            ratios = [awaited / streamed for awaited, streamed in zip(took[False], took[True], strict=True)]
            speedups[emitted] = statistics.fmean(ratios)
            measured[f"streaming_speedup at {emitted} s a step"] = speedups[emitted]
    counted = asyncio.run(modelcalls.count())
    measured |= {f"calls {way}": modelcalls.mean(counted, key) for way, key in _WAYS.items()}
    measured["calls by request"] = counted
    return measured, [
        Target("streaming_speedup_1s", speedups[1.0], ">=", 1.25),
        Target("naive_calls", modelcalls.mean(counted, "naive"), ">=", 10),
        Target("calls_per_request", modelcalls.mean(counted, "first"), "<=", 4),
        Target("planner_calls_repeated", sum(one["planner_again"] for one in counted.values()), "==", 0),
        Target("differing_results", sum(one["differing"] for one in counted.values()), "==", 0),
    ]


_WAYS = {
    "a request, naive": "naive",
    "with batching": "batched",
    "with batching and plan cache, first time": "first",
    "same goal again": "again",
    "goal with another file and number": "other",
}


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plans",
        type=Path,
        default=_PLANS if _PLANS.is_file() else None,
        help="a file of plans, of which those of WorfBench are taken; without one, seeded plans of the same shapes",
    )
    parser.add_argument("--sample", type=int, default=80)
    parser.add_argument("--scale", type=float, default=0.2, help="all times are multiplied by this")
    parser.add_argument("--seed", type=int, default=0)


if __name__ == "__main__":
    harness.main(__doc__ or "", measure, options=_options)
