"""One ticket with all that was found out about it."""

from __future__ import annotations

from dataclasses import dataclass

from .shapes import Amount, Decision, History, Solution, Ticket, Triage


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What drafts and actions follow from."""

    ticket: Ticket
    triage: Triage
    history: History
    decision: Decision
    amount: Amount
    solution: Solution
