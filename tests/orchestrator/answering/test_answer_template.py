"""The answer's template: what is there is told, what is not is named once."""

from __future__ import annotations

from typing import Any

from planloom.orchestrator.answering.answer import write
from planloom.orchestrator.planning.plan import Plan, Reference, Step
from planloom.orchestrator.result import StepResult


def written(answer: str, *, failed: str) -> str:
    plan = Plan(goal="", steps=tuple(Step(id=name, action="t") for name in "ab"), answer=answer)
    steps = {name: StepResult(status="failed" if name in failed else "ok", action="t") for name in "ab"}

    def lookup(reference: Reference) -> Any:
        return {"a": "apples", "b": "beans"}[reference.step]

    return write(plan, steps, lookup)


def test_paragraphs_of_which_nothing_is_there_are_left_out():
    answer = "Of the market:\n\nFruit: ${a}\n\nMore: ${b}, and ${b} again"
    assert written(answer, failed="") == "Of the market:\n\nFruit: apples\n\nMore: beans, and beans again"
    assert written(answer, failed="b") == "Of the market:\n\nFruit: apples\n\nNot done:\n- b: failed"


def test_a_paragraph_of_which_something_is_there_says_what_is_not():
    assert written("${a} and ${b}", failed="b").startswith("apples and (not available)")


def test_nothing_but_the_reasons_is_told_when_all_has_failed():
    assert written("${a}\n\n${b}", failed="ab") == "Not done:\n- a: failed\n- b: failed"
