"""The category of a ticket, by a model where there is one. Rule: a model chooses a label; what is claimed, rules find.

A ticket that speaks to machines is not shown to a model for this.
"""

from __future__ import annotations

from typing import get_args

from ....agents.tool import ToolContext
from ..asking import labelled
from ..shapes import Category, Ticket, Triage
from .rules import read

_HINT = (
    "damaged: an item is broken. delivery: where it is, late, lost. billing: charges, invoices, codes. refund: "
    "wants to return or cancel. account: login and personal data. praise: content. abuse: insults and nothing else."
)


async def triage(ticket: Ticket, context: ToolContext) -> Triage:
    """What the ticket is about."""
    found = read("\n".join(part for part in (ticket["text"], ticket["transcript"]) if part))
    by, notes, category = "rules", list(ticket["notes"]), found["category"]
    if found["aside"]:
        notes.append(f"set aside {len(found['aside'])} sentences that speak to the machine")
    if found["said"] and not found["aside"]:
        label, fault = await labelled(context, found["said"][:4000], list(get_args(Category)), _HINT)
        if label is not None:
            by, category = "model", label  # type: ignore[assignment]  # one of the labels
        elif context.ask is not None:
            notes.append(f"category by rules: {fault}")
    return dict(found) | {"category": category, "by": by, "by_rules": found["category"], "notes": notes}  # type: ignore[return-value]  # a Reading with by and notes
