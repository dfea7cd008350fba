"""The end of a ticket: the reply goes out, its state is noted, and it is remembered of the customer.

Rule: what the reply says was done has been done; if it was not, a person gets the ticket and the reply says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from ....agents.tool import ToolContext
from ....memory.facts import NewFact
from ..settling import described, holding_reply, waits_for
from ..shapes import Closed, Done, History, Priority, Settlement, Ticket, Triage
from ..shop.looking import person
from .acting import hand_over
from .book import Entry
from .place import ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A ticket whose actions are over."""

    ticket: Ticket
    triage: Triage
    priority: Priority
    history: History
    settlement: Settlement
    done: Sequence[Done | None]


async def close(ending: Ending, context: ToolContext) -> Closed:
    """How the ticket stands now."""
    ticket, triage, history, settlement = ending.ticket, ending.triage, ending.history, ending.settlement
    done = ending.done
    reply, outcome, undone = settlement["reply"], settlement["outcome"], _undone(settlement, done)
    if undone:
        reply, outcome = holding_reply(triage, history), "escalate"
    status = "waiting for a person" if outcome == "escalate" else "asked back" if outcome == "ask" else "answered"
    actions = [described(one) for one in done if one is not None]
    why = undone or settlement["reason"]
    summary = f"{triage['category']}, {outcome}: {'; '.join(actions) or why}"
    await asyncio.to_thread(_write, ending, undone, context, status=status, summary=summary, reply=reply)
    if history["known"] and context.knowledge is not None:
        facts = await context.knowledge.facts()
        fact = NewFact(text=f"Ticket {ticket['id']} on {history['today']}: {summary}"[:1000], category="support",
                       source="support desk")  # fmt: skip
        await facts.add(person(ticket["customer"]), [fact])
    return Closed(
        ticket=ticket["id"],
        status=status,
        outcome=outcome,
        category=triage["category"],
        priority=ending.priority["level"],
        language=triage["language"],
        actions=actions,
        reply=reply,
        text="\n".join(_lines(ending, status, why, actions)) + f"\n\n{reply}",
    )


def _undone(settlement: Settlement, done: Sequence[Done | None]) -> str:
    """Why something that was settled was not done; "" when all was."""
    wanted = [*settlement["refunds"], *settlement["approvals"], *settlement["replacements"]]
    if not wanted:
        return ""
    made = [one for one in done if one is not None and one["action"] not in ("reply", "escalation")]
    if not made:
        return "a person refused it" if settlement["approvals"] else "it could not be done"
    return made[0]["refused"]


def _write(ending: Ending, undone: str, context: ToolContext, *, status: str, summary: str, reply: str) -> None:
    book, ticket, run = ledger(context.config), ending.ticket, context.run_id
    if undone:
        hand_over(ticket["id"], ticket["customer"], undone, {"text": ticket["text"][:4000]}, context=context)
    if reply:
        book.add(
            Entry(
                key=f"reply/{ticket['id']}", action="reply", ticket=ticket["id"], customer=ticket["customer"], order="",
                told={"channel": ticket["channel"], "text": reply}, run=run, day=ending.history["today"],
            )
        )  # fmt: skip
    book.close(ticket["id"], customer=ticket["customer"], status=status, summary=summary, reply=reply, run=run)


def _lines(ending: Ending, status: str, why: str, actions: list[str]) -> list[str]:
    """What the desk says of a ticket to the shop."""
    triage, priority = ending.triage, ending.priority
    language = triage["language"] or "language not known"
    return [
        f"Ticket {ending.ticket['id']}: {status}",
        f"{triage['category']} ({language}), {priority['level']} priority; by {triage['by']}",
        f"Why: {why}",
        *([f"A person should look {waits_for(priority)}."] if status == "waiting for a person" else []),
        *(f"Done: {one}" for one in actions),
        *(f"Note: {one}" for one in triage["notes"]),
    ]
