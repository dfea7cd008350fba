"""Faulty plans as a model writes them: is each fault found before its step would start, and no healthy plan refused?

`python -m benchmarks.lint --json OUT`. 1,000 plans over the built-in tools; into each goes one fault of a known code.
The faulty plan is read line by line by the planner's draft, as while a model writes: the fault is found when a finding
of its code was made, and in time when the faulty step was never released to run. `prefix_share` is the share of plans
in which every step that does not need the faulty one was released all the same.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from planloom.agents.registry import Registry
from planloom.errors import PlanError
from planloom.orchestrator.planning.dag import inputs_of
from planloom.orchestrator.planning.files import dump
from planloom.orchestrator.planning.findings import CODES
from planloom.orchestrator.planning.lint import lint
from planloom.orchestrator.planning.modelled.draft import Draft
from planloom.orchestrator.planning.modelled.planlines import PlanLines
from planloom.orchestrator.planning.plan import Plan, Step

from .harness import Measured, Target, main

PLANS, QUICK = 1000, 130
NOTES = ("unused-edge", "unused-result")
Fault = Callable[[list[Step], random.Random], int]


@dataclass(frozen=True, slots=True)
class Case:
    """A plan with one fault: `lines` as written, `place` of the faulty step, its `code`."""

    plan: Plan
    code: str
    place: int
    text: str | None = None

    def lines(self) -> str:
        """The plan as JSON Lines; `text` stands for the faulty step's own line."""
        steps = [json.dumps(step) for step in dump(self.plan)["steps"]]
        if self.text is not None:
            steps[self.place] = self.text
        return "\n".join(steps)


def healthy(chance: random.Random) -> Plan:
    """Chains of a folder's and a table's tools, side by side."""
    steps = [Step(id="scan", action="files.scan", parameters={"path": "${inputs.folder}"})]
    for number in range(chance.randint(1, 4)):
        name = f"kind{number}"
        steps += [
            Step(id=name, action="files.list", parameters={"path": "${scan.path}", "pattern": f"*.{name}"}),
            Step(id=f"each{number}", action="files.hash", for_each=f"${{{name}.files}}", parameters=ITEM),
            Step(id=f"read{number}", action="files.read", parameters={"path": f"${{{name}.files[0].path}}"}),
            Step(id=f"sum{number}", action="text.summary", parameters={"text": f"${{read{number}.text}}"}),
        ]
    if chance.random() < 0.5:
        tail = Step(id="words", action="text.keywords", parameters={"text": "${read0.text} ${sum0}"})
        steps.append(replace(tail, expects=("len(result) > 0",)))
    return Plan(goal="look at a folder", steps=tuple(steps), inputs={"folder": "."})


ITEM = {"path": "${item.path}"}


def _changed(steps: list[Step], place: int, **values: Any) -> int:
    steps[place] = replace(steps[place], **values)
    return place


def _later(steps: list[Step], chance: random.Random, action: str = "") -> int:
    places = [n for n in range(1, len(steps)) if not action or steps[n].action == action]
    return chance.choice(places)


def _argument(steps: list[Step], chance: random.Random) -> int:
    place = _later(steps, chance)
    wrong: dict[str, Any] = chance.choice(({"colour": 1}, {"path": 7, "text": 7}))
    return _changed(steps, place, parameters={**steps[place].parameters, **wrong})


def _cycle(steps: list[Step], chance: random.Random) -> int:
    place = _later(steps, chance, "files.read")
    after = next(step.id for step in steps[place:] if step.action == "text.summary")
    return _changed(steps, place, dependencies=(after,))


def _unused(steps: list[Step], chance: random.Random) -> int:
    place = _later(steps, chance, "text.summary")
    return _changed(steps, place, dependencies=("scan",))


FAULTS: dict[str, Fault] = {
    "bad-id": lambda s, c: _changed(s, len(s) - 1, id=c.choice(("two words", "1st", "item", ""))),
    "duplicate-id": lambda s, c: _changed(s, len(s) - 1, id=s[c.randrange(len(s) - 1)].id),
    "unknown-action": lambda s, c: _changed(s, _later(s, c), action=c.choice(("files.raed", "shell", "web.search"))),
    "bad-parameters": _argument,
    "unknown-step": lambda s, c: _changed(s, _later(s, c), dependencies=(c.choice(("nobody", "scan_2")),)),
    "unknown-field": lambda s, c: _changed(s, _later(s, c, "text.summary"), parameters={"text": "${read0.body}"}),
    "unknown-input": lambda s, c: _changed(s, _later(s, c, "files.list"), parameters={"path": "${inputs.fodler}"}),
    "bad-reference": lambda s, c: _changed(s, _later(s, c, "text.summary"), parameters={"text": "${read0..text}"}),
    "bad-for-each": lambda s, c: _changed(s, _later(s, c, "files.hash"), for_each="${scan.path}"),
    "bad-expects": lambda s, c: _changed(s, _later(s, c), expects=(c.choice(("result >", "import os", "open(1)")),)),
    "self-dependency": lambda s, c: _changed(s, (n := _later(s, c)), dependencies=(s[n].id,)),
    "cycle": _cycle,
    "too-many-steps": lambda s, c: len(s) - 1,
    "unused-edge": _unused,
    "unused-result": lambda s, c: len(s) - 1,
    "bad-file": _later,
}


def broken(plan: Plan, code: str, chance: random.Random) -> Case:
    """The plan with one fault."""
    steps = list(plan.steps)
    place = FAULTS[code](steps, chance)
    made = replace(plan, steps=tuple(steps))
    if code == "bad-file":
        line = json.dumps(dump(made)["steps"][place])
        return Case(made, code, place, chance.choice((line[:-1], line.replace('"id":', '"name":', 1), line[:-9])))
    return Case(made, code, place)


def found(case: Case, registry: Registry) -> tuple[bool, bool]:
    """Whether the fault was found before its step was released, and whether all independent steps were released."""
    limit = len(case.plan.steps) - 1 if case.code == "too-many-steps" else 0
    if case.code in NOTES:
        notes = lint(replace(case.plan, answer="done"), registry.find)
        return any(n.code == case.code and n.step == case.plan.steps[case.place].id for n in notes), True
    draft = Draft(find_tool=registry.find, names=registry.names, max_steps=limit, inputs=case.plan.inputs)
    reader, codes = PlanLines(), set()
    released: list[Step] = []
    try:
        for line in [*reader.feed(case.lines()), *reader.end()]:
            released += draft.take(line)
        draft.close()
    except PlanError as error:
        codes |= {finding.code for finding in error.findings}
    codes |= {finding.code for faulty in draft.faulty for finding in faulty.findings}
    if draft.is_cut:
        codes.add("bad-file")
    wrong = case.plan.steps[case.place]
    return case.code in codes and wrong not in released, _independent(case) <= {step.id for step in released}


def _independent(case: Case) -> set[str]:
    """Ids of the steps that need neither the faulty step nor one that does."""
    inputs = inputs_of(case.plan)
    tainted = {case.plan.steps[case.place].id}
    for _ in case.plan.steps:
        tainted |= {name for name, needs in inputs.items() if tainted & set(needs)}
    return set(inputs) - tainted


def is_refused(plan: Plan, registry: Registry) -> bool:
    """Whether a healthy plan is held back or told to be wrong."""
    draft = Draft(find_tool=registry.find, names=registry.names, max_steps=len(plan.steps), inputs=plan.inputs)
    reader = PlanLines()
    lines = "\n".join(json.dumps(step) for step in dump(plan)["steps"])
    for line in [*reader.feed(lines), *reader.end()]:
        draft.take(line)
    draft.close()
    errors = [finding for finding in lint(plan, registry.find) if finding.severity == "error"]
    return bool(errors or draft.faulty or draft.held or len(draft.released) != len(plan.steps))


def measure(args: argparse.Namespace) -> Measured:
    """Injects the faults in turn."""
    chance, registry = random.Random(args.seed), Registry()
    count = QUICK if args.quick else PLANS
    assert set(FAULTS) == set(CODES)
    missed: Counter[str] = Counter()
    in_time = prefixes = alarms = 0
    for number in range(count):
        code = CODES[number % len(CODES)]
        plan = healthy(chance)
        alarms += is_refused(plan, registry)
        hit, whole = found(broken(plan, code, chance), registry)
        in_time, prefixes = in_time + hit, prefixes + whole
        missed[code] += not hit
    measured = {
        "plans": count,
        "codes": len(CODES),
        "found_share": in_time / count,
        "prefix_share": prefixes / count,
        "false_alarms": alarms,
        "missed": {code: times for code, times in missed.items() if times},
    }
    targets = [
        Target("found_share", in_time / count, "==", 1.0),
        Target("false_alarms", alarms, "==", 0),
        Target("prefix_share", prefixes / count, "==", 1.0),
    ]
    return measured, targets


if __name__ == "__main__":
    main(
        "Faults of plans, found before their steps would start",
        measure,
        options=lambda p: p.add_argument("--seed", type=int, default=1),
    )
