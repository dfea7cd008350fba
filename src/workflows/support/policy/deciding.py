"""What is due for one ticket. Rule: pure; it follows from what happened, from records and from the policy.

The text of a ticket counts only through the claims that rules found in it, and a claim gives nothing that the records
of this customer's own order do not allow. A model takes no part.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ..shapes import Decision, History, Order, Outcome, Ticket, Triage
from .file import Policy, rule_of

_NEEDS_ORDER = ("damaged", "missing", "charged_twice", "return")
_GONE = ("cancelled", "refunded")
_NAMED = {"damaged": "damaged item", "refund": "return"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One ticket before the decision."""

    triage: Triage
    history: History
    policy: Policy
    claim: str

    def due(self, outcome: Outcome, topic: str, reason: str, *, rule: str = "", replacement: bool = False) -> Decision:
        """The decision in the form that is handed on; `rule` is the policy's for a refund."""
        refund = rule_of(self.policy, rule) if rule else None
        return Decision(
            outcome=outcome,
            topic=topic,
            reason=reason,
            refund=refund,
            replacement=replacement,
            approval_above_cents=self.policy.approval_above_cents,
            policy=self.policy.name,
        )


def decide(ticket: Ticket, triage: Triage, history: History, policy: Policy) -> Decision:
    """The decision, with its reason in words."""
    case = _Case(triage=triage, history=history, policy=policy, claim=claim_of(triage))
    if ticket["trouble"]:
        return case.due("ask", "unreadable", f"the ticket's text is {ticket['trouble']}")
    if triage["threat"]:
        return case.due("escalate", "abuse", "it holds a threat, which a person has to look at")
    if case.claim in _NEEDS_ORDER:
        return _about_order(case)
    matter = triage["by_rules"] if triage["by_rules"] != "other" else triage["alike"]
    match matter:
        case "abuse":
            return case.due("reply", "abuse", "insults and no request; a calm answer")
        case "praise":
            return case.due("reply", "praise", "nothing is asked for")
        case "account" if not history["known"]:
            return case.due("escalate", "identity", "nobody is known by this customer id")
        case "account":
            return case.due("reply", "account", "the knowledge base says how")
        case "delivery" if history["order"] is not None:
            return case.due("reply", "delivery", "the order's state answers it")
        case "delivery":
            return case.due("ask", "which_order", "no order of theirs is named")
        case "damaged" | "refund" if triage["by_rules"] == "other":
            return case.due("escalate", "unclear", f"it may be about a {_NAMED[matter]}, in words that no rule knows")
        case "other":
            return case.due("reply", "other", "no rule knows what it is about")
    return case.due("reply", matter, "a question; nothing is due")


def claim_of(triage: Triage) -> str:
    """What the customer claims, in the words of the policy; "" for a question."""
    for claim in triage["claims"]:
        return claim
    return "return" if triage["by_rules"] == "refund" or "refund" in [*triage["also"], *triage["wishes"]] else ""


def _about_order(case: _Case) -> Decision:
    history = case.history
    if not history["known"]:
        return case.due("escalate", "identity", "nobody is known by this customer id")
    if history["order_trouble"] in ("unknown", "not theirs"):
        return case.due("ask", "which_order", "the order that is named is none of this customer's")
    order = history["order"]
    if order is None:
        return case.due("ask", "which_order", "no order is named")
    if order["status"] in _GONE:
        return case.due("reply", "already", f"the order is {order['status']}")
    match case.claim:
        case "damaged":
            return _damaged(case, order)
        case "missing":
            return _missing(case, order)
        case "charged_twice":
            return _charged_twice(case, order)
    return _returned(case, order)


def _damaged(case: _Case, order: Order) -> Decision:
    if not order["delivered_on"]:
        return case.due(
            "escalate", "contradiction", "it is said to be damaged, and the records say it is not delivered"
        )
    days = _days(order["delivered_on"], case)
    if days > case.policy.windows.damaged_days:
        limit = case.policy.windows.damaged_days
        return case.due("reply", "too_late", f"delivered {days} days ago; damage counts for {limit} days")
    return _made_good(case, order, "damaged", f"damaged, delivered {days} days ago")


def _missing(case: _Case, order: Order) -> Decision:
    if order["delivered_on"]:
        return case.due("escalate", "contradiction", "it is said to be missing, and the records say it was delivered")
    days = _days(order["ordered_on"], case)
    if days <= case.policy.windows.late_after_days:
        return case.due("reply", "delivery", f"ordered {days} days ago, which is not late yet")
    return _made_good(case, order, "missing", f"ordered {days} days ago and not delivered")


def _charged_twice(case: _Case, order: Order) -> Decision:
    if order["charges"] < 2:
        return case.due("reply", "charged_once", "the records show one charge only")
    return _refund(case, "charged_twice", f"the records show {order['charges']} charges")


def _returned(case: _Case, order: Order) -> Decision:
    if not order["delivered_on"]:
        return _refund(case, "missing", "cancelled before it was delivered")
    if order["kind"] in case.policy.no_return_of:
        return case.due("reply", "no_return", f"{order['kind']} items are not taken back")
    days = _days(order["delivered_on"], case)
    if days > case.policy.windows.return_days:
        limit = case.policy.windows.return_days
        return case.due("reply", "too_late", f"delivered {days} days ago; returns count for {limit} days")
    return _refund(case, "return", f"returned {days} days after delivery")


def _made_good(case: _Case, order: Order, rule: str, reason: str) -> Decision:
    """A replacement where one is possible and no money is wished for; else a refund."""
    rules = case.policy.replacements
    paid = order["unit_cents"] * order["quantity"]
    affordable = not rules.below_cents or paid < rules.below_cents
    wishes = case.triage["wishes"]
    wants_money = "refund" in wishes and "replacement" not in wishes
    if rules.allowed and affordable and order["in_stock"] >= order["quantity"] and not wants_money:
        return case.due("replacement", "replacement", reason, replacement=True)
    return _refund(case, rule, reason)


def _refund(case: _Case, rule: str, reason: str) -> Decision:
    most = case.policy.customer_a_year
    history = case.history
    if (most.refunds and history["refunds"] >= most.refunds) or (
        most.cents and history["refunded_cents"] >= most.cents
    ):
        told = f"{history['refunds']} refunds of {history['refunded_cents']} cents within a year"
        return case.due("escalate", "many_refunds", f"{reason}; but there were {told}")
    return case.due("refund", "refund", reason, rule=rule)


def _days(day: str, case: _Case) -> int:
    return (date.fromisoformat(case.history["today"]) - date.fromisoformat(day)).days
