"""Runs every benchmark and prints one table of targets: `python -m benchmarks [--quick]`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from . import harness

_RUNNABLE = re.compile(r"^from (benchmarks)?\.harness import .*\bmain\b|\bharness\.main\(", re.MULTILINE)
# The others of this folder are parts that several share, and processes that a benchmark starts.
NAMES = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if _RUNNABLE.search(path.read_text("utf-8")))


def main() -> None:
    """Runs each benchmark in a process of its own."""
    quick = ["--quick"] if "--quick" in sys.argv[1:] else []
    rows: list[tuple[str, dict[str, object]]] = []
    broken = []
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            out = Path(folder) / f"{name}.json"
            print(f"-- {name}", flush=True)
            command = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(out), *quick]
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
            if out.exists():
                rows += [(name, target) for target in json.loads(out.read_text())["targets"]]
            else:
                broken.append(name)
    about = harness.machine()
    print(f"\n{about['cpu']}, {about['cores']} cores, {about['memory_gb']} GB, Python {about['python']}")
    for name, target in rows:
        mark = "ok" if target["ok"] else "MISSED"
        value = harness._shown(target["value"])
        print(f"{name:<14} {target['name']!s:<34} {value:>12} {target['op']} {target['limit']!s:<8} {mark}")
    for name in broken:
        print(f"{name:<14} did not finish")
    sys.exit(1 if broken or not all(target["ok"] for _, target in rows) else 0)


if __name__ == "__main__":
    main()
