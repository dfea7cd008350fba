"""Goals through models that fail: a tenth of all calls each meets 429, 500, a stall, a cut stream, broken-off JSON.

`python -m benchmarks.faults [--json OUT] [--quick]`

The simulated provider runs in a process of its own, over HTTP. Every plan's steps have results that are known before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planloom import Planloom, Result, tool
from planloom.config import Config, Limits, Models

from . import harness, provider
from .harness import Target

FAULTS = ("429", "500", "stall", "cut_stream", "truncated_json")
RATE = 0.1
AT_ONCE = 8
TIMEOUT_S = 3.0
DEADLINE_S = 120.0
GRACE_S = 5.0


@tool(effect="read", name="bench.add")
def add(first: int, second: int) -> int:
    """Adds two numbers."""
    return first + second


@tool(effect="read", name="bench.times")
def times(number: int, factor: int) -> int:
    """Multiplies a number."""
    return number * factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A goal, the plan the provider has for it, and what each step must give."""

    goal: str
    steps: tuple[dict[str, Any], ...]
    expected: Mapping[str, int]

    def gold(self) -> dict[str, Any]:
        """The plan as the provider takes it."""
        return {"id": self.goal, "goal": self.goal, "steps": list(self.steps)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a goal ended. `cause` empty: nobody said why; `hung`: it was still at work behind its deadline."""

    status: str
    seconds: float
    cause: str = ""
    wrong: bool = False
    hung: bool = False
    calls: Mapping[str, int] = field(default_factory=dict)


def given(count: int, seed: int) -> list[Given]:
    """Seeded goals of 3 to 8 steps of arithmetic, each step on the results of earlier ones."""
    rng = random.Random(seed)
    return [_given(number, rng) for number in range(count)]


def _given(number: int, rng: random.Random) -> Given:
    values: dict[str, int] = {}
    steps = []
    for place in range(rng.randint(3, 8)):
        name = f"s{place + 1}"
        before = rng.choice(list(values)) if values else None
        left = rng.randint(1, 99) if before is None else f"${{{before}}}"
        value, right = (left if before is None else values[before]), rng.randint(2, 9)
        is_sum = rng.random() < 0.6
        steps.append(
            {
                "id": name,
                "deps": [] if before is None else [before],
                "action": "bench.add" if is_sum else "bench.times",
                "parameters": {"first": left, "second": right} if is_sum else {"number": left, "factor": right},
            }
        )
        values[name] = int(value) + right if is_sum else int(value) * right
    return Given(goal=f"Work out the figures of ledger page {number}", steps=tuple(steps), expected=values)


def measure(args: argparse.Namespace) -> harness.Measured:
    """How many goals are done, and what became of the others."""
    goals = given(30 if args.quick else args.goals, args.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.perf_counter()
        with _failing(goals, folder, args.seed) as base_url:
            ended = asyncio.run(_all(_config(base_url, folder), goals))
        seconds = time.perf_counter() - began
    return _table(ended, seconds)


@contextmanager
def _failing(goals: list[Given], folder: Path, seed: int) -> Iterator[str]:
    path = folder / "plans.json"
    path.write_text(json.dumps({"plans": [one.gold() for one in goals]}), encoding="utf-8")
    faults = [part for kind in FAULTS for part in ("--fault", f"{kind}={RATE}")]
    with provider.serving("--plans", str(path), "--seed", str(seed), *faults) as base_url:
        yield base_url


def _config(base_url: str, folder: Path) -> Config:
    return Config(
        workspace=str(folder),
        state=str(folder / "state"),
        out=str(folder / "out"),
        models=Models(base_url=base_url, model="simulated-small", timeout_s=TIMEOUT_S),
        limits=Limits(wall_s=DEADLINE_S),
    )


async def _all(config: Config, goals: list[Given]) -> list[Ended]:
    gate = asyncio.Semaphore(AT_ONCE)
    async with Planloom(config, tools=[add, times]) as loom:

        async def one(goal: Given) -> Ended:
            async with gate:
                return await _one(loom, goal)

        return list(await asyncio.gather(*(one(goal) for goal in goals)))


async def _one(loom: Planloom, goal: Given) -> Ended:
    began = time.perf_counter()
    calls: Counter[str] = Counter()

    def heard(event: Any) -> None:
        if event.type == "model.call":
            calls[event.payload.outcome] += 1

    try:
        async with asyncio.timeout(DEADLINE_S + GRACE_S):
            result = await loom.run(goal.goal, on_event=heard)
    except TimeoutError:
        return Ended(status="hung", seconds=time.perf_counter() - began, hung=True, calls=calls)
    except Exception as error:  # noqa: BLE001  # a border: whatever comes out of a goal is counted
        return Ended(status="raised", seconds=time.perf_counter() - began, cause=repr(error), calls=calls)
    return Ended(
        status=result.status,
        seconds=time.perf_counter() - began,
        cause=result.reason,
        wrong=_is_wrong(result, goal),
        calls=calls,
    )


def _is_wrong(result: Result, goal: Given) -> bool:
    """Whether a step's value is another than it must be, or a run that is done lacks one."""
    values = {name: step.value for name, step in result.steps.items() if step.status == "ok"}
    if any(goal.expected.get(name) != value for name, value in values.items()):
        return True
    return result.status == "done" and (values.keys() != goal.expected.keys() or not result.answer.strip())


def _table(ended: list[Ended], seconds: float) -> harness.Measured:
    done = sum(one.status == "done" for one in ended)
    others = [one for one in ended if one.status != "done"]
    slowest = sorted(one.seconds for one in ended)
    calls: Counter[str] = Counter()
    for one in ended:
        calls.update(one.calls)
    measured: dict[str, Any] = {
        "goals": len(ended),
        "done": done,
        "seconds": seconds,
        "goal_median_s": slowest[len(slowest) // 2],
        "goal_slowest_s": slowest[-1],
        **{f"model calls ended with {name}": count for name, count in sorted(calls.items())},
    }
    for cause, count in Counter(f"{one.status}: {one.cause or 'no cause named'}" for one in others).most_common():
        measured[f"not done: {cause[:300]}"] = count
    return measured, [
        Target("done_share", done / len(ended), ">=", 0.99),
        Target("without_cause", sum(not one.cause for one in others), "==", 0),
        Target("hung", sum(one.hung for one in ended), "==", 0),
        Target("wrong_results", sum(one.wrong for one in ended), "==", 0),
    ]


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--goals", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)


if __name__ == "__main__":
    harness.main(__doc__ or "", measure, options=_options)
