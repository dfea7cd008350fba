"""Drafts of a reply. Rule: what is done is said by a template; a model may write the words before it, and is checked.

Each draft is kept in the run's folder, so that whoever takes the ticket over sees everything that was tried.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ....agents.question import Question
from ....agents.tool import ToolContext
from ..asking import asked
from ..case import Case
from ..shapes import Draft, Sentiment
from .checking import faults
from .templates import advice, fact, language_for, reply

_NUMBERED = re.compile(r"number != (\d+)")
_WORDS = 60
_ADVISED = ("account", "billing", "damaged", "refund", "delivery", "other", "no_return", "charged_once")
_SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
INSTRUCTIONS = (
    "Write one to three sentences that open a reply to this customer: acknowledge what happened, in the language named "
    "in the settings. No greeting, no figures, no dates, no promise of money, goods or time, no link. What is done "
    "about it follows after your words and is not yours to say."
)


async def draft(case: Case, sentiment: Sentiment, context: ToolContext) -> Draft:
    """The next draft; its faults are found here, and the step is redone because of them."""
    ticket, decision, solution = case.ticket["id"], case.decision, case.solution
    number = _number(ticket, context)
    language = language_for(case.triage["language"])
    facts = [fact(decision, case.history, case.amount, language)]
    if decision["outcome"] in ("reply", "ask") and solution["found"] and decision["topic"] in _ADVISED:
        facts.append(advice(solution["answer"], language) if solution["by"] == "rules" else solution["answer"])
    words, by = await _opening(case, sentiment, number, context)
    wrong = faults(words, outcome=decision["outcome"], language=language, facts=facts) if words else []
    text = reply(case.history["name"], language, words, *facts)
    made = Draft(text=text, faults=[f"draft {number}: {one}" for one in wrong], by=by, number=number)
    await asyncio.to_thread(keep, ticket, made, context)
    return made


def tried(ticket: str, context: ToolContext) -> list[Draft]:
    """All drafts of a ticket so far, in order."""
    found = []
    for path in sorted(_folder(context).glob(f"{_file(ticket)}-*.json")):
        found.append(json.loads(path.read_text("utf-8")))
    return sorted(found, key=lambda one: one["number"])


async def _opening(case: Case, sentiment: Sentiment, number: int, context: ToolContext) -> tuple[str, str]:
    """The words of a model, and who wrote them; none without a model, and none when it can't be used."""
    if context.ask is None or case.ticket["trouble"]:
        return "", "template"
    triage = case.triage
    data: dict[str, Any] = {"ticket": triage["said"][:4000], "about": triage["category"], "mood": sentiment["mood"]}
    if number > 1:
        before = await asyncio.to_thread(tried, case.ticket["id"], context)
        data["refused"] = [fault for one in before if one["number"] == number - 1 for fault in one["faults"]]
    settings = {"instructions": INSTRUCTIONS, "max_words": _WORDS, "language": language_for(triage["language"])}
    question = Question(task="write", data=data, schema=_SCHEMA, settings=settings, reply_bytes=400)
    found, fault = await asked(context, question)
    if found is None:
        return "", f"template ({fault})"
    return " ".join(str(found.get("text", "")).split()) or " ", "model"


def _number(ticket: str, context: ToolContext) -> int:
    """Which draft this is, the same after a crash: the verifier's reason names the one before."""
    if not context.feedback:
        return 1
    named = _NUMBERED.search(context.feedback)
    return 1 + (int(named[1]) if named else max((one["number"] for one in tried(ticket, context)), default=0))


def keep(ticket: str, made: Draft, context: ToolContext) -> None:
    """Keeps a draft in the run's folder, in the place of one of its number."""
    path = context.workspace.writable(str(_folder(context) / f"{_file(ticket)}-{made['number']}.json"))
    path.write_text(json.dumps(made, ensure_ascii=False), encoding="utf-8")


def _folder(context: ToolContext) -> Path:
    return context.workspace.out / "drafts"


def _file(ticket: str) -> str:
    return re.sub(r"[^\w.-]+", "_", ticket)[:100]


def shown(drafts: Sequence[Draft]) -> list[dict[str, Any]]:
    """Drafts as a person reads them."""
    return [{"draft": one["number"], "by": one["by"], "faults": one["faults"], "text": one["text"]} for one in drafts]
