"""Tools for prose: its language, keywords, a summary; a profile of a file and of many.

Rule: no model is needed; summaries are sentences of the text itself.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

from ....errors import ToolError
from ...tool import ToolContext, tool
from .. import figures as say
from ..files.contents import read_text
from ..files.kinds import kind_of
from . import reading
from .languages import LANGUAGES
from .ranking import Keyword, Picked, best_sentences, joined, key_terms

_MAX_BYTES = 2_000_000
_WORDS_A_MINUTE = 230


class Language(TypedDict):
    """`language` is the ISO 639-1 code, empty for a text without words. `confidence` 0 to 1."""

    language: str
    name: str
    confidence: float


class Keywords(TypedDict):
    """The best terms first; empty for a text without words."""

    language: str
    keywords: list[Keyword]


class Summary(TypedDict):
    """`text`: the chosen sentences, joined. `sentence_count`: how many there were to choose from."""

    language: str
    text: str
    sentences: list[Picked]
    sentence_count: int


class Profile(TypedDict):
    """One prose file. `minutes` to read it at 230 words a minute, at least 1. `truncated`: read up to 2 MB."""

    path: str
    name: str
    title: str
    language: str
    language_name: str
    words: int
    minutes: int
    truncated: bool
    summary: str
    keywords: list[str]
    section: say.Section


class Terms(TypedDict):
    """Keywords of several files together; `unread` files could not be read as text."""

    keywords: list[Keyword]
    files: int
    unread: int
    charts: list[say.Chart]


class Overview(TypedDict):
    """What several profiles have in common; `sections` are the overview and theirs, None for one that failed."""

    words: int
    sentence: str
    sections: list[say.Section | None]


class Paragraphs(TypedDict):
    """The same paragraphs on lines of their own, and as Markdown."""

    text: str
    markdown: str


@tool(effect="pure")
def language(text: str) -> Language:
    """Names the language a text is written in, with the probability."""
    code, confidence = reading.language_of(reading.prose_of(text).text or text)
    return {"language": code, "name": LANGUAGES.get(code, code), "confidence": round(confidence, 4)}


@tool(effect="pure")
def keywords(text: str, count: int = 10) -> Keywords:
    """Finds the words and pairs of words a text is about (TF-IDF over its passages), in any common language."""
    prose = reading.prose_of(text)
    code, _ = reading.language_of(prose.text)
    return {"language": code, "keywords": key_terms(reading.passages(prose), code, _positive(count))}


@tool(effect="pure")
def summary(text: str, sentences: int = 3) -> Summary:
    """Summarises a text by its most central sentences, in their order; code and tables in Markdown are left out.

    TextRank: Mihalcea and Tarau, "TextRank: Bringing Order into Texts", EMNLP 2004.
    """
    prose = reading.prose_of(text)
    code, _ = reading.language_of(prose.text)
    picked, count = best_sentences(prose, code, _positive(sentences))
    return {"language": code, "text": joined(picked), "sentences": picked, "sentence_count": count}


@language.batch(limit=100)
def _languages(calls: list[dict[str, Any]]) -> list[Language]:
    return [language(**call) for call in calls]


@keywords.batch(limit=20, growth=0.5)
def _keywords(calls: list[dict[str, Any]]) -> list[Keywords | ToolError]:
    return [_kept(keywords, call) for call in calls]


@summary.batch(limit=20, growth=0.5)
def _summaries(calls: list[dict[str, Any]]) -> list[Summary | ToolError]:
    return [_kept(summary, call) for call in calls]


def _kept(function: Any, call: dict[str, Any]) -> Any:
    try:
        return function(**call)
    except ToolError as error:
        return error


def _positive(count: int) -> int:
    if count < 1:
        raise ToolError(f"expected a count of at least 1, got {count}")
    return count


@tool(effect="read")
def profile(path: str, name: str = "", *, context: ToolContext) -> Profile:
    """Describes a prose file: title, language, length, keywords, and a summary made of its own sentences."""
    source = context.workspace.readable(path)
    read = read_text(source, _MAX_BYTES)
    prose = reading.prose_of(read.text, is_markdown=_is_markdown(source))
    code, _ = reading.language_of(prose.text)
    picked, _ = best_sentences(prose, code, 3)
    found = [k["term"] for k in key_terms(reading.passages(prose), code, 8)]
    words = reading.word_count(prose.text)
    made: Profile = {
        "path": str(source),
        "name": name or source.name,
        "title": prose.title,
        "language": code,
        "language_name": LANGUAGES.get(code, code),
        "words": words,
        "minutes": max(1, round(words / _WORDS_A_MINUTE)),
        "truncated": read.truncated,
        "summary": joined(picked),
        "keywords": found,
        "section": say.section(name or source.name, "", level=3),
    }
    made["section"] = _section(made)
    return made


def _is_markdown(source: Path) -> bool | None:
    return True if kind_of(source).name == "Markdown" else None if not source.suffix else False


def _section(found: Profile) -> say.Section:
    parts = []
    if found["title"] and found["title"] != found["name"]:
        parts.append(f"**{say.plain(found['title'])}**")
    parts.append(f"> {say.plain(found['summary'])}" if found["summary"] else "There is no running text in it.")
    if found["keywords"]:
        parts.append(f"About: {', '.join(say.plain(k) for k in found['keywords'])}.")
    if found["truncated"]:
        parts.append("Only its first 2 MB were read.")
    facts = [say.fact("Words", say.number(found["words"]))]
    if found["words"]:
        facts.append(say.fact("Reading time", f"{found['minutes']} min"))
        facts.append(say.fact("Language", found["language_name"]))
    return say.section(found["name"], "\n\n".join(parts), facts, level=3)


@tool(effect="read")
def terms(paths: list[str], count: int = 15, *, context: ToolContext) -> Terms:
    """Finds what several prose files are about together: their keywords (TF-IDF over all passages), and a chart."""
    by_language: dict[str, list[str]] = {}
    unread = 0
    for number, path in enumerate(paths, 1):
        if context.cancelled():
            raise ToolError("the search for keywords was cancelled")
        try:
            source = context.workspace.readable(path)
            prose = reading.prose_of(read_text(source, _MAX_BYTES).text, is_markdown=_is_markdown(source))
        except ToolError:
            unread += 1
            continue
        code, _ = reading.language_of(prose.text)
        by_language.setdefault(code, []).extend(reading.passages(prose))
        context.progress(number, len(paths), source.name)
    main, passages = max(by_language.items(), key=lambda found: len(found[1]), default=("", []))
    found = key_terms(passages, main, _positive(count)) if passages else []
    names, scores = [k["term"] for k in found], [k["score"] for k in found]
    chart = say.chart("barh", "What the texts are about", names, scores, name="keywords", x_label="weight")
    charts = say.drawable({**chart, "value_format": "number"})
    return {"keywords": found, "files": len(paths) - unread, "unread": unread, "charts": charts}


@tool(effect="pure")
def paragraphs(parts: list[str | None]) -> Paragraphs:
    """Joins sentences into a text of short paragraphs; empty ones, and those of failed steps, are left out."""
    kept = [part.strip() for part in parts if part and part.strip()]
    return {"text": "\n".join(kept), "markdown": "\n\n".join(kept)}


@tool(effect="pure")
def overview(profiles: list[Any], terms: Any = None) -> Overview:
    """Sums up the prose of a folder: takes the results of `text.profile`, and that of `text.terms` if there is one."""
    found = [p for p in profiles if p]
    words = sum(p["words"] for p in found)
    languages = Counter(p["language_name"] for p in found if p["language_name"])
    sentence = ""
    if found:
        told = [f"{name} ({count})" for name, count in languages.most_common(5)]
        told = told if len(told) > 1 else list(languages)
        sentence = f"{say.counted(len(found), 'prose file')} read, with {say.counted(words, 'word')}"
        sentence += f" in {say.joined(told)}." if told else "."
    if not profiles:
        return {"words": 0, "sentence": sentence, "sections": []}
    charts = terms["charts"] if terms else None
    first = say.section("Prose", f"{sentence} READMEs come first, then the longest.", charts=charts)
    return {"words": words, "sentence": sentence, "sections": [first, *(p["section"] if p else None for p in profiles)]}
