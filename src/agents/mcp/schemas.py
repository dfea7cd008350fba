"""Texts and schemas of strangers, made fit to be kept, shown and checked against.

Rule: what is left of a schema can be checked without harm: no reference leads out of it or round to itself, no regular
expression of theirs is run, and no branching multiplies. A schema that can't be made so is replaced by an open one; the
server checks what it is sent anyway.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

DESCRIPTION_CHARS = 1_000
SCHEMA_BYTES = 100_000
OPEN: Mapping[str, Any] = {"type": "object"}
_DEPTH = 40
_TEXT_CHARS = 300
_BRANCHES = 200
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_UNSEEN = frozenset({"Cf", "Co", "Cn", "Cs", "Cc"})
_DROPPED = frozenset(
    {"pattern", "patternProperties", "$schema", "$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "examples"}
)
_NAMED = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
_DATA = frozenset({"enum", "const", "default"})
_IN_PLACE = ("anyOf", "oneOf", "allOf")


def clean(text: str, limit: int = DESCRIPTION_CHARS) -> str:
    """`text` on one line without what can't be seen (controls, colours, hidden and direction marks), cut at `limit`."""
    text = _ANSI.sub("", text.encode("utf-8", "replace").decode("utf-8"))
    seen = "".join((" " if char.isspace() else "") if unicodedata.category(char) in _UNSEEN else char for char in text)
    shown = " ".join(seen.split())
    return shown if len(shown) <= limit else f"{shown[: limit - 3].rstrip()}..."


def usable(schema: Any, where: str, notes: list[str]) -> Mapping[str, Any]:
    """A server's schema as it may be used; an open one, and a note, where it can't be."""
    from jsonschema import Draft202012Validator, SchemaError

    try:
        if len(json.dumps(schema)) > SCHEMA_BYTES:
            raise ValueError(f"it has more than {SCHEMA_BYTES:,} bytes")
        safe = _safe(schema, 0)
        if not isinstance(safe, dict):
            raise ValueError("it is no object")
        Draft202012Validator.check_schema(safe)
        weights: dict[int, int] = {}
        for part in _schemas(safe):
            _weight(part, safe, set(), weights)
    except (ValueError, TypeError, RecursionError, SchemaError) as error:
        why = clean(str(getattr(error, "message", error)), 120)
        notes.append(f"the schema of {where} is not used: {why}")
        return OPEN
    return safe


def _safe(value: Any, depth: int, *, are_names: bool = False) -> Any:
    """A copy with clean texts and without unwanted keywords; `are_names`: the keys are names, not keywords."""
    if depth > _DEPTH:
        raise ValueError("it is nested too deep")
    if isinstance(value, dict):
        made = {}
        for key, inner in value.items():
            if are_names and clean(key, _TEXT_CHARS) != key:
                raise ValueError(f"it has an argument with an unusable name: {clean(key, 40)!r}")
            if not are_names and (key in _DROPPED or (key in _DATA and not _is_clean(inner))):
                continue
            made[key] = _safe(inner, depth + 1, are_names=not are_names and key in _NAMED)
        return made
    if isinstance(value, list):
        return [_safe(inner, depth + 1) for inner in value]
    return clean(value, _TEXT_CHARS) if isinstance(value, str) else value


def _is_clean(value: Any) -> bool:
    """Whether data in a schema has only texts that `clean` leaves as they are."""
    if isinstance(value, str):
        return clean(value, _TEXT_CHARS) == value
    if isinstance(value, dict):
        return all(_is_clean(key) and _is_clean(inner) for key, inner in value.items())
    return all(map(_is_clean, value)) if isinstance(value, list) else True


def _schemas(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _schemas(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _schemas(inner)


def _weight(schema: Any, root: Mapping[str, Any], active: set[int], known: dict[int, int]) -> int:
    """How many schemas one value is held against at this place.

    Raises:
        ValueError: endlessly many, or too many.
    """
    if not isinstance(schema, dict):
        return 1
    if id(schema) in known:
        return known[id(schema)]
    if id(schema) in active:
        raise ValueError("it refers to itself in a circle")
    active.add(id(schema))
    weight = 1 + sum(_weight(inner, root, active, known) for inner in _same_place(schema, root))
    active.discard(id(schema))
    if weight > _BRANCHES:
        raise ValueError("it branches too often")
    known[id(schema)] = weight
    return weight


def _same_place(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Any]:
    """The schemas that the same value has to fit, too."""
    for key in _IN_PLACE:
        options = schema.get(key)
        yield from options if isinstance(options, list) else ()
    for key in ("not", "if", "then", "else"):
        if key in schema:
            yield schema[key]
    dependent = schema.get("dependentSchemas")
    yield from dependent.values() if isinstance(dependent, dict) else ()
    reference = schema.get("$ref")
    if isinstance(reference, str):
        yield _target(reference, root)


def _target(reference: str, root: Mapping[str, Any]) -> Any:
    if not reference.startswith("#"):
        raise ValueError(f"it refers to {reference!r}, outside of itself")
    target: Any = root
    for part in filter(None, reference.removeprefix("#").split("/")):
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(target, list) and name.isdigit() and int(name) < len(target):
            target = target[int(name)]
        else:
            target = target.get(name) if isinstance(target, dict) else None
    if not isinstance(target, (dict, bool)):
        raise ValueError(f"it refers to {reference!r}, which is not there")
    return target
