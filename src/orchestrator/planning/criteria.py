"""Criteria in words among a step's `expects`: entries that begin with `judge:` are for a model, not expressions."""

from __future__ import annotations

from .plan import Step

_PREFIX = "judge:"


def is_criterion(text: str) -> bool:
    """Whether an entry of `expects` is for a judge and not an expression."""
    return text.strip().lower().startswith(_PREFIX)


def criteria_of(step: Step) -> list[str]:
    """The criteria in words of a step, in order; empty when it asks for no judge."""
    return [text.strip()[len(_PREFIX) :].strip() for text in step.expects if is_criterion(text)]
