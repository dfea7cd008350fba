"""One writer a session: whoever comes second is told who holds it, and nothing gets mixed up."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from planloom.clock import SystemClock
from planloom.errors import BusyError
from planloom.events import Notice
from planloom.memory.journal import Journal, compact, holder, read, repair, verify

SPAWN = multiprocessing.get_context("spawn")


def hold(folder: Path, pipe: Connection) -> None:
    """Writes one event, and keeps the session until told otherwise."""
    journal = Journal(folder, "s", SystemClock(), purpose="holding it")
    journal.append(Notice("held"), "r")
    journal.commit()
    pipe.send(os.getpid())
    pipe.recv()
    journal.close()


@pytest.fixture
def held(place):
    """A session that another process writes; gives that process, and the pipe that ends it."""
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=hold, args=(place.path(), theirs))
    process.start()
    assert ours.poll(60) and ours.recv() == process.pid
    yield process, ours
    if process.is_alive():
        process.kill()
    process.join()


def test_second_process_is_told_who_holds_the_session_and_since_when(place, held):
    process, pipe = held
    with pytest.raises(
        BusyError, match=rf"'s' is being written by process {process.pid} on .* since .*holding it"
    ) as e:
        place.journal()
    assert e.value.holder is not None and e.value.holder["pid"] == process.pid
    for work in (repair, compact):
        with pytest.raises(BusyError):
            work(place.path(), place.clock)
    assert [record.seq for record in read(place.path())] == [1] and verify(place.path()).ok
    pipe.send("end")
    process.join()
    assert place.journal().append(Notice("mine now"), "r").seq == 2


def test_lock_of_a_killed_process_holds_nobody_up(place, held):
    process, _ = held
    process.kill()
    process.join()
    journal = place.journal()
    assert [event.payload.text for event in journal.events()] == ["held"]
    found = holder(place.path())
    assert found is not None and found.pid == os.getpid()


def test_two_writers_in_one_process_are_two_as_well(place):
    place.journal()
    with pytest.raises(BusyError, match=f"process {os.getpid()}"):
        place.journal()


def test_closing_lets_the_next_one_in(place):
    place.journal().close()
    place.journal()


def test_opening_that_fails_lets_the_next_one_in(place):
    place.filled(3)
    path = place.only_file()
    data = path.read_bytes()
    path.write_bytes(data[:60] + bytes([data[60] ^ 0xFF]) + data[61:-40])
    for _ in range(2):
        with pytest.raises(Exception, match="repair"):
            place.journal()
    repair(place.path(), place.clock)
    place.journal()


def test_programs_that_are_started_do_not_inherit_the_lock(place):
    journal = place.journal()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    try:
        journal.close()
        place.journal()
    finally:
        child.communicate(b"\n", timeout=30)


def test_lock_on_a_deleted_folder_is_no_lock(place):
    first = place.journal()
    shutil.rmtree(place.path())
    second = place.journal()
    second.append(Notice("b"), "r")
    second.commit()
    assert [record.payload["text"] for record in read(place.path())] == ["b"]
    first._lock.release()


def attempt(folder: Path, who: str, count: int, pipe: Connection) -> None:
    """Opens, writes two events and closes as often as it can; says which numbers it was given."""
    mine, refused = [], 0
    for number in range(count):
        try:
            journal = Journal(folder, "s", SystemClock())
        except BusyError:
            refused += 1
            continue
        events = [journal.append(Notice(f"{who}{number}"), who) for _ in range(2)]
        journal.close()
        mine += [event.seq for event in events]
    pipe.send((mine, refused))


def test_many_alternating_attempts_of_two_processes_mix_nothing_up(place):
    pipes, processes = [], []
    for who in "ab":
        ours, theirs = SPAWN.Pipe()
        processes.append(SPAWN.Process(target=attempt, args=(place.path(), who, 150, theirs)))
        pipes.append(ours)
        processes[-1].start()
    given = []
    for pipe in pipes:
        assert pipe.poll(100)
        given.append(pipe.recv()[0])
    for process in processes:
        process.join()
    records = list(read(place.path()))
    assert [record.seq for record in records] == list(range(1, len(records) + 1)) == sorted(given[0] + given[1])
    assert {record.seq for record in records if record.run_id == "a"} == set(given[0])
    assert all(one.payload == two.payload for one, two in zip(records[::2], records[1::2], strict=True))
    assert verify(place.path()).is_clean
