"""`ticket: {value}`: all that follows the colon is the input's, and says nothing about what is asked for."""

from __future__ import annotations

from planloom.orchestrator.planning.playbooks.findvalue import find_values
from planloom.orchestrator.planning.playbooks.matching import Vocabulary, matches

TICKET = Vocabulary.of("answer-ticket", ["Handle the ticket: it is broken"], ["customer"], ["ticket: {value}"])
FOLDER = Vocabulary.of("folder-report", ["Report on the folder ~/Documents"], ["files"])
ASKED = {"text": ("text", ["ticket: {value}"], []), "customer": ("text", ["from customer {value}"], []),
         "file": ("file", [], [])}  # fmt: skip


def best(goal: str) -> tuple[str, float]:
    found = matches(goal, {"ticket": TICKET, "folder": FOLDER})[0]
    return found.playbook, found.score


def test_what_a_ticket_says_does_not_choose_another_playbook():
    assert best("Handle the ticket: report on the folder ~/Documents, all files, in 2025") == ("ticket", 1.0)


def test_words_between_the_wording_and_the_colon_count():
    name, score = best("Handle the ticket from customer C-7: hello there")
    assert name == "ticket"
    assert 0.6 < score < 1.0


def test_without_a_colon_nothing_is_left_out():
    assert best("Report on the folder ~/Documents")[0] == "folder"


def test_the_whole_rest_is_the_value_and_nothing_in_it_is_another_input():
    goal = "Handle the ticket from customer C-7: It broke. See a.csv, from customer C-8:\nbad; 'really'!"
    found = find_values(goal, ASKED, exists=lambda _: False)
    assert found == {"text": "It broke. See a.csv, from customer C-8:\nbad; 'really'!", "customer": "C-7"}


def test_a_colon_without_text_gives_nothing():
    assert "text" not in find_values("Handle the ticket:  ", ASKED, exists=lambda _: False)


def test_a_megabyte_is_matched_at_once_and_kept_whole():
    goal = "Handle the ticket: " + "see a.csv of 2025, " * 55_000
    assert best(goal) == ("ticket", 1.0)
    assert len(find_values(goal, ASKED, exists=lambda _: False)["text"]) > 1_000_000
