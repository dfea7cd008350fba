"""Plan files: both syntaxes, one schema, and faults with their place."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from planloom.errors import PlanError
from planloom.orchestrator.planning.files import dump, load, parse, schema
from planloom.orchestrator.planning.plan import Plan, Step

YAML = """
goal: Count the words
inputs: {folder: docs}
steps:
  - id: list
    action: files.list
    parameters: {path: "${inputs.folder}"}
    expects: result.total > 0
  - id: each
    for_each: ${list.entries}
    action: text.count
    parameters:
      text: ${item.name}
    timeout_s: 5
    optional: yes
answer: Found ${list.total} on 2025-01-01
"""


def test_yaml_and_json_give_the_same_plan(tmp_path: Path):
    import json

    (tmp_path / "p.yaml").write_text(YAML)
    plan = load(tmp_path / "p.yaml")
    (tmp_path / "p.json").write_text(json.dumps(dump(plan)))
    assert load(tmp_path / "p.json") == plan
    assert plan.steps[1].timeout_s == 5 and plan.steps[1].optional is True
    assert plan.steps[0].expects == ("result.total > 0",)


def test_dumped_plan_fits_the_published_schema():
    plan = Plan(goal="g", steps=(Step(id="a", action="x", for_each=[1], approval=True, verify="off"),), answer="${a}")
    Draft202012Validator(schema()).validate(dump(plan))
    assert parse(dump(plan)) == plan


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("goal: x\nsteps:\n  - id: a\n   action: b\n", ":4:"),
        ("goal: x\nsteps: [\n", "well-formed YAML"),
        ('{"goal": "x", "steps": [}', ":1:"),
        ("goal: x\nstep: []\n", "did you mean 'steps'"),
        ("goal: x\nsteps:\n  - id: a\n    acton: b\n", "line 4, steps[0].acton"),
        ("steps:\n  - id: a\n    action: b\n    timeout_s: ten\n", "steps[0].timeout_s: expected a number of seconds"),
        ("goal: x\ngoal: y\nsteps: []\n", "'goal' twice"),
        ("steps:\n  - just text\n", "steps[0]: expected an object with id and action, got text"),
        ("[1, 2]", "expected an object with goal and steps"),
        ("steps: !!python/object:os.system []", "expected plain data"),
        ("", "expected an object"),
        ('{"steps": [{"id": "a", "action": "b", "timeout_s": NaN}]}', "expected finite numbers, got NaN"),
        ("steps: []\ninputs: {x: .inf}", "plan.yaml:2: expected a finite number, got .inf"),
        ("steps:\n- &s {id: a, action: b}\n- {<<: *s, id: c}", "plan.yaml:3: expected each value written out"),
        ("? [a]\n: 1\nsteps: []", "plan.yaml:1: expected a key that is a word"),
        ("steps:\n  - {id: a, action: b, verify: never}\n", "off or background or blocking"),
    ],
)
def test_fault_is_named_with_its_place(tmp_path: Path, text, told):
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(PlanError) as caught:
        load(path)
    assert told in str(caught.value)
    assert caught.value.findings


def test_times_and_numbers_with_leading_zeros_stay_as_written(tmp_path: Path):
    path = tmp_path / "p.yaml"
    path.write_text("steps: []\ninputs: {at: 12:30:00, code: 0042, day: 2025-01-01, n: 12, share: 0.5, hex: 0x1F}")
    given = {"at": "12:30:00", "code": "0042", "day": "2025-01-01", "n": 12, "share": 0.5, "hex": 31}
    assert load(path).inputs == given


def test_yaml_in_braces_is_read_and_a_json_file_is_held_to_json(tmp_path: Path):
    (tmp_path / "p.yaml").write_text("{goal: x, steps: [{id: a, action: b}]}")
    assert load(tmp_path / "p.yaml").steps == (Step(id="a", action="b"),)
    (tmp_path / "p.json").write_text("{goal: x, steps: []}")
    with pytest.raises(PlanError, match=r"p.json:1:2: expected well-formed JSON"):
        load(tmp_path / "p.json")


def test_aliases_that_multiply_are_refused(tmp_path: Path):
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 8)]
    (tmp_path / "p.yaml").write_text("\n".join(rows))
    with pytest.raises(PlanError, match="aliases"):
        load(tmp_path / "p.yaml")


def test_missing_and_binary_files_are_named(tmp_path: Path):
    with pytest.raises(PlanError, match="No such file"):
        load(tmp_path / "none.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(PlanError, match="UTF-8"):
        load(tmp_path / "b.yaml")
