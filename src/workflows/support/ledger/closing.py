"""The end of a ticket: the reply goes out, its state is noted, and it is remembered of the customer.

Rule: what the reply says was done has been done; if it was not, a person gets the ticket and the reply says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ....agents.tool import ToolContext
from ....memory.facts import NewFact
from ..replies.templates import money
from ..settling import described, holding_reply, waits_for
from ..shapes import Closed, Done, Ending, Settlement
from ..shop.looking import person
from .acting import hand_over
from .book import Entry
from .place import ledger


async def close(
    ending: Ending, done: Sequence[Done], context: ToolContext, *, payments: Sequence[Done | None] | None
) -> Closed:
    """How the ticket stands now.

    `payments` are what became of the refund that needed approval, None in it: a person refused. None: not asked yet.
    """
    ticket, triage, history, settlement = ending["ticket"], ending["triage"], ending["history"], ending["settlement"]
    done = [*done, *(one for one in payments or () if one is not None)]
    if settlement["approvals"] and payments is None:
        return await _parked(ending, context)
    reply, outcome, undone = settlement["reply"], settlement["outcome"], _undone(settlement, done)
    if undone:
        reply, outcome = holding_reply(triage, history), "escalate"
    status = "waiting for a person" if outcome == "escalate" else "asked back" if outcome == "ask" else "answered"
    actions = [described(one) for one in done if one["action"] != "escalation"]
    why = undone or settlement["reason"]
    summary = f"{triage['category']}, {outcome}: {'; '.join(actions) or why}"
    await asyncio.to_thread(_write, ending, undone, context, status=status, summary=summary, reply=reply)
    if history["known"] and context.knowledge is not None:
        facts = await context.knowledge.facts()
        fact = NewFact(text=f"Ticket {ticket['id']} on {history['today']}: {summary}"[:1000], category="support",
                       source="support desk")  # fmt: skip
        await facts.add(person(ticket["customer"]), [fact])
    return _closed(ending, status=status, outcome=outcome, why=why, actions=actions, reply=reply)


async def _parked(ending: Ending, context: ToolContext) -> Closed:
    """A ticket whose refund waits for a person; nothing is sent."""
    payment = ending["settlement"]["approvals"][0]
    why = f"a refund of {money(payment['cents'], payment['currency'])} for order {payment['order']} needs approval"
    status, summary = "waiting for approval", f"{ending['triage']['category']}: {why}"
    await asyncio.to_thread(_write, ending, "", context, status=status, summary=summary, reply="")
    return _closed(ending, status=status, outcome="refund", why=why, actions=[], reply="")


def _undone(settlement: Settlement, done: Sequence[Done]) -> str:
    """Why something that was settled was not done; "" when all was."""
    if settlement["refund"] is None and not settlement["approvals"] and not settlement["replacement"]:
        return ""
    if not done:
        return "a person refused the refund" if settlement["approvals"] else "it could not be done"
    return done[0]["refused"]


def _closed(ending: Ending, *, status: str, outcome: str, why: str, actions: list[str], reply: str) -> Closed:
    lines = "\n".join(_lines(ending, status, why, actions))
    return Closed(
        ticket=ending["ticket"]["id"],
        status=status,
        outcome=outcome,
        category=ending["triage"]["category"],
        priority=ending["priority"]["level"],
        language=ending["triage"]["language"],
        actions=actions,
        reply=reply,
        text=f"{lines}\n\n{reply}" if reply else lines,
    )


def _write(ending: Ending, undone: str, context: ToolContext, *, status: str, summary: str, reply: str) -> None:
    book, ticket, run = ledger(context.config), ending["ticket"], context.run_id
    if undone:
        known = {"reason": undone, "text": ticket["text"][:4000]}
        hand_over(ticket["id"], ticket["customer"], known, context=context)
    if reply:
        book.add(
            Entry(
                key=f"reply/{ticket['id']}", action="reply", ticket=ticket["id"], customer=ticket["customer"], order="",
                told={"channel": ticket["channel"], "text": reply}, run=run, day=ending["history"]["today"],
            )
        )  # fmt: skip
    book.close(ticket["id"], customer=ticket["customer"], status=status, summary=summary, reply=reply, run=run)


def _lines(ending: Ending, status: str, why: str, actions: list[str]) -> list[str]:
    """What the desk says of a ticket to the shop."""
    triage, priority = ending["triage"], ending["priority"]
    language = triage["language"] or "language not known"
    return [
        f"Ticket {ending['ticket']['id']}: {status}",
        f"{triage['category']} ({language}), {priority['level']} priority; by {triage['by']}",
        f"Why: {why}",
        *([f"A person should look {waits_for(priority)}."] if status == "waiting for a person" else []),
        *(f"Done: {one}" for one in actions),
        *(f"Note: {one}" for one in triage["notes"]),
    ]
