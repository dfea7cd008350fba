"""Compares two recorded benchmark runs and names what got worse; exit code 1 when anything did.

    python -m benchmarks.compare BEFORE.json AFTER.json [--tolerance 0.1]

Either file is what `--json OUT` of a benchmark wrote, or a report of `planloom loadtest --json`. Of a benchmark the
targets are compared, in the direction of their limits, and a target that was reached and is not any more counts as
worse however small the step.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from planloom.errors import UsageError
from planloom.loadtest import comparing, report
from planloom.loadtest.comparing import Measure, Row


def read(path: Path) -> dict[str, Any]:
    """A recorded benchmark run or load.

    Raises:
        UsageError: the file holds neither.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"expected a recorded run, got {str(path)!r}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path}: expected JSON, got something else: {error}") from error
    if isinstance(data, dict) and data.get("format") == report.FORMAT:
        return report.read(path)
    targets = data.get("targets") if isinstance(data, dict) else None
    if not isinstance(targets, list) or not all(_is_target(one) for one in targets):
        raise UsageError(f"{path}: expected machine, measured and targets, as --json OUT of a benchmark writes them")
    found: dict[str, Any] = data
    return found


def _is_target(one: Any) -> bool:
    if not isinstance(one, dict) or one.get("op") not in ("<=", ">=", "=="):
        return False
    return isinstance(one.get("name"), str) and all(isinstance(one.get(key), int | float) for key in ("value", "limit"))


def rows(before: Mapping[str, Any], after: Mapping[str, Any], tolerance: float) -> list[Row]:
    """What is in either run, figure by figure.

    Raises:
        UsageError: one is a benchmark and the other a load.
    """
    kinds = [one.get("format") == report.FORMAT for one in (before, after)]
    if kinds[0] != kinds[1]:
        raise UsageError("expected two runs of one kind, got a benchmark and a load")
    if kinds[0]:
        return comparing.compared(before, after, tolerance)
    old, new = ({one["name"]: one for one in run["targets"]} for run in (before, after))
    return [_row(old.get(name), new.get(name), tolerance) for name in dict.fromkeys([*old, *new])]


def _row(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, tolerance: float) -> Row:
    target = after or before
    assert target is not None
    if target["op"] == "==":
        # the further from what it has to be, the worse
        values = [None if one is None else abs(one["value"] - one["limit"]) for one in (before, after)]
        measure = Measure(name=target["name"], better="less")
    else:
        values = [None if one is None else one["value"] for one in (before, after)]
        measure = Measure(name=target["name"], better="less" if target["op"] == "<=" else "more")
    found = comparing.row(measure, *values, tolerance)
    shown = [None if one is None else float(one["value"]) for one in (before, after)]
    found = replace(found, before=shown[0], after=shown[1])
    is_lost = before is not None and after is not None and bool(before.get("ok")) and not after.get("ok")
    return replace(found, verdict="worse") if is_lost else found


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What was not alike, in words."""
    if before.get("format") == report.FORMAT:
        return comparing.differences(before, after)
    one, other = before.get("machine", {}), after.get("machine", {})
    return [
        f"machine, {name}: {one.get(name)!r} before, {other.get(name)!r} after"
        for name in ("cpu", "cores", "python")
        if one.get(name) != other.get(name)
    ]


def show(found: Sequence[Row], told: Sequence[str]) -> None:
    """Prints the table, and what got worse."""
    for text in told:
        print(f"not alike: {text}")
    print(f"{'':<36} {'before':>12} {'after':>12} {'change':>9}")
    for name, before, after, change, verdict in comparing.lines(found):
        print(f"{name:<36} {before:>12} {after:>12} {change:>9}  {verdict}")
    worse = [one.name for one in found if one.verdict in ("worse", "gone")]
    print(f"\nworse: {', '.join(worse) or 'nothing'}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Compares the two files; gives the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("before", type=Path, metavar="BEFORE.json")
    parser.add_argument("after", type=Path, metavar="AFTER.json")
    parser.add_argument("--tolerance", type=_share, default=0.1, help="a figure may get worse by this share (0.1)")
    args = parser.parse_args(arguments)
    try:
        before, after = read(args.before), read(args.after)
        found = rows(before, after, args.tolerance)
    except UsageError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    show(found, differences(before, after))
    return 1 if comparing.is_worse(found) else 0


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a share of 0 or more, got {text}")
    return value


if __name__ == "__main__":
    sys.exit(main())
