"""Scripted replies: a YAML list of rules; the first that fits a request and is not used up answers it.

Rule: what a rule says is checked when the file is read, and a fault names line and key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ...errors import UsageError
from . import yamlmarks
from .yamlmarks import written

_MAX_BYTES = 4 * 2**20
ENDPOINTS = ("chat", "embeddings", "models")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a rule looks at. `features` are among stream, tools, json_schema, json_object."""

    endpoint: str
    model: str
    text: str
    last_user: str
    features: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """When a rule fits: all that is said must hold. `nth` counts the requests that fit the rest, 0: any."""

    contains: tuple[str, ...] = ()
    user_contains: tuple[str, ...] = ()
    regex: re.Pattern[str] | None = None
    model: str = "*"
    endpoint: str = ""
    has: frozenset[str] = frozenset()
    nth: int = 0

    def fits(self, asked: Asked) -> bool:
        """Whether all but `nth` holds."""
        return (
            self.endpoint in ("", asked.endpoint)
            and fnmatchcase(asked.model, self.model)
            and self.has <= asked.features
            and all(part in asked.text for part in self.contains)
            and all(part in asked.last_user for part in self.user_contains)
            and (self.regex is None or self.regex.search(asked.text) is not None)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted:
    """What a rule replies; None: left to the brains or the settings.

    `text` also carries what `json` and `lines` were written as. `tool_calls` are (name, arguments as data).
    `fault` "": the one drawn by chance, "none": none.
    """

    text: str | None = None
    reasoning: str = ""
    tool_calls: tuple[tuple[str, Any], ...] = ()
    seconds_per_line: float | None = None
    finish_reason: str = "stop"
    usage: Mapping[str, int] | None = None
    status: int = 200
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    delay_s: float = 0.0
    ttft_s: float | None = None
    token_rate: float | None = None
    fault: str = ""

    @property
    def says(self) -> bool:
        """Whether it says what the model says."""
        return self.text is not None or bool(self.tool_calls) or bool(self.reasoning)


@dataclass(slots=True)
class Rule:
    """One rule; `times` 0: as often as it fits. `fitted` and `used` count."""

    when: When
    reply: Scripted
    times: int = 0
    fitted: int = 0
    used: int = 0


class Scenario:
    """The rules of a file, with what was used of them."""

    def __init__(self, rules: list[Rule]) -> None:
        self._rules = rules

    def __len__(self) -> int:
        return len(self._rules)

    def reply(self, asked: Asked) -> Scripted | None:
        """The reply of the first rule that fits, None if none does. Counts the request."""
        for rule in self._rules:
            if (rule.times and rule.used >= rule.times) or not rule.when.fits(asked):
                continue
            rule.fitted += 1
            if rule.when.nth in (0, rule.fitted):
                rule.used += 1
                return rule.reply
        return None


def load(path: Path) -> Scenario:
    """The scenario in a file.

    Raises:
        UsageError: it can't be read or does not fit; names line and key.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UsageError(f"{path}: expected a scenario of at most {_MAX_BYTES:,} bytes")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: expected a readable scenario file, got {error}") from error
    return parse(text, str(path))


def parse(text: str, where: str = "scenario") -> Scenario:
    """The scenario written as YAML: `rules:` with a list, or the list alone.

    Raises:
        UsageError: names line and key.
    """
    data, lines = yamlmarks.read(text, where)
    reader = _Reader(where, lines)
    at: yamlmarks.Path = ()
    if isinstance(data, Mapping):
        reader.keys(data, (), ("rules", "scenario"))
        data, at = data.get("rules"), ("rules",)
    if not isinstance(data, list):
        raise reader.fault(at, "a list of rules", data)
    return Scenario([reader.rule(rule, (*at, number)) for number, rule in enumerate(data)])


class _Reader:
    """Turns plain data into rules; every fault names its line."""

    def __init__(self, where: str, lines: Mapping[yamlmarks.Path, int]) -> None:
        self._where = where
        self._lines = lines

    def fault(self, path: yamlmarks.Path, expected: str, got: Any) -> UsageError:
        """What is wrong at a path."""
        line = next((self._lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self._lines), 1)
        return UsageError(f"{self._where} line {line}: {written(path)}: expected {expected}, got {got!r:.80}")

    def keys(self, data: Any, path: yamlmarks.Path, known: tuple[str, ...]) -> None:
        """Refuses what is no object, and keys nobody knows."""
        if not isinstance(data, Mapping):
            raise self.fault(path, "an object", data)
        for key in data:
            if key not in known:
                near = get_close_matches(str(key), known, n=1)
                hint = f"{near[0]!r}" if near else f"one of {', '.join(known)}"
                raise self.fault((*path, str(key)), hint, key)

    def rule(self, data: Any, path: yamlmarks.Path) -> Rule:
        self.keys(data, path, ("when", "reply", "times"))
        if "reply" not in data:
            raise self.fault(path, "a reply", list(data))
        when = self._when(data.get("when", {}), (*path, "when"))
        reply = self._reply(data["reply"], (*path, "reply"))
        times = data.get("times", 0)
        if not _is_whole(times):
            raise self.fault((*path, "times"), "a whole number, 0: always", times)
        return Rule(when, reply, times)

    def _when(self, data: Any, path: yamlmarks.Path) -> When:
        self.keys(data, path, tuple(_WHEN))
        return When(**{key: self._read(_WHEN[key], value, (*path, key)) for key, value in data.items()})

    def _reply(self, data: Any, path: yamlmarks.Path) -> Scripted:
        data = {"text": data} if isinstance(data, str) else data
        self.keys(data, path, (*_REPLY, "json", "lines"))
        said = [key for key in ("text", "json", "lines") if key in data]
        if len(said) > 1:
            raise self.fault((*path, said[1]), f"one of text, json and lines, and {said[0]} is there", said[1])
        made = {key: self._read(_REPLY[key], data[key], (*path, key)) for key in data if key in _REPLY}
        if said and said[0] != "text":
            made["text"] = self._read(_SAID[said[0]], data[said[0]], (*path, said[0]))
        return Scripted(**made)

    def _read(self, kind: _Kind, value: Any, path: yamlmarks.Path) -> Any:
        expected, convert = kind
        made = convert(value)
        if made is None:
            raise self.fault(path, expected, value)
        return made


# what is expected, and what makes the value of it (None: it does not fit)
_Kind = tuple[str, Callable[[Any], Any]]


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: Any) -> tuple[str, ...] | None:
    values = [value] if isinstance(value, str) else value
    return tuple(values) if isinstance(values, list) and all(isinstance(v, str) for v in values) else None


def _pattern(value: Any) -> re.Pattern[str] | None:
    try:
        return re.compile(value, re.DOTALL) if isinstance(value, str) else None
    except re.error:
        return None


def _features(value: Any) -> frozenset[str] | None:
    found = _texts(value)
    known = {"stream", "tools", "json_schema", "json_object"}
    return frozenset(found) if found is not None and set(found) <= known else None


def _seconds(value: Any) -> float | None:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e9
    return float(value) if fits else None


def _positive(value: Any) -> int | None:
    return value if _is_whole(value) and value > 0 else None


def _status(value: Any) -> int | None:
    return value if _is_whole(value) and 200 <= value < 600 else None


def _headers(value: Any) -> dict[str, str] | None:
    if not isinstance(value, Mapping) or not all(isinstance(v, (str, int, float)) for v in value.values()):
        return None
    return {str(key).lower(): str(inner) for key, inner in value.items()}


def _usage(value: Any) -> dict[str, int] | None:
    known = {"prompt_tokens", "completion_tokens"}
    fits = isinstance(value, Mapping) and set(value) <= known and all(map(_is_whole, value.values()))
    return dict(value) if fits else None


def _fault(value: Any) -> str | None:
    from .settings import FAULTS

    told = str(value)
    return told if told in FAULTS or told == "none" else None


def _calls(value: Any) -> tuple[tuple[str, Any], ...] | None:
    fits = isinstance(value, list) and all(
        isinstance(call, Mapping) and isinstance(call.get("name"), str) and set(call) <= {"name", "arguments"}
        for call in value
    )
    return tuple((call["name"], call.get("arguments", {})) for call in value) if fits else None


def _as_json(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, default=str)


def _lines(value: Any) -> str | None:
    if not isinstance(value, list):
        return None
    return "".join((line if isinstance(line, str) else _as_json(line)) + "\n" for line in value)


_A_NUMBER = "a number of seconds, 0 or more"
_WHEN: Mapping[str, _Kind] = {
    "contains": ("a text or a list of texts", _texts),
    "user_contains": ("a text or a list of texts", _texts),
    "regex": ("a regular expression", _pattern),
    "model": ("a model's name, * for any letters", _text),
    "endpoint": (f"one of {', '.join(ENDPOINTS)}", lambda value: value if value in ENDPOINTS else None),
    "has": ("some of stream, tools, json_schema, json_object", _features),
    "nth": ("a whole number from 1", _positive),
}
_REPLY: Mapping[str, _Kind] = {
    "text": ("a text", _text),
    "reasoning": ("a text", _text),
    "tool_calls": ("a list of {name, arguments}", _calls),
    "seconds_per_line": (_A_NUMBER, _seconds),
    "finish_reason": ("a text", _text),
    "usage": ("prompt_tokens and completion_tokens as whole numbers", _usage),
    "status": ("an HTTP status from 200 to 599", _status),
    "message": ("a text", _text),
    "headers": ("an object of texts", _headers),
    "body": ("a text", _text),
    "delay_s": (_A_NUMBER, _seconds),
    "ttft_s": (_A_NUMBER, _seconds),
    "token_rate": ("tokens a second, 0: at once", _seconds),
    "fault": ("the name of a fault, or none", _fault),
}
_SAID: Mapping[str, _Kind] = {
    "json": ("data", _as_json),
    "lines": ("a list of lines, texts or data", _lines),
}
