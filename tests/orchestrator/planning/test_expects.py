"""Postconditions look at the result and at nothing else."""

import pytest

from planloom.orchestrator.planning.expects import ExpectsError, holds, parse


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
    ],
)
def test_holds(text, result, held):
    assert holds(text, result) is held


@pytest.mark.parametrize(
    "text", ["result >", "os.system('x')", "__import__('os')", "result.__class__", "result._x", "x", "y := 2", ""]
)
def test_what_is_no_expression_over_the_result_is_refused(text):
    with pytest.raises(ExpectsError):
        parse(text)


@pytest.mark.parametrize(
    "text", ["result.b", "result.a.b", "result.a + 'x'", "9**9**9", "'x'*10**9", "result.pop('a')"]
)
def test_what_cannot_be_said_of_a_result_is_an_error_not_a_crash(text):
    with pytest.raises(ExpectsError):
        holds(text, {"a": 1})
