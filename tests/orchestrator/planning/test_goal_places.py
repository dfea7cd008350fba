"""What in a goal is a value and what is wording."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.orchestrator.planning.cached.places import Place, kind_of, shape_of


def places(goal: str) -> list[tuple[str, str]]:
    return [(place.kind, place.text) for place in shape_of(goal).places]


@pytest.mark.parametrize(
    ("goal", "found"),
    [
        ("List the 5 largest files in ./src", [("number", "5"), ("file", "./src")]),
        ('Find "foo bar" in a/b.csv, please.', [("text", "foo bar"), ("file:.csv", "a/b.csv")]),
        ("from 2025-01-01 to 2025-03-31", [("date", "2025-01-01"), ("date", "2025-03-31")]),
        ("The day 2025-13-45", [("code:9-9-9", "2025-13-45")]),
        ("At least 0.5 or -3 or 1,000", [("decimal", "0.5"), ("number:-", "-3"), ("number", "1,000")]),
        ("Fetch https://a.example/x?y=1.", [("link:https", "https://a.example/x?y=1")]),
        ("Look at ticket ABC-123 and unit_price", [("code:a-9", "ABC-123"), ("code:a_a", "unit_price")]),
        ("Weather in New York, Rome and Oslo", [("name", "New York"), ("name", "Rome"), ("name", "Oslo")]),
        ("Explain C++ and IBM and i/o", []),
        ("", []),
    ],
)
def test_values_of_a_goal_are_found(goal, found):
    assert places(goal) == found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("List files in ./src", "  list   FILES\nin ./src. "),
        ("List files, sorted: by size!", "list files sorted by size"),
        ("Größe von ./a", "GRÖSSE von ./a"),
        ("Cafe\u0301 plan", "CAFÉ plan"),
        ('Find "x" here', "find \u201cx\u201d here"),
        ("Weather in Oslo", "weather in oslo"),
        ("\ufb01nd it", "find it"),
    ],
)
def test_case_blanks_and_punctuation_do_not_count(one, other):
    assert shape_of(one).wording == shape_of(other).wording


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Explain C++", "Explain C#"),
        ("Explain C", "Explain C++"),
        ("Delete the files", "Delete the files?"),
        ("a > b", "a < b"),
        ("Use 5 %", "Use 5"),
        ("Read ./a", "Read ./A"),
        ('Find "Foo"', 'Find "foo"'),
        ("Do not delete ./a", "Do delete ./a"),
        ("Files over 5 MB", "Files over -5 MB"),
        ("list ./a and ./b", "list ./b and ./a"),
    ],
)
def test_what_changes_the_meaning_counts(one, other):
    assert shape_of(one).wording != shape_of(other).wording


def test_only_values_of_the_same_kind_share_a_frame():
    assert shape_of("Read a.csv").frame == shape_of("Read b/c.csv").frame
    assert shape_of("Read a.csv").frame != shape_of("Read a.xlsx").frame
    assert shape_of("Take 5").frame != shape_of("Take 0.5").frame
    assert shape_of("Take 5").frame != shape_of("Take -5").frame
    assert shape_of("Open AB-1").frame != shape_of("Open 1-AB").frame
    assert shape_of('Take "5"').frame != shape_of("Take 5").frame


def test_numbers_are_read():
    assert [place.number for place in shape_of("1,000 and 2.50 and 7").places] == [1000, 2.5, 7]
    assert Place("text", "5").number is None


def test_given_text_has_a_kind():
    assert [kind_of(text) for text in ("a/b.csv", "https://x.example/", "hello there", "")] == [
        "file:.csv",
        "link:https",
        "text",
        "text",
    ]


@given(st.text(max_size=200))
def test_any_text_has_one_shape_and_every_place_stands_in_it(goal):
    import unicodedata

    shape = shape_of(goal)
    assert shape == shape_of(goal)
    text = unicodedata.normalize("NFC", goal).replace("\\ ", " ")
    for place in shape.places:
        assert all(part in text for part in place.text.split())
