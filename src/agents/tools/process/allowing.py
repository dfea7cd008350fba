"""Which commands are allowed. Rule: decided word by word; a `*` never stands for an option or a path that leads out.

A pattern's first word names the program and holds no `*`. A last word `**` stands for any further words, also options.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ....errors import ConfigError

_WILD = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern as words; `rest` when it ends in `**`, which is not among the words."""

    text: str
    words: tuple[str, ...]
    rest: bool

    @property
    def program(self) -> str:
        return self.words[0]


def patterns(texts: Iterable[str]) -> list[Pattern]:
    """The patterns of the settings.

    Raises:
        ConfigError: one has no program's name, or open quotes.
    """
    return [_pattern(text) for text in texts]


def _pattern(text: str) -> Pattern:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"tools.process.allow: expected words as in a shell, got {text!r}: {error}") from error
    rest = len(words) > 1 and words[-1] == "**"
    words = words[:-1] if rest else words
    if not words or not words[0] or _is_wild(words[0]):
        raise ConfigError(f"tools.process.allow: expected a pattern that begins with a program's name, got {text!r}")
    return Pattern(text, tuple(words), rest)


def allowed_by(known: Sequence[Pattern], command: Sequence[str], where: Path, roots: Sequence[Path]) -> Pattern | str:
    """The first pattern that allows a command run in `where`, or why none does."""
    outside = ""
    for pattern in known:
        free = _free_words(pattern, command)
        if free is None:
            continue
        outside = next((word for word in free if _leads_out(word, where, roots)), "")
        if not outside:
            return pattern
    if outside:
        return f"expected words that stay inside the workspace, got {outside!r}; only a literal pattern allows others"
    told = ", ".join(repr(pattern.text) for pattern in known[:10])
    return f"expected a command among {told} (tools.process.allow), got {shlex.join(command)!r:.300}"


def _free_words(pattern: Pattern, command: Sequence[str]) -> list[str] | None:
    """The words that stand for a `*`, None when the command does not match."""
    given = command[: len(pattern.words)]
    more = command[len(pattern.words) :]
    if len(given) < len(pattern.words) or (more and not pattern.rest):
        return None
    free = []
    for wanted, word in zip(pattern.words, given, strict=True):
        if word == wanted:
            continue
        if not _is_wild(wanted) or not fnmatchcase(word, wanted) or (word[:1] == "-" and wanted[:1] != "-"):
            return None
        free.append(word)
    return [*free, *more]


def _is_wild(word: str) -> bool:
    return not _WILD.isdisjoint(word)


def _leads_out(word: str, where: Path, roots: Sequence[Path]) -> bool:
    """Whether a word, or what stands behind its `=` or one-letter option, names a place outside of all roots."""
    parts = [word, word.partition("=")[2]]
    if word[:1] == "-" and word[1:2] != "-":
        parts.append(word[2:])
    return any(part and _is_outside(part.removeprefix("@"), where, roots) for part in parts)


def _is_outside(text: str, where: Path, roots: Sequence[Path]) -> bool:
    if text.startswith("file:"):
        return True
    try:
        place = (where / Path(text).expanduser()).resolve() if text.startswith("~") else (where / text).resolve()
    except (OSError, RuntimeError, ValueError):
        return True
    return not any(place.is_relative_to(root) for root in roots)
