"""A run in lines for a log, each with the run's id."""

from __future__ import annotations

from told import Told

from planloom.events import StepRetrying
from planloom.orchestrator.analysis import analyze
from planloom.orchestrator.analysis.totals import totals


def test_each_line_has_the_id_and_kinds_of_actions_have_their_seconds():
    told = Told().add(0, "a", "b").start(0, "a").start(0, "b").end(2, "a").call(3, "b", "worker", seconds=2)
    lines = totals(analyze(told.end(4, "b").finish(5, cpu_s=1.25, memory_mb=80.0)))
    assert all(line.startswith("r  ") for line in lines)
    told_of = {line.split()[1]: " ".join(line.split()[2:]) for line in lines}
    assert told_of["total"] == "5.00 s, done, 2 of 2 steps ok, 2 at once, dataflow"
    assert told_of["act"] == "4.00 s from first to last, 2 steps, 6.00 s of work, 2 at once"
    assert told_of["model"] == "1 calls, 110 tokens, 110 in the largest" and told_of["errors"] == "none"
    assert told_of["machine"] == "1.25 s of processors, 80 MB of memory at most"


def test_errors_are_counted_by_what_happened_and_to_which_action():
    told = Told().add(0, "a").add(0, "b", after=("a",)).start(0, "a").at(1, StepRetrying("a", 1, 0.5, "busy"))
    told.start(2, "a", "time").end(3, "a", "failed").end(3, "b", "skipped", caused_by="a")
    lines = totals(analyze(told.finish(3, "failed")))
    assert lines[-1].endswith("1 failed (act), 1 retried (act), 1 skipped (act)")
