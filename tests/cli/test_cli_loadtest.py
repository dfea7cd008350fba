from __future__ import annotations

import json
import signal
import subprocess
from typing import Any

import psutil
import pytest
from tests.cli.conftest import Place
from tests.loadtest.test_load_report import made

SMALL = ("loadtest", "--scenario", "sums", "--requests", "6", "--concurrency", "2", "--provider", "none")
SUM = {"plan": {"goal": "Add", "steps": [{"id": "a", "action": "maths.calculate", "parameters": {"expression": "1"}}]}}
HANG = {"plan": {"goal": "Wait", "steps": [{"id": "wait", "action": "demo.hang", "parameters": {}}]}}


def report(place: Place, name: str = "a.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place.folder / name).read_text())
    return found


def below(process: subprocess.Popen[str], word: str) -> psutil.Process:
    """The process below that was started with a word, and is no guard."""
    found = psutil.Process(process.pid).children(recursive=True)
    return next(one for one in found if word in one.cmdline() and "guard.py" not in " ".join(one.cmdline()))


def test_a_load_is_run_and_its_report_is_written(place: Place) -> None:
    done = place.run(*SMALL, "--json", "a.json", "--out", "o", "--workspace", "kept")
    assert done.returncode == 0, done.stderr
    assert len(list((place.folder / "kept" / ".planloom" / "sessions").iterdir())) >= 6
    assert done.stdout.splitlines()[0].startswith("No model")
    found = report(place)
    assert (found["sent"], found["succeeded"], found["failed"]) == (6, 6, {})
    assert found["rss_mb"]["peak"] > 20
    assert found["load"]["scenario"] == "sums"
    assert {path.name for path in (place.folder / "o").iterdir()} == {"report.json", "report.md", "report.html"}


def test_two_reports_are_compared_by_exit_code(place: Place) -> None:
    (place.folder / "a.json").write_text(json.dumps(made()))
    (place.folder / "b.json").write_text(json.dumps(made(p95=30.0)))
    same = place.run("loadtest", "compare", "a.json", "a.json")
    worse = place.run("loadtest", "compare", "a.json", "b.json")
    within = place.run("loadtest", "compare", "a.json", "b.json", "--tolerance", "1000")
    better = place.run("loadtest", "compare", "b.json", "a.json")
    assert [one.returncode for one in (same, worse, within, better)] == [0, 1, 0, 0]
    assert any(line.startswith("p95") and line.endswith("worse") for line in worse.stdout.splitlines())
    broken = place.run("loadtest", "compare", "a.json", "planloom.yaml")
    assert broken.returncode == 2
    assert "planloom.yaml" in broken.stderr


def hanging(place: Place) -> subprocess.Popen[str]:
    """A load of goals that never end, once the first are under way."""
    (place.folder / "goals.jsonl").write_text("\n".join(map(json.dumps, [SUM, SUM, HANG, HANG])))
    (place.folder / "planloom.yaml").write_text(f"tools:\n  modules: [{place.folder / 'demo_tools.py'}]\n")
    command = ("loadtest", "--scenario", "goals.jsonl", "--requests", "4", "--concurrency", "2", "--provider", "none")
    process = place.start(*command, "--json", "a.json", "--out", "o")
    assert process.stderr is not None
    while (line := process.stderr.readline()) and " at once" not in line:
        pass
    return process


def test_ctrl_c_writes_what_was_measured_and_leaves_no_process(place: Place) -> None:
    with hanging(place) as process:
        server = below(process, "serve")
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "interrupted" in out
    assert report(place)["ended"] == "interrupted"
    assert not server.is_running()


def test_a_server_that_is_killed_in_the_middle_ends_the_load_with_a_report(place: Place) -> None:
    with hanging(place) as process:
        below(process, "serve").kill()
        out, error = process.communicate(timeout=60)
    assert process.returncode == 1, error
    found = report(place)
    assert found["ended"] == "died"
    assert "SIGKILL" in found["epitaph"]
    assert "SIGKILL" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--requests", "0"), "--requests"),
        (("--requests", "5", "--concurrency", "6"), "--concurrency"),
        (("--scenario", "nothing"), "--scenario"),
        (("--provider", "real"), "models.api_key"),
        (("--url", "http://127.0.0.1:9", "--scenario", "sums", "--requests", "1", "--concurrency", "1"), "127.0.0.1:9"),
    ],
)
def test_what_can_not_be_run_says_what_to_change(place: Place, arguments: tuple[str, ...], told: str) -> None:
    done = place.run("loadtest", "--provider", "none", *arguments, "--json", "a.json", "--out", "o")
    assert done.returncode in (1, 2)
    assert told in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_the_scenarios_are_listed(place: Place) -> None:
    done = place.run("loadtest", "scenarios")
    assert done.returncode == 0
    assert {line.split()[0] for line in done.stdout.splitlines()} >= {"sums", "report", "texts", "support"}
