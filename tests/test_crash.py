"""A small version of the crash benchmark: real processes, killed for real."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_killed_runs_lose_nothing_and_do_nothing_twice(tmp_path: Path) -> None:
    out = tmp_path / "crash.json"
    command = [sys.executable, "-m", "benchmarks.crash", "--kills", "12", "--seed", "11", "--json", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(out.read_text())
    assert told["measured"]["kills"] == 12
    assert {target["name"] for target in told["targets"] if target["ok"]} >= {"facts_lost", "writes_twice"}
