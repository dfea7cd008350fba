"""Is a damaged journal ever taken for a whole one, and does a repair keep everything that is whole?

`python -m benchmarks.damage --json OUT`. A journal of several files, plain, packed and compacted, is cut off at every
100th byte and has a bit flipped at every 100th byte. Then: what was read must be a beginning of the truth, or an error
that names the session and the command; the next process must go on without using a number again; and after a repair
exactly the numbers the report names may be missing. Besides, processes take turns on one session as fast as they can.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import shutil
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from planloom import events
from planloom.clock import SystemClock
from planloom.config import Sessions as Settings
from planloom.errors import BusyError, JournalError
from planloom.memory.journal import Journal, compact, read, repair, verify

from .harness import Measured, Target, main

CLOCK = SystemClock()
NEVER = Settings(fsync="never")
FORMS = {
    "plain": Settings(segment_bytes=16_384, fsync="never", compression="none"),
    "packed": Settings(segment_bytes=16_384, fsync="never"),
    "compacted": NEVER,
}


def filled(folder: Path, steps: int, settings: Settings) -> list[int]:
    """A journal that was closed cleanly; gives its numbers."""
    chance = random.Random(1)
    journal = Journal(folder, folder.name, CLOCK, settings)
    for number in range(steps):
        text = chance.randbytes(80).hex()
        journal.append(events.StepAdded(f"s{number}", "t", (), "read"), "r")
        journal.append(events.StepFinished(f"s{number}", "ok", 0, 1, 0.5, value={"text": text}), "r")
        journal.commit()
    journal.close()
    return [record.seq for record in read(folder)]


def harmed(folder: Path, every: int) -> Iterator[tuple[str, bytes]]:
    """File names, and what they hold after a flipped bit or a cut."""
    files = sorted(folder.glob("*.journal"))
    for path in files:
        data = path.read_bytes()
        for offset in range(0, len(data), every):
            yield path.name, data[:offset] + bytes([data[offset] ^ 1 << offset % 8]) + data[offset + 1 :]
            yield path.name, data[:offset]


class Tally:
    """What went wrong, by kind."""

    def __init__(self) -> None:
        self.cases = self.told = 0
        self.silent = self.unreadable = self.numbers_again = self.unclear = 0

    def check(self, folder: Path, whole: list[int]) -> None:
        """Reads, repairs and goes on, as a person would."""
        self.cases += 1
        try:
            kept = [record.seq for record in read(folder)]
            report = verify(folder)
            if kept != whole[: len(kept)] or (len(kept) < len(whole) and report.is_clean):
                self.silent += 1
        except JournalError as error:
            self.told += 1
            self.unclear += f"planloom sessions repair {folder.name}" not in str(error)
            kept = self._repaired(folder, whole)
        self._goes_on(folder, kept, whole)

    def _repaired(self, folder: Path, whole: list[int]) -> list[int]:
        lost = repair(folder, CLOCK).lost
        try:
            kept = [record.seq for record in read(folder)]
        except JournalError:
            self.unreadable += 1
            return []
        named = {n for gap in lost for n in range(gap.after + 1, gap.before + 1)}
        # What is lost at the very end has no number behind it; the unclean end says so.
        missing = {n for n in whole if n not in kept} - named
        if missing and (verify(folder).is_clean or missing != set(whole[len(whole) - len(missing) :])):
            self.silent += 1
        return kept

    def _goes_on(self, folder: Path, kept: list[int], whole: list[int]) -> None:
        try:
            journal = Journal(folder, folder.name, CLOCK, NEVER)
            event = journal.append(events.Notice("goes on"), "r")
            journal.close()
            again = [record.seq for record in read(folder)]
        except JournalError:
            self.unreadable += 1
            return
        self.numbers_again += event.seq <= whole[-1] and again != [*whole, event.seq]
        self.silent += again != [*kept, event.seq]


def matrix(root: Path, steps: int, every: int) -> Tally:
    """Every kind of damage at every place, to the journal in each form."""
    tally = Tally()
    for form, settings in FORMS.items():
        source = root / form
        whole = filled(source, steps, settings)
        if form == "compacted":
            compact(source, CLOCK)
        for name, data in harmed(source, every):
            victim = root / "victim"
            shutil.rmtree(victim, ignore_errors=True)
            shutil.copytree(source, victim)
            (victim / name).write_bytes(data)
            tally.check(victim, whole)
    return tally


def attempt(folder: Path, who: str, count: int, pipe: Connection) -> None:
    """Tries to open the session `count` times, and writes two events each time it may."""
    refused = 0
    given: list[int] = []
    for _ in range(count):
        try:
            journal = Journal(folder, folder.name, CLOCK, NEVER)
        except BusyError:
            refused += 1
            continue
        given += [journal.append(events.Notice(who), who).seq for _ in range(2)]
        journal.close()
    pipe.send((given, refused))


def alternating(folder: Path, attempts: int) -> tuple[int, int]:
    """Two processes on one session: how many records are wrong, and how many attempts were refused."""
    spawn = multiprocessing.get_context("spawn")
    pipes: list[Connection] = []
    processes = []
    for who in "ab":
        ours, theirs = spawn.Pipe()
        processes.append(spawn.Process(target=attempt, args=(folder, who, attempts // 2, theirs)))
        pipes.append(ours)
        processes[-1].start()
    told: list[tuple[list[int], int]] = [pipe.recv() for pipe in pipes]
    for process in processes:
        process.join()
    truth = sorted((seq, who) for who, (given, _) in zip("ab", told, strict=True) for seq in given)
    found = [(record.seq, record.run_id) for record in read(folder)]
    wrong = len(set(found) ^ set(truth)) + (found != truth)
    return wrong, sum(refused for _, refused in told)


def measure(args: argparse.Namespace) -> Measured:
    """Damage first, then two writers."""
    with tempfile.TemporaryDirectory(prefix="planloom-") as name:
        root = Path(name)
        tally = matrix(root, 60 if args.quick else 200, 500 if args.quick else 100)
        attempts = 1_000 if args.quick else 10_000
        wrong, refused = alternating(root / "shared", attempts)
    measured = {
        "damages tried": tally.cases,
        "of these an error that names the repair": tally.told - tally.unclear,
        "attempts of two processes": attempts,
        "of these refused": refused,
    }
    return measured, [
        Target("silent_losses", tally.silent, "==", 0),
        Target("unreadable_after_repair", tally.unreadable, "==", 0),
        Target("numbers_used_again", tally.numbers_again, "==", 0),
        Target("errors_without_a_command", tally.unclear, "==", 0),
        Target("records_mixed_up", wrong, "==", 0),
    ]


if __name__ == "__main__":
    main(__doc__ or "", measure)
