"""YAML and JSON text as plain data, with the line of every value. Rule: safe types only, no key twice."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import yaml

from ...errors import PlanError
from .findings import Finding

_AS_WRITTEN = re.compile(r"[-+]?0\d|.*:")
MAX_BYTES = 20_000_000
MAX_VALUES = 500_000
Place = tuple[str | int, ...]
Lines = dict[Place, int]


def read(text: str, where: str) -> tuple[Any, Lines]:
    """The data of a YAML or JSON text, and the line (from 1) of each value by its path (YAML only).

    Dates, times and numbers with leading zeros stay the text they were written as.

    Raises:
        PlanError: the text is malformed, has a key twice, or uses YAML tags or aliases; names line and column.
    """
    if len(text) > MAX_BYTES:
        raise fault(where, f"at most {MAX_BYTES:,} characters", f"{len(text):,}")
    if text.lstrip()[:1] not in ("{", "["):
        return _read_yaml(text, where)
    try:
        return _read_json(text, where)
    except json.JSONDecodeError as error:
        refusal = fault(f"{where}:{error.lineno}:{error.colno}", "well-formed JSON", error.msg)
        if where.endswith(".json"):
            raise refusal from error
    try:
        return _read_yaml(text, where)
    except PlanError as error:
        raise refusal from error


def _read_yaml(text: str, where: str) -> tuple[Any, Lines]:
    lines: Lines = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return (_value(node, (), lines, where) if node is not None else None), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
        raise fault(place, "well-formed YAML", error.problem or str(error)) from error
    except yaml.YAMLError as error:
        raise fault(where, "well-formed YAML", str(error)) from error
    except RecursionError:
        raise fault(where, "a plan file", "text that is nested too deep") from None


def fault(where: str, expected: str, got: str, fix: str = "") -> PlanError:
    """The error for a file that can't be used; `where` is FILE:LINE:COLUMN as far as known."""
    finding = Finding(code="bad-file", step=None, expected=expected, got=got, fix=fix)
    told = f"; {fix}" if fix else ""
    return PlanError(f"{where}: expected {expected}, got {got}{told}", [finding])


def _read_json(text: str, where: str) -> tuple[Any, Lines]:
    def no_number(text: str) -> Any:
        raise fault(where, "finite numbers", text)

    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, where), parse_constant=no_number), {}
    except RecursionError:
        raise fault(where, "a plan file", "text that is nested too deep") from None


def _unique(pairs: list[tuple[str, Any]], where: str) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise fault(where, "each key once", f"{twice!r} twice")
    return made


def _value(node: yaml.Node, path: Place, lines: Lines, where: str) -> Any:
    line = node.start_mark.line + 1
    lines[path] = line
    if len(lines) > MAX_VALUES:
        raise fault(where, f"at most {MAX_VALUES:,} values", "more, perhaps by aliases that multiply")
    if not isinstance(node, yaml.ScalarNode) and node.tag.rpartition(":")[2] not in ("map", "seq"):
        raise fault(f"{where}:{line}", "plain data", f"a value tagged {node.tag}")
    match node:
        case yaml.MappingNode():
            made: dict[str, Any] = {}
            for key_node, value_node in node.value:
                if not isinstance(key_node, yaml.ScalarNode):
                    raise fault(f"{where}:{key_node.start_mark.line + 1}", "a key that is a word", "a list or object")
                if key_node.tag.endswith(":merge"):
                    raise fault(f"{where}:{key_node.start_mark.line + 1}", "each value written out", "a merge key <<")
                key = key_node.value
                if key in made:
                    raise fault(f"{where}:{key_node.start_mark.line + 1}", "each key once", f"{key!r} twice")
                made[key] = _value(value_node, (*path, key), lines, where)
                lines[(*path, key)] = key_node.start_mark.line + 1
            return made
        case yaml.SequenceNode():
            return [_value(inner, (*path, i), lines, where) for i, inner in enumerate(node.value)]
        case yaml.ScalarNode():
            return _scalar(node, f"{where}:{line}")
    raise fault(f"{where}:{line}", "plain data", type(node).__name__)


def _scalar(node: yaml.ScalarNode, where: str) -> Any:
    tag = node.tag.rpartition(":")[2]
    if tag in ("str", "timestamp"):
        return node.value
    if tag not in ("null", "bool", "int", "float"):
        raise fault(where, "text, a number, true, false or null", f"a value tagged {node.tag}")
    if tag in ("int", "float") and _AS_WRITTEN.match(node.value):
        return node.value
    loader = yaml.SafeLoader("")
    try:
        value = loader.construct_object(node)
    finally:
        loader.dispose()
    if tag == "float" and not math.isfinite(value):
        raise fault(where, "a finite number", node.value)
    return value
