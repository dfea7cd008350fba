"""The category of a ticket: by words, by likeness, and by a model where there is one.

Rule: they choose a label; what is claimed, the rules find. A ticket that speaks to machines is not shown to a model.
"""

from __future__ import annotations

from typing import get_args

from ....agents.call import in_thread
from ....agents.tool import ToolContext
from ..asking import labelled
from ..shapes import Category, Reading, Ticket, Triage
from .likeness import odds
from .rules import read, shares

_LEAST_WORDS = 4
_HINT = (
    "damaged: an item is broken. delivery: where it is, late, lost. billing: charges, invoices, codes. refund: "
    "wants to return or cancel. account: login and personal data. praise: content. abuse: insults and nothing else."
)


async def triage(ticket: Ticket, context: ToolContext) -> Triage:
    """What the ticket is about."""
    found = read("\n".join(part for part in (ticket["text"], ticket["transcript"]) if part))
    by, notes, category = "rules", list(ticket["notes"]), found["category"]
    if len(found["said"].split()) >= _LEAST_WORDS:
        likeliest = await in_thread(lambda: _likeliest(found))
        if likeliest != category:
            by, category = "likeness", likeliest
    if found["aside"]:
        notes.append(f"set aside {len(found['aside'])} sentences that speak to the machine")
    alike = category
    if found["said"] and not found["aside"]:
        label, fault = await labelled(context, found["said"][:4000], list(get_args(Category)), _HINT)
        if label is not None:
            by, category = "model", label  # type: ignore[assignment]  # one of the labels
        elif context.ask is not None:
            notes.append(f"category by rules: {fault}")
    return dict(found) | {"category": category, "by": by, "by_rules": found["category"], "alike": alike, "notes": notes}  # type: ignore[return-value]  # a Reading with by and notes


def _likeliest(found: Reading) -> str:
    """The category that words and likeness together speak for, with equal weight."""
    by_words, alike = shares(found["said"], found["language"]), odds(found["said"])
    return max(alike, key=lambda name: alike[name] + by_words.get(name, 0.0))
