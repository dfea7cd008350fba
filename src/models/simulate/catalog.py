"""The tools a request offers to a planner: as functions, as JSON in the prompt, or as signature lines there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import prompt
from .request import ChatRequest
from .signatures import signatures

_INPUTS = ("input_schema", "parameters", "inputSchema", "args_schema", "arguments", "args")
_OUTPUTS = ("output_schema", "outputSchema", "returns", "result", "output")
_WORD = re.compile(r"[A-Za-z]{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A tool that steps may use; `output` `{}`: nothing is known of its result."""

    name: str
    description: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    output: Mapping[str, Any] = field(default_factory=dict)
    writes: bool = False

    @property
    def properties(self) -> Mapping[str, Any]:
        """The arguments it takes."""
        found = self.schema.get("properties")
        return found if isinstance(found, Mapping) else {}

    @property
    def required(self) -> list[str]:
        """The arguments it must be given."""
        return [name for name in self.schema.get("required", []) if isinstance(name, str)]


def offers(request: ChatRequest) -> list[Offer]:
    """Every tool offered, each name once, in order."""
    found: dict[str, Offer] = {}
    for function in request.tools:
        if made := _from_object(function):
            found.setdefault(made.name, made)
    text = request.text("system", "developer", "user")
    for value in prompt.objects(prompt.values(text)):
        if made := _from_object(value):
            found.setdefault(made.name, made)
    for name, schema, output, rest in signatures(text):
        writes = _writes(rest)
        found.setdefault(name, Offer(name=name, description=rest, schema=schema, output=output, writes=writes))
    return list(found.values())


def _from_object(value: Mapping[str, Any]) -> Offer | None:
    name = value.get("name", value.get("action"))
    if not isinstance(name, str) or not name:
        return None
    schema = next((value[key] for key in _INPUTS if isinstance(value.get(key), Mapping)), None)
    if schema is None or ("id" in value and "action" in value):
        return None
    if "properties" not in schema and "type" not in schema and "$ref" not in schema:
        schema = {"type": "object", "properties": schema}
    output: Mapping[str, Any] = next((value[key] for key in _OUTPUTS if isinstance(value.get(key), Mapping)), {})
    description = str(value.get("description", ""))
    writes = value.get("effect") == "write" or value.get("destructive") is True
    return Offer(name=name, description=description, schema=schema, output=output, writes=writes)


def _writes(text: str) -> bool:
    return re.search(r"[\[(]\s*(effect\s*[:=]\s*)?write\b", text) is not None


def likeness(offer: Offer, text: str) -> float:
    """How many words of a tool's name and description a text shares, 0 to 1; the name counts double."""
    words = set(_lowered(text))
    named, told = set(_lowered(offer.name)), set(_lowered(offer.description))
    total = 2 * len(named) + len(told)
    return (2 * len(named & words) + len(told & words)) / total if total else 0.0


def _lowered(text: str) -> Iterator[str]:
    for match in _WORD.finditer(text):
        yield match[0].lower().removesuffix("s")
