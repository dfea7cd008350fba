"""Estimates from earlier calls; whatever happens to the file costs only the estimates."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from planloom.memory.history import Call, Estimate, History


def test_estimate_is_the_median_of_the_last_fifty(tmp_path: Path):
    history = History(tmp_path / "h.sqlite")
    history.record([Call(action="a", seconds=1000.0)] * 10)
    history.record([Call(action="a", seconds=float(s), tokens=10 * s) for s in range(1, 51)])
    found = history.estimate("a")
    assert (found.seconds, found.tokens, found.usd, found.samples) == (25.5, 255, None, 50)


def test_actions_do_not_mix(tmp_path: Path):
    history = History(tmp_path / "h.sqlite")
    history.record([Call(action="a", seconds=1.0), Call(action="b", seconds=9.0, usd=0.5)])
    assert history.estimate("a") == Estimate(1.0, None, None, 1)
    assert history.estimate("b") == Estimate(9.0, None, 0.5, 1)


async def test_within_a_loop_calls_are_written_later_and_at_the_latest_by_close(tmp_path: Path):
    history = History(tmp_path / "h.sqlite")
    history.record_seconds({"a": [1.0, 3.0]})
    history.record([Call(action="a", seconds=5.0)])
    assert not history.path.exists()
    history.close()
    assert history.estimate("a").seconds == 3.0
    history.record([Call(action="a", seconds=100.0)] * 4)
    async with asyncio.timeout(10):
        while history.estimate("a").seconds == 3.0:
            await asyncio.sleep(0.01)
    assert History(history.path).estimate("a").samples == 7


def test_unknown_action_has_no_estimate_and_makes_no_file(tmp_path: Path):
    assert History(tmp_path / "h.sqlite").estimate("x") == Estimate()
    assert not (tmp_path / "h.sqlite").exists()


def _no_database(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def _cut_in_half(path: Path) -> None:
    _filled(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _overwritten_inside(path: Path) -> None:
    _filled(path)
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * (size - 4096))


def _other_tables(path: Path) -> None:
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE calls (something TEXT)")
    base.commit()
    base.close()


def _filled(path: Path) -> None:
    History(path).record([Call(action=f"a{i}", seconds=1.0) for i in range(2000)])


@pytest.mark.parametrize("damage", [_no_database, _cut_in_half, _overwritten_inside, _other_tables])
def test_damaged_file_is_set_aside_and_a_new_one_begun(tmp_path: Path, damage: Callable[[Path], None]):
    path = tmp_path / "h.sqlite"
    damage(path)
    before = path.read_bytes()
    history = History(path)
    history.estimate("a1999")
    history.record([Call(action="a", seconds=2.0)])
    assert history.estimate("a").seconds == 2.0
    assert history.set_aside is not None and history.set_aside.read_bytes() == before
    assert history.notice is not None and str(history.set_aside) in history.notice


def test_locked_file_costs_the_estimate_and_keeps_what_is_there(tmp_path: Path):
    path = tmp_path / "h.sqlite"
    history = History(path)
    history.record([Call(action="a", seconds=2.0)])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert history.estimate("a") == Estimate()
    assert history.notice is not None and "locked" in history.notice
    other.execute("COMMIT")
    other.close()
    assert history.estimate("a").seconds == 2.0 and history.set_aside is None


def test_place_that_cannot_be_written_is_no_error(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    history = History(tmp_path / "file" / "h.sqlite")
    history.record([Call(action="a", seconds=2.0)])
    assert history.estimate("a") == Estimate() and history.notice is not None


def _record_many(path: Path, action: str) -> None:
    history = History(path)
    for number in range(20):
        history.record([Call(action=action, seconds=float(number))])


def test_processes_write_side_by_side_and_nothing_is_lost(tmp_path: Path):
    path = tmp_path / "h.sqlite"
    History(path).record([Call(action="first", seconds=1.0)])
    start = multiprocessing.get_context("spawn").Process
    processes = [start(target=_record_many, args=(path, name)) for name in ("a", "b")]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [History(path).estimate(name).samples for name in ("a", "b")] == [20, 20]
