"""Postconditions look at the result and at nothing else."""

import re

import pytest

from planloom.orchestrator.planning.expects import ExpectsError, holds, parse, paths


@pytest.mark.parametrize(
    ("text", "result", "held"),
    [
        ("result.rows > 0", {"rows": 3}, True),
        ("result.rows > 0", {"rows": 0}, False),
        ("len(result.items) == 2 and result.items[1].x == 'b'", {"items": [{"x": "a"}, {"x": "b"}]}, True),
        ("all([r > 0 for r in result])", [1, 2, -1], False),
        ("'a' in result", ["a"], True),
        ("result", "", False),
        ("result.name != none", {"name": None}, False),
        ("0.5 <= result <= 1", 0.7, True),
        ("result.items[-1].count > 1", {"items": [{"count": 2}]}, True),
        ("result['a b'] is none", {"a b": None}, True),
        ("max(result, key=len) == 'bb'", ["a", "bb"], True),
        ("round(result.x, 1) == 0.3", {"x": 0.29}, True),
        ("result.values == 1 and result.pop == 2 and result._x == 3", {"values": 1, "pop": 2, "_x": 3}, True),
        ("all(r.x > 0 for r in result.rows) and len(result.rows) > 50000", {"rows": [{"x": 1}] * 60_000}, True),
    ],
)
def test_holds(text, result, held):
    assert holds(text, result) is held


@pytest.mark.parametrize(
    "text",
    [
        "result >",
        "os.system('x')",
        "__import__('os')",
        "result.__class__",
        "x",
        "y := 2",
        "y = result",
        "",
        "result > 0; result.x",
        "lambda: 1",
        "f'{result:1000000000}'",
        "result.path.endswith('.png')",
        "len",
        "9**9**9",
        "1 << 10000",
        "result + " * 1000 + "1",
        "\0",
    ],
)
def test_what_is_no_expression_over_the_result_is_refused(text):
    with pytest.raises(ExpectsError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("result.b", "there is no field 'b'; there is a, n"),
        ("result['b']", "there is no field 'b'"),
        ("result.a.b", "a number where field 'b'"),
        ("result.n.b", "nothing where field 'b'"),
        ("[1][result.a]", "too short"),
        ("result.a + 'x'", "unsupported"),
        ("result.a / 0", "division by zero"),
        ("'x' * 1000000000", "not evaluate something that long"),
        ("'%1000000000d' % 1", "expected a number before %"),
        ("round(5, -1000000000)", "up to 400 digits"),
    ],
)
def test_what_cannot_be_said_of_a_result_is_an_error_not_a_crash(text, told):
    with pytest.raises(ExpectsError, match=re.escape(told)):
        holds(text, {"a": 1, "n": None})


def test_work_without_end_is_stopped():
    with pytest.raises(ExpectsError, match="more than 5,000,000 operations"):
        holds("[[1 for x in result] for y in result]", [0] * 9_000)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("result.rows > 0 and len(result.items[-1].name) > 0", {("rows",), ("items", 0, "name")}),
        ("all(r.x for r in result.list)", {("list",)}),
        ("result > 0", set()),
        ("result[result.a].b", {("a",)}),
    ],
)
def test_fields_an_expression_names_are_known_without_a_result(text, found):
    assert set(paths(text)) == found
