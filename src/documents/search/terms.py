"""Words as the index has them. Rule: pure, and the same for documents and questions."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
_MOST = 40


def indexed(text: str) -> str:
    """A text as words with spaces between: names in code also in parts, scripts without spaces as pairs of signs."""
    return " ".join(_words(text))


def asked(question: str) -> list[str]:
    """The words of a question that say something, each once; all of them when none does. At most 40."""
    words = list(dict.fromkeys(_words(question)))
    telling = [word for word in words if word not in _stop_words()]
    return (telling or words)[:_MOST]


def match_expression(words: list[str]) -> str:
    """The words as a full-text query of SQLite: any of them."""
    return " OR ".join(f'"{word}"' for word in words)


def _words(text: str) -> list[str]:
    found: list[str] = []
    for raw in _WORD.findall(unicodedata.normalize("NFKC", text)):
        word = raw.casefold()
        if _UNSPACED.search(word):
            found += _pairs(word)
            continue
        found.append(word)
        parts = _CAMEL.split(raw)
        if len(parts) > 1:
            found += [part.casefold() for part in parts]
    return found


def _pairs(word: str) -> list[str]:
    """Neighbouring signs, two by two; what is between such scripts stays whole."""
    found: list[str] = []
    at = 0
    for run in _UNSPACED.finditer(word):
        if run.start() > at:
            found.append(word[at : run.start()])
        signs = run[0]
        found += [signs[i : i + 2] for i in range(len(signs) - 1)] or [signs]
        at = run.end()
    if at < len(word):
        found.append(word[at:])
    return found


@lru_cache(maxsize=1)
def _stop_words() -> frozenset[str]:
    import stopwordsiso

    return frozenset(stopwordsiso.stopwords(["en", "de", "fr", "es", "it", "pt", "nl"]))
