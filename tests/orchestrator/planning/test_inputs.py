from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.errors import InputError, UsageError
from planloom.orchestrator.planning.playbooks.findvalue import find_values
from planloom.orchestrator.planning.playbooks.goaltext import spans
from planloom.orchestrator.planning.playbooks.inputs import Input, convert, fill, read_input

TODAY = date(2025, 5, 14)


def declared(**inputs: dict[str, Any]) -> dict[str, Input]:
    return {name: read_input(name, data) for name, data in inputs.items()}


FOLDER = declared(path={"type": "file", "default": ".", "find": ["folder {value}", "directory {value}", "in {value}"]})
TABLE = declared(file={"type": "file", "find": ["analyse {value}", "file {value}", "data in {value}"]})
DECK = declared(
    merchant={"type": "text", "find": ["for {value}", "merchant {value}"], "description": "The merchant"},
    period={"type": "date_range", "default": "last 12 months"},
    top={"type": "number", "default": 5, "find": ["top {value}", "{value} charts"]},
    style={"type": "choice", "choices": ["light", "dark"], "default": "light"},
    topics={"type": "list", "required": False, "find": ["about {value}"]},
)


def filled(inputs: Mapping[str, Input], goal: str, **given: Any) -> dict[str, Any]:
    return fill(inputs, goal, given, TODAY)


@pytest.mark.parametrize(
    ("goal", "path"),
    [
        ("Report on the folder ~/Documents", "~/Documents"),
        ("Report on the folder ~/Documents.", "~/Documents"),
        ("Report on the folder .", "."),
        ("Report on the folder ..", ".."),
        ("Report on the folder /", "/"),
        ("Report on the folder photos", "photos"),
        ("What is in this folder?", "."),
        ("describe what is here", "."),
        ("report on the folder", "."),
        ("Report on the folder in detail", "."),
        ("report on the folder structure of ./src", "./src"),
        ("what's in /etc?", "/etc"),
        ("report on (data/raw/), please", "data/raw/"),
        ('report on "/tmp/My Files"', "/tmp/My Files"),
        ("report on the folder \u201cMy Files\u201d", "My Files"),
        ("report on the folder My\\ Files", "My Files"),
        ("report on the folder C:\\Users\\Jane", "C:\\Users\\Jane"),
        ("report on files and/or folders in January, Q3/Q4", "."),
        ("path=photos", "photos"),
    ],
)
def test_a_folder_is_found_in_the_goal(goal: str, path: str) -> None:
    assert filled(FOLDER, goal) == {"path": path}


@pytest.mark.parametrize(
    ("goal", "file"),
    [
        ("Analyse sales.csv", "sales.csv"),
        ("Analyse 'my sales.csv' and write to report.html", "my sales.csv"),
        ("ANALYSE   the file a.csv", "a.csv"),
        ("Analyse sales", "sales"),
        ("table report file=sales.csv", "sales.csv"),
        ("table report file = 'my sales.csv'", "my sales.csv"),
        ("Look at the data in orders.xlsx for 2024.", "orders.xlsx"),
        ("What does measurements.parquet hold, e.g. by month?", "measurements.parquet"),
        ("Analyse sales.csv, then look at sales.csv again", "sales.csv"),
    ],
)
def test_a_file_is_found_in_the_goal(goal: str, file: str) -> None:
    assert filled(TABLE, goal) == {"file": file}


def test_words_after_a_path_belong_to_it_where_only_that_is_there() -> None:
    asked = {"path": ("file", ["folder {value}"], ())}
    there = {"~/My Documents": "~/My Documents", "": "~/My"}
    for existing, path in there.items():
        found = find_values("Report on the folder ~/My Documents now", asked, exists=lambda p, e=existing: p == e)
        assert found == {"path": path}


def test_two_paths_without_a_wording_are_asked_about() -> None:
    with pytest.raises(InputError, match=r"which of 'a.csv', 'b.csv' is meant\?") as raised:
        filled(TABLE, "compare a.csv with b.csv")
    assert raised.value.name == "file"


def test_two_files_go_to_the_inputs_whose_wordings_name_them() -> None:
    both = declared(source={"type": "file", "find": ["from {value}"]}, target={"type": "file", "find": ["to {value}"]})
    assert filled(both, "copy to b.txt from a.txt") == {"source": "a.txt", "target": "b.txt"}
    assert filled(both, "copy a.txt to b.txt") == {"source": "a.txt", "target": "b.txt"}


def test_a_link_is_no_file() -> None:
    with pytest.raises(InputError, match=r"expected a file or folder, got 'https://example.com/a.csv'"):
        filled(TABLE, "analyse https://example.com/a.csv")


def test_free_text_ends_where_dates_numbers_and_other_wordings_begin() -> None:
    goal = (
        "Build the deck for Aurora Home from January to March 2025 with top 3 charts in dark about sales, and returns"
    )
    assert filled(DECK, goal) == {
        "merchant": "Aurora Home",
        "period": {"start": "2025-01-01", "end": "2025-03-31"},
        "top": 3,
        "style": "dark",
        "topics": ["sales", "returns"],
    }


@pytest.mark.parametrize(
    ("goal", "merchant"),
    [
        ("deck for Aurora Home, January 2025", "Aurora Home"),
        ('deck for "A, B and Co." in 2025', "A, B and Co."),
        ("deck for O'Brien's top ten", "O'Brien's"),
        ("deck for Aurora. Make it dark.", "Aurora"),
    ],
)
def test_text_is_found_in_the_goal(goal: str, merchant: str) -> None:
    assert filled(DECK, goal)["merchant"] == merchant


@pytest.mark.parametrize(
    "goal", ['deck for X period="Q1 2025"', "deck for X, period = Q1 2025", "deck for X in Q1 2025"]
)
def test_a_range_may_be_named_quoted_or_just_said(goal: str) -> None:
    values = filled(DECK, goal)
    assert values["period"] == {"start": "2025-01-01", "end": "2025-03-31"}
    assert values["merchant"] == "X"


def test_a_very_long_goal_is_read_word_by_word_once() -> None:
    text = "in x " * 4000
    assert filled(FOLDER, text + "folder ./here-it-is") == {"path": "./here-it-is"}


def test_without_a_word_of_it_the_default_holds_and_what_is_optional_is_none() -> None:
    assert filled(DECK, "", merchant="X") == {
        "merchant": "X",
        "period": {"start": "2024-05-15", "end": "2025-05-14"},
        "top": 5,
        "style": "light",
        "topics": None,
    }


def test_a_given_value_wins_over_the_goal_and_the_goal_over_the_default() -> None:
    assert filled(FOLDER, "report on the folder ~/a", path="~/b") == {"path": "~/b"}
    assert filled(DECK, "for X top 7", top="9")["top"] == 9
    assert filled(DECK, "for X top 7")["top"] == 7


def test_a_missing_input_is_asked_for_by_its_description() -> None:
    with pytest.raises(
        InputError, match=r"expected The merchant, got none; set it with --set merchant=VALUE"
    ) as raised:
        filled(DECK, "Build the deck for 2024")
    assert raised.value.name == "merchant"


def test_an_unknown_name_is_refused_and_is_no_input_to_ask_for() -> None:
    with pytest.raises(UsageError, match="got 'tops'; known are merchant, period, top, style, topics") as raised:
        filled(DECK, "", tops="1")
    assert not isinstance(raised.value, InputError)


@pytest.mark.parametrize(
    ("goal", "told"),
    [
        ("deck for X 03/04/2025", "2025-04-03 or 2025-03-04"),
        ("deck for X compare 2024 with 2025", "which of '2024', '2025' is meant"),
        ("deck for X in light or dark", "which of 'light', 'dark' is meant"),
    ],
)
def test_what_the_goal_says_two_ways_is_asked(goal: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        filled(DECK, goal)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("number", "1,200", 1200),
        ("number", "1_200", 1200),
        ("number", " -2.50 ", -2.5),
        ("number", "10k", 10_000),
        ("number", "1.5 million", 1_500_000.0),
        ("number", "twelve", 12),
        ("number", 3, 3),
        ("list", "a, b and c", ["a", "b", "c"]),
        ("list", '"a, b", c', ["a, b", "c"]),
        ("list", "a\nb, c", ["a", "b, c"]),
        ("list", '["a,b", 3]', ["a,b", 3]),
        ("list", [1, 2], [1, 2]),
        ("file", '"My Files"', "My Files"),
        ("file", "This folder", "."),
        ("text", 2025, "2025"),
        ("date_range", 2025, {"start": "2025-01-01", "end": "2025-12-31"}),
        (
            "date_range",
            {"start": "2025-01-01", "end": "2025-02-01"},
            {"start": "2025-01-01", "end": "2025-02-01"},
        ),
    ],
)
def test_values_become_their_type(kind: str, value: Any, expected: Any) -> None:
    made = convert(read_input("x", {"type": kind}), value, TODAY)
    assert made == expected
    assert type(made) is type(expected)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("number", "many"),
        ("number", "1,2"),
        ("number", "1e999"),
        ("number", True),
        ("number", float("nan")),
        ("list", "[1, 2"),
        ("list", 5),
        ("file", ""),
        ("file", "a\0b"),
        ("file", 5),
        ("text", ["a"]),
        ("date_range", "soon"),
        ("date_range", {"start": "2025-01-01"}),
    ],
)
def test_values_that_do_not_fit_are_refused(kind: str, value: Any) -> None:
    with pytest.raises(InputError, match="input 'x': expected") as raised:
        convert(read_input("x", {"type": kind}), value, TODAY)
    assert raised.value.name == "x"


def test_choices_keep_their_type_and_hold_for_each_item_of_a_list() -> None:
    sizes = read_input("size", {"type": "choice", "choices": [10, 20]})
    assert convert(sizes, "20", TODAY) == 20
    colours = read_input("colours", {"type": "list", "choices": ["red", "blue"]})
    assert convert(colours, "RED and blue", TODAY) == ["red", "blue"]
    with pytest.raises(InputError, match="expected one of red, blue, got 'green'"):
        convert(colours, "red, green", TODAY)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"type": "path"}, "the type 'path'; known are text, number"),
        ({"typ": "text"}, "the unknown key 'typ'"),
        ({"type": "choice"}, "a choice without choices"),
        ({"type": "number", "default": "many"}, "a default that does not fit"),
        ({"type": "text", "find": ["in value"]}, "with {value} once in each"),
        ({"type": "text", "find": ["{value}"]}, "without a word beside"),
        ({"type": "text", "required": "yes"}, "required: 'yes'"),
        ("text", "instead of an object"),
    ],
)
def test_a_faulty_declaration_is_refused_with_the_reason(data: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read_input("x", data)


def test_quoted_text_paths_and_links_are_told_apart() -> None:
    found = spans("See 'a b', it's in ~/x.d/ or src\\y; not e.g. v1.2, but https://a.org/x.csv (and z.tar.gz).")
    assert [(span.kind, span.value) for span in found] == [
        ("quoted", "a b"),
        ("path", "~/x.d/"),
        ("path", "src\\y"),
        ("link", "https://a.org/x.csv"),
        ("path", "z.tar.gz"),
    ]


@given(st.text(max_size=120))
def test_any_goal_gives_values_or_a_question(goal: str) -> None:
    for inputs in (FOLDER, TABLE, DECK):
        try:
            values = filled(inputs, goal)
        except InputError as error:
            assert error.name in inputs
        else:
            assert list(values) == list(inputs)


names = st.text(alphabet="abcXYZ019 _-${}.'()[]", min_size=1, max_size=20).filter(lambda name: name.strip() == name)


@given(names)
def test_a_quoted_name_is_taken_letter_by_letter(name: str) -> None:
    expected = name[1:-1] if len(name) > 1 and name[0] == name[-1] == "'" else name
    if expected:
        assert filled(FOLDER, f'Report on the folder "{name}", please') == {"path": expected}
