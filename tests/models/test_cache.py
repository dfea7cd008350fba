"""Kept replies: found by content, bounded, shared, and never a reason to fail."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from planloom.clock import ManualClock
from planloom.models.cache import ResponseCache, key_of


def cache(folder: Path, max_bytes: int = 100_000) -> ResponseCache:
    return ResponseCache(folder / "replies.sqlite", max_bytes=max_bytes, clock=ManualClock())


def test_a_reply_is_found_by_the_content_of_its_request(tmp_path: Path) -> None:
    first = key_of("http://h/v1", {"model": "m", "messages": [{"role": "user", "content": "ä"}], "temperature": 0})
    again = key_of("http://h/v1", {"temperature": 0, "messages": [{"content": "ä", "role": "user"}], "model": "m"})
    cache(tmp_path).put(first, {"text": "ü", "usage": [1, 2]})
    assert cache(tmp_path).get(again) == {"text": "ü", "usage": [1, 2]}


@pytest.mark.parametrize(
    ("endpoint", "request_"), [("http://other/v1", {"a": 1}), ("http://h/v1", {"a": 2}), ("http://h/v1", {"a": "1"})]
)
def test_any_difference_is_another_key(endpoint: str, request_: dict[str, object]) -> None:
    assert key_of(endpoint, request_) != key_of("http://h/v1", {"a": 1})


def test_nothing_is_found_and_no_file_made_before_something_is_kept(tmp_path: Path) -> None:
    made = cache(tmp_path)
    assert made.get("k") is None
    assert list(tmp_path.iterdir()) == []


def test_replies_unused_for_longest_go_first(tmp_path: Path) -> None:
    made, clock = cache(tmp_path, 10_000), ManualClock()
    made._clock = clock
    for i in range(10):
        made.put(str(i), "x" * 898)
        clock.advance(100)
    assert made.get("0") is not None
    for i in range(10, 14):
        clock.advance(100)
        made.put(str(i), "x" * 898)
    found = [i for i in range(14) if made.get(str(i)) is not None]
    assert 0 in found and 13 in found and 1 not in found and 2 not in found
    assert len(found) * 900 <= 10_000


def test_a_reply_too_large_or_a_bound_of_zero_keeps_nothing(tmp_path: Path) -> None:
    made = cache(tmp_path, 1000)
    made.put("k", "x" * 101)
    cache(tmp_path, 0).put("k", "")
    assert made.get("k") is None


@pytest.mark.parametrize("damage", [b"this is no database " * 500, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_set_aside(tmp_path: Path, damage: bytes) -> None:
    made = cache(tmp_path)
    made.path.write_bytes(damage)
    assert made.get("k") is None
    assert made.set_aside is not None and made.set_aside.read_bytes() == damage
    assert "begun anew" in str(made.notice)
    made.put("k", 1)
    assert made.get("k") == 1


def test_pages_damaged_later_are_found_too(tmp_path: Path) -> None:
    made = cache(tmp_path, 10_000_000)
    for i in range(300):
        made.put(f"{i:04}", "x" * 2000)
    content = bytearray(made.path.read_bytes())
    content[8192:-4096] = b"\xfe" * (len(content) - 12288)
    made.path.write_bytes(content)
    assert made.get("0200") is None
    made.put("new", 1)
    assert made.get("new") == 1


def test_a_locked_file_costs_only_the_reply(tmp_path: Path) -> None:
    made = cache(tmp_path)
    made.put("k", 1)
    other = sqlite3.connect(made.path)
    other.execute("BEGIN EXCLUSIVE")
    assert made.get("k") is None
    other.close()
    assert made.get("k") == 1
    assert made.set_aside is None


def test_what_can_not_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    made = ResponseCache(tmp_path / "file" / "replies.sqlite", max_bytes=1000, clock=ManualClock())
    made.put("k", 1)
    assert made.get("k") is None


def test_a_row_that_is_not_json_is_no_reply(tmp_path: Path) -> None:
    made = cache(tmp_path)
    made.put("k", 1)
    with sqlite3.connect(made.path) as base:
        base.execute("UPDATE replies SET reply = '{cut'")
    base.close()
    assert made.get("k") is None


def test_clear_forgets_everything(tmp_path: Path) -> None:
    made = cache(tmp_path)
    made.put("k", 1)
    made.clear()
    assert made.get("k") is None


def test_several_processes_write_at_once_and_stay_within_the_bound(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from planloom.clock import SystemClock\n"
        "from planloom.models.cache import ResponseCache\n"
        "made = ResponseCache(Path(sys.argv[1]), max_bytes=20_000, clock=SystemClock())\n"
        "for i in range(40): made.put(f'{sys.argv[2]}-{i}', 'x' * 500)\n"
        "assert made.notice is None, made.notice\n"
    )
    path = tmp_path / "replies.sqlite"
    running = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in "abc"]
    assert [process.wait() for process in running] == [0, 0, 0]
    with sqlite3.connect(path) as base:
        (size, count) = base.execute("SELECT SUM(LENGTH(reply)), COUNT(*) FROM replies").fetchone()
    base.close()
    assert 10_000 <= size <= 20_000 and count > 20
