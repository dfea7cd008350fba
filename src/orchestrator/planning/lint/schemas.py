"""Questions to JSON schemas: do these arguments fit, does this output have that field.

Rule: only what is certain is said; a schema that leaves something open is never held against a plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..plan import Path

Schema = Mapping[str, Any]
_ANY: Schema = {}


def resolved(schema: Schema, root: Schema) -> Schema:
    """The schema behind `$ref`s; `{}` (anything) when a reference leads out of the document."""
    for _ in range(20):
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        target: Any = root
        for part in reference.removeprefix("#/").split("/"):
            target = target.get(part) if isinstance(target, Mapping) else None
        if not isinstance(target, Mapping):
            return _ANY
        schema = target
    return _ANY


def alternatives(schema: Schema, root: Schema) -> Iterator[Schema]:
    """The schemas a value may have: those of anyOf and oneOf, without null."""
    schema = resolved(schema, root)
    options = schema.get("anyOf") or schema.get("oneOf")
    if not isinstance(options, list):
        yield schema
        return
    for option in options:
        for inner in alternatives(option, root):
            if inner.get("type") != "null":
                yield inner


def lacks(schema: Schema, path: Path, root: Schema | None = None) -> tuple[Path, list[str]] | None:
    """The shortest part of `path` that no value of this schema has, with the names that are there; None if it may."""
    root = root if root is not None else schema
    if not path:
        return None
    misses = [_lacks(option, path, root) for option in alternatives(schema, root)]
    return misses[0] if misses and all(miss is not None for miss in misses) else None


def _lacks(schema: Schema, path: Path, root: Schema) -> tuple[Path, list[str]] | None:
    head, rest = path[0], path[1:]
    kind = _kind(schema)
    if isinstance(head, int):
        if kind not in (None, "array"):
            return (head,), list(schema.get("properties", ()))
        inner: Any = schema.get("items", _ANY)
        if isinstance(schema.get("prefixItems"), list) and head < len(schema["prefixItems"]):
            inner = schema["prefixItems"][head]
    else:
        if kind not in (None, "object"):
            return (head,), []
        properties = schema.get("properties")
        inner = properties.get(head) if isinstance(properties, Mapping) else None
        if inner is None:
            extra = schema.get("additionalProperties", kind != "object" or properties is None)
            if extra is False or (properties and "additionalProperties" not in schema):
                return (head,), list(properties or ())
            inner = extra if isinstance(extra, Mapping) else _ANY
    deeper = lacks(inner if isinstance(inner, Mapping) else _ANY, rest, root)
    return None if deeper is None else ((head, *deeper[0]), deeper[1])


def _kind(schema: Schema) -> str | None:
    """The one type a value that is there has; None when it may have several."""
    kinds = schema.get("type")
    if isinstance(kinds, list):
        kinds = [kind for kind in kinds if kind != "null"]
        return str(kinds[0]) if len(kinds) == 1 else None
    return kinds if isinstance(kinds, str) else None


def at(schema: Schema, path: Path, root: Schema | None = None) -> Schema:
    """The schema of the part at `path`; `{}` when it is not certain."""
    root = root if root is not None else schema
    for part in path:
        options = list(alternatives(schema, root))
        if len(options) != 1:
            return _ANY
        only = options[0]
        inner = only.get("items") if isinstance(part, int) else only.get("properties", {}).get(part)
        if not isinstance(inner, Mapping):
            return _ANY
        schema = inner
    return resolved(schema, root)


_COMPATIBLE = {("integer", "number"), ("number", "integer")}


def can_fit(produced: Schema, produced_root: Schema, wanted: Schema, wanted_root: Schema) -> bool:
    """Whether some value of one schema could be one of the other; False only when no type is common."""
    have, want = types(produced, produced_root), types(wanted, wanted_root)
    if not have or not want:
        return True
    return any(h == w or (h, w) in _COMPATIBLE for h in have for w in want)


def types(schema: Schema, root: Schema) -> set[str]:
    """The JSON types a value may have; empty when it may have any."""
    found: set[str] = set()
    schema = resolved(schema, root)
    options = schema.get("anyOf") or schema.get("oneOf")
    for option in options if isinstance(options, list) else [schema]:
        kind = resolved(option, root).get("type")
        if kind is None:
            return set()
        found |= {kind} if isinstance(kind, str) else set(kind)
    return found


def faults(schema: Schema, arguments: Any, open_paths: Sequence[Path]) -> list[tuple[Path, str]]:
    """What is wrong with arguments, by place; nothing is said about parts that are only known later."""
    from jsonschema import Draft202012Validator

    found = []
    for error in Draft202012Validator(dict(schema)).iter_errors(_plain(arguments)):
        place = tuple(error.absolute_path)
        if not any(_touches(place, path, str(error.validator)) for path in open_paths):
            found.append((place, str(error.message)))
    return found


def _plain(value: Any) -> Any:
    """Tuples and other mappings as the lists and objects they will be: jsonschema knows no others."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _touches(place: Path, path: Path, validator: str) -> bool:
    """Whether a fault may vanish once the part at `path` is known."""
    if place[: len(path)] == path:
        return True
    return path[: len(place)] == place and validator not in ("required", "additionalProperties", "type", "minItems")
