"""Any order of writing, dying, opening, rolling, packing and compacting gives the same truth."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from planloom import events
from planloom.clock import ManualClock
from planloom.config import Sessions
from planloom.memory.journal import Journal, compact, read, repair, verify
from planloom.memory.journal.policy import SOFT_TYPES

CLOCK = ManualClock()


class Life(RuleBasedStateMachine):
    """A session's life; `facts` are what was shown and may never be missing, `late` what a crash may cost."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="planloom-"))
        self.folder = self.root / "s"
        self.journal: Journal | None = None
        self.facts: list[tuple[int, str]] = []
        self.late: set[int] = set()
        self.gone: set[int] = set()
        self.highest = 0

    def teardown(self) -> None:
        if self.journal is not None:
            self.journal.close()
        shutil.rmtree(self.root)

    @precondition(lambda self: self.journal is None)
    @rule(compression=st.sampled_from(["zstd", "none"]))
    def open(self, compression):
        chosen = Sessions(segment_bytes=4096, compression=compression, fsync="never")
        self.journal = Journal(self.folder, "s", CLOCK, chosen)
        self.journal.listen(self.shown)
        assert self.journal.cut_bytes == 0

    def shown(self, event: events.Event) -> None:
        assert event.seq > self.highest
        self.highest = event.seq
        if event.type in SOFT_TYPES:
            self.late.add(event.seq)
        self.facts.append((event.seq, event.run_id))

    @precondition(lambda self: self.journal is not None)
    @rule(sizes=st.lists(st.integers(0, 900), min_size=1, max_size=5), run=st.sampled_from("ab"))
    def facts_happen(self, sizes, run):
        for size in sizes:
            self.journal.append(events.Notice("x" * size), run)
        self.journal.commit()

    @precondition(lambda self: self.journal is not None)
    @rule(count=st.integers(1, 3), run=st.sampled_from("ab"))
    def progress_happens(self, count, run):
        for _ in range(count):
            self.journal.append(events.StepProgress("s", 1.0, None, ""), run)
        self.journal.commit()

    @precondition(lambda self: self.journal is not None)
    @rule(run=st.sampled_from("ab"))
    def a_run_ends(self, run):
        self.journal.append(events.RunFinished("done", "", "", 1.0, {}), run)
        self.journal.commit()

    @precondition(lambda self: self.journal is not None)
    @rule()
    def close(self):
        self.journal.close()
        self.journal = None

    @precondition(lambda self: self.journal is not None)
    @rule()
    def die(self):
        unwritten = {event.seq for event in self.journal._unwritten}
        assert unwritten <= self.late
        self.gone |= unwritten
        self.journal._appender.abandon()
        self.journal._stop_timer()
        if self.journal._packer is not None:
            self.journal._packer.join()
        self.journal._lock.release()
        self.journal = None

    @precondition(lambda self: self.journal is None)
    @rule(drop=st.sampled_from(["", "a", "b"]))
    def tidy_up(self, drop):
        before = [(record.seq, record.run_id, record.type) for record in read(self.folder)]
        compact(self.folder, CLOCK, drop_runs={drop})
        after = [(record.seq, record.run_id, record.type) for record in read(self.folder)]
        left_out = [record for record in before if record not in after]
        assert all(kind in SOFT_TYPES or run == drop for _, run, kind in left_out)
        self.gone |= {seq for seq, _, _ in left_out}

    @precondition(lambda self: self.journal is None)
    @rule()
    def look_over(self):
        assert repair(self.folder, CLOCK).ok

    @invariant()
    def everything_shown_is_there(self):
        on_disk = [(record.seq, record.run_id) for record in read(self.folder)]
        late = [(event.seq, event.run_id) for event in self.journal._unwritten] if self.journal is not None else []
        assert on_disk + late == [fact for fact in self.facts if fact[0] not in self.gone]
        assert verify(self.folder).ok


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
