"""What a killed run left, against what it must leave. Rule: judges by the log of the tools and by the plan alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from planloom.memory.journal import read
from planloom.memory.journal.policy import SOFT_TYPES
from planloom.orchestrator.planning.plan import Plan

from . import plans

COUNTS = ("facts_lost", "steps_rerun", "writes_twice", "writes_from_rejected", "wrong_results")


def check(folder: Path, plan: Plan, log: list[dict[str, Any]]) -> Counter[str]:
    """How often each promise was broken."""
    return Counter(
        facts_lost=_facts_lost(folder, log),
        steps_rerun=_steps_rerun(log),
        writes_twice=_writes_twice(log),
        writes_from_rejected=sum(f'"tag": "{plans.BAD}"' in json.dumps(line["inputs"]) for line in _done(log)),
        wrong_results=_wrong(plan, log),
    )


def _done(log: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [line for line in log if line["what"] in ("effect", "payment")]


def _facts_lost(folder: Path, log: Iterable[Mapping[str, Any]]) -> int:
    """Events that were shown and are not, or not the same, in the journal."""
    kept = {record.seq: record.event("crash") for record in read(folder / "state" / "sessions" / "crash")}
    lost = 0
    for line in log:
        if line["what"] == "told" and line["event"]["type"] not in SOFT_TYPES:
            event = kept.get(line["seq"])
            lost += event is None or json.loads(json.dumps(event.to_dict())) != line["event"]
    return lost


def _steps_rerun(log: Iterable[Mapping[str, Any]]) -> int:
    """Calls of a step that had been told to be finished, with the same inputs and no verdict against it since."""
    finished: dict[str, str] = {}
    again = 0
    inputs: dict[str, str] = {}
    for line in log:
        if line["what"] in ("call", "effect"):
            given = json.dumps(line["inputs"], sort_keys=True)
            again += finished.get(line["step"]) == given
            inputs[line["step"]] = given
        elif line["what"] == "told":
            event = line["event"]
            if event["type"] == "step.finished" and event["status"] in ("ok", "failed") and event["step"] in inputs:
                finished[event["step"]] = inputs[event["step"]]
            elif event["type"] == "step.verified" and event["verdict"] == "fail":
                finished.pop(event["step"], None)
    return again


def _writes_twice(log: list[dict[str, Any]]) -> int:
    """Effects of a step beyond the first that no person agreed to anew, or with the same inputs as before.

    Payments count once for each key.
    """
    done: dict[str, set[str]] = {}
    agreed: Counter[str] = Counter()
    twice = 0
    for line in log:
        if line["what"] == "told" and line["event"]["type"] == "approval.answered" and line["event"]["granted"]:
            agreed[line["event"]["step"]] += 1
        elif line["what"] in ("effect", "payment"):
            effect = json.dumps([line["inputs"], line.get("key")], sort_keys=True)
            earlier = done.setdefault(line["step"], set())
            if line["what"] == "effect" or effect not in earlier:
                twice += effect in earlier or (bool(earlier) and not agreed[line["step"]])
            earlier.add(effect)
            agreed[line["step"]] = 0
    return twice


def _wrong(plan: Plan, log: list[dict[str, Any]]) -> int:
    """Whether the run ended otherwise than the plan says."""
    expected = plans.expected(plan)
    ended = [line for line in log if line["what"] == "ended"]
    if not ended or ended[-1]["status"] != expected.status:
        return 1
    steps = ended[-1]["steps"]
    lost_effect = {line["event"]["step"] for line in log if _is_in_doubt(line)}
    for name, (status, value) in expected.steps.items():
        got = steps.get(name, ["none", None])
        if name in lost_effect and got[0] == "ok":
            continue  # a write that a person said had happened has no result of its own, nor has what used it
        if got[0] != status or (status == "ok" and not _uses(plan, name, lost_effect) and got[1] != value):
            return 1
    return 0


def _is_in_doubt(line: Mapping[str, Any]) -> bool:
    return line["what"] == "told" and line["event"]["type"] == "approval.asked" and line["event"]["kind"] == "in_doubt"


def _uses(plan: Plan, name: str, sources: set[str]) -> bool:
    inputs = {step.id: set(step.parameters["inputs"]) for step in plan.steps}
    inputs |= {f"{step}_fixed": needs for step, needs in inputs.items()}
    stack, seen = [name], set()
    while stack:
        top = stack.pop()
        for source in inputs.get(top, set()) - seen:
            seen.add(source)
            stack.append(source)
    return bool(seen & sources)
