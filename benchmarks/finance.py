"""Financial dashboard: calls side by side and batched, lies, planted causes, alarms, intervals, and a million rows.

python -m benchmarks.finance [--json OUT] [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from planloom import Planloom
from planloom.agents.question import Ask, Question
from planloom.agents.tool import ToolContext
from planloom.agents.workspace import Workspace
from planloom.config import Config, Features, Models
from planloom.workflows.finance import model, months, sample, steps
from planloom.workflows.finance.explaining import explain
from planloom.workflows.finance.measuring import measure
from planloom.workflows.finance.months import METRICS, Period
from planloom.workflows.finance.reading.columns import find
from planloom.workflows.finance.reading.kinds import with_kinds
from planloom.workflows.finance.shapes import Causes, Measure
from planloom.workflows.finance.telling.checking import wrong_numbers
from planloom.workflows.finance.telling.figures import figures, total_figures

from . import harness, provider
from .harness import Target

FIRST, NOW = 2023 * 12, Period(first=2025 * 12, last=2025 * 12 + 11)
HELD_OUT = 6
LIES = ("It doubled.", "Costs were €987,654,321.", "It fell by 61.7 %.", "up 3.33x")
MILLION = """
import json, resource, sys, time
from pathlib import Path
from planloom.workflows.finance.explaining import explain
from planloom.workflows.finance.measuring import measure
from planloom.workflows.finance.months import METRICS, Period, span
from planloom.workflows.finance.reading.ledger import read_file
started = time.perf_counter()
frame, _ = read_file(Path(sys.argv[1]))
read_s = time.perf_counter() - started
first, last = span(frame)
period = Period(first=last - 11, last=last)
for metric in METRICS:
    measure(frame, metric, period=period, first=first, last=last, gaps=[], currency="EUR")
    explain(frame, metric, period=period, first=first)
took = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps([frame.height, read_s, took, peak]))
"""


@dataclass(frozen=True, slots=True)
class Analysed:
    """All metrics of one ledger."""

    measures: list[Measure]
    causes: list[Causes]


def ledger(seed: int, rows: int, events: list[sample.Event]) -> pl.DataFrame:
    """Rows of a generated ledger, as reading gives them."""
    raw = sample.ledger(seed, rows=rows, events=events)
    cents = pl.col("amount").str.replace(".", "", literal=True).cast(pl.Int64)
    frame = raw.with_columns(amount=cents, row=pl.int_range(pl.len()), code=pl.lit("EUR"))
    return with_kinds(frame, find(raw.columns), [])


def analysed(frame: pl.DataFrame) -> Analysed:
    """What the texts are about."""
    last = NOW.last
    return Analysed(
        [measure(frame, m, period=NOW, first=FIRST, last=last, gaps=[], currency="EUR") for m in METRICS],
        [explain(frame, m, period=NOW, first=FIRST) for m in METRICS],
    )


def statistics_of(ledgers: int, rows: int) -> dict[str, float]:
    """Planted causes found, false alarms a month, held-out months within the intervals."""
    found = alarms = all_months = inside = held = 0
    for seed in range(ledgers):
        event, _ = sample.planted(seed)
        frame = ledger(seed, rows, [event])
        metric: Any = event.metric
        first = explain(frame, metric, period=NOW, first=FIRST)["causes"][0]
        found += (first["dimension"], first["member"]) == (event.dimension, event.member)
        for name in METRICS:
            skip = 2 if name == "cash_flow" else 0
            values = [cents / 100 for cents in months.series(frame, name, FIRST, NOW.last)][skip:]
            fitted = model.fit(values, skip)
            assert fitted is not None
            # nothing odd is planted, only shifts that stay: each odd month is a false alarm
            alarms += sum(one.kind == "odd" for one in fitted.found)
            all_months += len(values)
            before = model.fit(values[:-HELD_OUT], skip)
            assert before is not None
            ahead = model.forecast(before, HELD_OUT)
            ends = zip(ahead.low, values[-HELD_OUT:], ahead.high, strict=True)
            inside += sum(bool(low <= value <= high) for low, value, high in ends)
            held += HELD_OUT
    return {"cause_found_share": found / ledgers, "false_alarm_share": alarms / all_months, "coverage": inside / held}


class Liar:
    """Answers with figures of the question, and in a share of texts with a wrong one; takes `seconds` a call."""

    def __init__(self, seconds: float, lies: float, at_once: int) -> None:
        self.calls = 0
        self.lied = 0
        self._seconds, self._lies = seconds, lies
        self._room = asyncio.Semaphore(at_once)
        self._chance = random.Random(5)

    async def ask(self, question: Question) -> Any:
        async with self._room:
            self.calls += 1
            await asyncio.sleep(self._seconds)
        told = [f"{one['name']}: {one['value']}" for one in question.data["figures"][:2]]
        if self._chance.random() < self._lies:
            self.lied += 1
            told.append(self._chance.choice(LIES))
        return {"text": ". ".join(told)}


async def texts(known: Analysed, ask: Ask, folder: Path) -> list[Any]:
    """The nine texts, narratives and advice side by side, as the playbook's steps ask for them."""
    context = ToolContext(workspace=Workspace(folder, folder), ask=ask)
    pair = await asyncio.gather(
        steps.stories.function(known.measures, known.causes, context),
        steps.advice.function(known.measures, known.causes, context),
    )
    return [text for one in pair for text in one["texts"]]


async def calls(known: Analysed, folder: Path, seconds: float) -> dict[str, float]:
    """Seconds of nine calls one after another and four at once."""
    took = {}
    for name, at_once in (("sequential_s", 1), ("concurrent_s", 4)):
        started = time.perf_counter()
        await texts(known, Liar(seconds, 0.0, at_once).ask, folder)
        took[name] = time.perf_counter() - started
    return took


async def shown_lies(known: Analysed, folder: Path, rounds: int) -> dict[str, float]:
    """Texts that are shown and hold a wrong number, of a provider that lies in 30 % of its texts."""
    wrong = 0
    liar = Liar(0.0, 0.3, 9)
    every = [one for m, c in zip(known.measures, known.causes, strict=True) for one in figures(m, c)]
    every += total_figures(known.measures)
    names = [part["member"] for one in known.causes for table in one["tables"].values() for part in table]
    for _ in range(rounds):
        for text in await texts(known, liar.ask, folder):
            wrong += bool(wrong_numbers(text["text"], every, years=range(2023, 2028), names=names))
            wrong += any(lie in text["text"] for lie in ("doubled", "987,654,321", "61.7", "3.33"))
    return {"wrong_numbers_shown": wrong, "lies_told": liar.lied}


def million(folder: Path, rows: int) -> dict[str, float]:
    """Seconds and peak memory of reading and analysing, in a process of its own."""
    path = folder / "million.csv"
    sample.write(path, rows=rows)
    out = subprocess.run([sys.executable, "-c", MILLION, str(path)], capture_output=True, text=True, check=True).stdout
    path.unlink()
    height, read_s, took, peak = json.loads(out)
    return {"rows": height, "read_s": read_s, "rows_s": took, "rows_gb": peak, "rows_per_second": height / took}


async def counted(folder: Path, file: Path) -> dict[str, float]:
    """Model calls of a whole run at the simulated provider, with batching and without."""
    made = {}
    with provider.serving() as url:
        for name, is_on in (("calls_batched", True), ("calls_alone", False)):
            before = _requests(url)
            config = Config(
                workspace=str(folder), state=str(folder / name), out=str(folder / f"{name}-out"),
                models=Models(base_url=url, model="simulated-small"), features=Features(call_batching=is_on),
            )  # fmt: skip
            async with Planloom(config) as loom:
                result = await loom.run(playbook="finance-dashboard", inputs={"file": str(file), "period": "2025"})
            if result.status != "done":
                raise RuntimeError(f"expected the dashboard, got {result.status}: {result.reason}")
            made[name] = _requests(url) - before
            made[f"{name}_by"] = result.answer.strip().splitlines()[-1]
    return made


def _requests(url: str) -> int:
    address = url.removesuffix("/v1") + "/simulate/stats"
    with urllib.request.urlopen(address, timeout=10) as reply:  # noqa: S310  # loopback
        return int(sum(json.load(reply)["by_status"].values()))


def measured(args: argparse.Namespace) -> harness.Measured:
    """All of it."""
    ledgers, rows = (20, 6_000) if args.quick else (100, 20_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known = analysed(ledger(7, 20_000, list(sample.DEFAULT_EVENTS)))
        got: dict[str, Any] = dict(asyncio.run(calls(known, folder, 0.1 if args.quick else 1.0)))
        got["concurrent_share"] = got["concurrent_s"] / got["sequential_s"]
        got |= asyncio.run(shown_lies(known, folder, 20 if args.quick else 100))
        sample.write(folder / "ledger.csv")
        got |= asyncio.run(counted(folder, folder / "ledger.csv"))
        got |= statistics_of(ledgers, rows)
        got |= million(folder, 100_000 if args.quick else 1_000_000)
    targets = [
        Target("concurrent_share", got["concurrent_share"], "<=", 0.34),
        Target("calls_batched", got["calls_batched"], "<=", 3),
        Target("cause_found_share", got["cause_found_share"], ">=", 0.95),
        Target("false_alarm_share", got["false_alarm_share"], "<=", 0.02),
        Target("coverage_low", got["coverage"], ">=", 0.8),
        Target("coverage_high", got["coverage"], "<=", 0.97),
        Target("wrong_numbers_shown", got["wrong_numbers_shown"], "==", 0),
        Target("million_rows_s", got["rows_s"], "<=", 60),
        Target("million_rows_gb", got["rows_gb"], "<=", 1.5),
    ]
    return got, targets


if __name__ == "__main__":
    harness.main(__doc__ or "", measured)
