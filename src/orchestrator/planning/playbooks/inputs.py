"""The typed inputs of a playbook: how they are declared, and the values they get.

Rule: a value given by name wins over the goal's text, and that over the default. What could be meant two ways is asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, get_args

from ....errors import InputError, UsageError
from ..plan import ID_PATTERN
from .dates import parse_range
from .findvalue import Ambiguous, find_values

Kind = Literal["text", "number", "date_range", "choice", "list", "file"]
_KEYS = ("type", "description", "default", "required", "choices", "find")
_SHOWN = {
    "text": "a text",
    "number": "a number",
    "date_range": "a date range",
    "choice": "a choice",
    "list": "a list",
    "file": "a file or folder",
}
_HERE = frozenset({"here", "this folder", "this directory", "the current folder", "the current directory", "cwd"})
_SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9, "%": 1}
_NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_NUMBER = re.compile(r"([+-]?\d[\d,_ ]*(?:\.\d+)?(?:e[+-]?\d+)?)\s*(k|m|bn|thousand|million|billion|%)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A value a playbook needs. `default` None and `required` False: it may stay None.

    `find` are wordings with one `{value}` each, tried in order on the goal's text.
    """

    name: str
    type: Kind
    description: str = ""
    default: Any = None
    required: bool = True
    choices: tuple[Any, ...] = ()
    find: tuple[str, ...] = ()

    @property
    def question(self) -> str:
        """What to ask a person for."""
        told = self.description.rstrip(".") or _SHOWN[self.type]
        return f"{told} (one of {', '.join(map(str, self.choices))})" if self.choices else told


def read_input(name: str, declared: Any) -> Input:
    """The input that a playbook file declares.

    Raises:
        UsageError: says what is wrong with it.
    """
    if not re.fullmatch(ID_PATTERN, name):
        raise UsageError(f"the name {name!r}, which is not made of letters, digits, '_' and '-'")
    if not isinstance(declared, Mapping):
        raise UsageError(f"{declared!r} instead of an object with type and description")
    unknown = [key for key in declared if key not in _KEYS]
    if unknown:
        raise UsageError(f"the unknown key {unknown[0]!r}; known are {', '.join(_KEYS)}")
    kind = declared.get("type", "text")
    if kind not in get_args(Kind):
        raise UsageError(f"the type {kind!r}; known are {', '.join(get_args(Kind))}")
    made = Input(
        name=name,
        type=kind,
        description=_as(str, declared, "description", ""),
        default=declared.get("default"),
        required=_as(bool, declared, "required", declared.get("default") is None),
        choices=tuple(_as(list, declared, "choices", [])),
        find=_wordings(declared.get("find")),
    )
    return _checked(made)


def _as(kind: type, declared: Mapping[str, Any], key: str, default: Any) -> Any:
    value = declared.get(key, default)
    if not isinstance(value, kind):
        raise UsageError(f"{key}: {value!r}, which is no {kind.__name__}")
    return value


def _wordings(value: Any) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else (value or [])
    if not isinstance(found, list) or not all(isinstance(text, str) and text.count("{value}") == 1 for text in found):
        raise UsageError(f"find: {value!r}, which is no list of texts with {{value}} once in each")
    if any(not text.replace("{value}", "").strip() for text in found):
        raise UsageError("find: a wording without a word beside {value}")
    return tuple(found)


def _checked(made: Input) -> Input:
    if made.type == "choice" and not made.choices:
        raise UsageError("a choice without choices")
    if made.default is not None:
        try:
            convert(made, made.default, date(2000, 12, 31))
        except InputError as error:
            raise UsageError(f"a default that does not fit: {error}") from error
    return made


def fill(inputs: Mapping[str, Input], goal: str, given: Mapping[str, Any], today: date) -> dict[str, Any]:
    """The value of every input: from `given`, else the goal's text, else the default, else None.

    A date range is `{"start": "2025-01-01", "end": "2025-03-31"}`, both ends included.

    Raises:
        InputError: one is missing, does not fit, or could be meant two ways; the text is the question to ask.
        UsageError: a given name is no input.
    """
    for name in given:
        if name not in inputs:
            known = f"known are {', '.join(inputs)}" if inputs else "this playbook has none"
            raise UsageError(f"expected the name of an input, got {name!r}; {known}")
    open_inputs = {name: i for name, i in inputs.items() if given.get(name) is None}
    found = find_values(goal, {name: (i.type, i.find, i.choices) for name, i in open_inputs.items()})
    return {name: _value(declared, given.get(name), found.get(name), today) for name, declared in inputs.items()}


def _value(declared: Input, given: Any, found: Any, today: date) -> Any:
    if given is not None:
        return convert(declared, given, today)
    if isinstance(found, Ambiguous):
        raise _refusal(
            declared, f"which of {', '.join(map(repr, found.values))} is meant? Expected {declared.question}"
        )
    if found is not None:
        return convert(declared, found, today)
    if declared.default is not None:
        return convert(declared, declared.default, today)
    if declared.required:
        raise _refusal(declared, f"expected {declared.question}, got none")
    return None


def convert(declared: Input, value: Any, today: date) -> Any:
    """A value as text or plain data in the input's type.

    Raises:
        InputError: it does not fit; says what does.
    """
    match declared.type:
        case "number":
            return _number(declared, value)
        case "date_range":
            return _date_range(declared, value, today)
        case "choice":
            return _choice(declared, value)
        case "list":
            return _list(declared, value)
    if not isinstance(value, str):
        if isinstance(value, (Mapping, list, tuple, bool)) or declared.type == "file":
            raise _misfit(declared, value)
        value = str(value)
    value = value.strip()
    if declared.type == "file":
        value = _unquoted(value)
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", value) or "\0" in value or not value:
            raise _misfit(declared, value)
        return "." if value.lower() in _HERE else value
    return value


def _number(declared: Input, value: Any) -> int | float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < float("inf"):
        return value
    if not isinstance(value, str):
        raise _misfit(declared, value)
    text = value.strip()
    if text.lower() in _NUMBERS:
        return _NUMBERS.index(text.lower())
    match = _NUMBER.fullmatch(text)
    digits = re.sub(r"[_ ]", "", match[1]) if match else ""
    if match is None or ("," in digits and not re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", digits)):
        raise _misfit(declared, value)
    number = float(digits.replace(",", "")) * _SCALES.get((match[2] or "").lower(), 1)
    if abs(number) == float("inf"):
        raise _misfit(declared, value)
    return int(number) if number.is_integer() and "." not in digits else number


def _date_range(declared: Input, value: Any, today: date) -> dict[str, str]:
    if isinstance(value, Mapping) and set(value) == {"start", "end"}:
        value = f"{value['start']} to {value['end']}"
    if not isinstance(value, str):
        if isinstance(value, bool) or not isinstance(value, int):
            raise _misfit(declared, value)
        value = str(value)
    try:
        start, end = parse_range(value, today)
    except ValueError as error:
        raise _refusal(declared, f"expected {error}, got {value!r}") from error
    return {"start": start.isoformat(), "end": end.isoformat()}


def _choice(declared: Input, value: Any) -> Any:
    for choice in declared.choices:
        if str(choice).casefold() == str(value).strip().casefold():
            return choice
    raise _refusal(declared, f"expected one of {', '.join(map(str, declared.choices))}, got {value!r}")


def _list(declared: Input, value: Any) -> list[Any]:
    if isinstance(value, str):
        value = _split(declared, value)
    if not isinstance(value, (list, tuple)):
        raise _misfit(declared, value)
    if declared.choices:
        return [_choice(declared, item) for item in value]
    return list(value)


def _split(declared: Input, text: str) -> list[Any]:
    """The items of "a, b and c", of one item a line, or of a JSON list."""
    if text.strip().startswith("["):
        try:
            return list(json.loads(text))
        except ValueError as error:
            raise _refusal(declared, f"expected a JSON list, got {text!r}: {error}") from error
    separator = r"\n" if "\n" in text else r",(?:\s*and\s+)?|;|\s+and\s+"
    pieces = re.split(rf"(\"[^\"]*\"|'[^']*')|{separator}", text)
    return [item for piece in pieces if piece and (item := _unquoted(piece.strip()))]


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`"
    return text[1:-1] if quoted else text


def _misfit(declared: Input, value: Any) -> InputError:
    return _refusal(declared, f"expected {_SHOWN[declared.type]}, got {value!r}")


def _refusal(declared: Input, text: str) -> InputError:
    return InputError(f"input {declared.name!r}: {text}; set it with --set {declared.name}=VALUE", name=declared.name)
