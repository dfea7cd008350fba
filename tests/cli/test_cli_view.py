"""What a person sees of a run, from its events alone."""

from __future__ import annotations

import pytest
from rich.text import Text

from planloom import events
from planloom.cli.draw import LOOKS, MANY, Sheet, draw, fit
from planloom.cli.lines import lines
from planloom.cli.view import ENDED, View, as_seconds, as_size, as_words
from planloom.events import Event, Payload

START = 1_000.0


class Told:
    """A view that is told events at given seconds, and what the plain lines say of them."""

    def __init__(self, *steps: str) -> None:
        self.view = View()
        self.lines: list[str] = []
        self.at(0, events.RunStarted("Report on the folder", {}, "file", {}))
        for step in steps:
            self.add(step)

    def at(self, second: float, *payloads: Payload) -> Told:
        for payload in payloads:
            event = Event(len(self.lines) + 1, START + second, "session", "run-1", payload)
            self.view.apply(event)
            self.lines += list(lines(event, self.view))
        return self

    def add(self, step: str, *dependencies: str, parent: str | None = None) -> Told:
        return self.at(0, events.StepAdded(step, f"demo.{step.partition('[')[0]}", dependencies, "read", parent))

    def start(self, step: str, second: float = 0, attempt: int = 1) -> Told:
        return self.at(second, events.StepStarted(step, attempt, 0))

    def finish(self, step: str, second: float, status: events.StepStatus = "ok", **more: object) -> Told:
        took = second if status == "ok" else 0.0
        return self.at(second, events.StepFinished(step, status, 0, 1, took, **more))  # type: ignore[arg-type]

    def picture(self, second: float, width: int = 80, height: int = 40, **sheet: bool) -> list[str]:
        return [line.plain for line in draw(self.view, Sheet(START + second, width, height, **sheet))]


def test_a_step_goes_from_waiting_over_running_to_done() -> None:
    told = Told("load")
    step = told.view.steps["load"]
    assert step.state == "waiting"
    told.start("load", 1)
    assert step.state == "running"
    assert told.view.time_of(step, START + 3.5) == pytest.approx(2.5)
    told.finish("load", 4)
    assert step.state == "ok"
    assert told.view.time_of(step, START + 99) == pytest.approx(4)


def test_a_failed_step_keeps_its_time_and_names_what_was_skipped_because_of_it() -> None:
    told = Told("load")
    told.add("use", "load").start("load", 1)
    told.finish("load", 3, "failed", error="no such file\nmore").finish("use", 3, "skipped", caused_by="load")
    assert told.view.time_of(told.view.steps["load"], START + 99) == pytest.approx(2)
    text = "\n".join(told.picture(5))
    assert "no such file" in text
    assert "more" not in text
    assert "because load failed" in text


def test_a_for_each_counts_as_its_children() -> None:
    told = Told("pages").start("pages")
    for number in range(3):
        told.add(f"pages[{number}]", parent="pages").start(f"pages[{number}]", 1)
    told.finish("pages[0]", 2)
    assert told.view.counts() == {"ok": 1, "running": 2}
    assert any("1/3 done" in line for line in told.picture(3))


def test_an_added_step_of_the_same_name_starts_afresh() -> None:
    told = Told("pages")
    for _ in range(2):
        told.add("pages[0]", parent="pages")
    assert told.view.steps["pages"].children == ["pages[0]"]


def test_replanning_takes_removed_steps_out() -> None:
    told = Told("old", "kept").at(1, events.PlanChanged(("old",), (), "old failed"))
    assert list(told.view.steps) == ["kept"]
    assert told.view.notices == ["The plan was changed: old failed"]


def test_questions_are_open_until_they_are_answered() -> None:
    told = Told("save").at(1, events.ApprovalAsked("save", "step", "Write it?", {"path": "/etc/motd"}))
    assert list(told.view.asked) == ["save"]
    assert told.view.steps["save"].state == "asking"
    picture = told.picture(2)
    assert "? save: Write it?" in picture
    assert "    path: /etc/motd" in picture
    told.at(3, events.ApprovalAnswered("save", True, "", {}))
    assert not told.view.asked
    assert told.view.steps["save"].state == "waiting"


def test_a_cancelled_step_asks_nothing_any_more() -> None:
    told = Told("save").at(1, events.ApprovalAsked("save", "step", "Write it?", {}))
    told.finish("save", 2, "cancelled")
    assert not told.view.asked


def test_an_invalidated_step_waits_again() -> None:
    told = Told("use").start("use").finish("use", 1).at(2, events.StepInvalidated("use", 1, "load"))
    assert told.view.steps["use"].state == "waiting"
    assert any("again, because load changed" in line for line in told.picture(3))


def test_time_stands_still_when_the_run_is_over() -> None:
    told = Told("load").at(4, events.RunFinished("done", "", "answer", 3.9, {}))
    assert told.view.elapsed(START + 100) == pytest.approx(3.9)


def test_a_file_made_again_is_counted_once() -> None:
    told = Told("load")
    for size in (1, 2):
        told.at(1, events.ArtifactCreated("load", "a.csv", "x", "text/csv", size))
    assert [file.size_bytes for file in told.view.files] == [2]


def test_progress_shows_share_and_note() -> None:
    told = Told("load").start("load").at(1, events.StepProgress("load", 3, 4, "reading rows"))
    line = next(line for line in told.picture(2) if "load" in line)
    assert "75%" in line
    assert "reading rows" in line


def busy(steps: int) -> Told:
    told = Told(*(f"step_number_{number}" for number in range(steps)))
    for number in range(steps):
        name = f"step_number_{number}"
        if number % 3 < 2:
            told.start(name, 1)
        if number % 3 == 0:
            told.finish(name, 2, "failed" if number % 9 == 0 else "ok", error="a long reason " * 9)
    return told


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("height", [5, 12, 24, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_the_picture_always_fits(width: int, height: int, unicode: bool) -> None:
    told = busy(60).at(2, events.ApprovalAsked("step_number_2", "step", "Go? " * 50, {"text": "long " * 99}))
    lines = draw(told.view, Sheet(START + 9, width, height, unicode))
    assert len(lines) <= height
    assert max(line.cell_len for line in lines) <= width


def test_wide_characters_do_not_break_the_width() -> None:
    told = Told("load").start("load").at(1, events.StepProgress("load", 1, None, "读取文件" * 40))
    told.view.goal = "报告" * 60
    assert max(line.cell_len for line in draw(told.view, Sheet(START + 2, 80, 24))) <= 80


def test_ascii_terminals_get_ascii() -> None:
    assert "\n".join(busy(9).picture(3, unicode=False)).isascii()


def test_states_differ_in_shape_not_in_colour_alone() -> None:
    for position in (0, 1):
        shapes = [look[position] for look in LOOKS.values()]
        assert len(set(shapes)) == len(shapes)


def test_what_needs_a_person_or_failed_stays_when_room_is_short() -> None:
    told = busy(60).at(2, events.ApprovalAsked("step_number_59", "step", "Go?", {}))
    rows = fit(told.view, 12)
    assert len(rows) <= 12
    kept = {row.step.id for row in rows if row.step is not None}
    assert {"step_number_59", "step_number_0", "step_number_9"} <= kept


def test_finished_neighbours_become_one_row_before_anything_is_left_out() -> None:
    told = Told(*"abcdefghij")
    for name in "abcdefgh":
        told.start(name).finish(name, 1)
    told.start("i", 1)
    rows = fit(told.view, 4)
    assert [(row.state, row.count, row.step.id if row.step else None) for row in rows] == [
        ("ok", 8, None),
        ("running", 0, "i"),
        ("waiting", 0, "j"),
    ]


def test_many_children_are_counted_and_only_failures_are_named() -> None:
    told = Told("pages")
    for number in range(MANY + 1):
        told.add(f"pages[{number}]", parent="pages").start(f"pages[{number}]")
    told.finish("pages[3]", 1, "failed", error="timed out")
    names = [row.step.id for row in fit(told.view, 50) if row.step]
    assert names == ["pages", "pages[3]"]


def test_a_finished_for_each_is_one_row_and_an_empty_one_says_so() -> None:
    told = Told("pages", "none")
    told.add("pages[0]", parent="pages").start("pages[0]", 1).finish("pages[0]", 2).finish("pages", 2)
    told.finish("none", 0)
    assert [row.step.id for row in fit(told.view, 50) if row.step] == ["pages", "none"]
    assert any("nothing to do" in line for line in told.picture(3) if "none" in line)


def test_totals_name_each_kind_of_end() -> None:
    text = busy(9).picture(3, width=120)[1]
    assert "2/9 done" in text
    assert "3 running" in text
    assert "1 failed" in text


def test_plain_lines_are_one_for_each_start_and_end() -> None:
    told = Told("load").add("use", "load")
    told.start("load", 0.5).finish("load", 1.5).start("use", 1.5, attempt=2)
    told.finish("use", 2, "failed", error="no").finish("use", 2, "skipped", caused_by="load")
    told.at(2, events.ArtifactCreated("load", "out/a.csv", "x", "text/csv", 1234))
    assert told.lines == [
        "run run-1: Report on the folder (file)",
        "[    0.5 s] started    load (demo.load)",
        "[    1.5 s] done       load in 1.5 s",
        "[    1.5 s] started    use (demo.use, try 2)",
        "[    2.0 s] failed     use: no",
        "[    2.0 s] skipped    use, because load failed",
        "[    2.0 s] file       out/a.csv (text/csv, 1.2 KB)",
    ]


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (events.StepRetrying("load", 1, 2.0, "busy\nmore"), "retrying   load in 2.0 s: busy"),
        (events.StepVerified("load", 0, "fail", "empty", ("non-empty",)), "rejected   load: empty"),
        (events.StepInvalidated("load", 1, "scan"), "again      load, because scan changed"),
        (events.ApprovalAnswered("load", False, "", {}), "refused    load"),
        (events.CancelRequested(None, ""), "cancelling the run"),
        (events.Notice("no model", "load"), "note       load: no model"),
        (events.BudgetWarning("usd", 0.8, 1.0), "note       Budget usd: 0.8 of 1 used."),
        (events.LimitChanged(2, "429"), "note       2 steps side by side from now on: 429."),
    ],
)
def test_plain_lines_tell_what_else_happens(payload: Payload, text: str) -> None:
    assert Told("load").at(1, payload).lines[-1] == f"[    1.0 s] {text}"


def test_every_end_of_a_step_has_a_look() -> None:
    assert set(LOOKS) >= ENDED


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (99.9, "99.9 s"), (99.96, "1 min 40 s"), (3725, "1 h 02 min")]
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert as_seconds(seconds) == text


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 KB"), (2.5e9, "2.5 GB")])
def test_sizes_read_well(size: float, text: str) -> None:
    assert as_size(size) == text


def test_arguments_are_cut_and_counted() -> None:
    shown = as_words({f"name{number}": "x" * 200 for number in range(9)}, width=30, lines=2)
    assert [len(line) for line in shown[:2]] == [30, 30]
    assert shown[-1] == "and 7 more"


def test_markup_in_names_is_shown_as_it_is() -> None:
    told = Told("load").start("load").at(1, events.StepProgress("load", 1, None, "[bold]not markup[/bold]"))
    line = next(line for line in draw(told.view, Sheet(START + 2, 120, 24)) if "load" in line.plain)
    assert isinstance(line, Text)
    assert "[bold]not markup[/bold]" in line.plain
