"""Kills runs at every kind of moment, takes them up again, and counts every promise that was broken.

    python -m benchmarks.crash --kills 1000 --seed 1 --json OUT

Each run is a random plan of 30 steps (writes, approvals, refusals, replans, failing verdicts, lost replies). Its
process is killed with SIGKILL behind each event in turn, right behind an effect, or at a random moment, and a new
process goes on, until the run ends.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from .crashing import check, plans, process
from .harness import Measured, Target, main

QUICK = 40
PATIENCE_S = 60.0


def measure(args: argparse.Namespace) -> Measured:
    """Runs plans until enough processes were killed."""
    import langgraph.graph  # noqa: F401  # once here, instead of in each of a thousand processes

    chance = random.Random(args.seed)
    wanted = min(args.kills, QUICK) if args.quick else args.kills
    found: Counter[str] = Counter()
    kills = runs = 0
    while kills < wanted:
        folder = Path(tempfile.mkdtemp(prefix="crash-"))
        seed = chance.randrange(1 << 30)
        killed, broken = one_run(folder, seed, chance, wanted - kills)
        kills, runs = kills + killed, runs + 1
        found += broken
        if broken.total():
            print(f"seed {seed}: {dict(+broken)}; kept in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder)
    measured = {"kills": kills, "runs": runs, "stuck": found["stuck"]}
    targets = [Target(name, found[name], "==", 0) for name in (*check.COUNTS, "stuck")]
    return measured, targets


def one_run(folder: Path, seed: int, chance: random.Random, most: int) -> tuple[int, Counter[str]]:
    """One plan from its first process to its end: how many were killed, and the promises that were broken."""
    plan = plans.make(seed)
    kills = boundary = 0
    while True:
        boundary += chance.randrange(1, 12)
        death = _death(chance, boundary) if kills < most else process.Death()
        code = _process(folder, seed + kills, plan, death)
        if code == 0:
            break
        if code != -9:
            return kills, Counter(stuck=1)
        kills += 1
    return kills, check.check(folder, plan, process.lines(folder / "log"))


def _death(chance: random.Random, boundary: int) -> process.Death:
    kind = chance.random()
    if kind < 0.5:
        return process.Death(events=chance.randrange(1, 40) if kind < 0.25 else boundary)
    if kind < 0.7:
        return process.Death(effects=chance.randrange(1, 4))
    return process.Death(seconds=chance.random() * 0.15)


def _process(folder: Path, seed: int, plan: plans.Plan, death: process.Death) -> int:
    """The exit code of a process that works on the run; -9: killed as planned."""
    made = multiprocessing.get_context("fork").Process(target=_work, args=(folder, seed, plan, death))
    made.start()
    made.join(PATIENCE_S)
    if made.is_alive():
        made.terminate()
        made.join()
        return 1
    return made.exitcode if made.exitcode is not None else 1


def _work(folder: Path, seed: int, plan: plans.Plan, death: process.Death) -> None:
    sys.stderr = (folder / "stderr").open("a", buffering=1)
    os.chdir(folder)
    asyncio.run(process.go_on(folder, seed, plan, death))


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=1000, help="processes to kill")
    parser.add_argument("--seed", type=int, default=1)


if __name__ == "__main__":
    main("Runs that are killed and taken up again", measure, options=options)
