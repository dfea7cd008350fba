"""What a planner is shown of many tools: its size, and whether the tools a goal needs are among it.

178 tools: all built-in ones of this installation, filled up with tools of services people have (mail, calendar,
tickets, shop, cluster, ...: `data/tools.tsv`). The goals are `data/goals.json`: sentences as people type them, with
the tools without which it can't be done, written by hand. A needed tool counts as found when the catalog for the goal
has its whole line: arguments, result and what it does.

`catalog_tokens` is the largest catalog of all goals, by the estimate that the product itself uses for models. `misses`
in the JSON are the goals whose tools are not all found.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import Measured, Target, main
from planloom.agents.registry import Registry
from planloom.agents.schematool import SchemaTool
from planloom.agents.tool import Tool
from planloom.models.tokens import estimate
from planloom.orchestrator.planning.modelled.preselect import catalogue, line, select

COUNT = 178
DATA = Path(__file__).with_name("data")
WRITING = (
    "send",
    "create",
    "set",
    "add",
    "move",
    "post",
    "update",
    "pay",
    "transfer",
    "deploy",
    "book",
    "share",
    "save",
)


def filler() -> list[Tool]:
    """The tools of `data/tools.tsv`."""
    made: list[Tool] = []
    for row in (DATA / "tools.tsv").read_text(encoding="utf-8").splitlines():
        name, told, arguments = row.split("\t")
        properties, required = {}, []
        for argument in arguments.split(","):
            key, kind = argument.split(":")
            properties[key.rstrip("?")] = {"type": kind}
            required += [key] * (not key.endswith("?"))
        effect: Any = "write" if any(word in name for word in WRITING) else "read"
        schema = {"type": "object", "properties": properties, "required": required}
        output = {
            "type": "object",
            "properties": {"text": {"type": "string"}, "data": {}},
            "required": ["text", "data"],
        }
        made.append(
            SchemaTool(
                name=name, description=told, function=dict, effect=effect, given_input=schema, given_output=output
            )
        )
    return made


def tools(needed: set[str]) -> list[Tool]:
    """178 tools (more when there are more built-in ones): the built-in ones, those that goals need, and others."""
    own = list(Registry())
    taken = {tool.name for tool in own}
    rest = sorted((tool for tool in filler() if tool.name not in taken), key=lambda tool: tool.name not in needed)
    enough = len(own) + sum(tool.name in needed for tool in rest)
    return [*own, *rest][: max(COUNT, enough)]


def measure(args: argparse.Namespace) -> Measured:
    goals = json.loads((DATA / "goals.json").read_text(encoding="utf-8"))
    everything = tools({name for row in goals for name in row["needs"]})
    sizes, shown, seconds, misses = [], [], [], []
    needed = found = 0
    for row in goals:
        began = time.perf_counter()
        chosen = select(row["goal"], everything)
        seconds.append(time.perf_counter() - began)
        sizes.append(estimate(catalogue(chosen)))
        shown.append(len(chosen))
        missing = sorted(set(row["needs"]) - {tool.name for tool in chosen})
        needed += len(row["needs"])
        found += len(row["needs"]) - len(missing)
        if missing:
            misses.append({"goal": row["goal"], "missing": missing})
    measured = {
        "tools": len(everything),
        "goals": len(goals),
        "tokens_of_all_tools": estimate("\n".join(map(line, everything))),
        "catalog_tokens_median": statistics.median(sizes),
        "tools_shown_median": statistics.median(shown),
        "goals_with_all_tools": 1 - len(misses) / len(goals),
        "select_ms": statistics.median(seconds) * 1000,
        "misses": misses,
    }
    return measured, [
        Target("catalog_tokens", max(sizes), "<=", 5000),
        Target("topk_recall", found / needed, ">=", 0.97),
    ]


if __name__ == "__main__":
    main(__doc__ or "", measure)
