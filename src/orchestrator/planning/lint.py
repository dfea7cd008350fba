"""Finds what is wrong with a plan before anything runs, step by step while it is still being written.

Rule: an error is certain; what might be right is no finding. The codes are listed in `findings`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...agents.tool import Tool
from . import dag
from .expects import ExpectsError
from .expects import parse as parse_expects
from .findings import Finding
from .lint_references import WHOLE, FindTool, References, bad_reference, placed_references, self_dependency
from .plan import ID_PATTERN, INPUTS, ITEM, Path, Plan, Reference, ReferenceSyntaxError, Step, references
from .schemas import faults

_ID = re.compile(ID_PATTERN)


def lint(
    plan: Plan, find_tool: FindTool, *, names: Callable[[], Iterable[str]] = tuple, max_steps: int = 0
) -> list[Finding]:
    """Everything that is wrong or odd about a plan, errors first; empty when it is healthy.

    `names` gives the actions there are, for suggestions; `max_steps` 0: no limit.
    """
    linter = Linter(find_tool, names=names, max_steps=max_steps, inputs=plan.inputs)
    found = [finding for step in plan.steps for finding in linter.add(step)]
    found += linter.end(plan.answer)
    return sorted(found, key=lambda finding: finding.severity != "error")


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
        found = [*self._check_id(step), *self._check_expects(step)]
        tool = self._find_tool(step.action)
        if tool is None:
            found.append(self._unknown_action(step))
        placed, broken = placed_references(step)
        found += broken
        if not broken:
            found += self._check_for_each(step, placed)
            for path, reference in placed:
                found += self._references.check(step, tool, path, reference, final=False)
            if tool is not None:
                found += self._check_parameters(step, tool, [path[1:] for path, _ in placed if path[0] == "parameters"])
        self._steps.setdefault(step.id, step)
        return found

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
        return found + self._unused(answer)

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

    def _check_expects(self, step: Step) -> Iterator[Finding]:
        for text in step.expects:
            try:
                parse_expects(text)
            except ExpectsError as error:
                yield Finding(
                    code="bad-expects",
                    step=step.id,
                    expected="an expression over result, such as result.rows > 0",
                    got=repr(text),
                    fix=str(error),
                )

    def _unknown_action(self, step: Step) -> Finding:
        from rapidfuzz import fuzz, process

        near = [name for name, *_ in process.extract(step.action, list(self._names()), scorer=fuzz.WRatio, limit=3)]
        fix = f"nearest are {', '.join(near)}" if near else "see `planloom tools`"
        return Finding(code="unknown-action", step=step.id, expected="a known action", got=repr(step.action), fix=fix)

    def _check_for_each(self, step: Step, placed: Sequence[tuple[Path, Reference]]) -> Iterator[Finding]:
        value = step.for_each
        if value is None:
            uses = next((reference for _, reference in placed if reference.step == ITEM), None)
            if uses is not None:
                yield Finding(
                    code="bad-for-each",
                    step=step.id,
                    expected="${item} only in a step with for_each",
                    got=str(uses),
                    fix="add for_each, or refer to a step",
                )
        elif not isinstance(value, list) and not (isinstance(value, str) and WHOLE.fullmatch(value.strip())):
            yield Finding(
                code="bad-for-each",
                step=step.id,
                expected="a list, or one reference to a list",
                got=repr(value)[:80],
                fix="write for_each: ${step.field} or a list",
            )

    def _check_parameters(self, step: Step, tool: Tool, open_paths: list[Path]) -> Iterator[Finding]:
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
