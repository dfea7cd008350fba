"""`planloom runs`, on journals that runs wrote and on some written by hand."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from planloom.clock import ManualClock
from planloom.events import (
    ApprovalAsked,
    Payload,
    PlanReady,
    RunFinished,
    RunStarted,
    StepAdded,
    StepFinished,
    StepStarted,
)
from planloom.memory.journal import Journal

NAMES = [f"2025010{n}-120000-aaaaa{n}" for n in range(1, 6)]


def keep(folder: Path, run: str, at: float, told: list[tuple[float, Payload]], *, session: str = "") -> None:
    """Writes a run's events, each so many seconds after `at`, into a session of its own."""
    clock = ManualClock(wall_s=at)
    session = session or run.replace("-", "")
    journal = Journal(folder / ".planloom" / "sessions" / session, session, clock)
    for second, payload in told:
        clock.advance(at + second - clock.wall())
        journal.append(payload, run)
    journal.commit()
    journal.close()
    for file in journal.path.iterdir():
        os.utime(file, (at + 100, at + 100))


def finished(goal: str = "goal", status: str = "done", *, error: str | None = None) -> list[tuple[float, Payload]]:
    state = "failed" if error else "ok"
    return [
        (0, RunStarted(goal, {}, "plan", {"max_parallel_steps": 5})),
        (0, StepAdded("a", "demo.say", (), "read")),
        (0, PlanReady(1)),
        (0, StepStarted("a", 1, 0, because="added")),
        (2, StepFinished("a", state, 0, 1, 2.0, error=error)),
        (2.5, RunFinished(status, "", "", 2.5, {"usd": 0.25})),
    ]


def cut(goal: str = "goal") -> list[tuple[float, Payload]]:
    return finished(goal)[:4]


@pytest.fixture
def five(place):
    for number, name in enumerate(NAMES):
        told = cut("cut one") if number == 2 else finished(f"goal {number}", "failed" if number == 1 else "done")
        keep(place.folder, name, 1_735_732_800 + 86_400 * number, told)
    return place


def test_runs_are_listed_newest_first(five):
    out = five.run("runs")
    assert out.returncode == 0, out.stderr
    assert [line.split()[0] for line in out.stdout.splitlines()] == NAMES[::-1]
    assert "goal 4" in out.stdout and "$0.2500" in out.stdout


def test_runs_are_chosen_by_status_and_number(five):
    assert [r["run_id"] for r in json.loads(five.run("runs", "--status", "failed", "--json").stdout)] == [NAMES[1]]
    assert [r["run_id"] for r in json.loads(five.run("runs", "--status", "cut", "--json").stdout)] == [NAMES[2]]
    assert [r["run_id"] for r in json.loads(five.run("runs", "--limit", "2", "--json").stdout)] == NAMES[:2:-1]
    assert "No run stands like this." in five.run("runs", "--status", "budget").stdout


def test_a_run_is_found_by_the_beginning_of_its_id_and_the_newest_by_none(five):
    assert json.loads(five.run("runs", "show", "20250102", "--json").stdout)["run_id"] == NAMES[1]
    assert json.loads(five.run("runs", "show", "--json").stdout)["run_id"] == NAMES[4]


def test_an_unknown_run_is_answered_with_the_nearest(five):
    out = five.run("runs", "show", "20250102-120000-aaaaa9")
    assert out.returncode == 2 and NAMES[1] in out.stderr
    out = five.run("runs", "show", "2025010")
    assert out.returncode == 2 and "several begin" in out.stderr


def test_nothing_has_run_yet(place):
    assert "Nothing has run yet" in place.run("runs").stdout
    assert place.run("runs", "--json").stdout.strip() == "[]"
    out = place.run("runs", "show")
    assert out.returncode == 2 and "nothing has run yet" in out.stderr


def test_the_numbers_add_up(five):
    told = json.loads(five.run("runs", "show", NAMES[0], "--json").stdout)
    assert sum(told["blame"].values()) == told["wall_s"] == 2.5
    assert told["blame"]["tool"] == 2 and told["state"] == "done"


def test_a_cut_run_is_shown_as_far_as_it_is_known_and_can_go_on(five):
    out = five.run("runs", "show", NAMES[2])
    assert out.returncode == 0 and f"planloom resume {NAMES[2]}" in out.stdout
    assert "its process ended in the middle" in out.stdout


def test_a_run_whose_process_lives_is_under_way(place):
    clock = ManualClock(wall_s=1_735_732_800)
    journal = Journal(place.folder / ".planloom" / "sessions" / "live", "live", clock)
    for _, payload in cut():
        journal.append(payload, NAMES[0])
    journal.commit()
    try:
        assert json.loads(place.run("runs", "--json").stdout)[0]["state"] == "running"
        out = place.run("runs", "show")
    finally:
        journal.close()
    assert "under way" in out.stdout and "planloom resume" not in out.stdout


def test_a_run_that_waits_says_how_to_answer(place):
    told = [
        *cut()[:3],
        (1, ApprovalAsked("a", "step", "Run it?", {})),
        (2, RunFinished("needs_approval", "", "", 2, {})),
    ]
    keep(place.folder, NAMES[0], 1_735_732_800, told)
    assert f"planloom approve {NAMES[0]} a yes|no" in place.run("runs", "show").stdout


@pytest.mark.parametrize("columns", [80, 160])
def test_the_page_fits_the_terminal(place, step, columns: int):
    plan = place.plan(
        step("first", "demo.say", text="a" * 300),
        step("a_step_with_a_name_that_is_much_too_long_for_any_column_of_a_page", "demo.fail", text="e" * 300),
        step("last", "demo.say", after=["a_step_with_a_name_that_is_much_too_long_for_any_column_of_a_page"]),
        goal="A goal with more words than fit on a line of a small terminal, so that some have to be left out of it",
    )
    assert place.run("run", "--plan", plan, "-q").returncode == 1
    out = place.run("runs", "show", COLUMNS=str(columns))
    assert out.returncode == 0, out.stderr
    assert max(map(len, out.stdout.splitlines())) <= columns
    for part in ("What the time went to", "Critical path", "What failed", "1 skipped behind it", "together"):
        assert part in out.stdout
    assert max(map(len, place.run("runs", COLUMNS=str(columns)).stdout.splitlines())) <= columns


def test_what_a_run_says_does_not_reach_the_terminal_raw(place):
    keep(place.folder, NAMES[0], 1_735_732_800, finished("evil \x1b[2J\u202e goal", "failed", error="\x1b]0;x\x07 bad"))
    for out in (place.run("runs"), place.run("runs", "show")):
        assert "\x1b" not in out.stdout and "\u202e" not in out.stdout and "goal" in out.stdout


def test_a_terminal_without_unicode_gets_plain_signs(five):
    out = five.run("runs", "show", NAMES[0], PYTHONIOENCODING="ascii")
    assert out.returncode == 0 and "####" in out.stdout and "?" not in out.stdout and out.stdout.isascii()


def test_the_picture_is_written_beside_the_numbers(five):
    out = five.run("runs", "show", NAMES[0], "--picture", "run.svg", "--json")
    assert json.loads(out.stdout)["run_id"] == NAMES[0]
    assert (five.folder / "run.svg").read_text(encoding="utf-8").startswith("<svg")
    assert five.run("runs", "show", NAMES[0], "--picture", "run.gif").returncode == 2


def test_a_damaged_session_hides_no_other(five):
    journal = next((five.folder / ".planloom" / "sessions" / NAMES[0].replace("-", "")).glob("*.journal"))
    data = bytearray(journal.read_bytes())
    data[40] ^= 0xFF
    journal.write_bytes(data)
    out = five.run("runs")
    assert out.returncode == 0 and NAMES[4] in out.stdout and NAMES[3] in out.stdout
