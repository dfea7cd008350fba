"""Finds what is wrong with a plan before anything runs, step by step while it is still being written.

Rule: an error is certain; what might be right is no finding. The codes are listed in `findings`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from ....agents.tool import Tool
from .. import dag
from ..criteria import is_criterion
from ..expects import ExpectsError, paths
from ..findings import Finding
from ..plan import ID_PATTERN, INPUTS, ITEM, Path, Plan, Reference, ReferenceSyntaxError, Step, children, references
from .fields import (
    WHOLE,
    FindTool,
    References,
    bad_for_each,
    bad_reference,
    placed_references,
    self_dependency,
)
from .schemas import faults, lacks

_ID = re.compile(ID_PATTERN)
_ITEMS = 100


def lint(
    plan: Plan, find_tool: FindTool, *, names: Callable[[], Iterable[str]] = tuple, max_steps: int = 0
) -> list[Finding]:
    """Everything that is wrong or odd about a plan, errors first; empty when it is healthy.

    `names` gives the actions there are, for suggestions; `max_steps` 0: no limit.
    """
    linter = Linter(find_tool, names=names, max_steps=max_steps, inputs=plan.inputs)
    found = [finding for step in plan.steps for finding in linter.add(step)]
    found += linter.end(plan.answer)
    return sorted(dict.fromkeys(found), key=lambda finding: finding.severity != "error")


class Linter:
    """A plan that is still being written: `add` judges a step by what is known, `end` judges the whole."""

    def __init__(
        self,
        find_tool: FindTool,
        *,
        names: Callable[[], Iterable[str]] = tuple,
        max_steps: int = 0,
        inputs: Mapping[str, Any] | None = None,
    ) -> None:
        self._find_tool = find_tool
        self._names = names
        self._max_steps = max_steps
        self._steps: dict[str, Step] = {}
        self._references = References(self._steps, find_tool, inputs or {})
        self._nearest: dict[str, str] = {}
        self._count = 0

    def add(self, step: Step) -> list[Finding]:
        """What is certainly wrong with the next step. A reference to a step that may still come is left to `end`."""
        self._count += 1
        if self._max_steps and self._count == self._max_steps + 1:
            limit = Finding(
                code="too-many-steps",
                step=step.id,
                expected=f"at most {self._max_steps} steps",
                got=f"step number {self._count}",
                fix="use for_each, split the goal, or raise execution.max_steps",
            )
            return [limit]
        tool = self._find_tool(step.action)
        found = [*self._check_id(step), *self._check_expects(step, tool)]
        if tool is None:
            found.append(self._unknown_action(step))
        placed, broken = placed_references(step)
        found += broken
        if not broken:
            found += self._check_for_each(step, placed)
            for path, reference in placed:
                found += self._references.check(step, tool, path, reference, final=False)
            if tool is not None:
                found += self._check_arguments(step, tool)
        self._steps.setdefault(step.id, step)
        return list(dict.fromkeys(found))

    def end(self, answer: str | None = None) -> list[Finding]:
        """What can only be said of the whole: steps that never came, cycles, results nobody uses."""
        found: list[Finding] = []
        for step, path, reference in self._references.later:
            found += self._references.check(step, self._find_tool(step.action), path, reference, final=True)
        found += self._check_answer(answer)
        found += self._check_declared()
        plan = Plan(goal="", steps=tuple(self._steps.values()))
        cycle = dag.find_cycle(plan)
        if cycle is not None and len(cycle) > 1:
            found.append(
                Finding(
                    code="cycle",
                    step=cycle[0],
                    expected="steps that do not wait for each other in a circle",
                    got=" -> ".join([*cycle, cycle[0]]),
                    fix="remove one of these dependencies",
                )
            )
        return list(dict.fromkeys(found)) + self._unused(answer)

    # ---- one step

    def _check_id(self, step: Step) -> Iterator[Finding]:
        if not _ID.fullmatch(step.id) or step.id in (INPUTS, ITEM):
            yield Finding(
                code="bad-id",
                step=step.id,
                expected="a name of letters, digits, _ and -, other than inputs and item",
                got=repr(step.id),
                fix="rename the step",
            )
        if step.id in self._steps:
            yield Finding(
                code="duplicate-id",
                step=step.id,
                expected="an id of its own",
                got=f"{step.id!r} a second time",
                fix=f"rename one, for example {step.id}_2",
            )
        if step.id in step.dependencies:
            yield self_dependency(step)

    def _check_expects(self, step: Step, tool: Tool | None) -> Iterator[Finding]:
        for text in step.expects:
            if is_criterion(text):
                continue
            told, expected = "", "an expression over result, such as result.rows > 0"
            try:
                misses = [lacks(tool.output_schema, path) for path in paths(text)] if tool is not None else []
                missing = next((miss for miss in misses if miss is not None), None)
            except ExpectsError as error:
                told, missing = str(error), None
            if missing is not None:
                expected = f"a field of what {step.action} gives instead of {'.'.join(map(str, missing[0]))!r}"
                told = f"it has {', '.join(missing[1])}" if missing[1] else "it has no fields"
            if told:
                yield Finding(code="bad-expects", step=step.id, expected=expected, got=repr(text), fix=told)

    def _unknown_action(self, step: Step) -> Finding:
        fix = self._nearest.get(step.action)
        if fix is None:
            fix = self._nearest[step.action] = self._suggestion(step.action)
        return Finding(code="unknown-action", step=step.id, expected="a known action", got=repr(step.action), fix=fix)

    def _suggestion(self, action: str) -> str:
        from rapidfuzz import fuzz, process

        near = process.extract(action, list(self._names()), scorer=fuzz.WRatio, limit=3)
        return f"nearest are {', '.join(name for name, *_ in near)}" if near else "see `planloom tools`"

    def _check_for_each(self, step: Step, placed: Sequence[tuple[Path, Reference]]) -> Iterator[Finding]:
        value = step.for_each
        if value is None:
            uses = next((reference for _, reference in placed if reference.step == ITEM), None)
            if uses is not None:
                yield bad_for_each(step, "${item} only in a step with for_each", str(uses))
        elif not isinstance(value, list) and not (isinstance(value, str) and WHOLE.fullmatch(value.strip())):
            yield bad_for_each(step, "a list, or one reference to a list", repr(value)[:80])

    def _check_arguments(self, step: Step, tool: Tool) -> list[Finding]:
        """The parameters against the schema; of a for_each over a written list, those of its first items."""
        if not isinstance(step.for_each, list) or any(references(step.for_each)):
            return list(self._check_parameters(step, tool))
        try:
            some = children(step, step.for_each[:_ITEMS])
        except LookupError as error:
            return [bad_for_each(step, "items that have what ${item} is asked for", str(error))]
        found = (
            replace(finding, step=step.id, got=f"for item {number}: {finding.got}")
            for number, child in enumerate(some)
            for finding in self._check_parameters(child, tool)
        )
        return [*islice(found, 3)]

    def _check_parameters(self, step: Step, tool: Tool) -> Iterator[Finding]:
        open_paths = [path[1:] for path, _ in placed_references(step)[0] if path[0] == "parameters"]
        for place, message in faults(tool.input_schema, dict(step.parameters), open_paths):
            name = ".".join(str(part) for part in place) or "parameters"
            known = ", ".join(tool.input_schema.get("properties", {}))
            yield Finding(
                code="bad-parameters",
                step=step.id,
                expected=f"{name} as {tool.name} takes it",
                got=message[:200],
                fix=f"{tool.name} takes: {known or 'nothing'}",
            )

    # ---- the whole

    def _check_answer(self, answer: str | None) -> Iterator[Finding]:
        if answer is None:
            return
        whole = Step(id="answer", action="")
        try:
            found = list(references(answer))
        except ReferenceSyntaxError as error:
            yield bad_reference(whole, str(error))
            return
        for reference in found:
            yield from self._references.check(whole, None, (), reference, final=True)

    def _check_declared(self) -> Iterator[Finding]:
        for step in self._steps.values():
            used = {reference.step for _, reference in placed_references(step)[0]}
            for name in step.dependencies:
                if name not in self._steps:
                    yield self._references.unknown_step(step, name)
                elif name not in used and name != step.id:
                    yield Finding(
                        code="unused-edge",
                        step=step.id,
                        expected=f"a use of the result of {name!r}",
                        got="a dependency that only orders the steps",
                        fix="remove it if the order does not matter",
                        severity="note",
                    )

    def _unused(self, answer: str | None) -> list[Finding]:
        if answer is None:
            return []
        waited = {name for step in self._steps.values() for name in step.dependencies} | self._references.used
        return [
            Finding(
                code="unused-result",
                step=step.id,
                expected="a step or the answer that uses the result",
                got="none",
                fix="remove the step if it has no effect of its own",
                severity="note",
            )
            for step in self._steps.values()
            if step.id not in waited and not self._writes(step)
        ]

    def _writes(self, step: Step) -> bool:
        tool = self._find_tool(step.action)
        return tool is None or tool.effect == "write"
