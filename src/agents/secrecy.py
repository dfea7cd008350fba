"""What is secret in the settings, and data without it. Rule: what a tool gives back holds no secret of the settings.

A server that refuses a request may quote its headers, a driver the address with the password. Here, where results come
back from foreign code, such texts lose them, before any step, model, event or session gets to see them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .audit.redaction import HIDDEN, is_secret_name, looks_secret

_SHORTEST = 8
_LONG_PART = 16  # characters of a part of a path that lets somebody in, as in addresses of webhooks
_VARIABLE = re.compile(r"\$\{ENV:([A-Za-z_][A-Za-z0-9_]*)\}")
_IN_ADDRESSES = re.compile(r"key|token|secret|pass|sig|auth|code|credential", re.IGNORECASE)
_PLACES = ("database", "databases")  # a file's name, or an address whose parts count


class Concealment:
    """Takes secrets out of plain data; without secrets it costs nothing."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        found = sorted({text for text in secrets if len(text) >= _SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, found))) if found else None

    def __bool__(self) -> bool:
        return self._known is not None

    def __call__(self, value: Any) -> Any:
        """The same data without secrets, texts in keys too; bytes are left as they are."""
        return value if self._known is None else self._clean(value, self._known)

    def _clean(self, value: Any, known: re.Pattern[str]) -> Any:
        match value:
            case str():
                return known.sub(HIDDEN, value) if known.search(value) else value
            case dict():
                return {self._clean(key, known): self._clean(item, known) for key, item in value.items()}
            case list():
                return [self._clean(item, known) for item in value]
            case _:
                return value

    def error(self, error: Exception) -> None:
        """Takes secrets out of an error's text, where it stands."""
        error.args = tuple(self(arg) if isinstance(arg, str) else arg for arg in error.args)

    def reporting(self, report: Callable[..., None]) -> Callable[..., None]:
        """The same way to report progress, without secrets."""

        def told(*args: Any, **named: Any) -> None:
            report(*map(self, args), **{name: self(value) for name, value in named.items()})

        return told


def secrets_of(settings: Any, environ: Mapping[str, str] | None = None, *, is_sure: bool = False) -> list[str]:
    """The texts of all secrets in settings (pydantic), wherever they stand, variables filled in.

    `is_sure`: only those that are secrets by their name or form, not every value that may be one (`MODE: production`).
    """
    known = os.environ if environ is None else environ
    found: list[str] = []
    for name, text, is_declared in _texts(settings, ""):
        told = _VARIABLE.sub(lambda match: known.get(match[1], ""), text)
        if "://" in told:
            found += _of_address(told)
            if is_declared and not is_sure:
                found.append(told)
        elif is_declared:
            if name not in _PLACES and (not is_sure or is_secret_name(name) or looks_secret(told)):
                found += [told, told.rpartition(" ")[2]]
            found += (known.get(match[1], "") for match in _VARIABLE.finditer(text))
    return sorted({text for text in found if text})


def _texts(value: Any, name: str) -> Iterator[tuple[str, str, bool]]:
    """Texts of settings with the name of their field or key, and whether they are declared secret."""
    from pydantic import BaseModel, SecretStr

    match value:
        case SecretStr():
            yield name, value.get_secret_value(), True
        case str():
            yield name, value, False
        case BaseModel():
            for field in type(value).model_fields:
                yield from _texts(getattr(value, field), field)
        case Mapping():
            kept = "token" if name == "tokens" else name if name in _PLACES else None
            for key, item in value.items():
                yield from _texts(item, kept or str(key))
        case list() | tuple():
            for item in value:
                yield from _texts(item, name)


def _of_address(address: str) -> list[str]:
    """What lets somebody in by an address: password, values of the query that are named so, long parts of the path."""
    try:
        parts = urlsplit(address)
        password = parts.password or ""
    except ValueError:
        return []
    asked = [text for name, text in parse_qsl(parts.query) if _IN_ADDRESSES.search(name)]
    steps = [step for step in parts.path.split("/") if len(step) >= _LONG_PART and looks_secret(step)]
    return [password, unquote(password), *asked, *steps]
