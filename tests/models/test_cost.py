"""What calls cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.errors import ConfigError
from planloom.models.cost import Price, Prices
from planloom.models.usage import Usage

PRICES = Prices.read(
    {
        "big": {"input": 2.0, "cached_input": 0.5, "output": 8.0},
        "big-*": {"input": 1.0, "output": 4.0},
        "big-mini*": {"input": 0.1, "output": 0.4},
        "local/*": {"input": 0, "output": 0},
    }
)


def test_an_unknown_model_costs_none_and_a_free_one_zero() -> None:
    usage = Usage(prompt=1000, completion=1000)
    assert PRICES.cost("other", usage) is None
    assert PRICES.most("other", 1, 1) is None
    assert PRICES.cost("local/llama", usage) == 0
    assert Prices().cost("big", usage) is None


def test_cached_tokens_have_their_own_price_where_there_is_one() -> None:
    usage = Usage(prompt=1_000_000, cached=400_000, completion=500_000)
    assert PRICES.cost("big", usage) == pytest.approx(0.6 * 2 + 0.4 * 0.5 + 0.5 * 8)
    assert PRICES.cost("big-2", usage) == pytest.approx(1 + 0.5 * 4)


@pytest.mark.parametrize(
    ("model", "price"), [("big", 2.0), ("big-2", 1.0), ("big-mini-3", 0.1), ("bigger", None), ("BIG", None)]
)
def test_the_exact_name_wins_then_the_longest_pattern(model: str, price: float | None) -> None:
    found = PRICES.of(model)
    assert (found and found.input) == price


@given(st.integers(0, 10**6), st.floats(0, 1), st.integers(0, 10**6), st.integers(0, 10**6))
def test_no_call_costs_more_than_the_most(tokens: int, cached: float, output: int, unused: int) -> None:
    usage = Usage(prompt=tokens, cached=int(tokens * cached), completion=output)
    cost, most = PRICES.cost("big", usage), PRICES.most("big", tokens, output + unused)
    assert cost is not None and most is not None
    assert cost <= most * (1 + 1e-12)


def test_more_cached_than_sent_is_no_discount_below_zero() -> None:
    assert PRICES.cost("big", Usage(prompt=10, cached=1000, completion=0)) == pytest.approx(10 * 0.5 / 1e6)


@pytest.mark.parametrize(
    ("entry", "part"),
    [
        ({"inputs": 1.0}, "did you mean 'input'?"),
        ({"output": 1.0}, "expected a price for input, got only output"),
        ({"input": -1.0}, "0 or more, got -1.0"),
        ({"input": float("nan")}, "got nan"),
        ({}, "got only nothing"),
    ],
)
def test_a_wrong_price_says_what_was_expected(entry: dict[str, float], part: str) -> None:
    with pytest.raises(ConfigError, match=r"models\.prices: 'm'") as caught:
        Prices.read({"m": entry})
    assert part in str(caught.value)


def test_a_price_may_leave_out_what_is_free_or_equal() -> None:
    assert Prices.read({"embed": {"input": 0.02}}).of("embed") == Price(input=0.02)
