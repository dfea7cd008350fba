"""How well a goal fits the words of a playbook. Rule: lexical only; what a goal is about (paths, dates, numbers, names,
quoted text) does not count, only what it asks for.

The score is the part of the goal's words that the playbook knows, tempered by its likeness to the nearest example, by
how much there is to go by, and by whether the word that says what to do is known. "Delete the folder X" shares a word
with a report on folders, but not the one that matters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .dates import find_ranges
from .findvalue import rest
from .goaltext import ending, is_path, spans

NEAR = 0.1
"""Matches this close to the best one are offered rather than guessed between."""

_COVERED, _ALIKE = 0.75, 0.25
_ENOUGH = 2.0
_UNKNOWN_OPENING = 0.65
_LONG = 6
_MOST = 5_000  # characters of a goal that are looked at
_WORD_BEFORE = 40
_WEIGHTS = {"<file>": 0.5, "<date>": 0.5, "<folder>": 1.0}
_ENDING_WEIGHT = 2.0

_EMPTY_WORDS = """
    a an the this that these those my your our their its it i me we us you he she they them one some any all
    every each there here of on in at to from for with without by into onto over under about within inside
    between per as than then and or but not no so if is are was were be been being am do does did done doing
    have has had having can could will would shall should may might must let lets please kindly thanks thank
    hello hi hey just also only now what whats which who whose where when why how much many want need like help
    make made create give get show tell build generate produce prepare write see look find know out up down new
    whole entire contents everything something thing things folderful go run use using based sort
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())
_QUESTION_WORDS = "what whats which who whose where when why how is are does do"
_QUESTIONS = frozenset(_QUESTION_WORDS.split())
_SAME = {
    word: group.split()[0]
    for group in (
        "report summary summarise overview describe description outline",
        "analyse analysis analytics examine inspect explore profile study investigate",
        "folder directory dir",
        "chart plot graph diagram",
        "table spreadsheet dataset",
        "big large size",
        "document doc",
    )
    for word in group.split()
}


@dataclass(frozen=True, slots=True)
class Match:
    """A playbook's name and its likeness to a goal, 0 to 1."""

    playbook: str
    score: float


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a goal in its stem, or `<file>`, `<folder>`, `<date>`; `weight` is how much it says."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of a playbook, and those of each example. What follows `openings` in a goal is data of an input."""

    known: frozenset[str]
    examples: tuple[frozenset[str], ...]
    openings: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, name: str, examples: Iterable[str], keywords: Iterable[str], openings: Iterable[str] = ()
    ) -> Vocabulary:
        openings = tuple(openings)
        told = tuple(frozenset(word.text for word in words(_head(example, openings))) for example in examples)
        own = {word.text for text in (re.sub(r"[-_]", " ", name), *keywords) for word in words(text)}
        return cls(frozenset(own.union(*told)), told, openings)


def matches(goal: str, playbooks: Mapping[str, Vocabulary]) -> list[Match]:
    """Every playbook with its likeness to a goal, best first, ties by name."""
    goal = goal[:_MOST]
    asked = {head: words(head) for head in {_head(goal, one.openings) for one in playbooks.values()}}
    opening = re.findall(r"[^\W\d_]+", goal.lower())[:1]
    commands = bool(opening) and opening[0] not in _QUESTIONS
    found = [
        Match(name, _score(asked[_head(goal, vocabulary.openings)], vocabulary, commands))
        for name, vocabulary in playbooks.items()
    ]
    return sorted(found, key=lambda match: (-match.score, match.playbook))


def _head(goal: str, openings: Sequence[str]) -> str:
    """The part of a goal that says what to do."""
    found = rest(goal, openings)
    return goal if found is None else goal[: found[0]]


def near_matches(found: Sequence[Match], threshold: float) -> list[Match]:
    """Those that fit and are about as good as the best; `threshold` 0: the best fits whatever its score."""
    fitting = [match for match in found if match.score >= threshold]
    return [match for match in fitting if match.score > fitting[0].score - NEAR]


def words(text: str) -> list[Word]:
    """What a text asks for: stems without duplicates and without empty words; names and values as placeholders."""
    found: dict[str, Word] = {}
    for word in _words(text):
        found.setdefault(word.text, word)
    return list(found.values())


def _words(text: str) -> Iterable[Word]:
    rest, position = [], 0
    for start, end, placed in sorted(_placeholders(text), key=lambda piece: piece[0]):
        if start >= position:
            rest += [*_plain(text[position:start]), *placed]
            position = end
    return [*rest, *_plain(text[position:])]


def _placeholders(text: str) -> Iterable[tuple[int, int, list[Word]]]:
    for span in spans(text):
        before = [word.text for word in _plain(text[max(0, span.start - _WORD_BEFORE) : span.start])]
        placed = _place(span.value, before[-1:] == ["folder"]) if span.kind == "path" or is_path(span.value) else []
        yield span.start, span.end, placed
    yield from ((start, end, []) for start, end in _names(text))
    for found in find_ranges(text):
        yield found.start, found.end, [Word("<date>", _WEIGHTS["<date>"])]


def _names(text: str) -> Iterable[tuple[int, int]]:
    """Where names of several words stand, such as Cedar & Loom; none in a text that writes most words large."""
    small, large = len(re.findall(r"\b[a-z]\w*", text)), len(re.findall(r"\b[A-Z]\w*", text))
    if small < 2 or large > 2 * small:
        return
    for match in re.finditer(r"\b[A-Z][\w'\u2019]*(?:[ -](?:& )?[A-Z][\w'\u2019]*)+", text):
        if match.start() > 0:
            dated = next(
                (found.start for found in find_ranges(text) if match.start() < found.start < match.end()), None
            )
            yield match.start(), dated or match.end()


def _place(path: str, is_folder: bool) -> list[Word]:
    end = "" if is_folder else ending(path)
    kind = "<file>" if end else "<folder>"
    return [Word(kind, _WEIGHTS[kind])] + ([Word(stem(end), _ENDING_WEIGHT)] if end else [])


def _plain(text: str) -> list[Word]:
    found = re.findall(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?", text.lower())
    return [Word(stem(word)) for word in found if re.sub(r"['\u2019]", "", word) not in _EMPTY]


def stem(word: str) -> str:
    """A word without its ending, so that its forms and spellings meet: analyses, analyzing, analysis.

    Words of one meaning have one stem; one slip of the keyboard in a longer one of them is allowed.
    """
    word = re.sub(r"['\u2019]s?$", "", word)
    shorter = _shorter(word)
    british = shorter.replace("z", "s") + "e"
    for form in (word, shorter, shorter + "e", british):
        if form in _SAME:
            return _SAME[form]
    if len(word) < _LONG:
        return shorter
    forms = (word, british) if "z" in word else (word,)  # "profit" with an e is a slip away from "profile"
    return next((_SAME[same] for same in _SAME if any(_slipped(same, form) for form in forms)), shorter)


def _shorter(word: str) -> str:
    for old, new in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("s", "")):
        if word.endswith(old) and len(word) > len(old) + 2 and not word.endswith(("ss", "us", "is")):
            word = word[: -len(old)] + new
            break
    for old in ("ing", "ed", "e"):
        if word.endswith(old) and len(word) > len(old) + 2:
            return word[: -len(old)]
    return word


def _slipped(known: str, word: str) -> bool:
    if len(known) < _LONG or len(word) < _LONG or known[0] != word[0]:
        return False
    from rapidfuzz.distance import DamerauLevenshtein

    return DamerauLevenshtein.distance(known, word, score_cutoff=1) <= 1


def _score(asked: Sequence[Word], vocabulary: Vocabulary, commands: bool) -> float:
    if not asked:
        return 0.0
    known = {word.text for word in asked if _is_known(word.text, vocabulary.known)}
    matched = sum(word.weight for word in asked if word.text in known)
    covered = matched / sum(word.weight for word in asked)
    if commands and asked[0].text not in known:
        covered *= _UNKNOWN_OPENING
    mine = {word.text for word in asked}
    alike = max((2 * len(mine & other) / (len(mine) + len(other)) for other in vocabulary.examples), default=0.0)
    enough = 1.0 if mine in vocabulary.examples else min(1.0, matched / _ENOUGH)
    return round(enough * (_COVERED * covered + _ALIKE * alike), 4)


def _is_known(word: str, known: frozenset[str]) -> bool:
    return word in known or (word[0] != "<" and any(_slipped(other, word) for other in known))
