"""Bytes go bad, files are cut, disks are full: nothing is lost silently, and what is whole can be had again."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import textwrap
import zlib
from collections.abc import Callable
from pathlib import Path

import msgpack
import pytest

from planloom.clock import ManualClock
from planloom.config import Sessions
from planloom.errors import JournalError
from planloom.events import Notice
from planloom.memory.journal import Journal, compact, read, repair, verify

CLOCK = ManualClock()
QUICK = Sessions(fsync="never")


def seqs(folder: Path) -> list[int]:
    return [record.seq for record in read(folder)]


@pytest.fixture(params=["plain", "packed", "several files"])
def folder(request, place) -> Path:
    """A small journal that was closed cleanly, in each form that files have."""
    settings = {"segment_bytes": 4096} if request.param == "several files" else {}
    place.filled(40 if settings else 12, **settings)
    if request.param == "packed":
        compact(place.path(), CLOCK)
    return place.path()


def copy_of(folder: Path, name: str) -> Path:
    target = folder.parent / name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
    return target


def last_file(folder: Path) -> Path:
    return max(folder.glob("*.journal"))


def test_file_cut_at_any_byte_keeps_all_whole_groups_before_and_says_so(folder: Path):
    whole = seqs(folder)
    path = last_file(folder)
    size = path.stat().st_size
    for length in range(0, size, 13):
        cut = copy_of(folder, "cut")
        os.truncate(last_file(cut), length)
        kept = seqs(cut)
        assert kept == whole[: len(kept)]
        report = verify(cut)
        assert report.events == len(kept) and report.ok
        assert not report.is_clean
        journal = Journal(cut, "cut", CLOCK, QUICK)
        assert journal.cut_bytes == report.torn_bytes
        assert journal.cut_bytes == 0 or journal.notice
        event = journal.append(Notice("goes on"), "r")
        journal.close()
        assert seqs(cut) == [*kept, event.seq] and event.seq > (kept[-1] if kept else 0)


def test_flipped_bit_at_any_byte_is_cut_at_the_end_or_stops_and_can_be_repaired(folder: Path):
    whole = seqs(folder)
    for path in sorted(folder.glob("*.journal")):
        data = path.read_bytes()
        for offset in range(0, len(data), 29):
            bad = copy_of(folder, "bad")
            (bad / path.name).write_bytes(data[:offset] + bytes([data[offset] ^ 0x10]) + data[offset + 1 :])
            _check_flip(bad, whole)


def _check_flip(bad: Path, whole: list[int]) -> None:
    try:
        kept = seqs(bad)
    except JournalError as error:
        assert "planloom sessions repair bad" in str(error) and ".journal" in str(error)
        report = verify(bad)
        assert not report.ok
        assert repair(bad, CLOCK).lost == report.lost
        kept = seqs(bad)
        missing = set(whole) - set(kept)
        assert missing == {n for n in missing if any(lost.after < n <= lost.before for lost in report.lost)}
        assert verify(bad).ok and list(bad.glob("*.damaged"))
    else:
        # Only the very last frame can be taken for a torn one.
        assert verify(bad).torn_bytes > 0 and kept == whole[: len(kept)]
    journal = Journal(bad, "bad", CLOCK, QUICK)
    event = journal.append(Notice("goes on"), "r")
    journal.close()
    assert seqs(bad) == [*kept, event.seq] and event.seq > whole[-1]


def test_repair_keeps_what_stands_behind_the_damage(place):
    shown = place.filled(12)
    path = place.only_file()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    report = repair(place.path(), CLOCK)
    kept = seqs(place.path())
    (lost,) = report.lost
    assert len(report.damages) == 1 and report.damages[0].file == path.name
    assert kept == [e.seq for e in shown if not lost.after < e.seq <= lost.before]
    assert kept[0] == 1 and kept[-1] == shown[-1].seq and lost.before - lost.after == 2
    again = verify(place.path())
    assert again.ok and again.lost_before == [lost]
    assert repair(place.path(), CLOCK).damages == []


def test_repair_leaves_a_whole_journal_alone(folder: Path):
    before = {path.name: path.read_bytes() for path in folder.glob("*.journal")}
    assert repair(folder, CLOCK).ok
    assert {path.name: path.read_bytes() for path in folder.glob("*.journal*")} == before


def test_frames_put_in_another_order_are_no_history(place):
    from planloom.memory.journal.frames import framed, walk

    place.filled(5)
    path = place.only_file()
    with path.open("rb") as file:
        frames = list(walk(file))
    frames[2], frames[3] = frames[3], frames[2]
    path.write_bytes(b"".join(framed(frame.kind, frame.body) for frame in frames))
    with pytest.raises(JournalError, match="missing"):
        seqs(place.path())
    assert not verify(place.path()).ok


def test_frame_cut_out_between_two_whole_ones_is_missed(place):
    from planloom.memory.journal.frames import framed, walk

    place.filled(5)
    path = place.only_file()
    with path.open("rb") as file:
        frames = list(walk(file))
    path.write_bytes(b"".join(framed(frame.kind, frame.body) for frame in frames if frame is not frames[3]))
    with pytest.raises(JournalError, match="missing"):
        seqs(place.path())
    repair(place.path(), CLOCK)
    assert len(seqs(place.path())) == 2 * 5 + 5 + 1 - 2


@pytest.mark.parametrize("number", [1, 2])
def test_file_that_is_gone_is_missed(place, number: int):
    shown = place.filled(100, segment_bytes=4096)
    (place.path() / f"{number:08}.journal").unlink()
    with pytest.raises(JournalError, match="missing"):
        seqs(place.path())
    report = repair(place.path(), CLOCK)
    kept = seqs(place.path())
    assert set(kept) | {n for lost in report.lost for n in range(lost.after + 1, lost.before + 1)} == {
        event.seq for event in shown
    }


def test_last_file_that_is_gone_leaves_a_gap_in_the_numbers(place):
    shown = place.filled(100, segment_bytes=4096)
    last_file(place.path()).unlink()
    journal = place.journal()
    assert journal.append(Notice("next"), "r").seq > shown[-1].seq
    journal.close()


def test_repair_that_dies_leaves_a_journal(place):
    place.filled(12)
    path = place.only_file()
    path.with_name(path.name + ".new").write_bytes(b"half a repair")
    before = seqs(place.path())
    journal = place.journal()
    journal.close()
    assert seqs(place.path()) == before and not list(place.path().glob("*.new"))


def test_damaged_journal_of_the_first_format_is_repaired_into_a_new_file(place):
    data = b""
    for seq in range(1, 11):
        body = msgpack.packb([1, seq, 1.5, "r", "notice", {"text": f"number {seq}", "step": None}])
        data += struct.pack(">II", len(body), zlib.crc32(body)) + body
    place.path().mkdir(parents=True)
    old = place.path() / "journal.msgpack"
    old.write_bytes(data.replace(b"number 4", b"number ?"))
    with pytest.raises(JournalError, match="planloom sessions repair s"):
        seqs(place.path())
    report = repair(place.path(), CLOCK)
    assert len(report.damages) == 1 and [str(lost) for lost in report.lost] == ["4 to 4"]
    assert seqs(place.path()) == [1, 2, 3, 5, 6, 7, 8, 9, 10]
    assert (place.path() / "journal.msgpack.damaged").exists() and not old.exists()
    journal = place.journal()
    assert journal.append(Notice("next"), "r").seq > 10
    journal.close()
    assert verify(place.path()).ok


# ---- disks


def as_nobody(work: Callable[[], str]) -> str:
    """What `work` gives in a process that may not write everywhere, as root may."""
    parent, child = multiprocessing.Pipe()

    def run() -> None:
        if os.geteuid() == 0:
            os.setuid(65534)
        child.send(work())

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    told = parent.recv() if parent.poll(30) else "no answer"
    process.join()
    return told


def told_at_opening(folder: Path) -> str:
    try:
        Journal(folder, folder.name, CLOCK).close()
    except JournalError as error:
        return f"{error}; {len(seqs(folder))} can be read"
    return "opened"


def test_read_only_folder_says_which_session_and_can_be_read():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "s"
        with contextlib.closing(Journal(folder, "s", CLOCK)) as journal:
            journal.append(Notice("a"), "r")
        for path in folder.iterdir():
            path.chmod(0o444)
        folder.chmod(0o555)
        Path(name).chmod(0o755)
        told = as_nobody(lambda: told_at_opening(folder))
    assert re.fullmatch(r"session 's'.*Permission denied.*check its permissions.*; 1 can be read", told)


def test_file_where_the_folder_should_be_is_told(place):
    place.path().parent.mkdir(parents=True)
    place.path().write_text("no folder")
    with pytest.raises(JournalError, match=r"session 's'.*permissions"):
        place.journal()


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that can't be read")
def test_disk_that_can_not_be_read_is_told_and_costs_nothing(place):
    place.filled(3)
    path = place.only_file()
    path.rename(path.with_suffix(".kept"))
    path.symlink_to("/proc/self/mem")
    for work in (place.journal, lambda: seqs(place.path()), lambda: verify(place.path())):
        with pytest.raises(JournalError, match=r"session 's'.*Input/output error.*planloom sessions verify s"):
            work()
    path.unlink()
    path.with_suffix(".kept").rename(path)
    assert len(seqs(place.path())) == 3 * 3 + 1


def test_full_disk_shows_nothing_and_the_journal_goes_on_when_there_is_room(place):
    journal = place.journal()
    seen = []
    journal.listen(lambda event: seen.append(event.payload.text))
    file = place.path() / "00000001.journal"
    file.symlink_to("/dev/full")
    journal.append(Notice("kept"), "r")
    with pytest.raises(JournalError, match=r"session 's'.*No space left.*make room"):
        journal.commit()
    assert seen == []
    journal.commit()
    assert seen == ["kept"] and seqs(place.path()) == [1]


LIMITED = """
    import resource, signal, sys
    from pathlib import Path
    from planloom.clock import SystemClock
    from planloom.errors import JournalError
    from planloom.events import Notice
    from planloom.memory.journal import Journal

    shown = []
    journal = Journal(Path(sys.argv[1]), "s", SystemClock())
    journal.listen(lambda event: shown.append(event.seq))
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    failed = ""
    for number in range(100):
        journal.append(Notice("x" * 900), "r")
        try:
            journal.commit()
        except JournalError as error:
            failed = str(error)
            break
    try:
        journal.close()
    except JournalError:
        pass
    print(len(shown), failed)
"""


def test_quota_hit_in_the_middle_of_a_group_loses_nothing_that_was_shown(place):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LIMITED), str(place.path())],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    shown, _, told = done.stdout.partition(" ")
    assert 15 <= int(shown) < 25 and "make room" in told and "File too large" in told
    assert seqs(place.path()) == list(range(1, int(shown) + 1))
    assert verify(place.path()).torn_bytes == 0
    journal = place.journal()
    assert journal.append(Notice("next"), "r").seq > int(shown)
    journal.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_small_file_system_that_fills_up_loses_nothing_that_was_shown(place):
    place.path().mkdir(parents=True)
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place.path())], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip("mounting is not permitted here")
    try:
        journal = place.journal(segment_bytes=16_384, compression="none")
        shown = []
        journal.listen(lambda event: shown.append(event.seq))
        with pytest.raises(JournalError, match="make room"):
            for _ in range(200):
                journal.append(Notice("x" * 900), "r")
                journal.commit()
        place.die(journal)
        assert seqs(place.path()) == shown and len(shown) > 20
        with pytest.raises(JournalError, match="session"):
            again = Journal(place.path(), "s", CLOCK, Sessions(compression="none"))
            place.opened.append(again)
            for _ in range(200):
                again.append(Notice("y" * 900), "r")
                again.commit()
        assert seqs(place.path())[: len(shown)] == shown
    finally:
        for journal in place.opened:
            journal._appender.abandon()
            journal._lock.release()
        place.opened.clear()
        subprocess.run(["umount", "-l", str(place.path())], check=True)
