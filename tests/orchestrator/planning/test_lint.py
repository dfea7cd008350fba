"""Each fault of a plan is found, and a healthy plan is left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import TypedDict

from planloom.agents.tool import tool
from planloom.orchestrator.planning.findings import CODES, Finding
from planloom.orchestrator.planning.lint import Linter, lint
from planloom.orchestrator.planning.plan import Plan, Step


class Entry(TypedDict):
    name: str
    size: int


class Listing(TypedDict):
    root: str
    total: int
    entries: list[Entry]
    note: str | None


@tool(effect="read", name="files.list")
def list_files(path: str, depth: int = 1) -> Listing:
    """Lists."""
    return {"root": path, "total": 0, "entries": [], "note": None}


@tool(effect="pure", name="text.count")
def count(text: str, words: list[str] | None = None) -> int:
    """Counts."""
    return len(text) + len(words or ())


@tool(effect="write", name="files.write")
def write(path: str, content: Any) -> None:
    """Writes."""


TOOLS = {t.name: t for t in (list_files, count, write)}


def findings(*steps: Step, answer: str | None = None, inputs: dict | None = None, max_steps: int = 0) -> list[Finding]:
    plan = Plan(goal="g", steps=steps, answer=answer, inputs=inputs or {})
    return lint(plan, TOOLS.get, names=lambda: TOOLS, max_steps=max_steps)


A = Step(id="a", action="files.list", parameters={"path": "."})
B = Step(id="b", action="text.count", parameters={"text": "${a.root}"})
EACH = Step(id="each", action="files.list", for_each="${a.entries}", parameters={"path": "${item.name}"})
INPUTS = {"n": 3, "names": ["x"], "span": {"start": "2025-01-01", "end": "2025-03-31"}, "none": None}


def test_healthy_plan_has_no_findings():
    each = Step(id="each", action="text.count", for_each="${a.entries}", parameters={"text": "${item.name}"})
    sums = Step(id="sums", action="files.write", parameters={"path": "x", "content": ["${each}", "${each[0]}", 1]})
    pair = Step(id="pair", action="text.count", for_each="${each[*]}", parameters={"text": "n: ${item}"})
    assert findings(A, B, each, sums, pair, answer="${b} ${pair} ${inputs.x}", inputs={"x": 1}) == []


@pytest.mark.parametrize(
    "step",
    [
        Step(id="p", action="text.count", parameters={"text": "${inputs.span.start}", "words": ("a", "b")}),
        Step(id="p", action="text.count", for_each="${inputs.names}", parameters={"text": "${item}"}),
        Step(id="p", action="text.count", for_each=["${a.root}", "x"], parameters={"text": "${item}"}),
        Step(id="p", action="text.count", for_each=[{"n": "x"}], parameters={"text": "$${n} ${item.n}"}),
        Step(id="p", action="text.count", for_each="${each[*]}", parameters={"text": "${item.entries[0].name}"}),
        Step(id="p", action="files.write", parameters={"path": "x", "content": "${each[*].entries}"}),
        Step(id="p", action="files.write", parameters={"path": "x", "content": "${inputs.none.later}"}),
        Step(id="p", action="files.list", parameters={"path": "."}, expects=("result.entries[-1].size > 0",)),
    ],
)
def test_unusual_but_right_steps_raise_no_alarm(step):
    assert [str(f) for f in findings(A, EACH, step, inputs=INPUTS)] == []


def test_item_in_the_answer_is_an_error():
    assert [f.code for f in findings(B, A, answer="${item} ${a} ${b}")] == ["bad-for-each"]


def test_same_fault_is_said_once():
    faulty = replace(B, dependencies=("nobody",), parameters={"text": "${nobody.x} ${nobody.x}"})
    assert [f.code for f in findings(faulty)] == ["unknown-step"]


def test_reference_syntax_is_told_as_expected_and_got():
    found = findings(A, replace(B, parameters={"text": "${a.entries[*].name}"}))[0]
    assert "a[*].field" in found.expected and found.got == "'a.entries[*].name'"


def test_schemas_with_several_types_are_judged_by_what_is_certain():
    from planloom.orchestrator.planning.lint.schemas import lacks

    maybe = {"type": ["object", "null"], "properties": {"a": {"type": ["array", "string"]}}}
    assert lacks(maybe, ("a", 0)) is None
    assert lacks(maybe, ("b",)) == (("b",), ["a"])


@pytest.mark.parametrize(
    ("code", "steps"),
    [
        ("unknown-action", (replace(A, action="files.lst"),)),
        ("bad-parameters", (replace(A, parameters={}),)),
        ("bad-parameters", (replace(A, parameters={"path": 3}),)),
        ("bad-parameters", (replace(A, parameters={"path": ".", "deep": 2}),)),
        ("bad-parameters", (A, replace(A, id="c", parameters={"path": ".", "depth": "${a.entries}"}))),
        ("bad-parameters", (A, replace(B, parameters={"text": "x", "words": "${a.total}"}))),
        ("unknown-step", (A, replace(B, parameters={"text": "${aa.root}"}))),
        ("unknown-step", (A, replace(B, dependencies=("nobody",)))),
        ("unknown-field", (A, replace(B, parameters={"text": "${a.rooot}"}))),
        ("unknown-field", (A, replace(B, parameters={"text": "${a.entries[0].nam}"}))),
        ("unknown-field", (A, replace(B, parameters={"text": "x ${a.total.x}"}))),
        ("unknown-field", (A, replace(B, for_each="${a.entries}", parameters={"text": "${item.nam}"}))),
        ("unknown-input", (replace(A, parameters={"path": "${inputs.folder}"}),)),
        ("bad-reference", (A, replace(B, parameters={"text": "${a..root}"}))),
        ("bad-reference", (A, replace(B, parameters={"text": "${}"}))),
        ("bad-reference", (A, replace(B, parameters={"text": "${a.entries[*].name}"}))),
        ("bad-reference", (A, replace(B, parameters={"text": "${a[*].name}"}))),
        ("bad-reference", (A, replace(B, for_each="${a[*]}", parameters={"text": "${item.name}"}))),
        ("unknown-field", (A, EACH, replace(B, parameters={"text": "${each[*].nam}"}))),
        ("unknown-field", (A, EACH, replace(B, for_each="${each[*]}", parameters={"text": "${item.nam}"}))),
        ("unknown-field", (replace(B, for_each="${a.entries}", parameters={"text": "${item.nam}"}), A)),
        ("bad-parameters", (A, replace(B, for_each="${a.entries}", parameters={"text": "${item.size}"}))),
        ("bad-parameters", (replace(B, for_each=[1, "x"], parameters={"text": "${item}"}),)),
        ("bad-for-each", (replace(B, for_each=[{"a": "x"}], parameters={"text": "${item.b}"}),)),
        ("bad-for-each", (A, replace(B, for_each="${a.total}", parameters={"text": "${item}"}))),
        ("bad-for-each", (replace(B, for_each="${item}", parameters={"text": "x"}),)),
        ("bad-for-each", (replace(B, for_each="${inputs.n}", parameters={"text": "x"}),)),
        ("unknown-input", (replace(B, parameters={"text": "${inputs.span.begin}"}),)),
        ("bad-expects", (replace(A, expects=("result.totl > 0",)),)),
        ("bad-expects", (replace(A, expects=("all(len(e) > 0 for e in result.entrys[0])",)),)),
        ("duplicate-id", (A, A)),
        ("bad-id", (replace(A, id="a b"),)),
        ("bad-id", (replace(A, id="inputs"),)),
        ("self-dependency", (replace(A, dependencies=("a",)),)),
        ("self-dependency", (replace(B, parameters={"text": "${b}"}),)),
        ("bad-expects", (replace(A, expects=("rows >",)),)),
        ("bad-expects", (replace(A, expects=("open('x')",)),)),
        ("bad-for-each", (replace(A, parameters={"path": "${item.x}"}),)),
        ("bad-for-each", (A, replace(B, for_each="all of ${a.entries}"))),
    ],
)
def test_fault_is_found(code, steps):
    found = [f for f in findings(*steps, inputs=INPUTS) if f.severity == "error"]
    assert [f.code for f in found] == [code], [str(f) for f in found]
    assert found[0].expected and found[0].got and found[0].fix


def test_cycle_names_the_loop():
    steps = (replace(A, dependencies=("c",)), replace(B, id="b"), replace(B, id="c", parameters={"text": "${b}"}))
    found = [f for f in findings(*steps) if f.code == "cycle"]
    assert found[0].got in ("a -> b -> c -> a", "b -> c -> a -> b", "c -> a -> b -> c")


def test_unknown_action_names_the_nearest():
    assert "files.list" in findings(replace(A, action="file.lists"))[0].fix


def test_too_many_steps_is_said_once():
    found = findings(*(replace(A, id=f"s{i}") for i in range(5)), max_steps=3)
    assert [f.code for f in found if f.severity == "error"] == ["too-many-steps"]


def test_unused_result_and_edge_are_notes():
    found = findings(A, replace(B, parameters={"text": "x"}, dependencies=("a",)), answer="done")
    assert {(f.code, f.severity) for f in found} == {("unused-edge", "note"), ("unused-result", "note")}


def test_type_is_not_judged_where_the_producer_may_give_nothing():
    assert findings(replace(A, optional=True), replace(B, parameters={"text": "x", "words": "${a.total}"})) == []


def test_forward_reference_is_an_error_only_at_the_end():
    linter = Linter(TOOLS.get)
    assert linter.add(B) == []
    assert [f.code for f in linter.end()] == ["unknown-step"]
    linter = Linter(TOOLS.get)
    assert linter.add(B) == [] and linter.add(A) == [] and linter.end() == []


def test_every_code_is_documented():
    from planloom.orchestrator.planning import findings as module

    assert all(f"{code} " in module.__doc__ for code in CODES)


@st.composite
def healthy(draw: st.DrawFn) -> list[Step]:
    steps: list[Step] = []
    for number in range(draw(st.integers(1, 12))):
        listings = [s.id for s in steps if s.action == "files.list"]
        if listings and draw(st.booleans()):
            source = draw(st.sampled_from(listings))
            text = draw(st.sampled_from(["${%s.root}", "${%s.entries[3].name}", "n ${%s.total}", "${%s.note}"]))
            steps.append(Step(id=f"s{number}", action="text.count", parameters={"text": text % source}))
        else:
            steps.append(
                Step(
                    id=f"s{number}",
                    action="files.list",
                    parameters={"path": draw(st.text(max_size=5)).replace("$", "")},
                )
            )
    return draw(st.permutations(steps))


@settings(deadline=None)
@given(healthy())
def test_healthy_plans_raise_no_alarm(steps):
    assert [str(f) for f in findings(*steps) if f.severity == "error"] == []


@settings(deadline=None)
@given(healthy(), st.randoms())
def test_one_fault_in_a_healthy_plan_is_found(steps, rng):
    place = rng.randrange(len(steps))
    faulty = rng.choice(
        [
            replace(steps[place], action="no.such"),
            replace(steps[place], parameters={"path": 1, "text": 1}),
            replace(steps[place], dependencies=("nowhere",)),
            replace(steps[place], expects=("import os",)),
            replace(steps[place], id="bad id"),
        ]
    )
    assert any(f.severity == "error" for f in findings(*steps[:place], faulty, *steps[place + 1 :]))
