"""Tools written as one-line signatures: `files.scan(path: string, limit?: integer = 10) -> {files: integer}`.

Rule: what is not understood fits everything (`{}`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_NAME = re.compile(r"^[ \t]*(?:[-*•]|\d+[.)])?[ \t]*[`*]*([A-Za-z_][\w.:/-]*)\(", re.M)
_TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "array": {"type": "array"},
    "object": {"type": "object"},
    "null": {"type": "null"},
    "any": {},
}
_OTHER_NAMES = {
    "str": "string", "text": "string", "path": "string", "int": "integer", "float": "number", "bool": "boolean",
    "list": "array", "dict": "object", "None": "null",
}  # fmt: skip


def signatures(text: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any], str]]:
    """Name, schema of the arguments, schema of the result and the rest of the line, of each signature line."""
    for match in _NAME.finditer(text):
        end = _closing(text, match.end() - 1)
        if end is None:
            continue
        rest = text[end + 1 :].split("\n", 1)[0].strip("`* \t")
        arrow = re.match(r"(?:->|→|=>)\s*", rest)
        output: dict[str, Any] = {}
        if arrow:
            written, rest = _type_and_rest(rest[arrow.end() :])
            output = schema(written)
        yield match[1], fields(text[match.end() : end]), output, rest.lstrip(" :-")


def _type_and_rest(text: str) -> tuple[str, str]:
    """A type at the start of a line, and what stands behind it."""
    depth = 0
    for place, sign in enumerate(text):
        depth += (sign in "{[(<") - (sign in "}])>")
        if depth == 0 and (sign in ":;#`*" or text.startswith((" - ", " \N{EM DASH} ", "  "), place)):
            return text[:place], text[place:]
    return text, ""


def _closing(text: str, start: int) -> int | None:
    """Where the bracket that opens at `start` closes, within 4,000 characters."""
    depth = 0
    quoted = False
    for place in range(start, min(len(text), start + 4000)):
        sign = text[place]
        quoted ^= sign == '"'
        if not quoted:
            depth += (sign in "([{") - (sign in ")]}")
        if depth == 0:
            return place
    return None


def fields(text: str) -> dict[str, Any]:
    """`a: string, b?: integer = 3` as the schema of an object."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    for part in _split(text, ","):
        head, default = _head_and_default(part)
        name, _, written = head.partition(":")
        name = name.strip().strip("\"'`*")
        is_optional = name.endswith("?") or bool(default.strip()) or written.strip().endswith("?")
        name = name.rstrip("?")
        if not re.fullmatch(r"[A-Za-z_][\w-]*", name):
            continue
        properties[name] = schema(written.strip().rstrip("?"))
        if not is_optional:
            required.append(name)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def schema(text: str) -> dict[str, Any]:
    """`string`, `string[]`, `list[integer]`, `"a" | "b"`, `{a: string}`, `[string]`, `integer | null` as a schema."""
    text = text.strip()
    options = _split(text, "|")
    if len(options) > 1:
        return _alternatives(options)
    if text.startswith("{") and text.endswith("}"):
        return fields(text[1:-1]) if text != "{}" else {"type": "object"}
    if text.endswith("[]"):
        return {"type": "array", "items": schema(text[:-2])}
    if text.startswith("[") and text.endswith("]"):
        return {"type": "array", "items": schema(text[1:-1])}
    if match := re.fullmatch(r"(?:list|array|List|Array)\s*[\[<](.*)[\]>]", text):
        return {"type": "array", "items": schema(match[1])}
    if re.fullmatch(r"(?:dict|object|record)\s*[\[<].*[\]>]", text):
        return {"type": "object"}
    if text[:1] in "\"'" and text[-1:] == text[:1] and len(text) > 1:
        return {"const": text[1:-1]}
    return dict(_TYPES.get(_OTHER_NAMES.get(text, text), {}))


def _alternatives(options: list[str]) -> dict[str, Any]:
    made = [schema(option) for option in options]
    if all("const" in option for option in made):
        return {"enum": [option["const"] for option in made]}
    if any(not option for option in made):
        try:
            return {"enum": [json.loads(option) for option in options]}
        except ValueError:
            return {}
    return {"anyOf": made}


def _head_and_default(text: str) -> tuple[str, str]:
    """`op: "=" | "<" = "<"` as what stands before and behind the first `=` outside quotes and brackets."""
    for place, found in _outside(text):
        if found == "=" and text[place + 1 : place + 2] != ">":
            return text[:place], text[place + 1 :]
    return text, ""


def _split(text: str, sign: str) -> list[str]:
    """The parts between a sign, outside brackets and quotes; none for an empty text."""
    parts, start = [], 0
    for place, found in _outside(text):
        if found == sign:
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def _outside(text: str) -> Iterator[tuple[int, str]]:
    """The signs outside brackets and quotes, with their places."""
    depth, quoted = 0, False
    for place, found in enumerate(text):
        quoted ^= found == '"'
        if quoted:
            continue
        depth += (found in "([{<") - (found in ")]}>")
        if depth == 0:
            yield place, found
