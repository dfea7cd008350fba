"""What a run used: its own process and those below it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from planloom.orchestrator.consumption import consumption

BUSY = "x = bytearray(80 << 20); sum(range(6_000_000)); print('busy', flush=True); input()"
BELOW = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"


def test_processes_that_were_started_count_while_they_run_and_after():
    before = consumption()
    with subprocess.Popen(
        [sys.executable, "-c", BELOW], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "busy\n"
        during = consumption()
        process.stdin.write("\n")
    after = consumption()
    if Path("/proc/self/task").exists():
        assert during.cpu_s > before.cpu_s + 0.05 and during.memory_mb > before.memory_mb + 80
    assert after.cpu_s > before.cpu_s + 0.05
