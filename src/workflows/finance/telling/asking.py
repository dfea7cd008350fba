"""Texts by a model, each checked; a text with a wrong number is redone once, then the template's is taken.

Rule: all questions of a run look alike but for their data, so that those that wait together share a call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from ....agents.question import Ask, Question
from ....errors import BudgetError, ContextError, ModelError, ToolError, TransientError
from ..shapes import Text
from .checking import wrong_numbers
from .figures import Figure

Teller = Literal["storyteller", "advisor"]
_WORDS = 110
_MOST_CHARS = 2_000
_SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A text: what it is about, the figures it may use, and the template's text."""

    about: str
    title: str
    teller: Teller
    figures: Sequence[Figure]
    fallback: str
    names: Sequence[str]
    years: range


async def tell(wanted: Sequence[Wanted], ask: Ask | None) -> list[Text]:
    """The texts in the same order; all are asked for at once. Without a model they are the templates'."""
    if ask is None:
        return [Text(about=one.about, text=one.fallback, by="template", rejected=[]) for one in wanted]
    return list(await asyncio.gather(*(_tell(one, ask) for one in wanted)))


async def _tell(wanted: Wanted, ask: Ask) -> Text:
    rejected: list[str] = []
    for _ in range(2):
        try:
            text = _plain(await ask(_question(wanted, rejected)))
        except (ModelError, TransientError, BudgetError, ContextError, ToolError) as error:
            rejected.append(f"no text: {type(error).__name__}")
            break
        wrong = wrong_numbers(text, wanted.figures, years=wanted.years, names=wanted.names)
        if text and not wrong:
            return Text(about=wanted.about, text=text, by="model", rejected=rejected)
        rejected.append("; ".join(wrong[:6]) or "the text is empty")
    return Text(about=wanted.about, text=wanted.fallback, by="template", rejected=rejected)


def _question(wanted: Wanted, rejected: Sequence[str]) -> Question:
    data: dict[str, Any] = {
        "role": wanted.teller,
        "about": wanted.title,
        "figures": [{"name": figure.name, "value": figure.text} for figure in wanted.figures],
    }
    if rejected:
        data["rejected"] = f"Your text was refused: {rejected[-1]}. Write it anew with the figures exactly as given."
    settings = {"instructions": instructions(), "words": _WORDS, "language": "English"}
    return Question(task="write", data=data, schema=_SCHEMA, settings=settings, reply_bytes=700)


def _plain(answer: Any) -> str:
    """The text of an answer, one paragraph; "" when it is too long to be one."""
    text = " ".join(str(answer.get("text", "") if isinstance(answer, dict) else "").split())
    return text if len(text) <= _MOST_CHARS else ""


@lru_cache(maxsize=1)
def instructions() -> str:
    """What both are told, from their prompts."""
    from importlib.resources import files

    prompts = files("planloom.prompts")
    return "\n".join(prompts.joinpath(f"{name}.md").read_text("utf-8") for name in ("storyteller", "advisor"))
