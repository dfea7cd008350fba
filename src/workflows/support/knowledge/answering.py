"""What the articles say about a ticket. Rule: an answer cites passages that were found, and has no other figures."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ....agents.question import Question
from ....agents.tool import ToolContext
from ..asking import asked
from ..replies.templates import language_for
from ..shapes import Passage, Solution, Triage
from . import searching

_TOPICS = {
    "charged_twice": "charged twice, payment appears twice, second charge",
    "missing": "order is late or lost, has not arrived",
    "damaged": "items that arrived damaged, broken or faulty, replacement",
    "delivery": "where is my order, delivery, tracking, late or lost",
    "billing": "payment, charged twice, invoice, receipt, discount code",
    "refund": "send back, return goods, refund is paid",
    "account": "account, password, login, change data, delete account",
    "praise": "how we work",
    "abuse": "being polite",
}
_LONGEST = 400
_CITED = re.compile(r"\[(\d)\]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_INSTRUCTIONS = (
    "Answer the customer's question in one or two sentences from these passages alone, in the settings' language. "
    "Name the passage after what you take from it, as [1]. Take over figures exactly."
)
_SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


async def answer(triage: Triage, context: ToolContext) -> Solution:
    """Passages and an answer from them; without a model the best passage is the answer."""
    try:
        passages = list(await searching.search(_question(triage), context.config))
    except searching.MissingError as error:
        return Solution(found=False, passages=[], answer="", trouble=str(error), by="rules")
    if not passages:
        return Solution(found=False, passages=[], answer="", trouble="no article fits", by="rules")
    found = await _asked(passages, triage, context)
    if found:
        return Solution(found=True, passages=passages, answer=found, trouble="", by="model")
    return Solution(found=True, passages=passages, answer=_short(passages[0]["text"]), trouble="", by="rules")


async def _asked(passages: Sequence[Passage], triage: Triage, context: ToolContext) -> str:
    """A model's answer when each of its figures and citations is one of the passages'; else ""."""
    if context.ask is None or not triage["said"]:
        return ""
    data = {
        "ticket": triage["said"][:2000],
        "passages": [{"number": number + 1, "text": one["text"]} for number, one in enumerate(passages)],
    }
    settings = {"instructions": _INSTRUCTIONS, "max_words": 50, "language": language_for(triage["language"])}
    found, _ = await asked(context, Question(task="write", data=data, settings=settings, schema=_SCHEMA))
    text = " ".join(str(found.get("text", "")).split()) if found else ""
    cited = [int(number) for number in _CITED.findall(text)]
    known = set(_NUMBER.findall(" ".join(one["text"] for one in passages)))
    figures = _NUMBER.findall(_CITED.sub("", text))
    fits = cited and all(1 <= number <= len(passages) for number in cited) and all(one in known for one in figures)
    return _CITED.sub("", text).replace(" .", ".")[:_LONGEST] if fits else ""


def _question(triage: Triage) -> str:
    """The topic in the articles' language; for other matters the customer's own words."""
    named = [*triage["claims"], triage["by_rules"], triage["alike"]]
    topic = next((_TOPICS[one] for one in named if one in _TOPICS), None)
    return topic if topic is not None else triage["said"][:300]


def _short(text: str) -> str:
    """The first sentences of a passage."""
    if len(text) <= _LONGEST:
        return text
    end = text.rfind(". ", 0, _LONGEST)
    return text[: end + 1] if end > 0 else text[:_LONGEST] + "…"
