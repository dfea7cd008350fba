"""Bad input from the shell: a clear message, the right exit code, and nothing lost that was finished."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = '''
import time
from planloom import tool


@tool(effect="pure")
def good() -> int:
    """Gives 1."""
    return 1


@tool(effect="read")
def raises() -> int:
    """Raises."""
    raise KeyError("lost")


@tool(effect="read", process=True)
def hangs() -> int:
    """Never ends."""
    while True:
        time.sleep(0.05)


@tool(effect="read")
def hangs_in_a_thread() -> int:
    """Never ends, and can't be killed."""
    while True:
        time.sleep(0.05)


@tool(effect="read")
def nan() -> float:
    """Gives no number."""
    return float("nan")


@tool(effect="read")
def raw() -> bytes:
    """Gives bytes."""
    return bytes(range(256))


@tool(effect="read")
def gigabyte() -> bytes:
    """Gives far too much."""
    return bytes(1 << 30)


@tool(effect="read", process=True)
def dies() -> int:
    """Takes its process with it."""
    import os

    os._exit(3)


@tool(effect="write", destructive=True)
def burn() -> int:
    """Destroys."""
    return 1
'''


def planloom(folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PLANLOOM_")}
    return subprocess.run(
        [sys.executable, "-m", "planloom", *arguments],
        cwd=folder,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my.py").write_text(TOOLS)
    (tmp_path / "planloom.yaml").write_text("planloom: 1\ntools: {modules: [my.py]}\n")
    return tmp_path


def run_steps(folder: Path, *steps: dict, options: tuple[str, ...] = ()) -> tuple[int, dict, str]:
    (folder / "plan.json").write_text(json.dumps({"goal": "try", "steps": list(steps)}))
    done = planloom(folder, "run", "--plan", "plan.json", "--json", *options)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("my.raises", "KeyError"),
        ("my.nan", "nan"),
        ("my.gigabyte", "max_result_bytes"),
        ("my.dies", "exit"),
    ],
)
def test_bad_tool_fails_its_step_only(folder, action, told):
    code, result, _ = run_steps(folder, {"id": "bad", "action": action}, {"id": "good", "action": "my.good"})
    assert code == 1
    assert result["status"] == "failed"
    assert told in result["steps"]["bad"]["error"]
    assert result["steps"]["good"]["status"] == "ok"


@pytest.mark.parametrize("action", ["my.hangs", "my.hangs_in_a_thread"])
def test_hanging_tool_ends_at_its_deadline_and_so_does_the_program(folder, action):
    bad = {"id": "bad", "action": action, "timeout_s": 0.5}
    code, result, _ = run_steps(folder, bad, {"id": "good", "action": "my.good"})
    assert code == 1
    assert "0.5 s" in result["steps"]["bad"]["error"]
    assert result["steps"]["good"]["status"] == "ok"


def test_bytes_are_kept_as_an_artifact(folder):
    code, result, _ = run_steps(folder, {"id": "raw", "action": "my.raw"})
    assert code == 0 and result["steps"]["raw"]["status"] == "ok"


def test_destructive_step_without_anyone_to_ask_needs_approval(folder):
    steps = {"id": "burn", "action": "my.burn"}, {"id": "good", "action": "my.good"}
    code, result, _ = run_steps(folder, *steps)
    assert (code, result["status"]) == (3, "needs_approval")
    assert result["steps"]["good"]["status"] == "ok"
    code, result, _ = run_steps(folder, *steps, options=("--yes",))
    assert (code, result["steps"]["burn"]["status"]) == (0, "ok")


def test_wall_clock_budget_ends_with_4_and_keeps_what_is_done(folder):
    steps = {"id": "slow", "action": "my.hangs"}, {"id": "good", "action": "my.good"}
    code, result, _ = run_steps(folder, *steps, options=("--timeout", "1"))
    assert (code, result["status"], result["reason"]) == (4, "budget", "wall_s")
    assert result["steps"]["good"]["status"] == "ok"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("goal: x\nsteps:\n  - id: a\n   action: b\n", "plan.yaml:4"),
        ("goal: x\nsteps:\n  - {id: a, action: my.god}\n", "my.good"),
        ("goal: x\nsteps:\n  - {id: a, action: files.read}\n", "path"),
        (
            "goal: x\nsteps:\n  - {id: a, action: my.good, dependencies: [b]}\n"
            "  - {id: b, action: my.good, dependencies: [a]}\n",
            "a -> b -> a",
        ),
    ],
)
def test_faulty_plan_is_refused_with_its_place(folder, text, told):
    (folder / "plan.yaml").write_text(text)
    done = planloom(folder, "run", "--plan", "plan.yaml")
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_plan_file_is_named(folder):
    done = planloom(folder, "run", "--plan", "nowhere.yaml")
    assert done.returncode == 2 and "nowhere.yaml" in done.stderr


def test_unknown_configuration_key_names_the_nearest(folder):
    (folder / "planloom.yaml").write_text("planloom: 1\nperformance:\n  max_paralel_steps: 3\n")
    done = planloom(folder, "run", "Report on the folder .")
    assert done.returncode == 2
    assert "max_parallel_steps" in done.stderr and "planloom.yaml" in done.stderr


def test_missing_file_of_a_goal_says_so(folder):
    done = planloom(folder, "run", "Analyse nothing.csv", "--json")
    assert done.returncode in (1, 2)
    assert "nothing.csv" in done.stderr + done.stdout


def test_goal_nobody_can_plan_lists_what_there_is(folder):
    done = planloom(folder, "run", "Book a flight to the moon")
    assert done.returncode == 2
    assert "folder-report" in done.stderr and "table-report" in done.stderr


def test_empty_folder_gives_a_report_all_the_same(folder):
    (folder / "empty").mkdir()
    done = planloom(folder, "run", "Report on the folder empty", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert any(a["media_type"] == "text/html" for a in json.loads(done.stdout)["artifacts"])


def test_binary_and_huge_files_are_refused_as_text_and_writes_outside_wait_for_a_person(folder):
    (folder / "b.bin").write_bytes(bytes(range(256)) * 10)
    with (folder / "huge.txt").open("wb") as file:
        file.truncate(3 << 30)
    code, result, _ = run_steps(
        folder,
        {"id": "binary", "action": "files.read", "parameters": {"path": "b.bin"}},
        {"id": "outside", "action": "files.write", "parameters": {"path": "../x.txt", "text": "x"}},
        {"id": "huge", "action": "files.read", "parameters": {"path": "huge.txt"}},
        {"id": "good", "action": "my.good"},
    )
    assert code == 3
    assert "binary" in result["steps"]["binary"]["error"].lower()
    assert result["steps"]["outside"]["status"] == "waiting"
    assert not (folder.parent / "x.txt").exists()
    assert result["steps"]["good"]["status"] == "ok"
    assert result["steps"]["huge"]["status"] in ("ok", "failed")
