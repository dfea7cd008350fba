"""Reads an agent's file: YAML between two lines of `---`, then the prompt. Rule: a fault names the file and the key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ...errors import ConfigError
from .agent import NAME, VARIABLES, Agent, Limits
from .prompts import unknown_variables

MAX_BYTES = 1 << 20
_PARTS = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n(.*))?\Z", re.DOTALL)
_KEYS = ("name", "purpose", "tools", "effects", "model", "limits", "returns")


def parse(path: Path, text: str, *, source: str = "") -> Agent:
    """The agent that a file declares. Its name is the file's.

    Raises:
        ConfigError: a key is missing, unknown or of the wrong kind, or the prompt has an unknown variable.
    """
    match = _PARTS.match(text) if len(text) <= MAX_BYTES else None
    if match is None:
        raise _fault(path, "", "YAML between two lines of ---, then the prompt", text[:40])
    front, prompt = _yaml(path, match[1]), (match[2] or "").strip()
    for key in front:
        if key not in _KEYS:
            raise _fault(path, str(key), f"one of {', '.join(_KEYS)}", key)
    name = _name(path, front)
    if not prompt:
        raise _fault(path, "", "a prompt below the second ---", "nothing")
    if unknown := unknown_variables(prompt, VARIABLES):
        raise _fault(path, "prompt", f"variables among {', '.join(sorted(VARIABLES))}", ", ".join(unknown))
    return Agent(
        name=name,
        purpose=_text(path, front, "purpose"),
        prompt=prompt,
        tools=_texts(path, front, "tools"),
        effects=_effects(path, front),
        model=_text(path, front, "model", "worker"),
        limits=_limits(path, front.get("limits")),
        returns=_schema(path, front.get("returns")),
        source=source or str(path),
    )


def _yaml(path: Path, text: str) -> dict[Any, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        data = yaml.load(text, loader)  # noqa: S506  # a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 2}" if mark is not None else ""
        raise ConfigError(f"{path}{line}: expected YAML, got {getattr(error, 'problem', error)}") from error
    if not isinstance(data, dict):
        raise _fault(path, "", "keys with values between the lines of ---", data)
    return data


def _name(path: Path, front: dict[Any, Any]) -> str:
    name = _text(path, front, "name", path.stem)
    if not NAME.fullmatch(name):
        raise _fault(path, "name", "small letters, digits, - and _, a letter first, 40 at most", name)
    if name != path.stem:
        raise _fault(path, "name", f"the file's name {path.stem!r}", name)
    return name


def _text(path: Path, front: dict[Any, Any], key: str, default: str | None = None) -> str:
    value = front.get(key, default)
    if not isinstance(value, str) or not value.strip():
        raise _fault(path, key, "a text", value)
    return value.strip()


def _texts(path: Path, front: dict[Any, Any], key: str) -> tuple[str, ...]:
    value = front.get(key, [])
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
        raise _fault(path, key, "a list of names or patterns such as files.*", value)
    return tuple(one.strip() for one in value)


def _effects(path: Path, front: dict[Any, Any]) -> tuple[Any, ...]:
    """The effects as listed; a single one means it and the weaker ones."""
    value = front.get("effects", ["pure", "read"])
    order = ("pure", "read", "write")
    if isinstance(value, str) and value in order:
        return order[: order.index(value) + 1]
    if not isinstance(value, list) or not value or not all(one in order for one in value):
        raise _fault(path, "effects", "some of pure, read and write", value)
    return tuple(one for one in order if one in value)


def _limits(path: Path, value: Any) -> Limits:
    if value is None:
        return Limits()
    known = {"max_steps": (int, 1), "tokens": (int, 0), "seconds": ((int, float), 0)}
    if not isinstance(value, dict):
        raise _fault(path, "limits", f"some of {', '.join(known)}", value)
    for key, number in value.items():
        if key not in known:
            raise _fault(path, f"limits.{key}", f"one of {', '.join(known)}", key)
        kind, least = known[key]
        if isinstance(number, bool) or not isinstance(number, kind) or not least <= number < 1e9:  # type: ignore[arg-type]
            raise _fault(path, f"limits.{key}", f"a number from {least}", number)
    return Limits(**value)


def _schema(path: Path, value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    from jsonschema import Draft202012Validator, SchemaError

    try:
        if not isinstance(value, dict):
            raise _fault(path, "returns", "a JSON schema", value)
        Draft202012Validator.check_schema(value)
    except SchemaError as error:
        raise _fault(path, "returns", "a JSON schema", error.message) from error
    return value


def _fault(path: Path, key: str, expected: str, got: Any) -> ConfigError:
    place = f"{path}: {key}" if key else str(path)
    return ConfigError(f"{place}: expected {expected}, got {str(got)[:120]!r}")
