"""The planner sees the tools that fit its goal, in few tokens, and always the same ones."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from planloom.agents.registry import Registry
from planloom.agents.tool import Tool, tool
from planloom.orchestrator.planning.modelled.preselect import ALWAYS, MAX_CHARS, catalogue, line, rank, select

BUILT_IN = list(Registry())


class Cell(TypedDict):
    name: str
    values: list[float]


class Sheet(TypedDict):
    cells: list[Cell]
    note: str | None


@tool(effect="read", name="sheets.load")
def load(path: str, mode: Literal["fast", "full"] = "fast", limit: int | None = None) -> Sheet:
    """Loads a sheet, e.g. of sales. It takes a while.

    More is not said.
    """
    return {"cells": [], "note": None}


def many(count: int) -> list[Tool]:
    """Tools of twenty groups with names and descriptions of their own."""
    topics = ("weather", "invoice", "calendar", "ticket", "payment", "customer", "shipment", "photo", "music", "map")
    verbs = ("search", "create", "update", "delete", "list", "export", "import", "merge", "compare", "archive")

    def made(number: int) -> Tool:
        topic, verb = topics[number % 10], verbs[number // 10 % 10]

        def function(identifier: str, query: str = "", limit: int = 10, verbose: bool = False) -> Sheet:
            return {"cells": [], "note": None}

        told = f"{verb.title()} {topic} records of the service number {number} by identifier, query and limit."
        return Tool(name=f"{topic}{number // 100}.{verb}_{number}", description=told, function=function, effect="read")

    return [made(number) for number in range(count)]


def test_line_tells_arguments_fields_sentence_and_effect():
    assert line(load) == (
        'sheets.load(path: string, mode?: "fast" | "full", limit?: integer | null) -> '
        "{cells: [{name: string, values: [number]}], note: string | null}: Loads a sheet, e.g. of sales. [read]"
    )


def test_all_tools_are_shown_while_they_fit():
    assert [t.name for t in select("anything", BUILT_IN[:30])] == sorted(t.name for t in BUILT_IN[:30])


def test_178_tools_take_at_most_5000_tokens():
    tools = [*BUILT_IN, *many(178 - len(BUILT_IN))]
    assert len(tools) == 178
    for goal in ("list my invoices", "", "Wie wird das Wetter?", "report on the folder ."):
        shown = catalogue(select(goal, tools))
        assert len(shown) <= MAX_CHARS
        assert len(shown) > MAX_CHARS * 0.9


def test_tools_of_general_use_stay_however_many_there_are():
    names = {t.name for t in select("compare photo records", [*BUILT_IN, *many(300)])}
    assert set(ALWAYS) <= names


def test_tools_that_fit_the_goal_come_first():
    tools = [*BUILT_IN, *many(150)]
    assert rank("merge my photos", tools)[0].startswith("photo")
    assert "charts.draw" in rank("draw a bar chart", tools)[:2]
    assert rank("corelations between columns", tools)[0] == "tables.correlations"
    assert "git.log" in rank("commits of the repository since May", tools)[:3]


def test_top_limits_the_number():
    assert len(select("anything", BUILT_IN, top=8)) == 8


def test_goal_without_a_common_word_gets_some_of_every_group():
    first = rank("qqqq wwww", BUILT_IN)[: len({t.name.partition(".")[0] for t in BUILT_IN})]
    assert {name.partition(".")[0] for name in first} == {t.name.partition(".")[0] for t in BUILT_IN}


def test_choice_does_not_depend_on_the_order_of_tools():
    tools = [*BUILT_IN, *many(150)]
    one = catalogue(select("export customer shipments to a table", tools))
    assert catalogue(select("export customer shipments to a table", tools[::-1])) == one


def test_every_line_is_short_and_one_line():
    assert all(len(line(t)) <= 1300 and "\n" not in line(t) for t in BUILT_IN)
