"""What is done at the end of a ticket, and what the desk says of it. Rule: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .case import Case
from .replies.templates import language_for, money, reply, told
from .shapes import Done, Draft, Ending, History, Order, Outcome, Payment, Priority, Settlement, Triage, Waiting

_ADVISED = ("account", "billing")  # what only an article can answer


def settle(case: Case, draft: Draft | None, tried: Sequence[Mapping[str, Any]]) -> Settlement:
    """The actions that follow. Without a reply that may be sent nothing is done, and a person takes over."""
    if trouble := _trouble(case, draft, tried):
        known = _known(case, tried)
        return _made("escalate", trouble, known=known, reply=holding_reply(case.triage, case.history))
    assert draft is not None
    decision, order = case.decision, case.history["order"]
    if decision["outcome"] == "refund" and order is not None and decision["refund"] is not None:
        payment = _payment(case, order, decision["refund"]["name"])
        if payment["cents"] > decision["approval_above_cents"]:
            return _made("refund", decision["reason"], approvals=[payment], reply=draft["text"])
        return _made("refund", decision["reason"], refund=payment, reply=draft["text"])
    if decision["outcome"] == "replacement" and order is not None:
        return _made("replacement", decision["reason"], replacement=order["id"], reply=draft["text"])
    return _made(decision["outcome"], decision["reason"], reply=draft["text"])


def waiting(cases: Iterable[tuple[Any, ...]]) -> list[Waiting]:
    """Those of (ticket, triage, priority, history, settlement) whose refund needs approval; failed ones are None."""
    found: list[Waiting] = []
    for ticket, triage, priority, history, settlement in cases:
        if settlement is not None and settlement["approvals"]:
            ending = Ending(ticket=ticket, triage=triage, priority=priority, history=history, settlement=settlement)
            found.append(Waiting(payment=settlement["approvals"][0], ending=ending))
    return found


def holding_reply(triage: Triage, history: History) -> str:
    """Says that a person will answer."""
    language = language_for(triage["language"])
    return reply(history["name"], language, str(told()["topics"]["escalated"][language]))


def described(done: Done) -> str:
    """One action in words."""
    verb = {"refund": "refunded", "duplicate": "refunded a second charge of", "replacement": "sent a replacement for"}
    if done["refused"]:
        return f"not done: {done['refused']}"
    what = money(done["cents"], done["currency"]) + f" for order {done['order']}" if done["cents"] else done["order"]
    again = " (was done before)" if done["repeated"] else ""
    return f"{verb.get(done['action'], done['action'])} {what}{again}"


def _trouble(case: Case, draft: Draft | None, tried: Sequence[Mapping[str, Any]]) -> str:
    """Why a person has to take over; "" when nobody has to."""
    decision, amount = case.decision, case.amount
    if decision["outcome"] == "escalate":
        return decision["reason"]
    if amount["trouble"]:
        return f"the amount can't be worked out: {amount['trouble']}"
    if decision["outcome"] == "refund" and not amount["cents"]:
        return f"{decision['reason']}; but nothing of the order is left to pay back"
    if decision["topic"] == "other" and not case.solution["found"]:
        return f"{decision['reason']}, and {case.solution['trouble']}"
    if decision["topic"] in _ADVISED and not case.solution["found"]:
        return f"the knowledge base can't answer it: {case.solution['trouble']}"
    if draft is None:
        return f"{len(tried)} drafts of the reply were refused" if tried else "no reply could be written"
    return ""


def _payment(case: Case, order: Order, rule: str) -> Payment:
    return Payment(
        ticket=case.ticket["id"],
        customer=case.ticket["customer"],
        order=order["id"],
        cents=case.amount["cents"],
        currency=case.amount["currency"],
        reason=f"{case.decision['reason']}: {'; '.join(case.amount['lines'])}",
        rule=rule,
    )


def _known(case: Case, tried: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Everything that is known, for the person who takes over."""
    amount = case.amount
    return {
        "text": case.ticket["text"][:4000],
        "category": case.triage["category"],
        "claims": case.triage["claims"],
        "set_aside": case.triage["aside"],
        "decision": case.decision["reason"],
        "amount": money(amount["cents"], amount["currency"]) if amount["cents"] else "",
        "customer": case.history["summary"],
        "order": case.history["order"],
        "drafts": list(tried),
    }


def _made(
    outcome: Outcome,
    reason: str,
    *,
    reply: str,
    refund: Payment | None = None,
    approvals: Sequence[Payment] = (),
    replacement: str = "",
    known: dict[str, Any] | None = None,
) -> Settlement:
    return Settlement(
        outcome=outcome,
        reason=reason,
        refund=refund,
        approvals=list(approvals),
        replacement=replacement,
        known=known or {},
        reply=reply,
    )


def waits_for(priority: Priority) -> str:
    """How soon a person should look."""
    return {"urgent": "now", "high": "today", "normal": "tomorrow", "low": "this week"}[priority["level"]]
