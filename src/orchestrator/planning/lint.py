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
from .plan import (
    ID_PATTERN,
    INPUTS,
    ITEM,
    Path,
    Plan,
    Reference,
    ReferenceSyntaxError,
    Step,
    paired_with,
    parse_reference,
    references,
)
from .schemas import at, can_fit, faults, lacks

FindTool = Callable[[str], Tool | None]
_ID = re.compile(ID_PATTERN)
_WHOLE = re.compile(r"\$\{([^{}]*)\}")


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
        self._inputs = inputs or {}
        self._steps: dict[str, Step] = {}
        self._later: list[tuple[Step, Path, Reference]] = []
        self._used: set[str] = set()
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
        placed, broken = _placed_references(step)
        found += broken
        if not broken:
            found += self._check_for_each(step, placed)
            found += self._check_references(step, tool, placed)
            if tool is not None:
                found += self._check_parameters(step, tool, [path[1:] for path, _ in placed if path[0] == "parameters"])
        self._steps.setdefault(step.id, step)
        return found

    def end(self, answer: str | None = None) -> list[Finding]:
        """What can only be said of the whole: steps that never came, cycles, results nobody uses."""
        found: list[Finding] = []
        for step, path, reference in self._later:
            found += self._check_reference(step, self._find_tool(step.action), path, reference, final=True)
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
            yield self._self_dependency(step)

    def _self_dependency(self, step: Step) -> Finding:
        return Finding(
            code="self-dependency",
            step=step.id,
            expected="other steps as dependencies",
            got=f"{step.id} -> {step.id}",
            fix=f"remove {step.id!r} from its own dependencies and parameters",
        )

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
        elif not isinstance(value, list) and not (isinstance(value, str) and _WHOLE.fullmatch(value.strip())):
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

    # ---- references

    def _check_references(
        self, step: Step, tool: Tool | None, placed: Sequence[tuple[Path, Reference]]
    ) -> Iterator[Finding]:
        for path, reference in placed:
            yield from self._check_reference(step, tool, path, reference, final=False)

    def _check_reference(
        self,
        step: Step,
        tool: Tool | None,
        path: Path,
        reference: Reference,
        final: bool,
    ) -> Iterator[Finding]:
        if reference.step == INPUTS:
            yield from self._check_input(step, reference)
            return
        if reference.step == ITEM:
            return
        self._used.add(reference.step)
        if reference.step == step.id:
            if not final and step.id not in step.dependencies:
                yield self._self_dependency(step)
            return
        producer = self._steps.get(reference.step)
        if producer is None:
            if final:
                yield self._unknown_step(step, reference.step)
            else:
                self._later.append((step, path, reference))
            return
        yield from self._check_field(step, producer, reference)
        yield from self._check_type(step, tool, path, producer, reference)

    def _check_input(self, step: Step, reference: Reference) -> Iterator[Finding]:
        name = str(reference.path[0]) if reference.path else ""
        if reference.path and name not in self._inputs:
            known = ", ".join(self._inputs) or "none"
            yield Finding(
                code="unknown-input",
                step=step.id,
                expected=f"an input of the goal ({known})",
                got=str(reference),
                fix="give it with --set, or use another name",
            )

    def _unknown_step(self, step: Step, name: str) -> Finding:
        from rapidfuzz import process

        near = process.extractOne(name, list(self._steps), score_cutoff=60)
        fix = f"did you mean {near[0]!r}?" if near else f"steps are {', '.join(list(self._steps)[:10])}"
        return Finding(code="unknown-step", step=step.id, expected="a step of the plan", got=repr(name), fix=fix)

    def _output(self, producer: Step, reference: Reference) -> tuple[Mapping[str, Any], Mapping[str, Any], Path]:
        """The output schema a reference looks into, its document, and the path that is left."""
        tool = self._find_tool(producer.action)
        schema = tool.output_schema if tool is not None else {}
        path = reference.path
        if producer.for_each is not None and not reference.all_items:
            if path and isinstance(path[0], int):
                return schema, schema, path[1:]
            return {"type": "array", "items": schema}, schema, path
        if reference.all_items and producer.for_each is None:
            return {}, schema, ()
        return schema, schema, path

    def _check_field(self, step: Step, producer: Step, reference: Reference) -> Iterator[Finding]:
        schema, root, path = self._output(producer, reference)
        missing = lacks(schema, path, root)
        if missing is not None:
            place, known = missing
            shown = ".".join(str(part) for part in place)
            there = f"it has {', '.join(known)}" if known else "it has no fields"
            yield Finding(
                code="unknown-field",
                step=step.id,
                expected=f"a field of what {producer.id!r} ({producer.action}) gives",
                got=f"{shown!r} in {reference}",
                fix=there,
            )

    def _check_type(
        self, step: Step, tool: Tool | None, path: Path, producer: Step, reference: Reference
    ) -> Iterator[Finding]:
        if tool is None or not path or path[0] == "for_each" or producer.optional or reference.all_items:
            return
        if not _is_whole(step.parameters, path[1:]):
            return
        schema, root, rest = self._output(producer, reference)
        produced = at(schema, rest, root)
        wanted = at(tool.input_schema, path[1:])
        if not can_fit(produced, root, wanted, tool.input_schema):
            yield Finding(
                code="bad-parameters",
                step=step.id,
                expected=f"{'.'.join(map(str, path[1:]))} of type {_named(wanted)}",
                got=f"{reference} of type {_named(produced)}",
                fix="refer to another field, or put the reference into text",
            )

    # ---- the whole

    def _check_answer(self, answer: str | None) -> Iterator[Finding]:
        if answer is None:
            return
        whole = Step(id="answer", action="")
        try:
            found = list(references(answer))
        except ReferenceSyntaxError as error:
            yield _bad_reference(whole, str(error))
            return
        for reference in found:
            yield from self._check_reference(whole, None, (), reference, final=True)

    def _check_declared(self) -> Iterator[Finding]:
        for step in self._steps.values():
            used = {reference.step for _, reference in _placed_references(step)[0]}
            for name in step.dependencies:
                if name not in self._steps:
                    yield self._unknown_step(step, name)
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
        waited = {name for step in self._steps.values() for name in step.dependencies} | self._used
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


def _placed_references(step: Step) -> tuple[list[tuple[Path, Reference]], list[Finding]]:
    """Each reference with its place (`parameters` or `for_each` first), and the findings of those that are none."""
    placed: list[tuple[Path, Reference]] = []
    broken: list[Finding] = []
    for top, value in (("parameters", step.parameters), ("for_each", step.for_each)):
        for path, text in _texts(value, (top,)):
            try:
                placed += [(path, reference) for reference in references(text)]
            except ReferenceSyntaxError as error:
                broken.append(_bad_reference(step, str(error)))
    if not broken:
        pair = paired_with(step) if step.for_each is not None else None
        if pair is not None and pair.step == INPUTS:
            broken.append(_bad_reference(step, "[*] pairs with a for_each step, not with inputs"))
    return placed, broken


def _bad_reference(step: Step, told: str) -> Finding:
    return Finding(
        code="bad-reference",
        step=step.id,
        expected="${step_id.path.to[0].field}",
        got=told,
        fix="write $${ for the text ${",
    )


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        if "${" in value:
            yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            yield from _texts(inner, (*path, number))


def _is_whole(parameters: Any, path: Path) -> bool:
    for part in path:
        parameters = parameters[part]
    match = _WHOLE.fullmatch(parameters) if isinstance(parameters, str) else None
    return match is not None and parse_reference(match[1]) is not None


def _named(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "anything")
    return kind if isinstance(kind, str) else " or ".join(kind)
