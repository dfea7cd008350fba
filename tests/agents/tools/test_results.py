"""The tools that look into large results, inside a run and outside of one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from planloom import Config, Plan, Planloom, Step, tool
from planloom.agents.tool import ToolContext
from planloom.agents.tools.results import describe, find, read
from planloom.agents.workspace import Workspace
from planloom.errors import ToolError

CONTEXT = ToolContext(workspace=Workspace(Path(), Path()))
ROWS = [{"n": i, "name": f"name {i}"} for i in range(5_000)]


@tool(effect="read", name="t.rows")
def rows() -> list[dict[str, Any]]:
    """Many rows."""
    return ROWS


@tool(effect="read", name="t.raw")
def raw() -> bytes:
    """Bytes that are text."""
    return ("über\n" * 20_000 + "the end is 4711").encode()


@tool(effect="read", name="t.other")
def other() -> str:
    """A result nobody depends on."""
    return "private " * 10_000


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(workspace=str(tmp_path), state=str(tmp_path / "state"), out=str(tmp_path / "out"))


async def outcome(config: Config, *steps: Step, session: str = "s1") -> dict[str, Any]:
    async with Planloom(config, tools=[rows, raw, other]) as loom:
        result = await loom.run(plan=Plan(goal="g", steps=steps, answer="-"), session_id=session)
    return {name: step.value if step.status == "ok" else step.error for name, step in result.steps.items()}


# ---- alone


def test_a_slice_tells_where_it_is_and_what_follows() -> None:
    assert read("0123456789", 2, 3, context=CONTEXT) == {"text": "234", "offset": 2, "more": 5, "characters": 10}
    assert read("0123456789", -3, 100, context=CONTEXT)["text"] == "789"
    assert read("0123456789", 50, 5, context=CONTEXT) == {"text": "", "offset": 10, "more": 0, "characters": 10}
    assert read("ab", -50, 5, context=CONTEXT)["text"] == "ab"


def test_all_slices_together_are_the_whole() -> None:
    whole, at = "", 0
    while True:
        part = read(ROWS, at, 7_777, context=CONTEXT)
        whole, at = whole + part["text"], at + len(part["text"])
        if not part["more"]:
            break
    assert len(whole) == part["characters"]
    assert json.loads(whole.replace("\n", "")) == ROWS


@pytest.mark.parametrize(
    ("pattern", "total"), [("name 42", 111), ("NAME 4999", 1), ('"n": 7,', 1), ("n*name 12*}", 111), ("nothing", 0)]
)
def test_lines_are_found_by_text_and_stars(pattern: str, total: int) -> None:
    found = find(ROWS, pattern, limit=500, context=CONTEXT)
    assert found["total"] == total == len(found["matches"])
    assert found["lines"] == 5_002


def test_matches_come_with_lines_around_and_are_counted_beyond_the_limit() -> None:
    found = find("a\nb\nx\nc\nx\nd", "x", 1, context=CONTEXT)
    assert [line["text"] for line in found["matches"]] == ["b", "x", "c", "x", "d"]
    many = find("x\n" * 1_000, "x", limit=3, context=CONTEXT)
    assert (len(many["matches"]), many["total"]) == (3, 1_000)


def test_a_very_long_line_is_cut_around_the_match_and_it_is_said() -> None:
    (line,) = find("a" * 50_000 + "needle" + "b" * 50_000, "needle", context=CONTEXT)["matches"]
    assert "needle" in line["text"]
    assert len(line["text"]) < 2_200
    assert "characters before]" in line["text"]


def test_a_pattern_of_stars_only_is_refused() -> None:
    with pytest.raises(ToolError, match="text to find"):
        find("abc", "**", context=CONTEXT)


def test_a_pattern_can_not_run_away() -> None:
    assert find("a" * 100_000, "a*" * 200 + "b", context=CONTEXT)["total"] == 0


def test_a_description_has_structure_both_ends_and_sizes() -> None:
    told = describe({"rows": ROWS, "note": "x"}, context=CONTEXT)
    assert told["structure"] == "{rows: list of 5,000 of {n: number, name: text}, note: text}"
    assert '"name 0"' in told["digest"]
    assert '"name 4999"' in told["digest"]
    assert "left out here" in told["digest"]
    assert len(told["digest"]) < 8_000


# ---- in a run


@pytest.mark.parametrize("handle", ["${big}", "big"])
async def test_a_plan_looks_into_a_large_result_by_reference_or_id(config: Config, handle: str) -> None:
    found = await outcome(
        config,
        Step(id="big", action="t.rows"),
        Step(
            id="hit",
            action="results.find",
            parameters={"handle": handle, "pattern": "name 4999"},
            dependencies=() if "$" in handle else ("big",),
        ),
    )
    assert found["hit"]["total"] == 1


async def test_bytes_are_read_as_text(config: Config) -> None:
    found = await outcome(
        config,
        Step(id="big", action="t.raw"),
        Step(id="end", action="results.read", parameters={"handle": "${big}", "offset": -4}),
    )
    assert found["end"]["text"] == "4711"


async def test_a_result_the_step_does_not_depend_on_is_refused(config: Config) -> None:
    found = await outcome(
        config,
        Step(id="big", action="t.other"),
        Step(id="peek", action="results.read", parameters={"handle": "big"}),
    )
    assert "depends on, got 'big'" in found["peek"]


async def test_a_hash_of_the_session_is_read_and_one_of_another_session_is_not(config: Config, tmp_path: Path) -> None:
    await outcome(config, Step(id="big", action="t.other"), session="mine")
    (stored,) = [path.name for path in (tmp_path / "state" / "artifacts").rglob("*") if path.is_file()]
    ask = Step(id="peek", action="results.read", parameters={"handle": stored, "length": 7})
    assert (await outcome(config, ask, session="mine"))["peek"]["text"] == "private"
    assert "none" in (await outcome(config, ask, session="theirs"))["peek"]
    wrong = Step(id="peek", action="results.read", parameters={"handle": "0" * 64})
    assert "none" in (await outcome(config, wrong, session="mine"))["peek"]


async def test_a_file_that_was_changed_since_is_not_taken_for_the_one_that_was_made(config: Config) -> None:
    import hashlib

    made = Path(config.workspace) / "note.txt"

    @tool(effect="read", name="t.file")
    def file(context: ToolContext) -> str:
        """Makes a file."""
        made.write_text("first")
        context.artifact(made)
        return "made"

    ask = Step(id="peek", action="results.read", parameters={"handle": hashlib.sha256(b"first").hexdigest()})
    plan = Plan(goal="g", steps=(Step(id="file", action="t.file"), ask), answer="-")
    second = Plan(goal="g", steps=(ask,), answer="-")
    async with Planloom(config, tools=[file]) as loom:
        await loom.run(plan=plan, session_id="s1")
        good = await loom.run(plan=second, session_id="s1")
        made.write_text("other")
        bad = await loom.run(plan=second, session_id="s1")
    assert good.steps["peek"].value["text"] == "first"
    assert "changed since" in str(bad.steps["peek"].error)
