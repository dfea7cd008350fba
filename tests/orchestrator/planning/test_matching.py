import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.orchestrator.planning.playbooks.matching import Vocabulary, matches, near_matches, stem, words

THRESHOLD = 0.6
PLAYBOOKS = {
    "folder": Vocabulary.of(
        "folder-report",
        [
            "Report on the folder ~/Documents",
            "What is in the directory projects/website?",
            "What takes up the space in ~/Downloads?",
            "Find duplicates and the largest files in the folder photos",
        ],
        ["folder", "files", "overview", "sizes"],
    ),
    "table": Vocabulary.of(
        "table-report",
        ["Analyse sales.csv", "Report on the data in measurements.parquet", "What is in the spreadsheet budget.xlsx?"],
        ["table", "csv", "xlsx", "data", "columns", "profile"],
    ),
}


def fitting(goal: str) -> list[str]:
    return [match.playbook for match in near_matches(matches(goal, PLAYBOOKS), THRESHOLD)]


@pytest.mark.parametrize(
    "goal",
    [
        "report on the folder .",
        "Please summarise my folder /var/log",
        "Could you describe the directory 'My Stuff' and tell me what is in it?",
        "Give me an overview of this direcotry",
        "describe ~/Documents",
        "Which files in ~/Downloads take up the most space?",
        "How big is the photos folder?",
        "folder report for ~/x in March 2025",
    ],
)
def test_other_wordings_fit_the_folder_playbook(goal: str) -> None:
    assert fitting(goal) == ["folder"]


@pytest.mark.parametrize(
    "goal",
    [
        "Analyze orders.csv please",
        "analyzing the table customers.parquet",
        "Analize sales.csv",
        "Report on sales.csv",
        'Profile the CSV file "my data.csv"',
        "What does budget.xlsx contain?",
        "Summarise the spreadsheet ~/b.xlsx for 2024",
    ],
)
def test_other_wordings_fit_the_table_playbook(goal: str) -> None:
    assert fitting(goal) == ["table"]


@pytest.mark.parametrize(
    "goal",
    [
        "",
        "hello",
        "Report",
        "Write a poem about folders",
        "Delete the folder ~/x",
        "Delete all duplicates in the folder ~/x",
        "Rename the files in ~/x",
        "Send sales.csv to my boss",
        "Convert data.csv to parquet",
        "Analyse photo.jpg",
        "Translate report.docx into German",
        "report on climate change",
        "What is the weather in Berlin?",
        "Build the merchant deck for Aurora Home, January to December 2025",
    ],
)
def test_other_wishes_fit_nothing(goal: str) -> None:
    assert fitting(goal) == []


def test_a_goal_between_two_playbooks_fits_both() -> None:
    twice = {"one": PLAYBOOKS["table"], "two": PLAYBOOKS["table"], "folder": PLAYBOOKS["folder"]}
    found = matches("Analyse sales.csv", twice)
    assert [match.playbook for match in near_matches(found, THRESHOLD)] == ["one", "two"]


def test_paths_dates_numbers_and_quoted_text_do_not_change_the_score() -> None:
    first, second = (
        matches(goal, PLAYBOOKS)
        for goal in ("Report on the folder ~/a for March 2025", 'Report on the folder "/b c/delete" for last week')
    )
    assert [(m.playbook, m.score) for m in first] == [(m.playbook, m.score) for m in second]
    assert [word.text for word in words("Report on 12 files in data/a.csv")] == ["report", "fil", "<file>", "csv"]


@pytest.mark.parametrize(("one", "other"), [("analyses", "analyzing"), ("directories", "folder"), ("boxes", "box")])
def test_forms_of_a_word_have_one_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@given(st.text(max_size=200))
def test_every_text_gets_a_score_from_0_to_1(goal: str) -> None:
    found = matches(goal, PLAYBOOKS)
    assert all(0 <= match.score <= 1 for match in found)
    assert [match.score for match in found] == sorted((match.score for match in found), reverse=True)


@given(st.lists(st.sampled_from(["please", "the", "now", "can you", "my"]), max_size=4))
def test_words_without_meaning_do_not_change_the_score(around: list[str]) -> None:
    plain = matches("analyse sales.csv", PLAYBOOKS)
    assert matches(f"{' '.join(around)} analyse sales.csv", PLAYBOOKS) == plain


def test_names_of_several_words_do_not_count_against_a_goal() -> None:
    known = {"deck": Vocabulary.of("merchant-deck", ["Build the merchant deck for Aurora Home, 2025"], ["slides"])}
    for name in ("Foo Bar Baz", "Cedar & Loom", "O'Neill Sons", "Bluepeak Outdoors"):
        assert matches(f"Build the merchant deck for {name}, January to March 2025", known)[0].score >= 0.9
    assert matches("Delete The Cat And The Dog", known)[0].score == 0.0


def test_profit_is_no_slip_of_profile() -> None:
    assert stem("profit") == "profit" and stem("profiel") == stem("profile") == stem("analyzing")
