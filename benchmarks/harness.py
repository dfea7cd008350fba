"""What every benchmark shares: the machine, targets, the table, the JSON file and the exit code."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Op = Literal["<=", ">=", "=="]


@dataclass(frozen=True, slots=True)
class Target:
    """A number to be reached."""

    name: str
    value: float
    op: Op
    limit: float

    @property
    def ok(self) -> bool:
        match self.op:
            case "<=":
                return self.value <= self.limit
            case ">=":
                return self.value >= self.limit
            case "==":
                return self.value == self.limit


Measured = tuple[dict[str, Any], Sequence[Target]]


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "system": platform.system(),
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(memory / 2**30, 1),
        "python": platform.python_version(),
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def parser(description: str) -> argparse.ArgumentParser:
    """The options every benchmark has."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--json", type=Path, metavar="OUT", help="write machine, measured and targets to this file")
    made.add_argument("--quick", action="store_true", help="a smaller version, in seconds")
    return made


def main(description: str, measure: Callable[[argparse.Namespace], Measured], *, options: Any = None) -> None:
    """Measures, prints the table, writes the JSON, and exits with 1 if a target is missed."""
    arguments = parser(description)
    if options is not None:
        options(arguments)
    args = arguments.parse_args()
    measured, targets = measure(args)
    report(measured, targets, args.json)
    sys.exit(0 if all(target.ok for target in targets) else 1)


def report(measured: dict[str, Any], targets: Sequence[Target], out: Path | None) -> None:
    """Prints the table and writes the JSON file."""
    for name, value in measured.items():
        if not isinstance(value, (dict, list)):
            print(f"{name:<42} {_shown(value)}")
    if targets:
        print(f"\n{'target':<36} {'value':>12}    {'limit':>12}")
        for t in targets:
            print(f"{t.name:<36} {_shown(t.value):>12} {t.op} {_shown(t.limit):>12}  {'ok' if t.ok else 'MISSED'}")
    if out is not None:
        rows = [{**asdict(t), "ok": t.ok} for t in targets]
        out.write_text(json.dumps({"machine": machine(), "measured": measured, "targets": rows}, indent=2))


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
