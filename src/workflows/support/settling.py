"""What is done at the end of a ticket, and what the desk says of it. Rule: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .case import Case
from .replies.templates import language_for, money, reply, told
from .shapes import Done, Draft, History, Order, Outcome, Priority, Settlement, Triage


def settle(case: Case, draft: Draft | None, tried: Sequence[Mapping[str, Any]]) -> Settlement:
    """The actions that follow. Without a reply that may be sent nothing is done, and a person takes over."""
    if trouble := _trouble(case, draft, tried):
        about = _escalation(trouble, case, tried)
        return _made("escalate", trouble, escalations=[about], reply=holding_reply(case.triage, case.history))
    assert draft is not None
    decision, order = case.decision, case.history["order"]
    if decision["outcome"] == "refund" and order is not None and decision["refund"] is not None:
        one = _refund(case, order, decision["refund"]["name"])
        if case.amount["cents"] > decision["approval_above_cents"]:
            return _made("refund", decision["reason"], approvals=[one], reply=draft["text"])
        return _made("refund", decision["reason"], refunds=[one], reply=draft["text"])
    if decision["outcome"] == "replacement" and order is not None:
        one = {"ticket": case.ticket["id"], "customer": case.ticket["customer"]}
        one |= {"order": order["id"], "item": order["item"]}
        return _made("replacement", decision["reason"], replacements=[one], reply=draft["text"])
    return _made(decision["outcome"], decision["reason"], reply=draft["text"])


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
    if draft is None:
        return f"{len(tried)} drafts of the reply were refused" if tried else "no reply could be written"
    return ""


def _refund(case: Case, order: Order, rule: str) -> dict[str, Any]:
    return {
        "ticket": case.ticket["id"],
        "customer": case.ticket["customer"],
        "order": order["id"],
        "cents": case.amount["cents"],
        "currency": case.amount["currency"],
        "reason": f"{case.decision['reason']}: {'; '.join(case.amount['lines'])}",
        "rule": rule,
    }


def _escalation(reason: str, case: Case, tried: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Everything that is known, for the person who takes over."""
    amount = case.amount
    known = {
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
    return {"ticket": case.ticket["id"], "customer": case.ticket["customer"], "reason": reason, "known": known}


def _made(outcome: Outcome, reason: str, *, reply: str, **actions: list[dict[str, Any]]) -> Settlement:
    return Settlement(
        outcome=outcome,
        reason=reason,
        refunds=actions.get("refunds", []),
        approvals=actions.get("approvals", []),
        replacements=actions.get("replacements", []),
        escalations=actions.get("escalations", []),
        reply=reply,
    )


def waits_for(priority: Priority) -> str:
    """How soon a person should look."""
    return {"urgent": "now", "high": "today", "normal": "tomorrow", "low": "this week"}[priority["level"]]
