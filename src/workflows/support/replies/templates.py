"""Replies from templates. Rule: facts come from records and the decision; a slot without a fact stops the reply."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from ....errors import ToolError
from ..shapes import Amount, Decision, History
from ..triage.words import LANGUAGES

_ESCALATED = ("identity", "contradiction", "many_refunds", "unclear")


def language_for(language: str) -> str:
    """The language a reply is written in: the customer's where there are templates for it, else English."""
    return language if language in LANGUAGES else "en"


def money(cents: int, currency: str) -> str:
    """An amount as replies and reports show it: 12.50 EUR."""
    return f"{cents // 100}.{cents % 100:02d} {currency}".strip()


def fact(decision: Decision, history: History, amount: Amount, language: str) -> str:
    """The sentence of a reply that says what is done, or how things stand.

    Raises:
        ToolError: the topic needs a fact that is not there.
    """
    topic = _topic(decision)
    order = history["order"]
    slots: dict[str, str] = {}
    if order is not None:
        named = told()["status"][language]
        slots = {name: str(order[name]) for name in ("item", "ordered_on", "delivered_on")}
        slots |= {"order": order["id"], "status": named.get(order["status"], order["status"])}
    if amount["cents"]:
        slots["amount"] = money(amount["cents"], amount["currency"])
    try:
        return str(told()["topics"][topic][language]).format(**slots)
    except KeyError as error:
        raise ToolError(f"a reply about {topic!r} needs {error.args[0]!r}, which is not known") from error


def reply(name: str, language: str, *parts: str) -> str:
    """Greeting, the parts that are not empty, and the closing, in paragraphs."""
    greeting = str(told()["greeting"][language]).format(name=name).replace(" ,", ",").replace(" :", ":")
    return "\n\n".join([greeting, *(part for part in parts if part), str(told()["closing"][language])])


def advice(text: str, language: str) -> str:
    """A passage of the articles inside a reply; "" stays."""
    return str(told()["advice"][language]).format(advice=text) if text else ""


@lru_cache(maxsize=1)
def told() -> Mapping[str, Any]:
    """The file of texts."""
    import yaml

    made: Mapping[str, Any] = yaml.safe_load(files(__package__).joinpath("replies.yaml").read_text("utf-8"))
    return made


def _topic(decision: Decision) -> str:
    if decision["outcome"] == "escalate" or decision["topic"] in _ESCALATED:
        return "escalated"
    return "refunds" if decision["topic"] == "refund" and decision["outcome"] != "refund" else decision["topic"]
