"""What is wrong with a schema that a reply shall fit. Rule: the words are those of the real API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any


def check(schema: Mapping[str, Any], *, is_strict: bool) -> str:
    """The first fault, empty if there is none; strict schemas close every object and require every property."""
    return _malformed(json.dumps(schema)) or (_loose(schema) if is_strict else "")


@lru_cache(maxsize=256)
def _malformed(schema: str) -> str:
    """What makes it no JSON schema at all."""
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(json.loads(schema), format_checker=Draft202012Validator.FORMAT_CHECKER)
    except SchemaError as error:
        return f"{error.message} at {error.json_path}"
    return ""


def _loose(schema: Mapping[str, Any]) -> str:
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
