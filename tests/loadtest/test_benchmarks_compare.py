from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks import compare


def run(path: Path, *targets: tuple[str, float, str, float], cores: int = 2) -> str:
    """A recorded benchmark run."""
    kept = {"<=": float.__le__, ">=": float.__ge__, "==": float.__eq__}
    rows = [
        {"name": name, "value": value, "op": op, "limit": limit, "ok": bool(kept[op](float(value), float(limit)))}
        for name, value, op, limit in targets
    ]
    path.write_text(json.dumps({"machine": {"cores": cores}, "measured": {}, "targets": rows}))
    return str(path)


@pytest.mark.parametrize(
    ("before", "after", "op", "limit", "code"),
    [
        (1.0, 1.05, "<=", 2.0, 0),
        (1.0, 1.5, "<=", 2.0, 1),
        (1.5, 1.0, "<=", 2.0, 0),
        (0.99, 0.80, ">=", 0.5, 1),
        (0.80, 0.99, ">=", 0.5, 0),
        (0.0, 0.0, "==", 0.0, 0),
        (0.0, 1.0, "==", 0.0, 1),
        (2.0, 0.0, "==", 0.0, 0),
        (1.99, 2.01, "<=", 2.0, 1),  # within the tolerance, and yet the target is missed now
    ],
)
def test_what_got_worse_is_told_by_the_direction_of_its_limit(
    *, before: float, after: float, op: Any, limit: float, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = run(tmp_path / "a.json", ("speed", before, op, limit))
    new = run(tmp_path / "b.json", ("speed", after, op, limit))
    assert compare.main([old, new]) == code
    assert ("worse: speed" in capsys.readouterr().out) == bool(code)


def test_a_target_that_is_gone_is_worse_and_a_new_one_is_not(tmp_path: Path) -> None:
    one = run(tmp_path / "a.json", ("speed", 1, "<=", 2))
    two = run(tmp_path / "b.json", ("speed", 1, "<=", 2), ("size", 1, "<=", 2))
    assert compare.main([one, two]) == 0
    assert compare.main([two, one]) == 1


def test_another_machine_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = run(tmp_path / "a.json", ("speed", 1, "<=", 2))
    two = run(tmp_path / "b.json", ("speed", 1, "<=", 2), cores=8)
    assert compare.main([one, two, "--tolerance", "0"]) == 0
    assert "cores: 2 before, 8 after" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"targets": [1]}', '{"targets": [{"name": "x", "op": "<="}]}'])
def test_files_that_hold_no_run_are_bad_usage(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = run(tmp_path / "a.json", ("speed", 1, "<=", 2))
    (tmp_path / "b.json").write_text(text)
    assert compare.main([good, str(tmp_path / "b.json")]) == 2
    assert "b.json" in capsys.readouterr().err
    assert compare.main([good, str(tmp_path / "gone.json")]) == 2


def test_every_benchmark_is_run_by_the_package_and_nothing_else() -> None:
    from benchmarks.__main__ import NAMES

    assert {"chat", "chatfuzz", "crash", "deck", "finance", "ledger", "mcp", "schedule", "sessions"} <= set(NAMES)
    assert not {"__main__", "compare", "deck_servers", "harness", "mcp_servers", "modelcalls", "plans"} & set(NAMES)
