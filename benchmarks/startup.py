"""What starting costs: with 5 and with 50 agents, 20 MCP servers in the settings, an empty and a full catalog.

Every start is a process of its own. `start` is making `Planloom` and looking up a tool; `catalog` is
the list of all tools, as a planner needs it: with an empty catalog every tool's module is imported and all 20 servers
are started and asked (8 tools each, made by hand, so that they start at once), with a full one nothing is. Imports of
Python and of Planloom are the same in all and are told apart.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import Measured, Target, main

SERVERS = 20
SERVER_FILE = str(Path(__file__).with_name("mcp_servers.py"))
AGENT = """---
name: helper-{number}
purpose: Looks after matter number {number} and answers what people ask about it
tools: [files.list, files.read, text.*, tables.*]
effects: read
limits: {{max_steps: 15, tokens: 200000, seconds: 600}}
---
You look after matter number {number}. Read what is there, then answer with the places where it stands.
"""


def config_of(folder: Path, agents: int, servers: int) -> dict[str, Any]:
    own = folder / f"agents-{agents}"
    own.mkdir(exist_ok=True)
    for number in range(agents):
        (own / f"helper-{number}.md").write_text(AGENT.format(number=number), encoding="utf-8")
    start = {"command": sys.executable, "args": ["-S", SERVER_FILE, "lean", "startup", "8"]}
    return {
        "workspace": str(folder),
        "state": str(folder / f"state-{agents}-{servers}"),
        "out": str(folder / "out"),
        "agents": {"folders": [str(own)]},
        "mcp": {"servers": {f"server-{number}": start for number in range(servers)}},
    }


def child(settings: str) -> None:
    """One start; prints what it took."""
    began = time.perf_counter()
    import psutil

    from planloom.config import Config
    from planloom.orchestrator.runtime import Planloom

    config = Config.model_validate(json.loads(settings))
    import_s = time.perf_counter() - began
    starts = []
    for _ in range(15):
        began = time.perf_counter()
        loom = Planloom(config)
        assert loom.registry.find("files.list") is not None
        starts.append(time.perf_counter() - began)
    began = time.perf_counter()
    assert loom.registry.find("agent:helper-0") is not None
    agent_s = time.perf_counter() - began
    me = psutil.Process()
    before_use = len(me.children(recursive=True))
    modules = len(sys.modules)
    began = time.perf_counter()
    tools = list(loom.registry)
    catalog_s = time.perf_counter() - began
    told = {
        "import_s": import_s,
        "first_start_s": starts[0],
        "start_s": statistics.median(starts[1:]),
        "agent_s": agent_s,
        "processes_before_use": before_use,
        "catalog_s": catalog_s,
        "tools": len(tools),
        "tool_modules": sum(name.startswith("planloom.agents.tools.") for name in sys.modules),
        "modules_of_catalog": len(sys.modules) - modules,
        "memory_mb": me.memory_info().rss / 2**20,
        "processes": len(me.children(recursive=True)),
    }
    print(json.dumps(told))


def started(config: dict[str, Any]) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.startup", "--child", json.dumps(config)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PLANLOOM", "OPENAI"))}
    out = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    found: dict[str, float] = json.loads(out.stdout.splitlines()[-1])
    return found


def empty(config: dict[str, Any]) -> None:
    """Takes the catalog away."""
    for file in Path(config["state"], "catalog").glob("*.json"):
        file.unlink()


def median(runs: list[dict[str, float]], name: str) -> float:
    return statistics.median(run[name] for run in runs)


def measure(args: argparse.Namespace) -> Measured:
    repetitions = 3 if args.quick else 9
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        few, many = config_of(folder, 5, SERVERS), config_of(folder, 50, SERVERS)
        plain = config_of(folder, 5, 0)
        runs: dict[str, list[dict[str, float]]] = {
            key: [] for key in ("cold", "warm", "many", "plain_cold", "plain_warm")
        }
        for _ in range(repetitions):  # side by side, so that a busy machine slows all alike
            empty(few)
            empty(plain)
            runs["cold"].append(started(few))
            runs["warm"].append(started(few))
            runs["many"].append(started(many))
            runs["plain_cold"].append(started(plain))
            runs["plain_warm"].append(started(plain))
    cold, warm, every = runs["cold"], runs["warm"], [run for group in runs.values() for run in group]
    found = {
        "import_s": median(every, "import_s"),
        "start_5_agents_ms": median(warm, "start_s") * 1000,
        "start_50_agents_ms": median(runs["many"], "start_s") * 1000,
        "first_agent_of_5_ms": median(warm, "agent_s") * 1000,
        "first_agent_of_50_ms": median(runs["many"], "agent_s") * 1000,
        "tools": median(warm, "tools"),
        "catalog_cold_s": median(cold, "catalog_s"),
        "catalog_warm_s": median(warm, "catalog_s"),
        "catalog_cold_without_servers_s": median(runs["plain_cold"], "catalog_s"),
        "catalog_warm_without_servers_s": median(runs["plain_warm"], "catalog_s"),
        "warm_over_cold_without_servers": median(runs["plain_warm"], "catalog_s")
        / median(runs["plain_cold"], "catalog_s"),
        "processes_after_cold_list": max(run["processes"] for run in cold),
        "processes_after_warm_list": max(run["processes"] for run in warm),
        "tool_modules_cold": median(cold, "tool_modules"),
        "tool_modules_warm": median(warm, "tool_modules"),
        "memory_cold_mb": median(cold, "memory_mb"),
        "memory_warm_mb": median(warm, "memory_mb"),
    }
    return found, [
        Target("warm_over_cold", found["catalog_warm_s"] / found["catalog_cold_s"], "<=", 0.1),
        Target("agents_50_over_5", found["start_50_agents_ms"] / found["start_5_agents_ms"], "<=", 1.1),
        Target("servers_before_use", max(run["processes_before_use"] for run in every), "==", 0),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2])
    else:
        main(__doc__ or "", measure)
