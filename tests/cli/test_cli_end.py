"""The end of a run, the shared options, and how errors are told."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from planloom.cli import failure, options, report
from planloom.cli.people import grant, leave_open, meaning
from planloom.errors import BudgetError, InputError, JournalError, PlanError, ToolError, UsageError
from planloom.events import ApprovalAsked
from planloom.orchestrator.result import Artifact, Result, StepResult


def artifact(path: str, size_bytes: int = 10) -> Artifact:
    return Artifact(path=path, sha256="0" * 64, media_type="text/plain", size_bytes=size_bytes, step="a")


def result(**more: Any) -> Result:
    given: dict[str, Any] = {
        "run_id": "run-1",
        "session_id": "s",
        "goal": "try",
        "status": "done",
        "answer": "# All is *well*",
        "steps": {"a": StepResult(status="ok", seconds=3), "b": StepResult(status="ok", seconds=5)},
        "seconds": 4.0,
        "sequential_seconds": 8.0,
        "critical_path_seconds": 3.9,
    }
    return Result(**(given | more))


def written(ended: Result, *, quiet: bool = False) -> str:
    out = io.StringIO()
    report.write(ended, out, workspace=Path(), quiet=quiet)
    return out.getvalue()


def shown(ended: Result, width: int = 80) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)
    report.show(ended, console, workspace=Path())
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_end_names_times_speed_up_and_critical_path() -> None:
    text = written(result())
    assert text.startswith("done in 4.0 s, 2 of 2 steps ok\nsequential 8.0 s, 2.0 times as fast, critical path 3.9 s\n")
    assert "# All is *well*" in text


def test_a_run_that_was_no_faster_boasts_of_nothing_and_one_without_steps_counts_none() -> None:
    assert "times as fast" not in written(result(sequential_seconds=4.1))
    assert report.summary(result(steps={})) == "done in 4.0 s"


def test_cost_is_told_when_there_is_any() -> None:
    cost = {"model_calls": 1, "tokens": 12345, "usd": 0.5}
    assert report.speed(result(cost=cost)).endswith("1 model call, 12,345 tokens, $0.5000")
    assert "token" not in report.speed(result(cost={"model_calls": 0, "tokens": 0, "usd": 0}))


def test_steps_of_a_for_each_are_counted_once() -> None:
    ok = StepResult(status="ok", seconds=1)
    ended = result(steps={"p": ok, "p[0]": ok, "p[1]": StepResult(status="failed")})
    assert "1 of 2 steps ok" in report.summary(ended)


def test_a_failed_run_says_why() -> None:
    assert report.summary(result(status="failed", reason="not done: b")).endswith(": not done: b")


@pytest.mark.parametrize(
    ("status", "code"), [("done", 0), ("failed", 1), ("needs_approval", 3), ("budget", 4), ("cancelled", 130)]
)
def test_every_status_has_its_exit_code_and_its_look(status: str, code: int) -> None:
    assert report.EXIT[status] == code
    ended = result(status=status)
    assert report.summary(ended) in " ".join(shown(ended, width=200).split("\n"))


def test_the_main_file_comes_first() -> None:
    files = [artifact("c.png"), artifact("b.csv"), artifact("report.html"), artifact("named.json")]
    assert [a.path for a in report.in_order(files, "See named.json")] == ["named.json", "report.html", "b.csv", "c.png"]


def test_long_lists_of_files_are_counted() -> None:
    lines = list(report.files_of([artifact(f"{number}.png") for number in range(30)], "", Path()))
    assert lines[-1] == "and 10 more"
    assert len(lines) == 21


def test_files_are_named_from_the_working_folder(tmp_path: Path) -> None:
    [inside] = report.files_of([artifact("out/a.md")], "", Path())
    [outside] = report.files_of([artifact("out/a.md")], "", tmp_path)
    assert inside.split()[0] == "out/a.md"
    assert outside.split()[0] == str(tmp_path / "out/a.md")


def test_quiet_leaves_answer_and_files() -> None:
    text = written(result(artifacts=(artifact("a.md"),)), quiet=True)
    assert text == "# All is *well*\n\nFiles (1):\n  a.md  10 B  text/plain\n"


def test_a_terminal_shows_the_answer_formatted_and_the_files() -> None:
    text = shown(result(artifacts=(artifact("a.md"),)))
    assert "All is well" in text
    assert "*well*" not in text
    assert "Files (1)" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_the_folder_of_all_files_is_named_once() -> None:
    folder = "planloom-out/a-playbook-with-a-long-name-20261121-112432-0ae9b6"
    files = tuple(artifact(f"{folder}/{name}") for name in ("report.html", "charts/a.png", "charts/b.png"))
    text = shown(result(artifacts=files))
    assert text.count(folder) == 1
    assert [line.split()[0] for line in text.splitlines()[-3:]] == ["report.html", "charts/a.png", "charts/b.png"]
    assert all(len(line.rstrip()) <= 80 for line in text.splitlines())


def test_files_of_the_working_folder_have_no_folder() -> None:
    text = shown(result(artifacts=(artifact("a.md"), artifact("out/b.md"))))
    assert [line.split()[0] for line in text.splitlines()[-3:]] == ["Files", "a.md", "out/b.md"]


def test_open_approvals_say_how_to_answer_them_and_go_on() -> None:
    asked = {
        "w": ApprovalAsked("w", "in_doubt", "Did it happen?", {}),
        "v": ApprovalAsked("v", "step", "Run it?", {"a": 1}),
    }
    told = report.to_answer(asked, "r1")
    assert "Did it happen?" in told and "a: 1" in told
    assert "planloom approve r1 w yes|no" in told and told.endswith("planloom resume r1")


async def test_yes_grants_steps_but_claims_nothing_about_doubts() -> None:
    assert await grant(ApprovalAsked("w", "step", "", {})) is True
    assert await grant(ApprovalAsked("w", "in_doubt", "", {})) is None
    assert await leave_open(ApprovalAsked("w", "step", "", {})) is None


@pytest.mark.parametrize(
    ("keys", "answer"),
    [("y", True), ("Y", True), ("n", False), ("\r", False), ("\n", False), ("\x1b", False), ("", None), ("x", "other")],
)
def test_keys_and_what_they_answer(keys: str, answer: object) -> None:
    assert meaning(keys) is answer or meaning(keys) == answer == "other"


def test_arrow_keys_answer_nothing() -> None:
    assert meaning("\x1b[A") == "other"
    assert meaning("\x1b[1;5Cy") is True


def test_assignments_are_text_or_json() -> None:
    given = options.inputs(("a=5", "b:=5", "c:=[1, 2]", "d=x=y", "e="))
    assert given == {"a": "5", "b": 5, "c": [1, 2], "d": "x=y", "e": ""}


@pytest.mark.parametrize("text", ["novalue", "=x", ":=5", "a:={", "a:="])
def test_bad_assignments_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--set"):
        options.inputs((text,))


def test_texts_become_what_the_plan_has() -> None:
    known = {"n": 1, "f": 0.5, "flag": True, "rows": [1], "t": "x", "none": None}
    given = {"n": "7.5", "f": "3", "flag": "false", "rows": "[2]", "t": "5", "none": "5", "new": "5"}
    assert options.like(given, known) == {
        "n": 7.5,
        "f": 3,
        "flag": False,
        "rows": [2],
        "t": "5",
        "none": "5",
        "new": "5",
    }


@pytest.mark.parametrize(("example", "text"), [(1, "true"), (True, "1"), ([1], "{}"), (1, "many")])
def test_texts_of_another_kind_are_refused(example: object, text: str) -> None:
    with pytest.raises(UsageError, match="--set a"):
        options.like({"a": text}, {"a": example})


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("x", name="n"), 3),
        (PlanError("x"), 2),
        (UsageError("x"), 2),
        (BudgetError("x", budget="usd"), 4),
        (JournalError("x"), 1),
        (ToolError("x"), 1),
        (ValueError("x"), 1),
    ],
)
def test_errors_have_exit_codes(error: Exception, code: int) -> None:
    assert failure.code(error) == code


def test_messages_are_readable() -> None:
    assert failure.message(UsageError("expected a, got b")) == "Error: expected a, got b"
    assert failure.message(InputError("missing", name="who")).endswith("give it with --set who=VALUE")
    assert "--debug" in failure.message(ValueError("odd"))


def test_a_traceback_only_with_debug(capsys: pytest.CaptureFixture[str]) -> None:
    assert failure.report(ValueError("odd"), {}) == 1
    assert "Traceback" not in capsys.readouterr().err
    try:
        raise ValueError("odd")
    except ValueError as error:
        failure.report(error, {options.DEBUG: True})
    assert "Traceback" in capsys.readouterr().err
