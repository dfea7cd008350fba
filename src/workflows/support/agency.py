"""The desk for agents: one tool looks into a ticket, one finishes it. Rule: an agent brings words and decides nothing.

What was found out is kept in the run's folder between the two, so that agents hand on a name and not pages of data.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ...agents.tool import ToolContext
from ...errors import ToolError
from . import reading
from .assessing.feeling import priority, sentiment
from .case import Case
from .knowledge.searching import MissingError, search
from .ledger import acting, closing
from .policy.deciding import decide
from .refunds.amounts import counter, nothing
from .replies.checking import faults
from .replies.drafting import keep, shown, tried
from .replies.templates import fact, language_for, money, reply
from .settling import settle
from .shapes import Draft, Ending, Finding, Finished, Settlement, Solution
from .shop.looking import look_up
from .triage.choosing import triage

_MOST_DRAFTS = 3
_CASE = re.compile(r"[\w.-]{1,80}")


async def look_into(told: Mapping[str, str], database: str, context: ToolContext) -> Finding:
    """Everything there is about a ticket, without a model."""
    context = replace(context, ask=None)
    ticket = reading.ticket(told)
    read = await triage(ticket, context)
    history = await look_up(ticket, read, database, context)
    decision = decide(ticket, read, history, acting.policy_of(context))
    rule, order = decision["refund"], history["order"]
    amount = nothing() if rule is None or order is None else await counter(context.config).amount(order, rule)
    case = Case(ticket=ticket, triage=read, history=history, decision=decision, amount=amount,
                solution=await _articles(read["said"], context))  # fmt: skip
    await asyncio.to_thread(_keep, case, context)
    language = language_for(read["language"])
    return Finding(
        case=ticket["id"],
        about=read["category"],
        language=language,
        mood=sentiment(read["said"], read["language"])["mood"],
        customer=history["summary"],
        due=decision["reason"],
        said_for_you=fact(decision, history, amount, language),
        articles=[f"{one['text']} ({one['source']})" for one in case.solution["passages"]],
        said_by_customer=read["said"][:4000],
    )


async def finish(name: str, words: str, database: str, context: ToolContext) -> Finished:
    """Checks the words, and when they may be sent, does what is due and closes the ticket.

    The third time they may not, a person gets the ticket.
    """
    case = await asyncio.to_thread(_kept, name, context)
    before = await asyncio.to_thread(tried, name, context)
    language = language_for(case.triage["language"])
    said = fact(case.decision, case.history, case.amount, language)
    wrong = faults(words, outcome=case.decision["outcome"], language=language, facts=[said])
    text = reply(case.history["name"], language, " ".join(words.split()), said)
    draft = Draft(text=text, faults=wrong, by="agent", number=len(before) + 1)
    if wrong:
        await asyncio.to_thread(keep, name, draft, context)
        if draft["number"] < _MOST_DRAFTS:
            left = _MOST_DRAFTS - draft["number"]
            return Finished(sent=False, faults=wrong, left=left, status="", text="")
    drafts = shown([*before, draft]) if wrong else []
    settlement = _for_person(settle(case, None if wrong else draft, drafts))
    ticket = case.ticket
    done = await acting.act(settlement, ticket["id"], ticket["customer"], database=database, context=context)
    score = sentiment(case.triage["said"], case.triage["language"])["score"]
    ending = Ending(ticket=ticket, triage=case.triage, priority=priority(ticket, case.triage, score=score),
                    history=case.history, settlement=settlement)  # fmt: skip
    closed = await closing.close(ending, done, context, payments=None)
    return Finished(sent=not wrong, faults=wrong, left=0, status=closed["status"], text=closed["text"])


def _for_person(settlement: Settlement) -> Settlement:
    """The settlement with a refund that needs approval in a person's hands, since an agent can't wait for it."""
    if not settlement["approvals"]:
        return settlement
    payment = settlement["approvals"][0]
    reason = f"a refund of {money(payment['cents'], payment['currency'])} needs approval"
    known = {"payment": dict(payment), "reply": settlement["reply"]}
    made: Any = settlement | {"outcome": "escalate", "reason": reason, "approvals": [], "known": known, "reply": ""}
    return made  # type: ignore[no-any-return]


async def _articles(question: str, context: ToolContext) -> Solution:
    try:
        passages = list(await search(question[:300], context.config)) if question else []
    except MissingError as error:
        return Solution(found=False, passages=[], answer="", trouble=str(error), by="rules")
    trouble = "" if passages else "no article fits"
    return Solution(found=bool(passages), passages=passages, answer="", trouble=trouble, by="rules")


def _keep(case: Case, context: ToolContext) -> None:
    path = context.workspace.writable(str(_path(case.ticket["id"], context)))
    path.write_text(json.dumps(asdict(case), ensure_ascii=False), encoding="utf-8")


def _kept(name: str, context: ToolContext) -> Case:
    path = _path(name, context)
    if not path.is_file():
        raise ToolError(f"expected the name of a case that support.look_into gave in this run, got {name!r}")
    return Case(**json.loads(path.read_text("utf-8")))


def _path(name: str, context: ToolContext) -> Path:
    if not _CASE.fullmatch(name):
        raise ToolError(f"expected the name of a case, got {name!r:.80}")
    return context.workspace.out / "cases" / f"{name}.json"
