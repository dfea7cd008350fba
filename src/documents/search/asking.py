"""An answer from the documents, with citations: a model's words where there is a model, else the best passages.

Rule: every citation names a passage that was found; an answer that cites none says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from ...errors import BudgetError, ContextError, ModelError, TransientError
from ...models.client import Models
from ...models.fence import as_data, fenced
from ...models.tokens import estimate
from ..library import Library
from .excerpts import excerpt
from .hybrid import Hit

_CITED = re.compile(r"\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\](?!\()")
_NUMBER = re.compile(r"\d+")
_PASSAGE_TOKENS = 6000
_LEAST_TOKENS = 500
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A passage the answer names as [number]."""

    number: int
    hit: Hit

    def to_dict(self) -> dict[str, Any]:
        return {"number": self.number, **self.hit.to_dict()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The text, who wrote it, and the passages it cites. `notes` say what a reader should know of it."""

    text: str
    by: Literal["model", "passages"]
    citations: Sequence[Citation] = ()
    notes: Sequence[str] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "answer": self.text,
            "written_by": self.by,
            "citations": [one.to_dict() for one in self.citations],
            "notes": list(self.notes),
        }


async def ask(
    question: str,
    library: Library,
    models: Models | None,
    *,
    count: int = 8,
    under: str | None = None,
    where: Sequence[str] = (),
) -> Answer:
    """The answer to a question; `under` and `where` as for `Library.search`.

    Raises:
        UsageError: nothing was indexed yet, or a condition is none.
        SearchIndexError: the index can't be read.
    """
    found = await library.search(question, count=count, under=under, where=where)
    notes = list(found.notes)
    if not found.hits:
        return Answer(text="Nothing in the index fits this question.", by="passages", notes=notes)
    if models is None or not models.has("writer"):
        notes.append(
            "no model is set, so these are the passages that fit best (models.base_url and models.model set one)"
        )
        return _from_passages(question, found.hits, notes)
    try:
        text = await _written(question, found.hits, models)
    except (ModelError, TransientError, BudgetError, ContextError) as error:
        return _from_passages(question, found.hits, [*notes, f"the model could not answer: {error}"])
    if not text:
        return _from_passages(question, found.hits, [*notes, "the model's answer was empty"])
    text, cited = checked(text, len(found.hits))
    if not cited:
        notes.append("the answer cites no passage: check it against the documents")
    citations = [Citation(number=number, hit=found.hits[number - 1]) for number in cited]
    return Answer(text=text, by="model", citations=citations, notes=notes)


def checked(text: str, count: int) -> tuple[str, list[int]]:
    """The text without citations of passages that are not there, and the numbers it cites, ascending."""
    cited: set[int] = set()

    def kept(match: re.Match[str]) -> str:
        numbers = [int(number) for number in _NUMBER.findall(match[1]) if 1 <= int(number) <= count]
        cited.update(numbers)
        return "".join(f"[{number}]" for number in numbers)

    return _CITED.sub(kept, text).strip(), sorted(cited)


async def _written(question: str, hits: Sequence[Hit], models: Models) -> str:
    """The model's answer, from shorter and shorter passages while the request is too large."""
    tokens = _PASSAGE_TOKENS
    while True:
        try:
            reply = await models.complete("writer", _messages(question, hits, tokens))
        except ContextError:
            tokens //= 3
            if tokens < _LEAST_TOKENS:
                raise
            continue
        return reply.text.strip()


def _messages(question: str, hits: Sequence[Hit], tokens: int) -> list[dict[str, str]]:
    share = max(200, tokens * 3 // len(hits))  # characters; about 3 a token
    lines = [
        as_data(
            {"passage": number, "file": hit.path, "place": str(hit.place), "text": _within(hit.text, question, share)}
        )
        for number, hit in enumerate(hits, 1)
    ]
    asked = f"Question: {question}\n\nPassages:\n{fenced(chr(10).join(lines))}\nAnswer the question."
    return [{"role": "system", "content": _instructions()}, {"role": "user", "content": asked}]


def _within(text: str, question: str, share: int) -> str:
    return text if estimate(text) * 3 <= share or len(text) <= share else excerpt(text, question, length=share)


def _from_passages(question: str, hits: Sequence[Hit], notes: list[str]) -> Answer:
    """The best passages, quoted."""
    citations = [Citation(number=number, hit=hit) for number, hit in enumerate(hits[:_SHOWN], 1)]
    quotes = [f"{excerpt(one.hit.text, question, length=420)} [{one.number}]" for one in citations]
    return Answer(text="\n\n".join(quotes), by="passages", citations=citations, notes=notes)


@lru_cache(maxsize=1)
def _instructions() -> str:
    from importlib.resources import files

    return files("planloom.prompts").joinpath("ask.md").read_text("utf-8")
