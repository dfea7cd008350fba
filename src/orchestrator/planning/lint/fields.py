"""Lint of references: does the step exist, does its output have the field, can its type fit.

Rule: only what is certain is a finding; a step that has not come yet may still come.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ....agents.tool import Tool
from ..findings import Finding
from ..plan import (
    INPUTS,
    ITEM,
    Path,
    Reference,
    ReferenceSyntaxError,
    Step,
    follow,
    paired_with,
    parse_reference,
    references,
)
from .schemas import at, can_fit, lacks, types

FindTool = Callable[[str], Tool | None]
WHOLE = re.compile(r"\$\{([^{}]*)\}")
_LIST = {"type": "array"}
_NO_ITEM = "write ${step.field}, or give both steps a for_each over the same list"
_SUGGESTIONS = 50  # looking for the nearest of many names takes long


class References:
    """The references of a plan that is being written. `used` are the steps referred to, `later` what must wait."""

    def __init__(self, steps: Mapping[str, Step], find_tool: FindTool, inputs: Mapping[str, Any]) -> None:
        self.steps = steps
        self.used: set[str] = set()
        self.later: list[tuple[Step, Path, Reference]] = []
        self._find_tool = find_tool
        self._inputs = inputs
        self._nearest: dict[str, str] = {}

    def check(
        self,
        step: Step,
        tool: Tool | None,
        path: Path,
        reference: Reference,
        final: bool,
    ) -> Iterator[Finding]:
        """What is certainly wrong with one reference at `path`; `final`: no further step will come."""
        if reference.step == INPUTS:
            yield from self._check_input(step, path, reference)
            return
        if reference.step == ITEM:
            yield from self._check_item(step, tool, path, reference, final)
            return
        self.used.add(reference.step)
        if reference.same_item and (step.for_each is None or not path or path[0] != "parameters"):
            told = f"{reference} in {'the parameters of a step without for_each' if path else 'the answer'}"
            yield bad_reference(step, told, expected="[item] in the parameters of a step with for_each", fix=_NO_ITEM)
            return
        if reference.step == step.id:
            if not final and step.id not in step.dependencies:
                yield self_dependency(step)
            return
        producer = self.steps.get(reference.step)
        if producer is None:
            if final:
                yield self.unknown_step(step, reference.step)
            else:
                self.later.append((step, path, reference))
            return
        yield from self._check_field(step, producer, reference)
        yield from self._check_type(step, tool, path, producer, reference)

    def _check_item(self, step: Step, tool: Tool | None, path: Path, item: Reference, final: bool) -> Iterator[Finding]:
        """`${item.x}` is `x` of what the for_each goes over."""
        if not path or path[0] != "parameters":
            where = "for_each" if path else "the answer"
            yield bad_for_each(step, "${item} only in the parameters of a step with for_each", f"{item} in {where}")
            return
        found = list(references(step.for_each)) if isinstance(step.for_each, str) else []
        if len(found) != 1 or found[0].step in (INPUTS, ITEM):
            return
        over, producer = found[0], self.steps.get(found[0].step)
        if producer is None:
            if not final:
                self.later.append((step, path, item))
            return
        schema, root, rest = self._output(producer, over)
        if (producer.for_each is None) if over.all_items else lacks(schema, (*rest, 0), root) is not None:
            return  # no list at all, which the for_each itself is told
        place = (0, *over.path, *item.path) if over.all_items else (*over.path, 0, *item.path)
        meant = Reference(over.step, place)
        yield from self._check_field(step, producer, meant, shown=str(item))
        yield from self._check_type(step, tool, path, producer, meant, shown=str(item))

    def _check_input(self, step: Step, path: Path, reference: Reference) -> Iterator[Finding]:
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
            return
        try:
            value = follow(self._inputs, reference.path)
        except LookupError as error:
            if self._inputs[name] is not None:
                yield Finding(
                    code="unknown-input",
                    step=step.id,
                    expected=f"a part of the input {name!r} that is there",
                    got=str(reference),
                    fix=str(error),
                )
            return
        if path == ("for_each",) and reference.path and not isinstance(value, list):
            yield bad_for_each(step, "a list", f"{reference}, which is {type(value).__name__}")

    def unknown_step(self, step: Step, name: str) -> Finding:
        fix = self._nearest.get(name)
        if fix is None:
            fix = self._nearest[name] = self._suggestion(name)
        return Finding(code="unknown-step", step=step.id, expected="a step of the plan", got=repr(name), fix=fix)

    def _suggestion(self, name: str) -> str:
        from rapidfuzz import process

        candidates = list(self.steps) if len(self._nearest) < _SUGGESTIONS else []
        near = process.extractOne(name, candidates, score_cutoff=60)
        return f"did you mean {near[0]!r}?" if near else f"steps are {', '.join(list(self.steps)[:10])}"

    def _output(self, producer: Step, reference: Reference) -> tuple[Mapping[str, Any], Mapping[str, Any], Path]:
        """The output schema a reference looks into, its document, and the path that is left."""
        tool = self._find_tool(producer.action)
        schema = tool.output_schema if tool is not None else {}
        path = reference.path
        if producer.for_each is not None and reference.same_item:
            return schema, schema, path
        if producer.for_each is not None and not reference.all_items:
            if path and isinstance(path[0], int):
                return schema, schema, path[1:]
            return {"type": "array", "items": schema}, schema, path
        if reference.all_items and producer.for_each is None:
            return schema, schema, (0, *path)
        return schema, schema, path

    def _check_field(self, step: Step, producer: Step, reference: Reference, *, shown: str = "") -> Iterator[Finding]:
        if reference.same_item and producer.for_each is None:
            told = f"{reference}, where {producer.id!r} has no for_each"
            yield bad_reference(step, told, expected="[item] after a step with for_each", fix=_NO_ITEM)
            return
        schema, root, path = self._output(producer, reference)
        missing = lacks(schema, path, root)
        if missing is not None and reference.all_items and missing[0] == (0,):
            yield bad_reference(
                step,
                f"{reference}, where {producer.id!r} gives no list",
                expected="[*] after a step with for_each, or one that gives a list",
                fix=f"write ${{{producer.id}.field}}, or give {producer.id!r} a for_each",
            )
        elif missing is not None:
            place, known = missing
            there = f"it has {', '.join(known)}" if known else "it has no fields"
            yield Finding(
                code="unknown-field",
                step=step.id,
                expected=f"a field of what {producer.id!r} ({producer.action}) gives",
                got=f"{'.'.join(map(str, place))!r} in {shown or reference}",
                fix=there,
            )

    def _check_type(
        self, step: Step, tool: Tool | None, path: Path, producer: Step, reference: Reference, *, shown: str = ""
    ) -> Iterator[Finding]:
        if not path or producer.optional or reference.all_items:
            return
        schema, root, rest = self._output(producer, reference)
        produced = at(schema, rest, root)
        if path == ("for_each",) and not can_fit(produced, root, _LIST, _LIST):
            yield bad_for_each(step, "a reference to a list", f"{reference} of type {_named(produced, root)}")
        if tool is None or path[0] == "for_each" or not _is_whole(step.parameters, path[1:]):
            return
        wanted = at(tool.input_schema, path[1:])
        if not can_fit(produced, root, wanted, tool.input_schema):
            yield Finding(
                code="bad-parameters",
                step=step.id,
                expected=f"{'.'.join(map(str, path[1:]))} of type {_named(wanted, tool.input_schema)}",
                got=f"{shown or reference} of type {_named(produced, root)}",
                fix="refer to another field, or put the reference into text",
            )


def self_dependency(step: Step) -> Finding:
    """The finding of a step that waits for itself."""
    return Finding(
        code="self-dependency",
        step=step.id,
        expected="other steps as dependencies",
        got=f"{step.id} -> {step.id}",
        fix=f"remove {step.id!r} from its own dependencies and parameters",
    )


def placed_references(step: Step) -> tuple[list[tuple[Path, Reference]], list[Finding]]:
    """Each reference with its place (`parameters` or `for_each` first), and the findings of those that are none."""
    placed: list[tuple[Path, Reference]] = []
    broken: list[Finding] = []
    for top, value in (("parameters", step.parameters), ("for_each", step.for_each)):
        for path, text in _texts(value, (top,)):
            try:
                placed += [(path, reference) for reference in references(text)]
            except ReferenceSyntaxError as error:
                broken.append(bad_reference(step, str(error)))
    if not broken:
        pair = paired_with(step) if step.for_each is not None else None
        if pair is not None and pair.step == INPUTS:
            broken.append(bad_reference(step, "[*] pairs with a for_each step, not with inputs"))
    return placed, broken


def bad_reference(
    step: Step, told: str, *, expected: str = "${step_id.path.to[0].field}", fix: str = "write $${ for the text ${"
) -> Finding:
    if told.startswith("expected "):
        expected, _, told = told.removeprefix("expected ").partition(", got ")
    return Finding(code="bad-reference", step=step.id, expected=expected, got=told, fix=fix)


def bad_for_each(step: Step, expected: str, got: str) -> Finding:
    fix = "write for_each: ${step.field} or a list, and ${item} in parameters"
    return Finding(code="bad-for-each", step=step.id, expected=expected, got=got, fix=fix)


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
    match = WHOLE.fullmatch(parameters) if isinstance(parameters, str) else None
    return match is not None and parse_reference(match[1]) is not None


def _named(schema: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    return " or ".join(sorted(types(schema, root))) or "anything"
