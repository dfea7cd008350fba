"""JSON out of a model: by schema where the server can, by JSON mode, else out of the text.

Rule: what comes back is checked against the schema; servers that accept `response_format` and ignore it are common.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from ..errors import ModelError

Way = Literal["json_schema", "json_object", "text"]
WAYS: tuple[Way, ...] = ("json_schema", "json_object", "text")

_THOUGHTS = re.compile(r"<(think|thinking|reasoning)>.*?(</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[a-zA-Z0-9_-]*[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)


def response_format(way: Way, name: str, schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The request's `response_format`; None for `text`."""
    match way:
        case "json_schema":
            return {"type": "json_schema", "json_schema": {"name": name, "schema": dict(schema), "strict": False}}
        case "json_object":
            return {"type": "json_object"}
        case _:
            return None


def instruction(schema: Mapping[str, Any]) -> str:
    """What a prompt says so that servers without schemas know the shape."""
    return f"Answer with one JSON object of this JSON schema and nothing else:\n{json.dumps(schema)}"


def without_thoughts(text: str) -> str:
    """A reply without the thoughts some models put before it."""
    return _THOUGHTS.sub("", text).strip()


def parse(text: str, schema: Mapping[str, Any]) -> Any:
    """The JSON value of a reply, checked: the whole text, a fenced block, or the first object or list in it.

    Raises:
        ModelError: there is none, or it does not fit the schema; the text says what was wrong with the nearest one.
    """
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(dict(schema))
    fault = "no JSON"
    for value in _candidates(without_thoughts(text)):
        error = next(validator.iter_errors(value), None)
        if error is None:
            return value
        place = ".".join(str(part) for part in error.absolute_path) or "the top"
        fault = f"{error.message[:200]} at {place}"
    raise ModelError(f"expected JSON of the given schema, got {fault}: {text[:120]!r}", kind="reply")


def _candidates(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    for piece in (text, *_FENCE.findall(text)):
        try:
            yield json.loads(piece)
        except ValueError:
            continue
    for match in re.finditer(r"[\[{]", text):
        try:
            yield decoder.raw_decode(text, match.start())[0]
        except ValueError:
            continue
        if match.start() > 20_000:
            return
