"""Prompts of agents: files read once, kept while they are used, read again when they changed.

Rule: a variable is `{{ name }}`; one that nobody knows is an error where the file is read, never an empty place.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, TypeVar

from ...errors import ConfigError

T = TypeVar("T")
_VARIABLE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


def unknown_variables(text: str, known: frozenset[str]) -> list[str]:
    """The variables of a prompt that nobody will fill in."""
    return sorted({name for name in _VARIABLE.findall(text) if name not in known})


def filled(text: str, values: Mapping[str, str]) -> str:
    """A prompt with its variables replaced; a value that looks like a variable stays as it is.

    Raises:
        ConfigError: there is no value for a variable.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise ConfigError(f"expected a variable among {', '.join(sorted(values))}, got {{{{ {match[1]} }}}}")
        return values[match[1]]

    return _VARIABLE.sub(value, text)


class Repository(Generic[T]):
    """What files say, as `parse` reads them; those unused for longest go first. Safe from any thread."""

    def __init__(self, parse: Callable[[Path, str], T], size: int) -> None:
        self._parse = parse
        self._size = size
        self._kept: OrderedDict[Path, tuple[tuple[int, int], T]] = OrderedDict()
        self._lock = threading.Lock()
        self.reads = 0

    def get(self, path: Path) -> T:
        """What a file says now.

        Raises:
            ConfigError: it can't be read or does not fit.
        """
        with self._lock:
            stamp = _stamp(path)
            known = self._kept.get(path)
            if known is not None and known[0] == stamp:
                self._kept.move_to_end(path)
                return known[1]
            self.reads += 1
            made = self._parse(path, _text(path))
            self._kept[path] = (stamp, made)
            self._kept.move_to_end(path)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
            return made

    def __len__(self) -> int:
        return len(self._kept)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise ConfigError(f"expected a readable file {str(path)!r}, got: {error}") from error
    return status.st_mtime_ns, status.st_size


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"expected a readable text file {str(path)!r}, got: {error}") from error
