"""What a plan would do, said before it runs."""

from __future__ import annotations

import json

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planloom.agents.tool import Tool, tool
from planloom.errors import PlanError
from planloom.memory.history import Estimate
from planloom.orchestrator.planning.explain import Explanation, explain, mermaid, tree
from planloom.orchestrator.planning.plan import Plan, Step


@tool(effect="read", name="files.scan")
def scan(path: str) -> list[str]:
    """Lists files."""
    return [path]


@tool(effect="pure", name="text.count")
def count(text: str) -> int:
    """Counts letters."""
    return len(text)


@tool(effect="write", name="files.delete", destructive=True)
def delete(path: str) -> None:
    """Deletes a file."""


TOOLS: dict[str, Tool] = {made.name: made for made in (scan, count, delete)}
TIMES = {
    "files.scan": Estimate(2.0, None, None, 3),
    "text.count": Estimate(0.5, 100.0, 0.01, 7),
    "files.delete": Estimate(0.25, None, None, 1),
}


def explained(*steps: Step, times: dict[str, Estimate] = TIMES, **plan: object) -> Explanation:
    return explain(Plan(goal="Tidy up", steps=steps, **plan), TOOLS.get, times.get)  # type: ignore[arg-type]


def diamond() -> tuple[Step, ...]:
    return (
        Step(id="scan", action="files.scan", parameters={"path": "."}),
        Step(id="names", action="text.count", parameters={"text": "${scan[0]}"}),
        Step(id="sizes", action="files.scan", parameters={"path": "${scan[0]}"}, optional=True),
        Step(id="remove", action="files.delete", parameters={"path": "${names}${sizes}"}),
    )


def test_waves_and_critical_path_follow_edges_and_seconds() -> None:
    made = explained(*diamond())
    assert made.waves == (("scan",), ("names", "sizes"), ("remove",))
    assert made.critical_path == ("scan", "sizes", "remove")
    assert [step.wave for step in made.steps] == [1, 2, 2, 3]
    assert [step.id for step in made.steps if step.is_critical] == ["scan", "sizes", "remove"]
    assert made.steps[3].after == ("names", "sizes")


def test_totals_add_up() -> None:
    totals = explained(*diamond()).totals
    assert totals.sequential_s == 2.0 + 0.5 + 2.0 + 0.25
    assert totals.critical_path_s == 2.0 + 2.0 + 0.25
    assert totals.tokens == 100
    assert totals.usd == 0.01
    assert not totals.is_lower_bound


def test_steps_without_history_are_unknown_and_the_sums_say_so() -> None:
    made = explained(*diamond(), times={"files.scan": TIMES["files.scan"]})
    assert [step.seconds for step in made.steps] == [2.0, None, 2.0, None]
    assert made.totals.unmeasured == ("names", "remove")
    assert made.totals.sequential_s == 4.0
    assert made.totals.is_lower_bound
    assert "never timed" in str(tree(made))
    assert "at least 4.0 s" in str(tree(made))


def test_no_history_at_all_is_unknown_not_zero() -> None:
    totals = explained(*diamond(), times={}).totals
    assert (totals.sequential_s, totals.critical_path_s, totals.tokens, totals.usd) == (None, None, None, None)
    assert "unknown; no earlier run" in str(tree(explained(*diamond(), times={})))


def test_critical_path_without_history_is_the_longest_chain() -> None:
    steps = (
        Step(id="alone", action="text.count"),
        Step(id="a", action="text.count"),
        Step(id="b", action="text.count", dependencies=("a",)),
    )
    assert explained(*steps, times={}).critical_path == ("a", "b")


def test_unmeasured_steps_weigh_as_much_as_usual_ones_when_finding_the_critical_path() -> None:
    steps = (
        Step(id="a", action="text.count"),
        Step(id="b", action="nobody.knows"),
        Step(id="c", action="nobody.knows", dependencies=("b",)),
    )
    made = explained(*steps)
    assert made.critical_path == ("b", "c")
    assert made.totals.critical_path_s is None
    assert made.totals.sequential_s == 0.5


@pytest.mark.parametrize(
    ("action", "approval", "expected"),
    [
        ("files.delete", None, True),
        ("files.delete", False, False),
        ("files.scan", None, False),
        ("files.scan", True, True),
        ("no.such", None, False),
        ("no.such", True, True),
    ],
)
def test_the_step_decides_on_approval_before_the_tool(action: str, approval: bool | None, expected: bool) -> None:
    made = explained(Step(id="a", action=action, approval=approval))
    assert made.steps[0].needs_approval is expected
    assert made.approvals == (("a",) if expected else ())


def test_effect_of_an_unknown_action_is_none() -> None:
    assert [step.effect for step in explained(*diamond(), Step(id="x", action="agent:writer")).steps] == [
        "read",
        "pure",
        "read",
        "write",
        None,
    ]


def test_for_each_over_a_list_counts_each_item() -> None:
    made = explained(Step(id="a", action="text.count", for_each=["x", "y", "z"], parameters={"text": "${item}"}))
    assert made.steps[0].each == "each of 3 items"
    assert made.steps[0].count == 3
    assert made.totals.sequential_s == 1.5
    assert made.totals.critical_path_s == 0.5
    assert made.totals.tokens == 300
    assert not made.totals.is_lower_bound
    assert "one for each of 3 items" in str(tree(made))


def test_for_each_over_an_input_is_counted() -> None:
    step = Step(id="a", action="text.count", for_each="${inputs.words}", parameters={"text": "${item}"})
    made = explained(step, inputs={"words": ["x", "y"]})
    assert made.steps[0].count == 2
    assert made.steps[0].each == "each item of inputs.words (2)"
    assert explained(step, inputs={}).steps[0].count is None
    assert explained(step, inputs={"words": "xy"}).steps[0].count is None


def test_for_each_over_a_result_is_open_ended() -> None:
    made = explained(
        Step(id="scan", action="files.scan"),
        Step(id="a", action="text.count", for_each="${scan}", parameters={"text": "${item}"}),
        Step(id="b", action="text.count", for_each="${a[*]}", parameters={"text": "${item}"}),
    )
    assert [step.each for step in made.steps] == [None, "each item of scan", "each item of a"]
    assert [step.count for step in made.steps] == [1, None, None]
    assert made.totals.open_ended == ("a", "b")
    assert made.totals.is_lower_bound
    assert made.totals.sequential_s == 3.0


def test_paired_for_each_has_as_many_items_as_its_leader() -> None:
    made = explained(
        Step(id="a", action="text.count", for_each=["x", "y"]),
        Step(id="b", action="text.count", for_each="${a[*]}", parameters={"text": "${item}"}),
    )
    assert [step.count for step in made.steps] == [2, 2]


def test_for_each_over_nothing_takes_no_time() -> None:
    made = explained(Step(id="a", action="text.count", for_each=[]))
    assert made.totals.sequential_s == 0
    assert made.totals.critical_path_s == 0
    assert not explained(Step(id="a", action="text.count", for_each=[]), times={}).totals.is_lower_bound


def test_cycle_is_refused_by_name() -> None:
    with pytest.raises(PlanError, match=r"a -> b -> a|b -> a -> b"):
        explained(
            Step(id="a", action="text.count", dependencies=("b",)),
            Step(id="b", action="text.count", dependencies=("a",)),
        )


def test_history_is_asked_once_for_each_action() -> None:
    asked: list[str] = []

    def estimate(action: str) -> None:
        asked.append(action)

    explain(Plan(goal="", steps=diamond()), TOOLS.get, estimate)
    assert sorted(asked) == ["files.delete", "files.scan", "text.count"]


def test_empty_plan_is_explained() -> None:
    made = explained()
    assert made.totals.steps == 0
    assert made.critical_path == ()
    assert str(tree(made)).startswith("Tidy up")
    assert mermaid(made).startswith("flowchart LR")


def test_dict_is_json_with_the_ids_of_every_wave() -> None:
    found = json.loads(json.dumps(explained(*diamond()).to_dict()))
    assert found["waves"] == [["scan"], ["names", "sizes"], ["remove"]]
    assert found["critical_path"] == ["scan", "sizes", "remove"]
    assert found["approvals"] == ["remove"]
    assert found["steps"][3]["after"] == ["names", "sizes"]
    assert found["totals"]["is_lower_bound"] is False


def test_tree_shows_every_step_once_under_its_wave() -> None:
    lines = str(tree(explained(*diamond()))).splitlines()
    assert lines[0] == "Tidy up"
    rows = [line for line in lines if line.startswith(("│  ", "   "))]
    assert [next(name for name in ("scan", "names", "sizes", "remove") if f" {name} " in row) for row in rows] == [
        "scan",
        "names",
        "sizes",
        "remove",
    ]
    assert "files.delete" in rows[3]
    assert "needs approval" in rows[3]
    assert "after names, sizes" in rows[3]
    assert "optional" in rows[2]


@pytest.mark.parametrize("width", [1, 20, 60, 200])
def test_tree_keeps_to_the_width_for_steps(width: int) -> None:
    many = [Step(id=f"step_{n}", action="text.count", dependencies=("scan",)) for n in range(30)]
    lines = str(tree(explained(diamond()[0], *many), width=width)).splitlines()
    blank = lines.index("")
    assert all(len(line) <= width for line in lines[:blank])


def test_tree_in_ascii_has_no_other_letters() -> None:
    each = Step(id="each", action="text.count", for_each="${scan}", dependencies=("scan",))
    assert str(tree(explained(*diamond(), each), unicode=False, width=50)).isascii()


def test_mermaid_marks_effects_critical_path_optional_edges_and_approval() -> None:
    text = mermaid(explained(*diamond()))
    lines = [line.strip() for line in text.splitlines()]
    assert lines[0] == "flowchart LR"
    assert 'n0[/"scan<br/>files.scan<br/>2.0 s"/]' in lines
    assert 'n1(["names<br/>text.count<br/>0.5 s, 100 tokens, $0.01"])' in lines
    assert 'n3[["remove<br/>files.delete<br/>0.2 s<br/>needs approval"]]' in lines
    assert {"n0 --> n1", "n0 ==> n2", "n1 --> n3", "n2 ==> n3"} <= set(lines)
    assert "class n0,n2,n3 critical" in lines


def test_mermaid_escapes_what_would_end_a_label() -> None:
    text = mermaid(explained(Step(id="end", action='x"]; click n0 "javascript:#`<b>')))
    (line,) = [line for line in text.splitlines() if "javascript" in line]
    assert line.count('"') == 2
    assert "<b>" not in line
    assert "`" not in line


def test_mermaid_of_a_bare_plan_is_plain() -> None:
    text = mermaid(Plan(goal="", steps=diamond()))
    assert 'n0["scan<br/>files.scan"]' in text
    assert "n2 -.-> n3" in text
    assert "==>" not in text
    assert "class" not in text


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    size = draw(st.integers(1, 12))
    steps = []
    for number in range(size):
        sources = draw(st.lists(st.integers(0, number - 1), max_size=3, unique=True)) if number else []
        action = draw(st.sampled_from([*TOOLS, "no.such"]))
        steps.append(Step(id=f"s{number}", action=action, dependencies=tuple(f"s{source}" for source in sources)))
    return Plan(goal="any", steps=tuple(draw(st.permutations(steps))))


@given(plans(), st.dictionaries(st.sampled_from([*TOOLS, "no.such"]), st.floats(0, 100), max_size=4))
@settings(max_examples=60, deadline=None)
def test_every_plan_is_explained_consistently(plan: Plan, seconds: dict[str, float]) -> None:
    times = {action: Estimate(value, None, None, 1) for action, value in seconds.items()}
    made = explain(plan, TOOLS.get, times.get)
    graph = nx.DiGraph([(source, step.id) for step in plan.steps for source in step.dependencies])
    wave = {name: number for number, names in enumerate(made.waves) for name in names}
    assert sorted(wave) == sorted(step.id for step in plan.steps)
    assert all(wave[source] < wave[target] for source, target in graph.edges)
    assert all(graph.has_edge(*pair) for pair in zip(made.critical_path, made.critical_path[1:], strict=False))
    totals = made.totals
    if totals.critical_path_s is not None and totals.sequential_s is not None:
        assert totals.critical_path_s <= totals.sequential_s + 1e-9
    assert mermaid(made).count("-->") + mermaid(made).count("==>") == graph.number_of_edges()
