"""Processes are killed while they write: what was shown is there, and the next process goes on."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from planloom import events
from planloom.clock import ManualClock, SystemClock
from planloom.config import Sessions
from planloom.memory.journal import Journal, read, verify

SPAWN = multiprocessing.get_context("spawn")
FORK = multiprocessing.get_context("fork")
SETTINGS = Sessions(segment_bytes=4096)


def write_until_killed(folder: Path, pipe: Connection) -> None:
    """Writes facts and progress for ever; says each number as soon as it is shown."""
    journal = Journal(folder, "s", SystemClock(), SETTINGS)
    journal.listen(lambda event: pipe.send((event.seq, event.type)))
    while True:
        journal.append(events.StepProgress("a", 1.0, None, ""), "r")
        journal.commit()
        for _ in range(3):
            journal.append(events.Notice("x" * 200), "r")
        journal.commit()


def test_kill_at_any_moment_loses_no_fact_that_was_shown_and_uses_no_number_twice(place):
    told: list[tuple[int, str]] = []
    for kills in range(1, 6):
        ours, theirs = SPAWN.Pipe(duplex=False)
        process = SPAWN.Process(target=write_until_killed, args=(place.path(), theirs))
        process.start()
        theirs.close()
        for _ in range(37 * kills):
            told.append(ours.recv())
        process.kill()
        process.join()
        try:
            while True:
                told.append(ours.recv())
        except EOFError:
            pass
    numbers = [seq for seq, _ in told]
    assert numbers == sorted(set(numbers))
    kept = {record.seq for record in read(place.path())}
    assert {seq for seq, kind in told if kind == "notice"} <= kept
    assert verify(place.path()).ok


def write_up_to(folder: Path, size_bytes: int, pipe: Connection) -> None:
    """Writes groups of three until the kernel kills the process: no file may pass this size."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))
    journal = Journal(folder, "s", ManualClock())
    journal.listen(lambda event: os.write(pipe.fileno(), b"."))
    while True:
        for _ in range(3):
            journal.append(events.Notice("some text"), "r")
        journal.commit()


def test_kill_at_every_byte_of_a_group_leaves_whole_groups(place):
    for size in range(150, 420, 9):
        folder = place.path(f"s{size}")
        ours, theirs = FORK.Pipe(duplex=False)
        process = FORK.Process(target=write_up_to, args=(folder, size, theirs))
        process.start()
        theirs.close()
        process.join()
        shown = len(os.read(ours.fileno(), 1000))
        assert process.exitcode == -signal.SIGXFSZ
        assert [record.seq for record in read(folder)] == list(range(1, shown + 1)) and shown % 3 == 0
        size_now = (folder / "00000001.journal").stat().st_size
        report = verify(folder)
        assert report.ok and size_now <= size and report.torn_bytes <= size_now
        journal = Journal(folder, "s", place.clock)
        assert journal.cut_bytes == report.torn_bytes
        assert journal.append(events.Notice("next"), "r").seq > shown
        journal.close()
        assert len(list(read(folder))) == shown + 1
