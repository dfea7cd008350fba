"""Estimates from earlier calls; a damaged file costs only the estimates."""

from pathlib import Path

from planloom.memory.history import Call, History


def test_estimate_is_the_median_of_the_last_fifty(tmp_path: Path):
    history = History(tmp_path / "h.sqlite")
    history.record([Call(action="a", seconds=1000.0)] * 10)
    history.record([Call(action="a", seconds=float(s), tokens=10 * s) for s in range(1, 51)])
    found = history.estimate("a")
    assert (found.seconds, found.tokens, found.usd, found.samples) == (25.5, 255, None, 50)


def test_unknown_action_has_no_estimate(tmp_path: Path):
    assert History(tmp_path / "h.sqlite").estimate("x").seconds is None


def test_damaged_file_is_set_aside(tmp_path: Path):
    path = tmp_path / "h.sqlite"
    path.write_bytes(b"no database" * 100)
    history = History(path)
    history.record([Call(action="a", seconds=2.0)])
    assert history.estimate("a").seconds == 2.0
    assert history.set_aside is not None and history.set_aside.read_bytes().startswith(b"no database")
