"""Who a ticket is from and what came before. Rule: an order counts only when it is this customer's."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any, Literal

from ....agents.question import Question
from ....agents.tool import ToolContext
from ..asking import asked
from ..assessing.feeling import summary
from ..ledger.place import ledger
from ..shapes import History, Order, Ticket, Triage
from .records import Customer, Records, opened

Trouble = Literal["", "none named", "unknown", "not theirs"]
_YEAR = timedelta(days=365)
_RECALLED = 5


async def look_up(ticket: Ticket, triage: Triage, database: str, context: ToolContext) -> History:
    """The customer, their order, and what the desk did for them before."""
    found = await asyncio.to_thread(_read, ticket, triage, database, context)
    if found["known"]:
        found["remembered"] = await _remembered(ticket, context)
        found["summary"] = summary(found)
        found["summary"], found["by"] = await _told(found, context)
    return found


def person(customer: str) -> str:
    """The name under which facts about a customer are remembered."""
    return f"customer {customer}"


def _read(ticket: Ticket, triage: Triage, database: str, context: ToolContext) -> History:
    with opened(database, context) as records:
        customer = records.customer(ticket["customer"]) if ticket["customer"] else None
        order, trouble = _order(records, ticket["order"] or triage["order"], customer)
        today, source = records.today, records.source
    count, cents, earlier = 0, 0, list[str]()
    if customer is not None:
        since = (date.fromisoformat(today) - _YEAR).isoformat()
        count, cents, earlier = ledger(context.config).customer(customer.id, since)
    return History(
        known=customer is not None,
        name=customer.name if customer else "",
        language=customer.language if customer else "",
        tier=customer.tier if customer else "",
        orders=customer.orders if customer else 0,
        refunds=count,
        refunded_cents=cents,
        earlier=[one for one in earlier if not one.startswith(ticket["id"])],
        remembered=[],
        order=order,
        order_trouble=trouble,
        today=today,
        source=source,
        summary="Nobody is known by this customer id.",
        by="rules",
    )


def _order(records: Records, name: str, customer: Customer | None) -> tuple[Order | None, Trouble]:
    if not name:
        return None, "none named"
    found = records.order(name)
    if found is None:
        return None, "unknown"
    owner, order = found
    if customer is None or owner != customer.id:
        return None, "not theirs"
    return order, ""


async def _remembered(ticket: Ticket, context: ToolContext) -> list[str]:
    if context.knowledge is None or not ticket["text"]:
        return []
    facts = await context.knowledge.facts()
    found = await facts.recall(person(ticket["customer"]), ticket["text"][:1000], count=_RECALLED)
    return [fact.text for fact in found if ticket["id"] not in fact.text]


async def _told(history: History, context: ToolContext) -> tuple[str, Any]:
    """The summary, by a model where there is more to say than a line."""
    if context.ask is None:
        return history["summary"], "rules"
    data = {name: history[name] for name in ("name", "tier", "orders", "refunds", "earlier", "remembered")}
    schema = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    settings = {"max_words": 40, "focus": "what matters for answering this customer", "language": "English"}
    found, _ = await asked(context, Question(task="summarise", data=data, settings=settings, schema=schema))
    text = " ".join(str(found.get("text", "")).split()) if found else ""
    return (text[:600], "model") if text else (history["summary"], "rules")
