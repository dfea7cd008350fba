"""Code in a sandbox: what it can do, and how it is told what went wrong."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from planloom.agents.sandbox import Limits, Sandbox, run_as
from planloom.agents.sandbox.calls import program
from planloom.agents.sandbox.kinds import KINDS
from planloom.agents.sandbox.trial import fault, safe_kind
from planloom.errors import ConfigError, ToolError

BOX = Sandbox()
pytestmark = pytest.mark.skipif(all(map(fault, KINDS)), reason="no way to build a sandbox here")


def test_what_the_last_line_gives_is_the_result():
    outcome = BOX.run("total = sum(inputs['numbers'])\nprint('adding')\ntotal * 2", {"numbers": [1, 2, 3]})
    assert (outcome.result, outcome.stdout, outcome.stderr) == (12, "adding\n", "")
    assert outcome.sandbox == BOX.kind and outcome.seconds > 0


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("result = {'a': [1, 2.5, None, True, 'ü']}", {"a": [1, 2.5, None, True, "ü"]}),
        ("result = 1\n2", 1),
        ("x = 1", None),
        ("", None),
        ("import decimal; decimal.Decimal('0.1') + decimal.Decimal('0.2')", "0.3"),
        ("import datetime; {'on': datetime.date(2025, 1, 31)}", {"on": "2025-01-31"}),
        ("{3, 1, 2}", [1, 2, 3]),
        ("import numpy; numpy.arange(3) * numpy.float64(1.5)", [0.0, 1.5, 3.0]),
        ("import polars; polars.DataFrame({'a': [1, 2]})", [{"a": 1}, {"a": 2}]),
        ("import sys; result = 'kept'; sys.exit()", "kept"),
        ("import dataclasses\n@dataclasses.dataclass\nclass P:\n  x: int\nP(3)", {"x": 3}),
    ],
)
def test_results_are_plain_data(source, result):
    assert BOX.run(source).result == result


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("x = 1\n1 / 0", "ZeroDivisionError in line 2: division by zero"),
        ("x = 1\nif", "SyntaxError in line 2"),
        ("def f():\n    return g()\nf()", "NameError in line 2"),
        ("raise SystemExit(3)", "SystemExit: it ended itself with 3"),
        ("float('nan')", "its result is no data"),
        ("object()", "object is not a dict, list"),
        ("a = []; a.append(a); a", "its result is no data"),
        ("class E(Exception):\n    def __str__(self): raise ValueError\nraise E()", "raised E"),
        ("def f(): f()\nf()", "RecursionError"),
        (
            "import socket\nsocket.socket()",
            "PermissionError in line 2: [Errno 1] Operation not permitted; there is no net",
        ),
        ("import os; os._exit(9)", "ended without a result (exit status 9)"),
        ("import os; os.close(2); os.close(1); import no_such_module", "ModuleNotFoundError in line 1"),
        ("import ctypes; ctypes.string_at(0)", "ended without a result"),
    ],
)
def test_failures_say_what_and_where(source, told):
    with pytest.raises(ToolError) as raised:
        BOX.run(source)
    assert told in str(raised.value)


def test_files_are_read_by_name_and_left_ones_come_back(tmp_path):
    (tmp_path / "a.csv").write_text("1\n2\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.csv").write_text("3\n")
    source = """
rows = [line for path in files.values() for line in open(path)]
open('out/sum.txt', 'w').write(str(sum(map(int, rows))))
sorted(files)
"""
    outcome = BOX.run(source, files=[tmp_path / "a.csv", tmp_path / "other" / "a.csv"])
    assert outcome.result == ["a-2.csv", "a.csv"]
    assert outcome.files == {"sum.txt": b"6"}


@pytest.mark.parametrize("path", ["", "/dev/zero", "/proc/self/environ", "link", "/sys/kernel/notes"])
def test_what_is_no_file_with_data_is_refused(tmp_path, path):
    (tmp_path / "link").symlink_to("/proc/self/environ")
    with pytest.raises(ToolError, match="expected a file with data"):
        BOX.run("1", files=[tmp_path / path])


def test_inputs_that_are_no_data_are_refused():
    with pytest.raises(ToolError, match="inputs of plain data"):
        BOX.run("1", {"x": object()})


def test_large_inputs_and_results_pass_whole():
    text = "é" * 1_000_000
    outcome = BOX.run("inputs['text'][::-1] + 'x'", {"text": text})
    assert outcome.result == text + "x"


def test_runs_side_by_side_do_not_see_each_other():
    source = "import os\nbefore = os.listdir('.')\nopen('mine', 'w').write(inputs['n'])\n(before, open('mine').read())"
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: BOX.run(source, {"n": str(n)}).result, range(8)))
    assert found == [[["out"], str(n)] for n in range(8)]


def test_cancelling_ends_the_code_and_leaves_no_process():
    started = threading.Event()
    before = set(psutil.Process().children(recursive=True))

    def cancelled() -> bool:
        mine = set(psutil.Process().children(recursive=True)) - before
        if any(child.cpu_times().user >= 0 and len(child.children()) for child in mine if child.is_running()):
            started.set()
        return started.is_set()

    with pytest.raises(ToolError, match="cancelled"):
        BOX.run("while True: pass", cancelled=cancelled)
    assert set(psutil.Process().children(recursive=True)) <= before


def test_unknown_kind_names_the_known_ones():
    with pytest.raises(ConfigError, match="auto, bubblewrap, namespaces"):
        Sandbox(kind="chroot")  # type: ignore[arg-type]


def test_way_that_cannot_be_built_is_refused_with_the_reason(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ToolError, match="bwrap is not on the PATH"):
        run_as("bubblewrap", "1", {})


@pytest.mark.parametrize("kind", KINDS)
def test_each_way_withstands_the_trial_or_says_why_it_is_not_used(kind):
    if reason := fault(kind):
        assert "can't be built here" in reason  # none that can be built lets an attack through
        with pytest.raises(ToolError, match="no code is run"):
            safe_kind(kind)
    else:
        assert run_as(kind, "6 * 7", {}).sandbox == kind


def test_filter_is_made_of_whole_instructions():
    assert len(program()) % 8 == 0 and len(program()) > 800


def test_limits_smaller_than_the_default_count():
    with pytest.raises(ToolError, match="MemoryError"):
        BOX.run("bytearray(300_000_000)", limits=Limits(memory_bytes=256 << 20))
    assert BOX.run("len(bytearray(100_000_000))").result == 100_000_000


def test_nothing_of_this_machine_is_said_in_what_the_code_sees():
    found = BOX.run("import os, sys\n{'names': sorted(os.environ), 'argv': sys.argv, 'cwd': os.getcwd()}").result
    assert found["argv"] == ["<code>"] and found["cwd"] == "/scratch"
    assert not {name for name in found["names"] if "KEY" in name or name in ("USER", "LOGNAME", "SHELL")}
    assert Path.cwd().name not in BOX.run("import os\n[str(x) for x in os.listdir('/')]").result
