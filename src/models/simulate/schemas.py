"""Values that fit a JSON schema, made up by seeded chance. Rule: valid first; what is meant comes from `Wishes`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

_DEPTH = 8
_FORMATS = {
    "date": "2025-01-01",
    "date-time": "2025-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "simulated@example.com",
    "hostname": "example.com",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "regex": ".*",
    "json-pointer": "/a",
}
_CANDIDATES = (
    *("a", "simulated", "Simulated", "simulated text", "SIM", "1", "0.5", "01", "1234", "a1", "A1", "s1", "sim-1"),
    *("sim_1", "SIM-1", "USD", "en", "en-US", "a.b", "a/b", "/a/b", "$a", "${a}", "a:b", "deadbeef", "x" * 32),
    *("2025-01-01", "2025-01", "2025", "12:00", "12:00:00", "1.0.0", "v1.0.0", "#aabbcc", "+4912345678"),
    *("a@example.com", "https://example.com/"),
)  # tried in turn for a `pattern`
PASSES = ("pass", "passed", "ok", "valid", "accept", "accepted", "approve", "correct", "yes", "true", "success")
FAILS = ("fail", "failed", "invalid", "reject", "rejected", "incorrect", "wrong", "no", "false", "failure")
_FLAG = re.compile(r"^(is_|has_)?(pass(ed|es)?|ok|valid|correct|accept(ed|able)?|approved?|verdict|success)$", re.I)
_KEY = re.compile(r"^(id|key|index|number|name|step|step_id|item|item_id|case|ref)$", re.I)
_PROSE = re.compile(r"reason|explan|comment|text|summary|answer|content|message|description|title|note", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is meant: `ids` get one item each in a list of objects with an id; `text` stands in texts.

    `passes` draws a verdict, None: no verdicts are asked for. `reasons` are told for a pass and for a fail.
    """

    ids: tuple[str, ...] = ()
    text: str = "simulated"
    passes: Callable[[], bool] | None = None
    reasons: tuple[str, str] = ("It fits what was asked.", "It does not fit what was asked.")


@dataclass(slots=True)
class Maker:
    """Makes values for one document, whose `$ref`s it follows."""

    root: Mapping[str, Any]
    chance: Random
    wishes: Wishes = field(default_factory=Wishes)
    _passed: list[bool] = field(default_factory=list)

    def make(self, schema: Any, name: str = "", depth: int = 0) -> Any:
        """A value that fits; `name` is the property it is for."""
        schema = self._plain(schema)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self._chosen(schema["enum"])
        options = schema.get("anyOf") or schema.get("oneOf")
        if options:
            return self.make(self._option(options, depth), name, depth)
        match self._type(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "integer" | "number" as kind:
                return self._number(schema, kind == "integer", name)
            case "boolean":
                return self._passed[-1] if self._passed and _FLAG.search(name) else self.chance.random() < 0.5
            case "null":
                return None
            case _:
                return self._text(schema, name)

    def _plain(self, schema: Any) -> Mapping[str, Any]:
        """The schema with `$ref` and `allOf` folded in; `{}` for anything that is no schema."""
        for _ in range(20):
            if not isinstance(schema, Mapping):
                return {}
            if isinstance(schema.get("$ref"), str):
                rest = {key: value for key, value in schema.items() if key != "$ref"}
                schema = {**self._target(schema["$ref"]), **rest}
            elif schema.get("allOf"):
                schema = self._merged(schema)
            else:
                return schema
        return {}

    def _target(self, reference: str) -> Mapping[str, Any]:
        found: Any = self.root
        for part in reference.removeprefix("#").strip("/").split("/"):
            if part:
                found = found.get(part) if isinstance(found, Mapping) else None
        return found if isinstance(found, Mapping) else {}

    def _merged(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        merged: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            for key, value in self._plain(part).items():
                if key == "properties":
                    merged[key] = {**value, **merged.get(key, {})}
                elif key == "required":
                    merged[key] = [*merged.get(key, []), *value]
                else:
                    merged.setdefault(key, value)
        return merged

    def _type(self, schema: Mapping[str, Any]) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((option for option in kind if option != "null"), "null")
        if kind is None:
            kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
        return str(kind)

    def _option(self, options: list[Any], depth: int) -> Any:
        """The first alternative that is not null; null when deep inside."""
        nulls = [option for option in options if self._plain(option).get("type") == "null"]
        others = [option for option in options if option not in nulls]
        return nulls[0] if nulls and (depth >= _DEPTH or not others) else others[0]

    def _chosen(self, options: list[Any]) -> Any:
        if self._passed:
            words = PASSES if self._passed[-1] else FAILS
            fitting = [option for option in options if str(option).lower() in words]
            if fitting:
                return fitting[0]
        return self.chance.choice(options)

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        if self.wishes.passes is not None:
            self._passed.append(self.wishes.passes())
        required = schema.get("required", [])
        made = {
            name: self.make(inner, name, depth + 1)
            for name, inner in schema.get("properties", {}).items()
            if name in required or depth < _DEPTH // 2
        }
        extra = schema.get("additionalProperties")
        names = [name for name in required if name not in made]
        names += [f"key_{number + 1}" for number in range(schema.get("minProperties", 0) - len(made) - len(names))]
        for name in names:
            made[name] = self.make(extra if isinstance(extra, Mapping) else {}, name, depth + 1)
        if self.wishes.passes is not None:
            self._passed.pop()
        return made

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        fixed = [self.make(inner, name, depth + 1) for inner in schema.get("prefixItems", [])]
        items = self._plain(schema.get("items", {}))
        least, most = schema.get("minItems", 0), schema.get("maxItems", 1_000_000)
        key = next((field for field in items.get("properties", {}) if _KEY.match(field)), None)
        if key is not None and least <= len(self.wishes.ids) <= most and self.wishes.ids:
            return [self._named(items, key, number, depth) for number in range(len(self.wishes.ids))]
        wanted = 0 if depth >= _DEPTH else self.chance.randint(1, 3)
        count = min(max(least, wanted), most) - len(fixed)
        made = [self.make(items, name, depth + 1) for _ in range(count)]
        return fixed + (self._unique(made) if schema.get("uniqueItems") else made)

    def _named(self, items: Mapping[str, Any], key: str, number: int, depth: int) -> dict[str, Any]:
        """The item for one of the ids; where the schema takes neither the id nor its number, any item."""
        from jsonschema import Draft202012Validator

        item = self._object(items, depth + 1)
        identity = self.wishes.ids[number]
        shared = {name: self.root[name] for name in ("$defs", "definitions") if name in self.root}
        wanted = {**self._plain(items["properties"][key]), **shared}
        options = (identity, int(identity) if identity.isdecimal() else number)
        fits = Draft202012Validator(wanted).is_valid
        fitting = [option for option in options if fits(option)]
        return {**item, key: fitting[0]} if fitting else item

    def _unique(self, values: list[Any]) -> list[Any]:
        unique: list[Any] = []
        for number, made in enumerate(values):
            other = made
            if made in unique and isinstance(made, str):
                other = f"{made} {number + 1}"
            elif made in unique and isinstance(made, int) and not isinstance(made, bool):
                other = max(v for v in unique if isinstance(v, int)) + 1
            if other not in unique:
                unique.append(other)
        return unique

    def _number(self, schema: Mapping[str, Any], is_whole: bool, name: str) -> float:
        step = schema.get("multipleOf", 1 if is_whole else 0)
        low, high = _bounds(schema, step or 0.01)
        share = self.chance.random()
        if self._passed and re.search(r"score|confidence|rating|grade", name, re.I):
            share = 1.0 if self._passed[-1] else 0.0
        if not step:
            return float(min(max(round(low + (high - low) * share, 3), low), high))
        first = math.ceil(low / step)
        made = (first + round((math.floor(high / step) - first) * share)) * step
        return int(made) if is_whole else made

    def _text(self, schema: Mapping[str, Any], name: str) -> str:
        text = self._words(schema, name)
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        if len(text) < least:
            text = (text + " simulated" * (least // 10 + 1))[:least]
        text = text if most is None else text[:most]
        pattern = schema.get("pattern")
        if pattern is None or _found(pattern, text):
            return text
        fitting = (c for c in _CANDIDATES if _found(pattern, c) and least <= len(c) <= (most or 1_000_000))
        return next(fitting, text)

    def _words(self, schema: Mapping[str, Any], name: str) -> str:
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        if self._passed and _FLAG.search(name):
            return "pass" if self._passed[-1] else "fail"
        if self._passed and _PROSE.search(name):
            return self.wishes.reasons[0 if self._passed[-1] else 1]
        if _KEY.match(name):
            return self.wishes.ids[0] if self.wishes.ids else "s1"
        return self.wishes.text if _PROSE.search(name) else "simulated"


def value(schema: Mapping[str, Any], chance: Random, wishes: Wishes | None = None) -> Any:
    """A value that fits the schema. Patterns are met where a common text fits them."""
    return Maker(schema, chance, wishes or Wishes()).make(schema)


def _found(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return True


def _bounds(schema: Mapping[str, Any], tiny: float) -> tuple[float, float]:
    """The least and the greatest number allowed; 0 to 10 where the schema leaves it open."""
    low, high = schema.get("minimum"), schema.get("maximum")
    if _is_number(schema.get("exclusiveMinimum")):
        low = schema["exclusiveMinimum"] + tiny
    if _is_number(schema.get("exclusiveMaximum")):
        high = schema["exclusiveMaximum"] - tiny
    if low is None:
        low = 0 if high is None else min(0, high)
    return low, max(low + 10, 1) if high is None else high


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
