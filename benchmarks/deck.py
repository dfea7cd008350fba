"""The merchant deck, one thing after another against side by side, and with faults.

Calls take what real ones take: a report 2 s, a reply of the model 1 s, a chart 1 s. The slides are really written. The
lower bound is that of any schedule with 3 requests at once: two data calls a request (the deck's and the analyst's) of
the median time they took, then one reply or chart; brief and slides are added as they were.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import yaml

from planloom import Config, Planloom
from planloom.orchestrator.result import Result
from planloom.workflows.deck.sample import sample_database

from . import deck_servers as servers
from . import harness, provider
from .harness import Target

GOAL = "Build the merchant deck for Aurora Home, January to December 2025"
DATA_S, CHART_S, MODEL_S = 2.0, 1.0, 1.0
REQUESTS, AT_ONCE, CHARTS_AT_ONCE = 7, 3, 4
FILES = 15  # a deck, seven pictures, seven files of data
FAULTS = 0.1
SCENARIO = {
    "rules": [
        {
            "when": {"contains": "SELECT"},
            "reply": {"json": {"finding": "Orders hold up well", "paragraph": "The year went well for the merchant."}},
        },
        {
            "when": {"has": "tools"},
            "reply": {
                "tool_calls": [
                    {
                        "name": "merchant_report",
                        "arguments": {
                            "request": "monthly_sales",
                            "merchant": "Aurora Home",
                            "start": "2025-01-01",
                            "end": "2025-12-31",
                        },
                    }
                ]
            },
        },
    ]
}


class Bench:
    """Servers, provider and settings of one kind of run."""

    def __init__(self, folder: Path, database: Path, scale: float) -> None:
        self.folder = folder
        self.database = str(database)
        self.scale = scale
        self.data, self.charts = servers.Gauge(), servers.Gauge()
        (folder / "scenario.yaml").write_text(yaml.safe_dump(SCENARIO))

    @contextlib.contextmanager
    def servers(self, *, faults: float = 0.0, delays: float = 1.0) -> Iterator[dict[str, Any]]:
        """Settings with the addresses of everything that runs."""
        scale = self.scale * delays
        data = servers.data_server(self.database, DATA_S * scale, self.data)
        charts = servers.chart_server(CHART_S * scale, self.charts)
        told = [f"--fault=500={faults}"] if faults else []
        scenario = ("--scenario", str(self.folder / "scenario.yaml"))
        with (
            servers.serving(data, faults=faults) as (data_url, _),
            servers.serving(charts, faults=faults, seed=2) as (chart_url, _),
            provider.serving(*scenario, "--latency", str(MODEL_S * scale), *told) as model_url,
        ):
            yield {
                "workspace": str(self.folder),
                "state": str(self.folder / "state"),
                "out": str(self.folder / "out"),
                "models": {"base_url": model_url, "api_key": "sk-none", "model": "simulated-small"},
                "mcp": {
                    "servers": {
                        "merchant": {"url": data_url, "effects": {"*": "read"}, "concurrency": AT_ONCE},
                        "plots": {"url": chart_url, "effects": {"*": "read"}, "concurrency": CHARTS_AT_ONCE},
                    }
                },
            }


def settings(found: dict[str, Any], *, concurrent: bool, model: bool) -> Config:
    """Everything side by side, or one thing after another."""
    performance = {"max_parallel_steps": 0, "max_parallel_llm_calls": REQUESTS}
    if not concurrent:
        performance = {"schedule": "sequential", "max_parallel_llm_calls": 1}  # type: ignore[dict-item]
    return Config.model_validate({**found, "performance": performance, "models": found["models"] if model else {}})


async def one(loom: Planloom, tokens: list[int], **inputs: Any) -> Result:
    """One deck; the tokens of each request to the model are added to `tokens`."""

    def watch(event: Any) -> None:
        if type(event.payload).__name__ == "ModelCall":
            tokens.append(event.payload.prompt_tokens + event.payload.completion_tokens)

    return await loom.run(GOAL, inputs=inputs, on_event=watch)


async def timed(bench: Bench, *, concurrent: bool, model: bool, repeats: int) -> dict[str, Any]:
    """Medians over warm runs; the first, in which everything is started, does not count."""
    made: list[dict[str, Any]] = []
    with bench.servers() as found:
        async with Planloom(settings(found, concurrent=concurrent, model=model)) as loom:
            tokens: list[int] = []
            for number in range(repeats + 1):
                tokens.clear()
                bench.data.most = bench.charts.most = 0
                cpu = time.process_time()
                result = await one(loom, tokens) if number else await one(loom, tokens, requests=["monthly_sales"])
                if result.status != "done":
                    raise RuntimeError(f"expected a deck, got {result.status}: {result.reason} {result.answer}")
                if number:
                    made.append(_row(result, bench, tokens, time.process_time() - cpu, model=model))
    return {key: statistics.median(row[key] for row in made) for key in made[0]}


def _row(result: Result, bench: Bench, tokens: list[int], cpu_s: float, *, model: bool) -> dict[str, Any]:
    calls = 2 * REQUESTS if model else REQUESTS
    rounds = math.ceil(calls / AT_ONCE)
    ends = result.steps["brief"].seconds + result.steps["deck"].seconds
    data_s, chart_s = _typical(result, "reports["), _typical(result, "charts[")
    last_s = max(chart_s, MODEL_S * bench.scale if model else 0.0)
    nominal_s = bench.scale * (rounds * DATA_S + max(CHART_S, MODEL_S if model else 0.0))
    return {
        "seconds": result.seconds,
        "bound_s": ends + rounds * data_s + last_s,
        "bound_without_overhead_s": ends + nominal_s,
        "steps_s": result.sequential_seconds,
        "requests_at_once": bench.data.most,
        "charts_at_once": bench.charts.most,
        "largest_request_tokens": max(tokens, default=0),
        "tokens": sum(tokens),
        "cpu_s": cpu_s,
    }


def _typical(result: Result, prefix: str) -> float:
    """The median time of the calls of a for_each, as they took on this machine."""
    return statistics.median(step.seconds for name, step in result.steps.items() if name.startswith(prefix))


async def faulty(bench: Bench, decks: int, at_once: int) -> dict[str, Any]:
    """Decks with a tenth of all calls failing, `at_once` side by side in one process."""
    made, charts, kinds, memory = 0, 0, Counter[str](), []
    paths: set[str] = set()
    process = psutil.Process()
    with bench.servers(faults=FAULTS, delays=0.05) as found:
        config = settings(found, concurrent=True, model=True)
        quick = config.execution.model_copy(update={"backoff_base_s": 0.05, "backoff_cap_s": 0.5})
        async with Planloom(config.model_copy(update={"execution": quick})) as loom:
            for start in range(0, decks, at_once):
                count = min(at_once, decks - start)
                results = await asyncio.gather(*(one(loom, []) for _ in range(count)))
                for result in results:
                    pictures = [str(a.path) for a in result.artifacts if a.media_type == "image/png"]
                    made += any(str(a.path).endswith("merchant-deck.pptx") for a in result.artifacts)
                    charts += len(pictures)
                    paths |= {str(artifact.path) for artifact in result.artifacts}
                    kinds.update(step.status for step in result.steps.values())
                memory.append(process.memory_info().rss / 2**20)
    return {
        "decks": decks,
        "made": made,
        "missing_share": 1 - charts / (REQUESTS * decks),
        "files": len(paths),
        "steps": dict(kinds),
        "memory_mb": [round(value) for value in memory],
    }


async def real(folder: Path, database: Path, decks: int, waves: int) -> dict[str, Any]:
    """Decks side by side with the servers that come with them: real reports, real charts, no process replaced."""
    made, paths, workers, main = 0, set[str](), [], []
    config = Config.model_validate(
        {
            "workspace": str(folder),
            "state": str(folder / "real"),
            "out": str(folder / "real-out"),
            "deck": {"database": str(database), "batch_size": 0},
            "execution": {"step_timeout_s": 600},
        }
    )
    started = time.perf_counter()
    async with Planloom(config) as loom:
        for _ in range(waves):
            results = await asyncio.gather(*(loom.run(GOAL) for _ in range(decks)))
            made += sum(result.status == "done" and len(result.artifacts) == FILES for result in results)
            paths |= {str(artifact.path) for result in results for artifact in result.artifacts}
            workers.append(round(_workers_mb()))
            main.append(round(psutil.Process().memory_info().rss / 2**20))
    seconds = time.perf_counter() - started
    return {
        "decks": f"{made} of {decks * waves}, {decks} at once",
        "files_lost": FILES * decks * waves - len(paths),
        "seconds_a_deck": seconds / (decks * waves),
        "memory of the drawing processes after each wave, MB": " ".join(map(str, workers)),
        "memory of the process after each wave, MB": " ".join(map(str, main)),
        "growth_mb": float(workers[-1] - workers[0]),
    }


def _workers_mb() -> float:
    """What the processes that draw hold, all together."""
    held = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "planloom.agents.worker" in process.cmdline():
                held += process.memory_info().rss / 2**20
    return held


def measure(args: argparse.Namespace) -> harness.Measured:
    repeats, decks, at_once, scale = (1, 20, 10, 1.0) if args.quick else (3, 100, 20, 1.0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = Bench(folder, sample_database(folder / "orders.sqlite"), scale)
        concurrent = asyncio.run(timed(bench, concurrent=True, model=True, repeats=repeats))
        sequential = asyncio.run(timed(bench, concurrent=False, model=True, repeats=1))
        plain = asyncio.run(timed(bench, concurrent=True, model=False, repeats=repeats))
        broken = asyncio.run(faulty(bench, decks, at_once))
        drawn = asyncio.run(real(folder, Path(bench.database), *((5, 2) if args.quick else (20, 3))))
    measured: dict[str, Any] = {}
    for label, row in (("sequential", sequential), ("concurrent", concurrent), ("concurrent, no model", plain)):
        measured |= {f"{label}: {key}": value for key, value in row.items()}
    measured |= {f"faults: {key}": value for key, value in broken.items()}
    measured |= {f"real servers: {key}": value for key, value in drawn.items()}
    measured["faults: memory of each wave, MB"] = " ".join(map(str, broken["memory_mb"]))
    return measured, [
        Target("concurrent_share", concurrent["seconds"] / sequential["seconds"], "<=", 0.33),
        Target("over_bound", concurrent["seconds"] / concurrent["bound_s"], "<=", 1.05),
        Target("largest_request_tokens", float(concurrent["largest_request_tokens"]), "<=", 100_000),
        Target("decks_made", 100.0 * broken["made"] / broken["decks"], "==", 100),
        Target("charts_missing_share", broken["missing_share"], "<=", 0.05),
        Target("files_lost", drawn["files_lost"], "==", 0),
        Target("drawing_growth_mb", drawn["growth_mb"], "<=", 60),
    ]


if __name__ == "__main__":
    harness.main(__doc__ or "", measure)
