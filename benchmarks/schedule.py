"""How close the real executor comes to the best possible schedule, and what it costs per step.

Makespans are measured against the critical path (no limit) and against a simulated longest-remaining-path list
schedule (N slots) of the same plan; steps sleep. The overhead is that of no-op steps with the journal on.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from planloom.agents.call import Caller
from planloom.agents.registry import Registry
from planloom.agents.tool import tool
from planloom.agents.workspace import Workspace
from planloom.clock import SystemClock
from planloom.config import Config
from planloom.memory.artifacts import ArtifactStore
from planloom.memory.journal import Journal
from planloom.models.budget import Budget
from planloom.orchestrator.planning.dag import list_schedule
from planloom.orchestrator.planning.plan import Plan, Step
from planloom.orchestrator.running.capacity import Limits
from planloom.orchestrator.running.executor import Executor
from planloom.orchestrator.running.run import Run, Services
from planloom.orchestrator.running.state import Settings
from planloom.orchestrator.running.values import Values

from . import harness, plans
from .harness import Target
from .plans import Timed

CRITICAL_PATH_S = 0.5
AT_ONCE = 4
REPEATS = 3
SCHEDULES = ("dataflow", "generations", "sequential")


@tool(effect="pure", name="bench.sleep")
async def sleep(seconds: float) -> None:
    """Waits."""
    await asyncio.sleep(seconds)


@tool(effect="pure", name="bench.nothing")
async def nothing() -> None:
    """Does nothing."""


class Bench:
    """The executor with everything real around it: journal on disk, registry, caller, values."""

    def __init__(self, folder: Path) -> None:
        registry = Registry()
        registry.add(sleep, nothing)
        config = Config()
        self.folder = folder
        self.services = Services(
            config=config, registry=registry, caller=Caller(_no_processes), limits=Limits(), clock=SystemClock()
        )
        self._runs = 0

    def run(self, steps: tuple[Step, ...], settings: Settings, estimates: dict[str, float]) -> Run:
        """A run with a journal of its own."""
        self._runs += 1
        journal = Journal(self.folder / f"{self._runs}.msgpack", "bench", self.services.clock)
        values = Values(ArtifactStore(self.folder / "artifacts"), {}, large_bytes=32_768)
        return Run(
            id=f"bench-{self._runs}",
            plan=Plan(goal="benchmark", steps=steps),
            journal=journal,
            workspace=Workspace(self.folder, self.folder),
            settings=settings,
            values=values,
            budget=Budget({}),
            estimates=estimates,
        )

    async def makespan(self, plan: Timed, schedule: Any, slots: int) -> float:
        """Wall seconds of one plan."""
        steps = tuple(
            Step(id=s, action="bench.sleep", parameters={"seconds": plan.seconds[s]}, dependencies=plan.deps[s])
            for s in plan.seconds
        )
        run = self.run(steps, Settings(max_parallel_steps=slots, schedule=schedule), plan.seconds)
        began = time.perf_counter()
        end = await Executor(self.services, run).run()
        seconds = time.perf_counter() - began
        assert end.status == "done", end
        run.journal.close()
        return seconds

    async def overhead_us(self, steps: tuple[Step, ...], slots: int = 5) -> float:
        """Microseconds per no-op step."""
        run = self.run(steps, Settings(max_parallel_steps=slots), {})
        gc.collect()
        began = time.perf_counter()
        end = await Executor(self.services, run).run()
        seconds = time.perf_counter() - began
        assert end.status == "done", end
        run.journal.close()
        return seconds / len(steps) * 1e6


def _no_processes() -> Any:
    raise AssertionError("these tools need no process")


def no_ops(deps: dict[str, tuple[str, ...]]) -> tuple[Step, ...]:
    """No-op steps with these dependencies."""
    return tuple(Step(id=name, action="bench.nothing", dependencies=d) for name, d in deps.items())


def wide(count: int) -> tuple[Step, ...]:
    return no_ops({f"s{i}": () for i in range(count)})


def chain(count: int) -> tuple[Step, ...]:
    return no_ops({f"s{i}": (f"s{i - 1}",) if i else () for i in range(count)})


def layered(layers: int, width: int) -> tuple[Step, ...]:
    """Each step depends on three of the layer before."""
    deps: dict[str, tuple[str, ...]] = {}
    for layer in range(layers):
        for i in range(width):
            deps[f"l{layer}n{i}"] = (
                tuple(f"l{layer - 1}n{(i + k) % width}" for k in range(min(3, width))) if layer else ()
            )
    return no_ops(deps)


async def _several(work: Iterable[Any], at_once: int) -> list[Any]:
    gate = asyncio.Semaphore(at_once)

    async def one(coroutine: Any) -> Any:
        async with gate:
            return await coroutine

    return list(await asyncio.gather(*(one(w) for w in work)))


async def _medians(bench: Bench, scaled: list[Timed], schedule: str, slots: int, repeats: int) -> list[float]:
    """Each plan's median makespan: a stall of a shared machine in one of the repetitions does not count."""
    rounds = [
        await _several((bench.makespan(plan, schedule, slots) for plan in scaled), AT_ONCE) for _ in range(repeats)
    ]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


async def measure_makespans(bench: Bench, sample: list[Timed], slots: int) -> dict[str, Any]:
    """Ratios of each plan, and their means, for all three schedules."""
    rows = []
    scaled = [plan.scaled(CRITICAL_PATH_S) for plan in sample]
    for schedule in SCHEDULES:
        repeats = REPEATS if schedule == "dataflow" else 1
        free = await _medians(bench, scaled, schedule, 0, repeats)
        tight = await _medians(bench, scaled, schedule, slots, repeats)
        for plan, seconds_free, seconds_tight in zip(scaled, free, tight, strict=True):
            best = list_schedule(plan.seconds, plan.deps, slots)
            bound = max(plan.critical_path(), sum(plan.seconds.values()) / slots)
            rows.append(
                {
                    "plan": plan.id,
                    "schedule": schedule,
                    "over_critical_path": seconds_free / plan.critical_path(),
                    "over_list_schedule": seconds_tight / best,
                    "over_bound": seconds_tight / bound,
                }
            )
    return {"rows": rows, "means": {s: _means([r for r in rows if r["schedule"] == s]) for s in SCHEDULES}}


def _means(rows: list[dict[str, Any]]) -> dict[str, float]:
    free = [r["over_critical_path"] for r in rows]
    return {
        "over_critical_path": statistics.fmean(free),
        "over_critical_path_p95": statistics.quantiles(free, n=20)[-1] if len(free) > 1 else free[0],
        "over_list_schedule": statistics.fmean(r["over_list_schedule"] for r in rows),
        "over_bound": statistics.fmean(r["over_bound"] for r in rows),
    }


async def measure_overhead(bench: Bench, repeats: int) -> dict[str, float]:
    """Median microseconds per step of each shape, and how it grows."""
    shapes = {"wide_1x500": wide(500), "chain_200": chain(200), "layered_10x50": layered(10, 50)}
    await bench.overhead_us(wide(200))
    result = {
        name: statistics.median([await bench.overhead_us(steps) for _ in range(repeats)])
        for name, steps in shapes.items()
    }
    small, large = layered(10, 10), layered(100, 100)
    pairs = [(await bench.overhead_us(small), await bench.overhead_us(large)) for _ in range(max(3, repeats // 3))]
    result["layered_100"] = statistics.median(p[0] for p in pairs)
    result["layered_10000"] = statistics.median(p[1] for p in pairs)
    result["growth_10k"] = result["layered_10000"] / result["layered_100"]
    return result


async def measure_memory(bench: Bench) -> float:
    """Kilobytes per step that 10,000 no-op steps hold while they run, at the most (allocated by Python)."""
    import tracemalloc

    gc.collect()
    tracemalloc.start()
    steps = layered(100, 100)
    run = bench.run(steps, Settings(max_parallel_steps=5), {})
    await Executor(bench.services, run).run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    run.journal.close()
    return peak / 1000 / len(steps)


def measure(args: argparse.Namespace) -> harness.Measured:
    """All of it."""
    count = min(args.sample, 20) if args.quick else args.sample
    files = args.plans or []
    sources = {path.stem: plans.load(path, count, args.seed) for path in files} or {
        "generated": plans.generate(count, args.seed)
    }
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        overhead = asyncio.run(measure_overhead(bench, 3 if args.quick else 15))
        memory = asyncio.run(measure_memory(bench))
        spans = {name: asyncio.run(measure_makespans(bench, sample, args.slots)) for name, sample in sources.items()}
    measured: dict[str, Any] = {f"us_per_step {name}": value for name, value in overhead.items()}
    for name, span in spans.items():
        for schedule, means in span["means"].items():
            measured |= {f"{name} {schedule} {key}": value for key, value in means.items()}
    measured["plans"] = {name: span["rows"] for name, span in spans.items()}
    dataflow = [span["means"]["dataflow"] for span in spans.values()]
    shapes = ("wide_1x500", "chain_200", "layered_10x50")
    targets = [
        Target("makespan_over_critical_path", max(m["over_critical_path"] for m in dataflow), "<=", 1.03),
        Target("makespan_over_critical_path_p95", max(m["over_critical_path_p95"] for m in dataflow), "<=", 1.10),
        Target("makespan_over_list_schedule", max(m["over_list_schedule"] for m in dataflow), "<=", 1.03),
        Target("overhead_us_per_step", max(overhead[s] for s in shapes), "<=", 150),
        Target("overhead_growth_10k", overhead["growth_10k"], "<=", 2),
        Target("kb_per_step_10k", memory, "<=", 5),
    ]
    return measured, targets


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plans", type=Path, action="append", help="a file of plans; may be given several times")
    parser.add_argument("--sample", type=int, default=200, help="how many plans of each file")
    parser.add_argument("--slots", type=int, default=5, help="steps side by side in the limited runs")
    parser.add_argument("--seed", type=int, default=0)


if __name__ == "__main__":
    harness.main(__doc__ or "", measure, options=_options)
