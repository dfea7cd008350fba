"""`planloom run` in a process of its own: contracts, exit codes, streams, signals, the terminal."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

Step = Callable[..., dict[str, Any]]


def test_json_is_one_object_with_the_promised_keys(place: Any, step: Step) -> None:
    plan = place.plan(
        step("a", "demo.say", text="hello"),
        step("w", "demo.save", name="note.md", text="${a}"),
        answer="It says ${a}.",
    )
    done = place.run("run", "--plan", plan, "--json", "--yes", "--out", "made")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["status"] == "done"
    assert result["answer"] == "It says hello."
    assert {"run_id", "seconds", "sequential_seconds", "critical_path_seconds", "cost"} <= set(result)
    assert {"status", "seconds", "attempts", "caused_by", "error"} <= set(result["steps"]["a"])
    [artifact] = result["artifacts"]
    assert artifact["path"] == "made/note.md"
    assert artifact["media_type"] == "text/markdown"
    assert len(artifact["sha256"]) == 64
    assert (place.folder / "made/note.md").read_text() == "hello"
    assert done.stderr == ""


def test_plain_output_has_a_line_for_each_step_then_answer_and_files(place: Any, step: Step) -> None:
    plan = place.plan(
        step("a", "demo.say", text="x"), step("w", "demo.save", name="n.md", text="${a}"), answer="Got ${a}"
    )
    done = place.run("run", "--plan", plan, "--yes", "--out", "made")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("run ")
    assert lines[0].endswith("try it (plan)")
    assert any(line.endswith("started    a (demo.say)") for line in lines)
    assert any("done       w in" in line for line in lines)
    assert lines.index("Got x") < lines.index("Files (1):")
    assert lines[-1].split() == ["made/n.md", "1", "B", "text/markdown"]
    assert "\x1b" not in done.stdout


def test_quiet_prints_the_answer_alone(place: Any, step: Step) -> None:
    plan = place.plan(step("a", "demo.say", text="x"), answer="Got ${a}")
    assert place.run("run", "--plan", plan, "--quiet").stdout == "Got x\n"


def test_failed_run_ends_with_1_and_keeps_what_worked(place: Any, step: Step) -> None:
    plan = place.plan(
        step("a", "demo.say", text="x"), step("b", "demo.fail", text="${a}"), step("c", "demo.say", text="${b}")
    )
    done = place.run("run", "--plan", plan, "--json")
    assert done.returncode == 1
    steps = json.loads(done.stdout)["steps"]
    assert [steps[name]["status"] for name in "abc"] == ["ok", "failed", "skipped"]
    assert steps["c"]["caused_by"] == "b"
    assert "broken: x" in steps["b"]["error"]


def test_a_plan_that_cannot_run_ends_with_2_and_a_finding_a_line(place: Any, step: Step) -> None:
    plan = place.plan(step("a", "demo.sai", text="x"), step("b", "demo.say", text="${nobody}"))
    done = place.run("run", "--plan", plan)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert any("unknown-action" in line and "demo.say" in line for line in lines)
    assert any("unknown-step" in line and "nobody" in line for line in lines)


def test_a_refused_plan_is_told_in_json_too(place: Any, step: Step) -> None:
    done = place.run("run", "--plan", place.plan(step("a", "demo.nothing")), "--json")
    assert done.returncode == 2
    told = json.loads(done.stdout)
    assert told["status"] == "failed"
    assert "unknown-action" in told["findings"][0]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["run"], "expected a goal"),
        (["run", "--plan", "no.yaml"], "no.yaml"),
        (["run", "x", "--set", "novalue"], "--set: expected NAME=VALUE, got 'novalue'"),
        (["run", "--plan", "p", "--playbook", "q"], "got both"),
        (["run", "--playbook", "nosuch"], "nosuch"),
        (["run", "x", "--schedule", "never"], "dataflow"),
        (["run", "x", "--config", "no.yaml"], "--config: expected a YAML file"),
        (["run", "--playbook", "q", "--events", "no/such/folder"], "--events: expected a file that can be written"),
        (["fly"], "expected a command, got 'fly'"),
        (["rnu", "x"], "did you mean 'run'?"),
    ],
)
def test_bad_usage_ends_with_2_and_one_readable_message(place: Any, arguments: list[str], text: str) -> None:
    done = place.run(*arguments)
    assert done.returncode == 2, done.stderr
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_names_variable_and_value(place: Any, step: Step) -> None:
    done = place.run("run", "--plan", place.plan(step("a", "demo.say")), PLANLOOM_LIMITS__WALL_S="soon")
    assert done.returncode == 2
    assert "limits.wall_s: expected a number, at least 0, got 'soon' (PLANLOOM_LIMITS__WALL_S)" in done.stderr


def test_an_open_approval_ends_with_3_and_what_to_run(place: Any, step: Step) -> None:
    plan = place.plan(step("w", "demo.save", name="n.md", text="x"), step("a", "demo.say", text="free"))
    done = place.run("run", "--plan", plan, "--json")
    assert done.returncode == 3
    result = json.loads(done.stdout)
    assert result["status"] == "needs_approval"
    assert result["steps"]["a"]["status"] == "ok"
    assert "name: n.md" in done.stderr
    assert not list(place.folder.glob("planloom-out/**/n.md"))
    run_id = json.loads(done.stdout)["run_id"]
    assert f"planloom approve {run_id} w yes|no" in done.stderr
    assert place.run("approve", run_id, "w", "yes").returncode == 0
    again = place.run("resume", run_id, "--json")
    assert again.returncode == 0 and json.loads(again.stdout)["steps"]["w"]["status"] == "ok"
    assert list(place.folder.glob("planloom-out/**/n.md"))


def test_a_missing_input_ends_with_3_and_names_the_flag(place: Any) -> None:
    book = (
        "playbook: 1\nname: greet\npurpose: Greets someone.\ninputs:\n  who: {type: text, description: Whom to greet}\n"
    )
    (place.folder / "books").mkdir()
    text = book + "steps:\n  - {id: a, action: demo.say, parameters: {text: '${inputs.who}'}}\nanswer: Hello ${a}\n"
    (place.folder / "books/greet.yaml").write_text(text)
    done = place.run("run", "--playbook", "greet", PLANLOOM_PLAYBOOKS__FOLDERS="books")
    assert done.returncode == 3, done.stderr
    assert "--set who=" in done.stderr
    done = place.run("run", "--playbook", "greet", "--set", "who=Ada", "-q", PLANLOOM_PLAYBOOKS__FOLDERS="books")
    assert done.stdout == "Hello Ada\n"


def test_the_time_budget_ends_with_4(place: Any, step: Step) -> None:
    done = place.run("run", "--plan", place.plan(step("a", "demo.hang")), "--timeout", "0.2", "--json")
    assert done.returncode == 4
    assert json.loads(done.stdout)["status"] == "budget"


def test_a_plan_comes_from_stdin_and_inputs_keep_their_kind(place: Any, step: Step) -> None:
    plan = {
        "goal": "",
        "inputs": {"count": 1, "name": "x", "extra": None},
        "steps": [step("a", "demo.say", text="${inputs.count} ${inputs.name} ${inputs.extra}")],
    }
    sets = ["--set", "count=5", "--set", "name=7", "--set", "extra:=[1,2]"]
    done = place.run("run", "--plan", "-", *sets, "-q", stdin=json.dumps(plan))
    assert done.stdout == "a: 5 7 [1, 2]\n"
    refused = place.run("run", "--plan", "-", "--set", "count=many", stdin=json.dumps(plan))
    assert refused.returncode == 2
    assert "count" in refused.stderr


def test_events_are_json_lines_in_order(place: Any, step: Step) -> None:
    done = place.run("run", "--plan", place.plan(step("a", "demo.say", text="é")), "--events", "e.jsonl")
    assert done.returncode == 0
    events = [json.loads(line) for line in (place.folder / "e.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [event["type"] for event in events[:2]] == ["run.accepted", "run.started"]
    assert events[-1]["type"] == "run.finished"
    assert {"step.started", "step.finished"} <= {event["type"] for event in events}


def test_schedule_and_parallel_flags_reach_the_run(place: Any, step: Step) -> None:
    plan = place.plan(step("a", "demo.say"), step("b", "demo.say"))
    flags = ["--schedule", "sequential", "--max-parallel", "1", "--verify", "off"]
    place.run("run", "--plan", plan, "--events", "e.jsonl", *flags)
    first = json.loads((place.folder / "e.jsonl").read_text().splitlines()[1])
    assert first["settings"] == {"max_parallel_steps": 1, "schedule": "sequential", "verify": "off"}


def test_output_that_a_narrow_encoding_cannot_take_ends_no_run(place: Any, step: Step) -> None:
    plan = place.plan(step("a", "demo.say", text="naïve 读"), answer="${a}")
    assert place.run("run", "--plan", plan, "-q", PYTHONIOENCODING="ascii").stdout == "na?ve ?\n"
    told = place.run("run", "--plan", plan, "--json", PYTHONIOENCODING="ascii").stdout
    assert json.loads(told)["answer"] == "naïve 读"


def read_until(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(
        f"expected a line with {text!r} before the end; stderr: {process.stderr and process.stderr.read()}"
    )


def test_ctrl_c_cancels_cleanly_and_keeps_what_is_finished(place: Any, step: Step) -> None:
    plan = place.plan(step("a", "demo.say", text="kept"), step("h", "demo.hang", after=("a",)), answer="${a}")
    with place.start("run", "--plan", plan, "--events", "e.jsonl") as process:
        read_until(process, "started    h")
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "cancelled in" in rest
    assert "kept" in rest
    assert errors == ""
    last = json.loads((place.folder / "e.jsonl").read_text().splitlines()[-1])
    assert (last["type"], last["status"]) == ("run.finished", "cancelled")


def test_a_second_ctrl_c_ends_at_once(place: Any, step: Step) -> None:
    with place.start("run", "--plan", place.plan(step("c", "demo.cling"))) as process:
        read_until(process, "started    c")
        process.send_signal(signal.SIGINT)
        read_until(process, "Ctrl-C again")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130


class Terminal:
    """The person's side of a pseudo-terminal."""

    def __init__(self, place: Any, *arguments: str, columns: int = 80, rows: int = 24, stdout: Any = None) -> None:
        import fcntl
        import pty
        import struct
        import termios

        self._own, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = place.start(*arguments, stdin=other, stdout=stdout or other, stderr=other)
        os.close(other)
        self.seen = ""

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + 60
        while text not in self.seen:
            if not self._read() or time.monotonic() > deadline:
                self.process.kill()
                raise AssertionError(f"expected {text!r} on the terminal, got:\n{self.seen[-2000:]}")

    def press(self, keys: str) -> None:
        os.write(self._own, keys.encode())

    def _read(self) -> bool:
        ready, _, _ = select.select([self._own], [], [], 30)
        try:
            more = os.read(self._own, 65536) if ready else b""
        except OSError:  # the other side is closed
            more = b""
        self.seen += more.decode("utf-8", "replace")
        return bool(more)

    def end(self) -> int:
        """Reads until the process has ended; its exit code."""
        deadline = time.monotonic() + 60
        while self._read():
            if time.monotonic() > deadline:
                self.process.kill()
        os.close(self._own)
        return self.process.wait(timeout=30)


@pytest.mark.parametrize(("key", "code", "is_made"), [("y", 0, True), ("n", 1, False), ("\r", 1, False)])
def test_a_person_answers_with_one_key(place: Any, step: Step, key: str, code: int, is_made: bool) -> None:
    plan = place.plan(step("w", "demo.save", name="n.md", text="x"))
    terminal = Terminal(place, "run", "--plan", plan, "--out", "made")
    terminal.wait_for("Press y")
    assert "name: n.md" in terminal.seen
    terminal.press(f"q\x1b[A{key}" if key == "y" else key)  # other keys are no answer
    assert terminal.end() == code
    assert (place.folder / "made/n.md").exists() is is_made


def test_other_branches_go_on_while_a_person_is_asked(place: Any, step: Step) -> None:
    plan = place.plan(
        step("w", "demo.save", name="n.md", text="x"),
        step("a", "demo.say", text="x"),
        step("b", "demo.say", text="${a}"),
    )
    terminal = Terminal(place, "run", "--plan", plan, "--out", "made")
    terminal.wait_for("Press y")
    terminal.wait_for("2/3 done")
    terminal.press("y")
    assert terminal.end() == 0


def test_ctrl_c_works_while_a_person_is_asked(place: Any, step: Step) -> None:
    terminal = Terminal(place, "run", "--plan", place.plan(step("w", "demo.save", name="n.md", text="x")))
    terminal.wait_for("Press y")
    os.kill(terminal.process.pid, signal.SIGINT)
    assert terminal.end() == 130
    assert "cancelled in" in terminal.seen


def test_json_goes_to_stdout_and_the_tree_to_the_terminal(place: Any, step: Step) -> None:
    plan = place.plan(step("a", "demo.say", text="x"))
    with (place.folder / "result.json").open("w") as file:
        terminal = Terminal(place, "run", "--plan", plan, "--json", stdout=file)
        assert terminal.end() == 0
    assert json.loads((place.folder / "result.json").read_text())["status"] == "done"
    assert "1/1 done" in terminal.seen


def test_a_missing_input_is_asked_for_at_a_terminal(place: Any) -> None:
    (place.folder / "planloom.yaml").write_text("tools: {modules: [demo_tools.py]}\nplaybooks: {folders: [.]}\n")
    (place.folder / "greet.yaml").write_text(
        "playbook: 1\nname: greet\npurpose: Greets someone.\ninputs:\n  who: {type: text}\n"
        "steps:\n  - {id: a, action: demo.say, parameters: {text: '${inputs.who}'}}\nanswer: Hello ${a}\n"
    )
    terminal = Terminal(place, "run", "--playbook", "greet")
    terminal.wait_for("who:")
    terminal.press("Ada\n")
    terminal.wait_for("Hello Ada")
    assert terminal.end() == 0


def test_the_tree_and_the_end_are_shown_on_a_terminal(place: Any, step: Step) -> None:
    plan = place.plan(
        step("first", "demo.say", text="x"),
        step("save", "demo.save", name="n.md", text="${first}"),
        answer="# Title\n\nGot **${first}**",
    )
    terminal = Terminal(place, "run", "--plan", plan, "--yes", "--out", "made")
    assert terminal.end() == 0
    for text in ("try it", "2/2 done", "first", "demo.save", "Title", "Files (1)", "made/n.md"):
        assert text in terminal.seen, text
