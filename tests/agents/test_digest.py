"""What models see of large results: every end of every part, within a size, and what is missing is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planloom.agents.digest import digest, lines, outline

LONG = st.integers(0, 4_000).map(lambda n: "".join(f"word {i} " for i in range(n // 8)))
VALUES = st.recursive(
    st.integers() | st.booleans() | st.none() | LONG,
    lambda inner: st.lists(inner, max_size=40) | st.dictionaries(st.text("abc", max_size=5), inner, max_size=20),
    max_leaves=60,
)


@settings(max_examples=150, deadline=None)
@given(value=VALUES, room=st.integers(300, 20_000))
def test_a_digest_is_whole_or_within_its_size_and_says_what_is_missing(value: Any, room: int) -> None:
    told = digest(value, room)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    assert told.size_bytes == len(text.encode())
    assert told.whole == (told.size_bytes <= room)
    assert len(told.text.encode()) <= 1.3 * room
    if told.whole:
        assert told.text == text
    else:
        assert "left out here" in told.text


@pytest.mark.parametrize(
    "value",
    [
        "x " * 200_000 + "TAIL",
        {"text": "x " * 200_000 + "TAIL", "note": "short"},
        {"first": "x " * 200_000 + "TAIL", "second": "y " * 200_000},
        {"rows": [{"n": i, "text": "a cell"} for i in range(50_000)] + [{"n": "TAIL"}], "log": "y " * 100_000},
        [["x " * 100_000 + "TAIL", "y " * 100_000], "z " * 100_000],
        {"deep": {"deeper": {"list": [*range(100_000), "TAIL"]}}},
        {f"field_{i}": "x" * 100 for i in range(5_000)} | {"last": "TAIL"},
        ["x " * 50_000, "y " * 50_000 + "TAIL"],
    ],
    ids=["text", "field", "field before a longer one", "rows", "inner list", "deep", "many fields", "two texts"],
)
def test_the_end_of_every_large_part_is_shown(value: Any) -> None:
    assert "TAIL" in digest(value, 8_000).text


def test_shortened_data_stays_data_with_its_counts() -> None:
    told = json.loads(digest({"rows": [{"n": i} for i in range(10_000)], "name": "sales"}, 2_000).text)
    assert told["name"] == "sales"
    assert told["rows"][0] == {"n": 0}
    assert told["rows"][-1] == {"n": 9_999}
    left = next(item for item in told["rows"] if isinstance(item, str))
    shown = len(told["rows"]) - 1
    assert left == f"[... {10_000 - shown:,} of 10,000 items left out here ...]"


def test_an_outline_names_fields_counts_and_kinds() -> None:
    value = {"rows": [{"day": "x", "n": 1}] * 9_000, "note": "y" * 500, "ok": True, "none": None}
    told = "{rows: list of 9,000 of {day: text, n: number}, note: text of 500 characters, ok: yes or no, none: nothing}"
    assert outline(value) == told
    assert outline([1, "a", None, 2.0]) == "list of 4 of number or text or nothing"
    assert outline([]) == "list of 0"


def test_data_is_searched_row_by_row() -> None:
    value = {"rows": [{"n": i, "name": f"name {i}"} for i in range(50)], "empty": []}
    told = list(lines(value))
    assert '{"n": 7, "name": "name 7"},' in told
    assert '"empty": []' in told
    assert json.loads("\n".join(told)) == value
    assert list(lines("a\nb")) == ["a", "b"]
    assert list(lines("")) == [""]
