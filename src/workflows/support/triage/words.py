"""Text as rules compare it, and the words they know. Rule: pure; the words stand in `lexicon.yaml`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

_ELISION = re.compile(r"\b(?:[cdjlmnst]|qu)['\u2019](?=\w)")  # French: l'article
LANGUAGES = ("en", "de", "fr", "es")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """What rules know: a pattern a category and language, claims, wishes, threats, and function words."""

    categories: Mapping[str, Mapping[str, re.Pattern[str]]]
    order: Sequence[str]
    claims: Mapping[str, re.Pattern[str]]
    wishes: Mapping[str, re.Pattern[str]]
    threats: re.Pattern[str]
    negations: re.Pattern[str]
    courtesies: re.Pattern[str]
    functions: Mapping[str, frozenset[str]]


def plain(text: str) -> str:
    """Lower case without accents, apostrophes and signs; one blank between words."""
    folded = unicodedata.normalize("NFKD", text.replace("ß", "ss")).casefold()
    letters = "".join(char for char in folded if not unicodedata.combining(char))
    words = re.sub(r"['\u2019]", "", _ELISION.sub(" ", letters))
    return " ".join(re.sub(r"[^\w]+", " ", words).split())


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The words of the file, as patterns over `plain` text."""
    import yaml

    told: dict[str, Any] = yaml.safe_load(files(__package__).joinpath("lexicon.yaml").read_text("utf-8"))
    return Lexicon(
        categories={
            name: {language: _pattern(words) for language, words in by_language.items()}
            for name, by_language in told["categories"].items()
        },
        order=tuple(told["order"]),
        claims={name: _pattern(words) for name, words in told["claims"].items()},
        wishes={name: _pattern(words) for name, words in told["wishes"].items()},
        threats=_pattern(told["threats"]),
        negations=_pattern(told["negations"]),
        courtesies=_pattern(told["courtesies"]),
        functions={language: frozenset(words) for language, words in told["functions"].items()},
    )


def matter(text: str) -> str:
    """A text as `plain`, without greetings and closings, which speak of nothing."""
    return " ".join(lexicon().courtesies.sub(" ", plain(text)).split())


def language_of(text: str, otherwise: str = "") -> str:
    """The language of a text by its function words; `otherwise` when it has too few of any, or as many of two."""
    words = plain(text).split()
    counts = {name: sum(word in known for word in words) for name, known in lexicon().functions.items()}
    best, second = sorted(counts, key=lambda name: -counts[name])[:2]
    return best if counts[best] and counts[best] > counts[second] else otherwise


def _pattern(beginnings: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted({plain(word) for word in beginnings}, key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})")
