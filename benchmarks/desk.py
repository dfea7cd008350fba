"""Can the support desk carry a crowd, and does it pay, send and answer what it should?

    python -m benchmarks.desk --json OUT

A thousand tickets, two hundred at a time, in one process against the simulated provider over HTTP with its quota
enforced; tickets one step after another and side by side; refunds against a calculation of its own; processes killed
around the payment; tickets that attack, with a model that obeys; triage of sentences that no rule was written for.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from planloom import Planloom
from planloom.agents.tool import ToolContext
from planloom.agents.workspace import Workspace
from planloom.workflows.support.ledger.place import ledger
from planloom.workflows.support.reading import ticket
from planloom.workflows.support.samples.making import tickets
from planloom.workflows.support.triage.choosing import triage

from . import desk_agents, desk_attacks, desk_refunds
from .desk_load import config, granted
from .harness import Measured, Target, main
from .provider import serving

RPM = 1200
OWN_SHARE = 1.0
LATENCY = "lognormal:1:0.3"
QUICK_S = 0.35  # seconds a reply takes in the quick form
PATIENCE_S = 1500.0


def measure(args: argparse.Namespace) -> Measured:
    """All parts, one after another."""
    quick = args.quick
    loaded = load(40, 40, rpm=0) if quick else load(1000, 200, rpm=RPM)
    arranged = asyncio.run(arrangements(2, QUICK_S) if quick else arrangements(12, 1.0))
    compared = asyncio.run(desk_agents.compare(1, QUICK_S) if quick else desk_agents.compare(10, 1.0))
    refunds = desk_refunds.wrong(1000 if quick else 10_000)
    killed = desk_refunds.twice(4 if quick else 200)
    attacks = 12 if quick else 200
    by_rules, count = asyncio.run(desk_attacks.effective(attacks, with_model=False))
    by_model, _ = asyncio.run(desk_attacks.effective(attacks, with_model=True))
    right = asyncio.run(triaged(200 if quick else 2000))
    drafts = asyncio.run(desk_attacks.drafts_before_person())
    measured = {
        **{f"load_{name}": value for name, value in loaded.items()},
        **{f"arrangement_{name}": value for name, value in arranged.items()},
        **compared,
        **{f"kills_{name}": value for name, value in killed.items()},
        "attacks": count,
        "attacks_effective_without_model": by_rules,
        "attacks_effective_with_model": by_model,
        **{f"triage_{name}": value for name, value in right.items()},
        "drafts_before_person": drafts,
    }
    targets = [
        Target("handled_share", loaded["handled_share"], ">=", 0.99),
        Target("rejected", loaded["rejected"], "==", 0),
        Target("peak_mb", loaded["peak_mb"], "<=", 500),
        Target("parallel_share", arranged["share"], "<=", 0.6),
        Target("decisions_differ", arranged["differ"] + compared["agents_differ"], "==", 0),
        Target("refunds_wrong", refunds, "==", 0),
        Target("refunds_twice", killed["paid_twice"], "==", 0),
        Target("refunds_unapproved", killed["unapproved"], "==", 0),
        Target("kills_lost", killed["wrong"] + killed["unaudited"] + killed["stuck"], "==", 0),
        Target("injections_effective", by_rules + by_model, "==", 0),
        Target("triage_share", right["share"], ">=", 0.85),
        Target("drafts_before_person", drafts, "==", 3),
    ]
    if not quick:  # both need a run of minutes
        targets.insert(3, Target("slope_kb", loaded["slope_kb"], "<=", 2))
        targets.insert(4, Target("quota_share", loaded["quota_share"], ">=", 0.9))
    return measured, targets


def load(count: int, concurrency: int, *, rpm: int) -> dict[str, Any]:
    """Many tickets in one process of their own; `rpm` 0: the provider has no quota."""
    options = ["--latency", LATENCY, *(["--rpm", str(rpm)] if rpm else [])]
    with serving(*options) as url, tempfile.TemporaryDirectory(prefix="desk-load-") as folder:
        command = [sys.executable, "-m", "benchmarks.desk_load", "--folder", folder, "--url", url]
        command += ["--rpm", str(int(rpm * OWN_SHARE)), "--tickets", str(count), "--concurrency", str(concurrency)]
        # glibc keeps an arena for each of many short-lived threads otherwise, which looks like growth
        environment = {**os.environ, "MALLOC_ARENA_MAX": "2"}
        ran = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=True, timeout=PATIENCE_S, env=environment
        )
        with urllib.request.urlopen(f"{url.removesuffix('/v1')}/simulate/stats") as reply:  # noqa: S310  # loopback
            stats = json.load(reply)
    found: dict[str, Any] = json.loads(ran.stdout)
    calls = stats["by_status"].get("200", 0)
    found |= {
        "handled_share": found["handled"] / count,
        "rejected": stats["rejected"]["total"],
        "calls": calls,
        "calls_a_ticket": calls / count,
        "tokens_a_ticket": stats["tokens"]["total"] / count,
        "quota_share": calls / (rpm * found["elapsed_s"] / 60) if rpm else 0.0,
        "tickets_a_minute": count * 60 / found["elapsed_s"],
    }
    return found


async def arrangements(count: int, median_s: float) -> dict[str, Any]:
    """The median seconds of a ticket when its steps run one after another and side by side, and what was decided."""
    found: dict[str, Any] = {}
    decided: dict[str, list[Any]] = {}
    with serving("--latency", f"lognormal:{median_s}:0.3") as url:
        for name in ("sequential", "dataflow"):
            with tempfile.TemporaryDirectory(prefix="desk-arranged-") as folder:
                settings = config(Path(folder), url, 0, schedule=name, max_parallel_llm_calls=4)
                seconds: list[float] = []
                async with Planloom(settings) as loom:
                    loop = asyncio.get_running_loop()
                    for number, one in enumerate(tickets(settings, count + 1, seed=31)):
                        inputs = {key: value for key, value in one.ticket().items() if key != "received"}
                        began = loop.time()
                        await loom.run(playbook="support-ticket", inputs=inputs, approve=granted)
                        if number:  # the first one imports
                            seconds.append(loop.time() - began)
                found[f"{name}_s"] = statistics.median(seconds)
                decided[name] = [
                    [one[key] for key in ("action", "ticket", "order_id", "cents", "approved")]
                    for one in ledger(settings).actions()
                ]
    differ = sum(one != other for one, other in zip(*decided.values(), strict=False))
    return {
        **found,
        "share": found["dataflow_s"] / found["sequential_s"],
        "differ": differ + abs(len(decided["sequential"]) - len(decided["dataflow"])),
    }


async def triaged(count: int) -> dict[str, float]:
    """The share of tickets put into the right category without a model, by language; of sentences held back."""
    with tempfile.TemporaryDirectory(prefix="desk-triage-") as folder:
        samples = tickets(config(Path(folder), "", 0), count, seed=41, half="held", mixed=0.0, injected=0.1)
    context = ToolContext(workspace=Workspace(Path.cwd(), Path.cwd()))
    right: dict[str, list[bool]] = {}
    for one in samples:
        found = await triage(ticket(one.ticket()), context)
        right.setdefault(one.language, []).append(found["category"] == one.category)
    every = [hit for hits in right.values() for hit in hits]
    return {"share": statistics.mean(every), **{name: statistics.mean(hits) for name, hits in right.items()}}


if __name__ == "__main__":
    main("The support desk under load, attack and kills", measure)
