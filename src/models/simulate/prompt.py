"""What stands in a prompt: JSON data, the goal, ids, offered tools' signatures. Rule: finds, never fails."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_SCANNED = 400_000  # characters
_TRIES = 5_000
_OPENING = re.compile(r"[{\[]")
_NESTED = re.compile(r"[{\[\s]+")
_GOAL = (
    re.compile(r"<goal>\s*(.+?)\s*</goal>", re.I | re.S),
    re.compile(r"^#+[ \t]*(?:goal|task|request)[ \t]*\n+(.+?)(?=\n\s*\n|\n#|\Z)", re.I | re.S | re.M),
    re.compile(
        r"^[ \t*_]*(?:the[ \t]+)?(?:user'?s?[ \t]+)?(?:goal|task|request)[*_ \t]*[:=]+[*_ \t]*\n?(.+)", re.I | re.M
    ),
)
_IDS = (
    re.compile(r"\bid[\"']?\s*[:=]\s*[\"']?([\w.\[\]-]+)", re.I),
    re.compile(
        r"^\s*(?:#+|[-*])?\s*(?:step|item|judgement|case|question|prompt)\s+[\"'`]?([\w.\[\]-]+)[\"'`]?\s*[:.\n]",
        re.I | re.M,
    ),
    re.compile(r"^\s*\[(\w+)\]\s", re.M),
)
_KEYS = ("id", "key", "step", "step_id", "item", "item_id", "index", "number", "case")


def values(text: str) -> list[Any]:
    """Every JSON object and array in a text, outermost only, in order."""
    text = text[:_SCANNED]
    decoder = json.JSONDecoder()
    found: list[Any] = []
    position = tries = 0
    while (match := _OPENING.search(text, position)) and tries < _TRIES:
        tries += 1
        try:
            value, position = decoder.raw_decode(text, match.start())
            found.append(value)
        except ValueError:
            position = match.start() + 1
        except RecursionError:
            position = _NESTED.match(text, match.start()).end()  # type: ignore[union-attr]
    return found


def objects(found: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Every object in JSON data, outer before inner, ten levels deep."""
    if depth > 10:
        return
    if isinstance(found, Mapping):
        yield found
        for inner in found.values():
            yield from objects(inner, depth + 1)
    elif isinstance(found, list):
        for inner in found:
            yield from objects(inner, depth + 1)


def goal(text: str, otherwise: str = "") -> str:
    """The goal that a prompt names, in JSON, a tag, under a heading or behind `Goal:`; else `otherwise`."""
    for pattern in _GOAL:
        if match := pattern.search(text):
            told = match[1].strip().strip("*_`").strip()
            return _unquoted(told) if told else otherwise
    for found in objects(values(text)):
        if isinstance(found.get("goal"), str):
            return str(found["goal"])
    return otherwise.strip()


def _unquoted(text: str) -> str:
    try:
        told = json.loads(text) if text.startswith('"') else text
    except ValueError:
        return text
    return told if isinstance(told, str) else text


def ids(text: str) -> tuple[str, ...]:
    """The ids of what a prompt lists, each once, in order: from JSON, else from `id: x`, `Step x:` or `[x]`."""
    told: list[str] = []
    for value in values(text):
        if isinstance(value, Mapping) and ("$schema" in value or "properties" in value):
            continue
        told += _listed(value)
    if told:
        return tuple(dict.fromkeys(told))
    for pattern in _IDS:
        if found := pattern.findall(text[:_SCANNED]):
            return tuple(dict.fromkeys(found))
    return ()


def _listed(value: Any) -> list[str]:
    """The ids in a list of objects, the first such list in the data; of one object, its own."""
    items = value if isinstance(value, list) else [value]
    named = [_identity(item) for item in items if isinstance(item, Mapping)]
    if named and all(name is not None for name in named):
        return [name for name in named if name is not None]
    inner = value.values() if isinstance(value, Mapping) else items
    for part in inner:
        if isinstance(part, (list, Mapping)) and (found := _listed(part)):
            return found
    return []


def _identity(item: Mapping[str, Any]) -> str | None:
    for key in _KEYS:
        if isinstance(item.get(key), (str, int)) and not isinstance(item[key], bool):
            return str(item[key])
    return None


def schema(text: str) -> Mapping[str, Any] | None:
    """The last JSON schema of an object or array that a prompt contains, None if there is none."""
    found = None
    for value in values(text):
        found = next((inner for inner in objects(value) if _is_schema(inner)), found)
    return found


def _is_schema(value: Mapping[str, Any]) -> bool:
    return (value.get("type") == "object" and isinstance(value.get("properties"), Mapping)) or (
        value.get("type") == "array" and isinstance(value.get("items"), Mapping)
    )
