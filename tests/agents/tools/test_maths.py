from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.agents.call import Caller
from planloom.agents.tool import ToolContext
from planloom.agents.tools import maths
from planloom.agents.workspace import Workspace
from planloom.errors import ToolError


@pytest.mark.parametrize(
    ("expression", "decimal", "exact"),
    [
        ("0.1 + 0.2", "0.3", True),
        ("1/3*3", "1", True),
        ("2^100", "1267650600228229401496703205376", True),
        ("-2^2", "-4", True),
        ("4 ^ -1", "0.25", True),
        ("sqrt(9/4)", "1.5", True),
        ("sqrt(2)", "1.41421356237309504880168872421", False),
        ("round(2.675, 2)", "2.68", True),
        ("round(-0.5)", "-1", True),
        ("factorial(1000) / factorial(998)", "999000", True),
        ("3 × 4 ÷ 8", "1.5", True),  # noqa: RUF001
        ("percent(19, 84.5)", "16.055", True),
        ("-8 // 3", "-3", True),
        ("median(1, 2, 3, 10) + mean(1, 2)", "4", True),
        ("log(1000) + log(8, 2) + ln(1)", "6", False),
        ("1e-6", "0.000001", True),
        ("12345678901234567890.5 * 2", "24691357802469135781", True),
    ],
)
def test_arithmetic_is_exact_or_says_that_it_is_not(expression: str, decimal: str, exact: bool) -> None:
    found = maths.calculate(expression)
    assert (found["decimal"], found["exact"]) == (decimal, exact)


def test_fractions_are_told_where_figures_have_no_end() -> None:
    assert maths.calculate("2/3") == {
        "value": 2 / 3,
        "decimal": "0.666666666666666666666666666667",
        "fraction": "2/3",
        "exact": True,
    }


def test_variables_are_taken_as_they_are_written() -> None:
    assert maths.calculate("net * (1 + vat)", {"net": "84.50", "vat": 0.19})["decimal"] == "100.555"


def test_a_number_larger_than_any_float_is_still_told() -> None:
    found = maths.calculate("10**400 + 1")
    assert found["value"] is None and found["decimal"] == "1" + "0" * 399 + "1"


@pytest.mark.parametrize(
    "expression",
    [
        "9**9**9",
        "(2**9999)**9",
        "1e99999",
        "factorial(100000)",
        "exp(99999)",
        "comb(10**9, 5)",
        "(" * 500,
        "1" + "+1" * 600,
        "__import__('os').system('true')",
        "(1).__class__",
        "'a' * 100",
        "[1] * 5",
        "x + 1",
        "lambda: 1",
        "1/0",
        "0 ** -1",
        "ln(0)",
        "sqrt(-1)",
        "min()",
        "True",
        "1; 2",
        "1 if 2 else 3",
        " ",
    ],
)
def test_what_is_no_arithmetic_or_grows_without_bound_is_refused(expression: str) -> None:
    with pytest.raises(ToolError):
        maths.calculate(expression)


@given(st.fractions(), st.fractions())
def test_four_operations_agree_with_fractions(a: Fraction, b: Fraction) -> None:
    names = {"a": f"{a.numerator}/{a.denominator}", "b": f"{b.numerator}/{b.denominator}"}
    found = maths.calculate("(a + b) * (a - b) + a * a", names)
    assert found["value"] == float((a + b) * (a - b) + a * a)


@pytest.mark.parametrize(
    ("value", "start", "end", "decimal"),
    [
        (3.5, "mile/hour", "m/s", "1.56464"),
        (72, "degF", "degC", "22.2222222222222222222222222222"),
        (100, "°C", "K", "373.15"),
        (1, "GiB", "MB", "1073.741824"),
        ("1/4", "inch", "mm", "6.35"),
        (1, "kg m^2 / s^2", "J", "1"),
        (10, "m²", "cm²", "100000"),
        (20, "%", "ppm", "200000"),
        (90, "km per hour", "m/s", "25"),
    ],
)
def test_units_are_converted_exactly(value: float | str, start: str, end: str, decimal: str) -> None:
    found = maths.convert(value, start, end)
    assert (found["decimal"], found["unit"], found["exact"]) == (decimal, end, True)


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        ("m", "kg", "of one kind"),
        ("metr", "m", "nearest are: metre"),
        ("9**9**9*m", "m", "a unit such as"),
        ("m^99999999", "m", "a unit such as"),
        ("__import__", "m", "unit"),
        ("m" * 90, "m", "a unit such as"),
    ],
)
def test_units_that_do_not_fit_are_refused(start: str, end: str, told: str) -> None:
    with pytest.raises(ToolError, match=told):
        maths.convert(1, start, end)


def test_statistics_of_numbers() -> None:
    found = maths.describe([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0])
    assert (found["count"], found["sum"], found["mean"], found["median"]) == (8, 40.0, 5.0, 4.5)
    assert found["variance"] == pytest.approx(32 / 7) and found["modes"] == [4.0]
    assert found["quartiles"] == [4.0, 4.5, 5.5]
    assert maths.describe([3.0])["stdev"] is None


async def test_numbers_that_are_none_are_refused_by_the_schema(tmp_path) -> None:
    def none() -> None:
        raise AssertionError

    with pytest.raises(ToolError, match="finite"):
        await Caller(none).call(maths.describe, {"numbers": [1.0, float("nan")]}, ToolContext(
            workspace=Workspace(tmp_path, tmp_path)))  # fmt: skip
