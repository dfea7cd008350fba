"""Questions to the model. Rule: an answer that does not come, or does not fit, is None; the rules go on without it."""

from __future__ import annotations

from typing import Any

from ...agents.question import Question
from ...agents.tool import ToolContext
from ...errors import ContextError, ModelError, ToolError, TransientError


async def asked(context: ToolContext, question: Question) -> tuple[dict[str, Any] | None, str]:
    """The model's answer, and "" ; or None and why there is none.

    Raises:
        BudgetError: the budget is used up.
    """
    if context.ask is None:
        return None, "no model"
    try:
        found = await context.ask(question)
    except (ModelError, TransientError, ContextError, ToolError) as error:
        return None, f"the model failed: {type(error).__name__}"
    return (found, "") if isinstance(found, dict) else (None, "the model failed: no answer that fits")


async def labelled(context: ToolContext, text: str, labels: list[str], hint: str) -> tuple[str | None, str]:
    """The one of several labels that a model chooses for a text, or None and why."""
    schema = {
        "type": "object",
        "properties": {"label": {"type": "string", "enum": labels}, "reason": {"type": "string"}},
        "required": ["label", "reason"],
        "additionalProperties": False,
    }
    question = Question(task="classify", data=text, settings={"labels": labels, "hint": hint}, schema=schema)
    found, fault = await asked(context, question)
    label = found.get("label") if found is not None else None
    return (str(label), "") if label in labels else (None, fault or "the model failed: another label")
