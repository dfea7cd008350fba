"""The simulated provider in a process of its own, for benchmarks over real HTTP."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def serving(*options: str) -> Iterator[str]:
    """The base URL of a provider on a free port; it ends with the block."""
    command = [sys.executable, "-m", "planloom", "simulate", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://[^ ]+", line)
        if found is None:
            raise RuntimeError(f"expected the provider's URL, got {line!r}")
        yield found[0]
    finally:
        process.terminate()
        process.wait(10)
