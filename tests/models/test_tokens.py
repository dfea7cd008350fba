"""Token estimates and what real usage teaches."""

from __future__ import annotations

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.models import tokens
from planloom.models.tokens import Corrections, estimate, of_message

PROSE = "The quick brown fox jumps over the lazy dog, and nobody in the village was surprised about that. " * 50


@pytest.mark.parametrize(
    ("text", "fewest", "most"),  # characters a token
    [
        (PROSE, 3.3, 4.8),
        ("    return self._lease.get(key, default)\n" * 50, 2.4, 4.6),
        ('{"name": "Alice", "age": 30, "score": 0.5}, ' * 50, 2.0, 3.2),
        ("".join(f"{i},{i * 7 % 13},{i * 1.11:.2f},x\n" for i in range(500)), 1.2, 2.2),
        (base64.b64encode(random.Random(1).randbytes(3000)).decode(), 1.0, 2.0),
        ("你好世界这是一个测试。" * 50, 0.7, 1.6),
        ("Привет мир, это проверка оценки. " * 50, 1.4, 3.0),
        (" " * 1000, 20, 130),
    ],
    ids=["prose", "code", "json", "csv", "base64", "chinese", "russian", "spaces"],
)
def test_estimates_are_in_the_known_range_of_each_kind_of_text(text: str, fewest: float, most: float) -> None:
    assert fewest <= len(text) / estimate(text) <= most


def test_nothing_is_no_token_and_anything_is_one() -> None:
    assert (estimate(""), estimate("a"), estimate("\ud800")) == (0, 1, 1)


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_longer_text_is_hardly_ever_fewer_tokens(first: str, second: str) -> None:
    assert estimate(first + second) >= 0.5 * estimate(first)


def test_no_part_of_a_message_is_forgotten() -> None:
    plain = of_message({"role": "user", "content": PROSE})
    assert plain == tokens.PER_MESSAGE + estimate(PROSE)
    parts = [{"type": "text", "text": PROSE}, {"type": "image_url", "image_url": {"url": "data:" + "A" * 10**6}}]
    assert of_message({"role": "user", "content": parts}) == plain + tokens.PER_PICTURE
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": PROSE}}
    assert of_message({"role": "assistant", "content": None, "tool_calls": [call]}) > plain
    assert tokens.of_data(None) == 0
    assert tokens.of_data([{"name": "tool", "description": PROSE}]) > estimate(PROSE)


def test_estimates_follow_the_real_usage_of_each_model() -> None:
    corrections = Corrections()
    before = corrections.most("dense", 1000)
    for _ in range(40):
        corrections.learn("dense", 1000, 1400)
        corrections.learn("sparse", 1000, 800)
    assert corrections.expected("dense", 1000) == pytest.approx(1400, rel=0.02)
    assert corrections.expected("sparse", 1000) == pytest.approx(800, rel=0.02)
    assert corrections.most("dense", 1000) <= 1500
    assert corrections.most("other", 1000) == before == 1200


def test_a_model_whose_calls_differ_gets_a_wider_bound() -> None:
    corrections, chance = Corrections(), random.Random(1)
    for _ in range(300):
        corrections.learn("m", 1000, int(chance.uniform(700, 1300)))
    assert corrections.most("m", 1000) >= 1300


def test_nonsense_teaches_little() -> None:
    corrections = Corrections()
    corrections.learn("m", 10, 5000)
    corrections.learn("m", 1000, 0)
    assert corrections.ratios == {}
    corrections.learn("m", 1000, 10**9)
    low, high = tokens.BOUNDS
    assert low <= corrections.ratios["m"].mean <= high
