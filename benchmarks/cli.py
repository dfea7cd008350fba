"""How long a person waits: for `planloom --help`, and for the first step of a plan file.

`python -m benchmarks.cli [--json OUT] [--quick]`
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from . import harness

HELP_S = 0.2
FIRST_STEP_S = 1.5
PLAN = {"goal": "start", "steps": [{"id": "first", "action": "text.language", "parameters": {"text": "Good morning"}}]}


def measure(args: argparse.Namespace) -> harness.Measured:
    """Medians over warm starts: the first start of each, which fills the disk's cache, is not counted."""
    repeats = 3 if args.quick else 11
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "plan.json").write_text(json.dumps(PLAN), encoding="utf-8")
        helps = _repeated(repeats, lambda: help_seconds(folder))
        firsts = _repeated(repeats, lambda: first_step_seconds(folder))
    measured = {
        "help_s": statistics.median(helps),
        "help_slowest_s": max(helps),
        "first_step_s": statistics.median(firsts),
        "first_step_slowest_s": max(firsts),
        "repeats": repeats,
    }
    targets = [
        harness.Target("help_s", measured["help_s"], "<=", HELP_S),
        harness.Target("first_step_s", measured["first_step_s"], "<=", FIRST_STEP_S),
    ]
    return measured, targets


def _repeated(repeats: int, once: Callable[[], float]) -> list[float]:
    once()
    return [once() for _ in range(repeats)]


def help_seconds(folder: Path) -> float:
    """Wall seconds of one `planloom --help`."""
    began = time.perf_counter()
    _planloom(folder, "--help")
    return time.perf_counter() - began


def first_step_seconds(folder: Path) -> float:
    """Seconds from the start of the process to the first step of a plan file, as its events say."""
    events = folder / "events.jsonl"
    began = time.time()
    _planloom(folder, "run", "--plan", "plan.json", "--quiet", "--events", str(events))
    with events.open(encoding="utf-8") as lines:
        started = next(event for event in map(json.loads, lines) if event["type"] == "step.started")
    return float(started["at"]) - began


def _planloom(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "planloom", *arguments]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    harness.main("How long a person waits for the command line", measure)
