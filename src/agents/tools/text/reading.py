"""Prose as sentences, passages and terms, for the tools that summarise it.

Rule: only running text counts; code, tables, headings and markup are left out.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_MARKDOWN = re.compile(r"^(?:#{1,6} \S|```|~~~|\|.+\|\s*$|\s*[-*+] \S)|\[[^\]\n]+\]\([^)\n]+\)", re.MULTILINE)
_FRONT_MATTER = re.compile(r"\A(?:---\r?\n.*?\r?\n---|\+\+\+\r?\n.*?\r?\n\+\+\+)\r?\n", re.DOTALL)
_MARKUP_LINE = re.compile(r"^(?:\.\. .*|[=\-~^\"'#*+_:.]{3,}|\|.*\||\\(?:begin|end|usepackage|documentclass).*|//.*)$")
_WORD = re.compile(r"[^\W\d_](?:[\w'\u2019-]*\w)?")
_END = re.compile(
    r"(?<=[.!?\u2026])[\"'\u201d\u2019)\]]*\s+(?=[\"'\u201c\u2018(\[]?[^\Wa-z_])|(?<=[\u3002\uff01\uff1f])"
)
_WHOLE = re.compile(r"[.!?\u2026\u3002\uff01\uff1f][\"'\u201d\u2019)\]]*$")
_LINK = re.compile(r"(?:https?|ftp)://\S+|www\.\S+")
_BULLET = re.compile(r"^(?:[*+\u2022-]|\d+[.)])\s+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|al|approx|incl|no|nr|fig|eq|sec|vol|pp?|mr|mrs|ms|dr|prof|st|jr|sr|inc|ltd|co|"
    r"z\.\s?b|d\.\s?h|u\.\s?a|bzw|ca|usw|vgl|bspw)|\b[a-z])\.$",
    re.IGNORECASE,
)
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_PASSAGE_WORDS = 60
_TEXT_TOKENS = frozenset({"text", "code_inline"})
_LOADING = threading.Lock()
_SAMPLE = 20_000


@dataclass(frozen=True, slots=True)
class Prose:
    """Running text as paragraphs; `title` is the first heading, empty when there is none."""

    title: str
    paragraphs: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n\n".join(self.paragraphs)


def prose_of(text: str, *, is_markdown: bool | None = None) -> Prose:
    """The running text; `is_markdown` None: judged by what the text looks like."""
    body = _FRONT_MATTER.sub("", text)
    if is_markdown is None:
        is_markdown = bool(_MARKDOWN.search(body))
    return _from_markdown(body) if is_markdown else _from_plain(body)


def _from_markdown(body: str) -> Prose:
    from markdown_it import MarkdownIt

    title = ""
    paragraphs: list[str] = []
    inside: list[str] = []
    for token in MarkdownIt("commonmark").enable("table").parse(body):
        if token.type.endswith("_open"):
            inside.append(token.type)
        elif token.type.endswith("_close"):
            inside.pop()
        elif token.type == "inline":
            told = _inline(token.children or [])
            if "heading_open" in inside:
                title = title or told
            elif told and "table_open" not in inside:
                paragraphs.append(told)
    return Prose(title, tuple(paragraphs))


def _inline(tokens: Iterable[Any]) -> str:
    parts = [t.content if t.type in _TEXT_TOKENS else " " if t.type.endswith("break") else "" for t in tokens]
    return " ".join(_LINK.sub("", "".join(parts)).split())


def _from_plain(body: str) -> Prose:
    title = ""
    paragraphs: list[str] = []
    for block in re.split(r"\n\s*\n|\n(?=\s*[*+\u2022-] )", body.replace("\r\n", "\n")):
        lines = [line.strip() for line in block.split("\n")]
        kept = [line for line in lines if line and not _MARKUP_LINE.match(line)]
        told = " ".join(_LINK.sub("", " ".join(kept)).split())
        if len(kept) == 1 and len(lines) > 1 and not title and not paragraphs and len(told) < 100:
            title = told
        elif _WORD.search(told):
            paragraphs.append(told)
    return Prose(title, tuple(paragraphs))


def sentences(prose: Prose) -> list[str]:
    """The sentences of 4 to 60 words, in order; only those of 6 or more with a full stop if there are ten."""
    pieces = (_BULLET.sub("", s) for paragraph in prose.paragraphs for s in _split(paragraph))
    found = list(dict.fromkeys(s for s in pieces if 4 <= word_count(s) <= 60))
    whole = [s for s in found if is_whole(s) and word_count(s) >= 6]
    return whole if len(whole) >= 10 else found


def is_whole(sentence: str) -> bool:
    """Whether it ends like a sentence."""
    return bool(_WHOLE.search(sentence))


def _split(paragraph: str) -> Iterator[str]:
    start = 0
    for end in _END.finditer(paragraph):
        piece = paragraph[start : end.end()].strip()
        if piece and not _ABBREVIATION.search(piece):
            yield piece
            start = end.end()
    if rest := paragraph[start:].strip():
        yield rest


def word_count(text: str) -> int:
    """Words; of scripts without spaces two characters count as one."""
    return len(_WORD.findall(_CJK.sub(" ", text))) + len(_CJK.findall(text)) // 2


def passages(prose: Prose) -> list[str]:
    """The paragraphs, short ones joined until they have about 60 words."""
    made: list[str] = []
    waiting: list[str] = []
    for paragraph in prose.paragraphs:
        waiting.append(paragraph)
        if sum(map(word_count, waiting)) >= _PASSAGE_WORDS:
            made.append("\n".join(waiting))
            waiting = []
    return [*made, "\n".join(waiting)] if waiting else made


def terms(text: str, language: str) -> list[str]:
    """Words and pairs of neighbours in lower case, without stop words; pairs of characters where no spaces are."""
    if len(_CJK.findall(text)) * 2 > len(text.replace(" ", "")):
        runs = re.findall(rf"{_CJK.pattern}{{2,}}", text)
        return [run[i : i + 2] for run in runs for i in range(len(run) - 1)]
    stop = stop_words(language)
    found: list[str] = []
    for piece in re.split(r"[.!?;:,()\[\]\n\"]+", text.lower()):
        words = [w if len(w) > 2 and w not in stop else "" for w in _WORD.findall(piece)]
        found += [w for w in words if w]
        found += [f"{a} {b}" for a, b in itertools.pairwise(words) if a and b and a != b]
    return found


def surface(text: str) -> Counter[str]:
    """How often each word is written in each way, to show `SQL` rather than `sql`."""
    return Counter(_WORD.findall(text))


@lru_cache(maxsize=16)
def stop_words(language: str) -> frozenset[str]:
    """Stop words of a language (ISO 639-1), those of English for an unknown one."""
    import stopwordsiso

    return frozenset(stopwordsiso.stopwords(language if stopwordsiso.has_lang(language) else "en"))


def language_of(text: str) -> tuple[str, float]:
    """ISO 639-1 code and probability (0 to 1, too sure of itself on long texts); ("", 0.0) without words."""
    sample = text[:_SAMPLE]
    if not _WORD.search(sample):
        return "", 0.0
    import math

    import py3langid

    with _LOADING:  # the model loads itself on first use, and not twice at the same time
        ranked = py3langid.rank(sample)
    best = float(ranked[0][1])
    total = sum(math.exp(float(score) - best) for _, score in ranked)
    return str(ranked[0][0]), 1 / total


def weights(texts: list[str], language: str) -> tuple[Any, list[str]]:
    """TF-IDF of `texts`: sparse (n, terms) float64, rows L2-normalised, and the terms. (None, []) without terms."""
    with _LOADING:
        from sklearn.feature_extraction.text import TfidfVectorizer
    vectorizer = TfidfVectorizer(analyzer=lambda text: terms(text, language), sublinear_tf=True)
    try:
        matrix = vectorizer.fit_transform(texts)
    except ValueError:  # nothing but stop words
        return None, []
    return matrix, [str(term) for term in vectorizer.get_feature_names_out()]
