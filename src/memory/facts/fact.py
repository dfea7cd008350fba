"""A fact about a person, as plain data, and when two of them say the same. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_FILLER_WORDS = "a an the my i am is are was were be and that this it user really very just"
_FILLERS = frozenset(_FILLER_WORDS.split())
_NEGATION_WORDS = (
    "no not never none nobody nothing without neither nor dont doesnt didnt isnt arent wasnt cant wont "
    "nicht kein keine keinen nie ne pas jamais sin nunca"
)
_NEGATIONS = frozenset(_NEGATION_WORDS.split())
_ALIKE = 0.97  # cosine of a model's vectors; words alone can't tell Berlin from Munich


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What is known. Times are Unix seconds; `confidence` and `score` 0 to 1, `score` 0 where nothing was asked."""

    id: str
    text: str
    category: str = "general"
    source: str = ""
    confidence: float = 1.0
    created_at: float = 0.0
    updated_at: float = 0.0
    score: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data, the score only where there is one."""
        data = {name: getattr(self, name) for name in self.__slots__}
        if not self.score:
            del data["score"]
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFact:
    """What shall be remembered. `confidence` above 0, at most 1."""

    text: str
    category: str = "general"
    source: str = ""
    confidence: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of a new fact; `merged`: one that says the same was there and is now this."""

    fact: Fact
    merged: bool


def says_the_same(one: str, other: str, *, likeness: float = 0.0) -> bool:
    """Whether two facts are one. Numbers, negations and names must agree; the other words too, up to their endings.

    `likeness` is the cosine of vectors a model made, 0 when there are none; a very high one stands for the other words.
    """
    a, b = _words(one), _words(other)
    if _numbers(a) != _numbers(b) or _negations(a) != _negations(b) or _names(one) != _names(other):
        return False
    if likeness >= _ALIKE:
        return True
    left, right = _telling(a), _telling(b)
    return bool(left) and len(left) == len(right) and all(map(_same_word, left, right))


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return [word.replace("'", "").replace("\u2019", "") for word in _WORD.findall(plain)]


def _telling(words: list[str]) -> list[str]:
    return [word for word in words if word not in _FILLERS and word not in _NEGATIONS]


def _numbers(words: list[str]) -> list[str]:
    return [word for word in words if any(char.isdigit() for char in word)]


def _negations(words: list[str]) -> int:
    return sum(word in _NEGATIONS for word in words)


def _names(text: str) -> list[str]:
    """Words with a capital letter, but for the first, which any sentence begins with."""
    found = _WORD.findall(unicodedata.normalize("NFKC", text))
    return sorted(word.casefold() for word in found[1:] if word[:1].isupper() and len(word) > 1)


def _same_word(one: str, other: str) -> bool:
    """Equal, or of one stem: like and likes."""
    if one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= 4 and longer.startswith(shorter) and len(longer) - len(shorter) <= 2
