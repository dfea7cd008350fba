"""A model's step is never less careful than the rules."""

from __future__ import annotations

from typing import Any

import pytest

from planloom.agents.tool import Tool, tool
from planloom.orchestrator.planning.modelled.caution import Told, cautious
from planloom.orchestrator.planning.plan import Step


@tool(effect="read", name="t.look")
def look(path: str) -> str:
    """Looks."""
    return path


@tool(effect="write", name="t.put")
def put(path: str) -> str:
    """Writes."""
    return path


@tool(effect="read", outward=True, name="t.fetch")
def fetch(url: str, headers: dict[str, str] | None = None) -> str:
    """Asks another host."""
    return url


TOOLS: dict[str, Tool] = {t.name: t for t in (look, put, fetch)}
GOAL = Told(goal="Copy https://example.org/a to b")
DATA = Told(goal="Copy https://example.org/a to b", inputs={"url": "https://example.org/in", "code": "s3cret"})


def after(action: str, told: Told = DATA, **more: Any) -> Step:
    return cautious(Step(id="s", action=action, **more), TOOLS.get, told)


@pytest.mark.parametrize(
    ("action", "told", "needs"),
    [
        ("t.look", GOAL, None),
        ("t.look", DATA, None),
        ("t.put", GOAL, None),
        ("t.put", DATA, True),
        ("t.put", Told(goal="g", is_shown_more=True), True),
        ("t.gone", GOAL, None),
        ("t.gone", DATA, True),
    ],
)
def test_steps_that_change_something_need_approval_once_data_was_shown(
    action: str, told: Told, needs: bool | None
) -> None:
    assert after(action, told).approval is needs


@pytest.mark.parametrize(
    ("url", "needs"),
    [
        ("https://example.org/a", None),
        ("https://example.org/in", None),
        ("${inputs.url}", None),
        (" ${inputs.url}", None),
        ("https://evil.example/", True),
        ("https://evil.example/?k=s3cret", True),
        ("https://example.org/a?k=${inputs.code}", True),
        ("${inputs.url}${inputs.code}", True),
        ("${read.text}", True),
    ],
)
def test_what_leaves_the_machine_must_be_named_by_a_person(url: str, needs: bool | None) -> None:
    assert after("t.fetch", parameters={"url": url}).approval is needs
    assert after("t.fetch", GOAL, parameters={"url": url}).approval is None


def test_nested_names_and_lists_count_too() -> None:
    assert after("t.fetch", parameters={"url": "${inputs.url}", "headers": {"k": "${read}"}}).approval is True
    assert after("t.fetch", parameters={"url": "${inputs.url}", "headers": {"s3": "v"}}).approval is True
    assert after("t.fetch", parameters={"url": "${item}"}, for_each=["https://evil.example"]).approval is True


def test_a_model_can_ask_for_more_care_and_never_for_less() -> None:
    lax = after("t.look", approval=False, verify="off", timeout_s=0.0)
    assert (lax.approval, lax.verify, lax.timeout_s) == (None, None, None)
    strict = after("t.look", GOAL, approval=True, verify="blocking", timeout_s=3.0)
    assert (strict.approval, strict.verify, strict.timeout_s) == (True, "blocking", 3.0)
    assert after("t.look", GOAL, verify="background").verify is None
