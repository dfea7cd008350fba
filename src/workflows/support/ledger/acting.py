"""Actions of the desk. Rule: each is checked once more against records and policy before it is written.

So it does not matter who asked for it: a plan that names another amount, or another's order, is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ....agents.tool import ToolContext
from ....errors import ToolError
from ..policy.file import Policy, load, rule_of
from ..refunds.amounts import counter
from ..shapes import Done, Order, Payment, Settlement
from ..shop.records import opened
from .book import Entry
from .place import ledger


async def act(settlement: Settlement, ticket: str, customer: str, *, database: str, context: ToolContext) -> list[Done]:
    """Does what was settled and needs nobody's approval: a refund, a replacement, handing over, or nothing.

    Raises:
        ToolError: as `pay` and `replace`.
    """
    if settlement["refund"] is not None:
        return [await pay(settlement["refund"], approved=False, database=database, context=context)]
    if settlement["replacement"]:
        order = settlement["replacement"]
        return [await asyncio.to_thread(replace, ticket, customer, order, database=database, context=context)]
    if settlement["known"]:
        known = {"reason": settlement["reason"], **settlement["known"]}
        return [await asyncio.to_thread(hand_over, ticket, customer, known, context=context)]
    return []


async def pay(payment: Payment, *, approved: bool, database: str, context: ToolContext) -> Done:
    """Enters a refund, once an order.

    Raises:
        ToolError: the order is not this customer's, the amount is not what the policy gives, or a person has to approve
            it first.
    """
    order, customer, cents, currency = payment["order"], payment["customer"], payment["cents"], payment["currency"]
    known, day = await asyncio.to_thread(_theirs, order, customer, database, context)
    policy = policy_of(context)
    due = await counter(context.config).amount(known, rule_of(policy, payment["rule"]))
    if due["trouble"] or (cents, currency) != (due["cents"], due["currency"]) or not cents:
        raise ToolError(
            f"expected {due['cents']} cents {due['currency']} for order {order}, as the policy gives, got {cents} "
            f"{currency}; let support.payable work it out" + (f" ({due['trouble']})" if due["trouble"] else "")
        )
    if cents > policy.approval_above_cents and not approved:
        raise ToolError(
            f"expected at most {policy.approval_above_cents} cents without approval, got {cents}; use "
            "support.refund_approved"
        )
    paid = known["unit_cents"] * known["quantity"] - known["discount_cents"] + known["shipping_cents"]
    action = "duplicate" if payment["rule"] == "charged_twice" else "refund"
    entry = Entry(
        key=f"{action}/{order}", action=action, ticket=payment["ticket"], customer=customer, order=order, cents=cents,
        currency=currency, most_cents=paid * max(known["charges"], 1) - known["refunded_cents"], approved=approved,
        told={"reason": payment["reason"]}, run=context.run_id, day=day,
    )  # fmt: skip
    return await asyncio.to_thread(ledger(context.config).add, entry)


def replace(ticket: str, customer: str, order: str, *, database: str, context: ToolContext) -> Done:
    """Enters a replacement, once an order.

    Raises:
        ToolError: the order is not this customer's, or the policy sends no replacements.
    """
    known, day = _theirs(order, customer, database, context)
    if not policy_of(context).replacements.allowed:
        raise ToolError("expected a refund, got a replacement, which the policy does not allow")
    entry = Entry(
        key=f"replacement/{order}", action="replacement", ticket=ticket, customer=customer, order=order,
        told={"item": known["item"], "quantity": known["quantity"]}, run=context.run_id, day=day,
    )  # fmt: skip
    return ledger(context.config).add(entry)


def hand_over(ticket: str, customer: str, known: Mapping[str, Any], *, context: ToolContext) -> Done:
    """Enters what a person has to look at, once a ticket."""
    entry = Entry(
        key=f"escalation/{ticket}", action="escalation", ticket=ticket, customer=customer, order="",
        told=known, run=context.run_id, day="",
    )  # fmt: skip
    return ledger(context.config).add(entry)


def policy_of(context: ToolContext) -> Policy:
    """The policy in force."""
    named = context.config.support.policy
    return load(context.workspace.readable(named) if named else None)


def _theirs(order: str, customer: str, database: str, context: ToolContext) -> tuple[Order, str]:
    with opened(database, context) as records:
        found = records.order(order)
        if found is None or found[0] != customer:
            raise ToolError(f"expected an order of customer {customer!r}, got {order!r}, which is none")
        return found[1], records.today
