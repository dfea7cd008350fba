"""The tools of the plug-in: one a step of a ticket. Rule: a model is asked only where it may choose words or labels.

Reads have no key; every write has one made of what it is about, so that it happens once whatever is repeated.
"""

from __future__ import annotations

from ...agents.tool import ToolContext, tool
from .case import Case
from .shapes import (
    Amount,
    Closed,
    Decision,
    Done,
    Draft,
    Ending,
    Finding,
    Finished,
    History,
    Inbox,
    Payment,
    Priority,
    Report,
    Sentiment,
    Settlement,
    Solution,
    Ticket,
    Triage,
    Waiting,
)

_MODEL_S = 300.0


@tool(effect="read", name="support.inbox")
def inbox(context: ToolContext, path: str | None = None, sample: int = 20, seed: int = 1) -> Inbox:
    """Reads tickets from a JSON Lines file (customer, text, and optionally id, channel, order, transcript, received).

    Without a path a sample inbox is made, of `sample` tickets about the sample shop.
    """
    from . import reading

    if path:
        return reading.inbox(context.workspace.readable(path))
    from .samples.making import inbox as made

    return made(context.config, sample, seed)


@tool(effect="read", name="support.ticket")
def ticket(
    *,
    text: str, customer: str = "", channel: str = "chat", order: str = "", transcript: str = "", id: str = "",  # noqa: A002
    received: str = "",
) -> Ticket:  # fmt: skip
    """Takes a ticket in: says whether its text can be read, and gives it an id that is the same if it comes again."""
    from . import reading

    return reading.ticket(
        {
            "text": text,
            "customer": customer,
            "channel": channel,
            "order": order,
            "transcript": transcript,
            "id": id,
            "received": received,
        }
    )


@tool(effect="read", name="support.triage", timeout_s=_MODEL_S)
async def triage(ticket: Ticket, context: ToolContext) -> Triage:
    """What a ticket is about: category, language, claims, wishes, the order it names. Rules, and a model's category."""
    from .triage.choosing import triage as chosen

    return await chosen(ticket, context)


@tool(effect="read", name="support.sentiment", timeout_s=_MODEL_S)
async def sentiment(triage: Triage, context: ToolContext) -> Sentiment:
    """How the customer sounds, -1 to 1."""
    from .asking import labelled
    from .assessing import feeling

    found = feeling.sentiment(triage["said"], triage["language"])
    mood, _ = await labelled(context, triage["said"][:4000], list(feeling.MOODS), "how the customer sounds")
    return found if mood is None else Sentiment(score=found["score"], mood=mood, by="model")  # type: ignore[typeddict-item]


@tool(effect="read", name="support.priority", timeout_s=_MODEL_S)
async def priority(ticket: Ticket, triage: Triage, context: ToolContext) -> Priority:
    """How soon a ticket needs an answer, and why; a model may move it by one step."""
    from .asking import labelled
    from .assessing import feeling

    score = feeling.sentiment(triage["said"], triage["language"])["score"]
    found = feeling.priority(ticket, triage, score=score)
    wished, _ = await labelled(context, triage["said"][:4000], list(feeling.LEVELS), "how soon it needs an answer")
    if wished is None:
        return found
    return Priority(level=feeling.nearest(found["level"], wished), reasons=found["reasons"], by="model")


@tool(effect="read", name="support.history", timeout_s=_MODEL_S)
async def history(ticket: Ticket, triage: Triage, context: ToolContext, database: str = "") -> History:
    """Who the customer is, what there was before, and the order the ticket is about, if it is theirs."""
    from .shop.looking import look_up

    return await look_up(ticket, triage, database, context)


@tool(effect="read", name="support.solution", timeout_s=_MODEL_S)
async def solution(triage: Triage, context: ToolContext) -> Solution:
    """What the knowledge base says about it, with its sources; says so when there is none."""
    from .knowledge.answering import answer

    return await answer(triage, context)


@tool(effect="read", name="support.decide")
def decide(ticket: Ticket, triage: Triage, history: History, context: ToolContext) -> Decision:
    """What is due, by the policy, from records and claims; no model takes part."""
    from .policy import deciding, file

    named = context.config.support.policy
    return deciding.decide(ticket, triage, history, file.load(context.workspace.readable(named) if named else None))


@tool(effect="read", name="support.payable", timeout_s=120)
async def payable(decision: Decision, history: History, context: ToolContext) -> Amount:
    """How much is paid back, in whole cents, by the policy's formula in the code sandbox."""
    from .refunds.amounts import counter, nothing

    rule, order = decision["refund"], history["order"]
    if rule is None or order is None:
        return nothing()
    return await counter(context.config).amount(order, rule)


@tool(effect="read", name="support.draft", timeout_s=_MODEL_S)
async def draft(
    *,
    ticket: Ticket,
    triage: Triage,
    decision: Decision,
    payable: Amount,
    history: History,
    solution: Solution,
    sentiment: Sentiment,
    context: ToolContext,
) -> Draft:
    """Drafts the reply and checks it; `faults` say what is wrong, and the step is done again because of them."""
    from .replies import drafting

    case = Case(ticket=ticket, triage=triage, history=history, decision=decision, amount=payable, solution=solution)
    return await drafting.draft(case, sentiment, context)


@tool(effect="read", name="support.settle")
def settle(
    *,
    ticket: Ticket,
    triage: Triage,
    decision: Decision,
    payable: Amount,
    history: History,
    solution: Solution,
    context: ToolContext,
    draft: Draft | None = None,
) -> Settlement:
    """Which action follows: at most one, and none without a reply that may be sent."""
    from . import settling
    from .replies.drafting import shown, tried

    drafts = shown(tried(ticket["id"], context)) if draft is None else []
    case = Case(ticket=ticket, triage=triage, history=history, decision=decision, amount=payable, solution=solution)
    return settling.settle(case, draft, drafts)


@tool(effect="write", name="support.act", idempotent=True)
async def act(settlement: Settlement, ticket: Ticket, context: ToolContext, database: str = "") -> list[Done]:
    """Does what was settled: a refund the policy lets the desk pay by itself, a replacement, or handing over; once."""
    from .ledger import acting

    return await acting.act(settlement, ticket["id"], ticket["customer"], database=database, context=context)


@tool(effect="write", name="support.refund_approved", idempotent=True, destructive=True)
async def refund_approved(
    *,
    ticket: str,
    customer: str,
    order: str,
    cents: int,
    currency: str,
    reason: str,
    rule: str,
    context: ToolContext,
    database: str = "",
) -> Done:
    """Pays back a refund above the policy's limit, after a person said yes; once an order."""
    from .ledger.acting import pay

    payment = Payment(
        ticket=ticket, customer=customer, order=order, cents=cents, currency=currency, reason=reason, rule=rule
    )
    return await pay(payment, approved=True, database=database, context=context)


@tool(effect="write", name="support.close", idempotent=True)
async def close(
    *,
    ticket: Ticket,
    triage: Triage,
    priority: Priority,
    history: History,
    settlement: Settlement,
    context: ToolContext,
    done: list[Done] | None = None,
    payments: list[Done | None] | None = None,
) -> Closed:
    """Sends the reply, notes how the ticket stands, and remembers it of the customer.

    `payments` is what became of a refund that needs approval; without it the ticket waits.
    """
    from .ledger import closing

    ending = Ending(ticket=ticket, triage=triage, priority=priority, history=history, settlement=settlement)
    return await closing.close(ending, done or [], context, payments=payments)


@tool(effect="pure", name="support.waiting")
def waiting(
    *,
    tickets: list[Ticket | None],
    triages: list[Triage | None],
    priorities: list[Priority | None],
    histories: list[History | None],
    settlements: list[Settlement | None],
) -> list[Waiting]:
    """The tickets of an inbox whose refund needs a person's approval."""
    from .settling import waiting as found

    return found(zip(tickets, triages, priorities, histories, settlements, strict=True))


@tool(effect="read", name="support.report")
def report(inbox: Inbox, closed: list[Closed | None], context: ToolContext, title: str = "Tickets") -> Report:
    """One readable report of tickets, as text and as a Markdown file; empty when there are none."""
    from .reporting import report as told

    return told(inbox, closed, title, context)


@tool(effect="read", name="support.look_into", timeout_s=_MODEL_S)
async def look_into(
    *, text: str, customer: str = "", order: str = "", channel: str = "chat", context: ToolContext, database: str = ""
) -> Finding:
    """Looks into a ticket: what it is about, who wrote it, what the policy says is due, what the articles say."""
    from . import agency

    told = {"text": text, "customer": customer, "order": order, "channel": channel}
    return await agency.look_into(told, database, context)


@tool(effect="write", name="support.finish", idempotent=True, timeout_s=_MODEL_S)
async def finish(case: str, words: str, context: ToolContext, database: str = "") -> Finished:
    """Answers a ticket that was looked into: your words, then what is due, which is done by this. Words with faults
    come back; the third time a person gets the ticket.
    """
    from . import agency

    return await agency.finish(case, words, database, context)


TOOLS = [
    inbox,
    ticket,
    triage,
    sentiment,
    priority,
    history,
    solution,
    decide,
    payable,
    draft,
    settle,
    act,
    refund_approved,
    close,
    waiting,
    report,
    look_into,
    finish,
]
