"""What strict structured output demands of a schema: every object closed, every property required."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def check(schema: Mapping[str, Any]) -> str:
    """The first fault in the words of the real API, empty if there is none."""
    if schema.get("type") != "object":
        return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'."
    return next(_faults(schema, ()), "")


def _faults(schema: Any, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(schema, list):
        for number, inner in enumerate(schema):
            yield from _faults(inner, (*path, str(number)))
    if not isinstance(schema, Mapping):
        return
    if schema.get("type") == "object" or "properties" in schema:
        yield from _object_faults(schema, path)
    for keyword in ("properties", "$defs", "definitions"):
        for name, inner in (schema.get(keyword) or {}).items():
            yield from _faults(inner, (*path, keyword, name))
    for keyword in ("items", "anyOf"):
        yield from _faults(schema.get(keyword), (*path, keyword))


def _object_faults(schema: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    if schema.get("additionalProperties") is not False:
        yield f"In context={path!r}, 'additionalProperties' is required to be supplied and to be false."
    missing = [name for name in schema.get("properties", {}) if name not in schema.get("required", [])]
    if missing:
        yield (
            f"In context={path!r}, 'required' is required to be supplied and to be an array including every key in "
            f"properties. Missing {missing[0]!r}."
        )
