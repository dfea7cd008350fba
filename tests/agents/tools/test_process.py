"""Commands: what the settings allow, what never gets through, and that nothing outlives a call."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from planloom.agents.tool import ToolContext
from planloom.agents.tools import process
from planloom.agents.tools.process.allowing import allowed_by, patterns
from planloom.agents.workspace import Workspace
from planloom.config import Config
from planloom.errors import AccessError, ConfigError, ToolError

PYTHON = sys.executable


def context_of(folder: Path, *allow: str, **settings: Any) -> ToolContext:
    (folder / "work").mkdir(exist_ok=True)
    config = Config.model_validate({"tools": {"process": {"allow": list(allow), **settings}}})
    return ToolContext(workspace=Workspace(folder / "work", folder / "out"), config=config)


def test_command_runs_in_its_folder_with_its_input(tmp_path):
    context = context_of(tmp_path, "cat", "pwd", "ls")
    assert process.run(["cat"], stdin="hé\n", context=context)["stdout"] == "hé\n"
    (tmp_path / "work" / "sub").mkdir()
    assert process.run(["pwd"], folder="sub", context=context)["stdout"].strip() == str(tmp_path / "work" / "sub")
    assert process.allowed(context=context) == ["cat", "pwd", "ls"]


def test_failure_tells_the_status_and_the_last_words(tmp_path):
    context = context_of(tmp_path, "ls *")
    with pytest.raises(ToolError, match=r"'ls' ended with exit status 2: .*nothing-here"):
        process.run(["ls", "nothing-here"], context=context)
    result = process.run(["ls", "nothing-here"], must_succeed=False, context=context)
    assert result["exit_code"] == 2 and "nothing-here" in result["stderr"]


def test_nothing_is_allowed_until_it_is_set(tmp_path):
    with pytest.raises(AccessError, match=r"tools\.process\.allow"):
        process.run(["ls"], context=context_of(tmp_path))


ALLOW = ["make test", "pandoc * -o *.html", "git log **", "tool --name=*", "cat ../known.txt"]


@pytest.mark.parametrize(
    ("command", "is_allowed"),
    [
        (["make", "test"], True),
        (["make"], False),
        (["make", "test", "x"], False),
        (["make", "test; rm -rf /"], False),
        (["/usr/bin/make", "test"], False),
        (["pandoc", "a.md", "-o", "b.html"], True),
        (["pandoc", "--lua-filter=evil.lua", "-o", "b.html"], False),
        (["pandoc", "-f", "-o", "b.html"], False),
        (["pandoc", "/etc/passwd", "-o", "b.html"], False),
        (["pandoc", "../secret.md", "-o", "b.html"], False),
        (["pandoc", "sub/../../secret.md", "-o", "b.html"], False),
        (["pandoc", "~/secret.md", "-o", "b.html"], False),
        (["pandoc", "link", "-o", "b.html"], False),
        (["pandoc", "link/x", "-o", "b.html"], False),
        (["pandoc", "file:///etc/passwd", "-o", "b.html"], False),
        (["pandoc", "a.md", "-o", "../b.html"], False),
        (["git", "log"], True),
        (["git", "log", "-n", "3", "a.md"], True),
        (["git", "log", "--output=/etc/x"], False),
        (["git", "log", "-O/etc/x"], False),
        (["git", "log", "@../x"], False),
        (["git", "push"], False),
        (["git", "-c", "x", "log"], False),
        (["tool", "--name=x"], True),
        (["tool", "--name=../x"], False),
        (["tool", "--other=x"], False),
        (["cat", "../known.txt"], True),
        (["cat", "../other.txt"], False),
        (["sh", "-c", "make test"], False),
        (["env", "make", "test"], False),
        (["", "make", "test"], False),
    ],
)
def test_patterns_match_word_by_word(tmp_path, command, is_allowed):
    work = tmp_path / "work"
    work.mkdir()
    (work / "link").symlink_to("/etc")
    found = allowed_by(patterns(ALLOW), command, work, [work])
    assert (not isinstance(found, str)) is is_allowed, found


@pytest.mark.parametrize("pattern", ["* test", "**", "", "ma?e test", "make 'test"])
def test_pattern_without_a_program_is_refused(pattern):
    with pytest.raises(ConfigError, match=r"tools\.process\.allow"):
        patterns([pattern])


def test_words_are_never_read_by_a_shell(tmp_path):
    context = context_of(tmp_path, "echo **")
    told = "$(id) `id` ; ls | cat > x && $HOME *"
    assert process.run(["echo", told], context=context)["stdout"] == told + "\n"
    assert list((tmp_path / "work").iterdir()) == []


def test_environment_holds_no_secrets_but_what_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANLOOM_MODELS__API_KEY", "sk-secret")
    monkeypatch.setenv("NEEDED", "yes")
    out = process.run(["env"], context=context_of(tmp_path, "env", env=["NEEDED"]))["stdout"]
    assert "sk-secret" not in out and "NEEDED=yes" in out.splitlines()


def test_program_is_never_taken_from_the_folder(tmp_path, monkeypatch):
    context = context_of(tmp_path, "mytool", "./own.sh")
    evil = tmp_path / "work" / "mytool"
    evil.write_text("#!/bin/sh\necho evil\n")
    evil.chmod(0o755)
    monkeypatch.setenv("PATH", f".::{'/usr/bin:/bin'}")
    monkeypatch.chdir(tmp_path / "work")
    with pytest.raises(ToolError, match="on the PATH"):
        process.run(["mytool"], context=context)
    with pytest.raises(ToolError, match="expected a program at"):
        process.run(["./own.sh"], context=context)


@pytest.mark.parametrize("folder", ["..", "/etc", "link"])
def test_folder_outside_is_refused(tmp_path, folder):
    context = context_of(tmp_path, "ls")
    (tmp_path / "work" / "link").symlink_to("/etc")
    with pytest.raises(AccessError):
        process.run(["ls"], folder=folder, context=context)


def test_middle_of_long_output_is_left_out_and_counted(tmp_path):
    context = context_of(tmp_path, f"{PYTHON} -c *", output_bytes=2_000)
    result = process.run([PYTHON, "-c", "print('a' + 'x' * 1_000_000 + 'z')"], context=context)
    assert result["stdout"].startswith("axx") and result["stdout"].endswith("xz\n")
    assert len(result["stdout"]) == 2_000 and result["left_out"] == 1_000_003 - 2_000


STRAY = """
import os, subprocess, sys, time
stray = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(stray.pid, flush=True)
if len(sys.argv) > 1:
    time.sleep(600)
"""


def test_what_a_command_leaves_behind_ends_with_it(tmp_path):
    context = context_of(tmp_path, f"{PYTHON} **")
    (tmp_path / "work" / "stray.py").write_text(STRAY)
    pid = int(process.run([PYTHON, "stray.py"], context=context)["stdout"])
    assert not psutil.pid_exists(pid)


def test_command_that_does_not_end_is_ended_with_all_it_started(tmp_path):
    context = context_of(tmp_path, f"{PYTHON} **", timeout_s=1.5)
    (tmp_path / "work" / "stray.py").write_text(STRAY)
    with pytest.raises(ToolError, match="did not end within"):
        process.run([PYTHON, "stray.py", "stay"], context=context)
    assert not [one for one in psutil.Process().children(recursive=True) if "sleep(600)" in " ".join(one.cmdline())]


def test_cancelling_ends_the_command(tmp_path):
    context = context_of(tmp_path, f"{PYTHON} **")
    started = threading.Event()
    flag = tmp_path / "work" / "started"

    def cancelled() -> bool:
        if flag.exists():
            started.set()
        return started.is_set()

    stoppable = ToolContext(workspace=context.workspace, config=context.config, cancelled=cancelled)
    source = "import time; open('started', 'w').close(); time.sleep(600)"
    with pytest.raises(ToolError, match="cancelled"):
        process.run([PYTHON, "-c", source], context=stoppable)


def test_command_that_a_signal_ends_says_so(tmp_path):
    context = context_of(tmp_path, f"{PYTHON} **")
    source = "import os; os.kill(os.getpid(), 9)"
    assert process.run([PYTHON, "-c", source], must_succeed=False, context=context)["exit_code"] == 137


def test_running_asks_a_person_every_time():
    assert process.run.destructive and process.run.effect == "write"
