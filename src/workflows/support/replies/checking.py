"""What is wrong with a reply. Rule: each fault is a sentence that says what to change, for whoever writes it anew."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from ..shapes import Outcome
from ..triage.suspicion import speaks_to_machine
from ..triage.words import language_of, lexicon, plain
from .templates import told

_MOST_CHARS = 900
_LEAST_WORDS = 6  # of a text whose language can be told
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_CONTACT = re.compile(r"https?://|www\.|\S+@\S+\.\w|\+?\d[\d /-]{8,}\d")


def faults(words: str, *, outcome: Outcome, language: str, facts: Sequence[str]) -> list[str]:
    """What is wrong with words that go before the facts of a reply; empty when they may be sent.

    `facts` are the sentences that follow: figures and order numbers in them may be named.
    """
    found = []
    if not words.strip():
        return ["it is empty"]
    if len(words) > _MOST_CHARS:
        found.append(f"it has {len(words)} characters, at most {_MOST_CHARS} are wanted")
    known = set(_NUMBER.findall(" ".join(facts)))
    strange = [number for number in _NUMBER.findall(words) if number not in known]
    if strange:
        found.append(f"it names {', '.join(strange[:5])}, which is none of the facts")
    if _CONTACT.search(words):
        found.append("it holds a link, an address or a telephone number")
    found += _promised(plain(words), outcome)
    if speaks_to_machine(words) or _machine().search(plain(words)):
        found.append("it speaks of the machine that writes it, or to one")
    spoken = language_of(words) if len(words.split()) >= _LEAST_WORDS else ""
    if spoken and spoken != language:
        found.append(f"it is in {spoken!r}, and the customer writes in {language!r}")
    if any(pattern.search(plain(words)) for pattern in lexicon().categories["abuse"].values()):
        found.append("it is rude")
    return found


def _promised(words: str, outcome: Outcome) -> list[str]:
    return [
        f"it speaks of a {kind}, which was not decided" if kind != "anything" else "it promises what nobody decided"
        for kind, pattern in _promises().items()
        if kind != outcome and pattern.search(words)
    ]


@lru_cache(maxsize=1)
def _promises() -> dict[str, re.Pattern[str]]:
    return {kind: _beginnings(words) for kind, words in told()["promises"].items()}


@lru_cache(maxsize=1)
def _machine() -> re.Pattern[str]:
    return _beginnings(told()["machine"])


def _beginnings(words: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(re.escape(plain(word)) for word in words)})")
