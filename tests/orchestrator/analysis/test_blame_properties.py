"""On random runs every second has one cause, and the events bear the cause out."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest
from timed_runs import Made, random_run

from planloom import events
from planloom.orchestrator.analysis import Analysis, Segment, analyze

RUNS = 1000
_TINY_S = 1e-9


class Facts:
    """What was so at a moment, read off the events without any of the analysis."""

    def __init__(self, made: Made) -> None:
        self.made = made
        self.running: dict[str, list[tuple[float, float, tuple[str, ...]]]] = defaultdict(list)
        self.judged: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.asked: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.backing_off: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.limited: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.calls: list[tuple[float, float, float]] = []
        self.planned = float("inf")
        self._read()

    def _read(self) -> None:
        open_: dict[tuple[str, str], tuple[float, tuple[str, ...]]] = {}
        for event in self.made.events:
            at, said = event.at, event.payload
            step = getattr(said, "step", None)
            match said:
                case events.StepStarted(batch=batch, queued_s=queued_s, limited_s=limited_s):
                    self._close(open_, str(step), "run", at - queued_s - limited_s)  # its merged call had failed
                    self._close(open_, str(step), "back_off", at)
                    self._close(open_, str(step), "limit", at)
                    open_[str(step), "run"] = (at, batch or (str(step),))
                case events.StepRetrying():
                    self._close(open_, str(step), "run", at)
                    open_[str(step), "back_off"] = (at, ())
                case events.StepFinished() | events.StepInvalidated():
                    for kind in ("run", "back_off", "ask", "limit"):
                        self._close(open_, str(step), kind, at)
                    open_[str(step), "judge"] = (at, ())
                case events.StepVerified():
                    self._close(open_, str(step), "judge", at)
                case events.ApprovalAsked():
                    self._close(open_, str(step), "run", at)
                    open_[str(step), "ask"] = (at, ())
                case events.ApprovalAnswered():
                    self._close(open_, str(step), "ask", at)
                case events.LimitWaiting():
                    open_.setdefault((str(step), "limit"), (at, ()))
                case events.ModelCall(seconds=seconds, waited_s=waited):
                    self.calls.append((at - seconds - waited, at - seconds, at))
                case events.PlanReady():
                    self.planned = at
        for step, kind in list(open_):
            self._close(open_, step, kind, self.made.events[-1].at)

    def _close(self, open_: dict[tuple[str, str], tuple[float, tuple[str, ...]]], step: str, kind: str, at: float):
        began = open_.pop((step, kind), None)
        if began is None:
            return
        if kind == "run":
            self.running[step].append((began[0], at, began[1]))
        else:
            kept = {"judge": self.judged, "ask": self.asked, "back_off": self.backing_off, "limit": self.limited}
            kept[kind][step].append((began[0], at))

    def check(self, segment: Segment, start: float) -> None:
        """The cause of a segment was so for all of it."""
        left, right, step = segment.start_s + start, segment.end_s + start, segment.step or ""
        match segment.category:
            case "tool":
                assert _covers(self.running[step], left, right)
            case "model":
                assert any(sent <= left + _TINY_S and right <= ended + _TINY_S for _, sent, ended in self.calls)
            case "limit_wait":
                waited = any(asked <= left + _TINY_S and right <= sent + _TINY_S for asked, sent, _ in self.calls)
                assert waited or _covers(self.limited[step], left, right)
            case "verification":
                assert _covers(self.judged[step], left, right)
            case "approval":
                assert _covers(self.asked[step], left, right)
            case "back_off":
                assert _covers(self.backing_off[step], left, right)
            case "queue":
                assert self.calls_at(left + 0.41371 * (right - left)) == self.made.places
            case "planning":
                assert right <= self.planned + _TINY_S
            case "overhead":
                assert right - left < _TINY_S, "in virtual time nothing of ours takes time"

    def calls_at(self, moment: float) -> int:
        """How many calls were under way, merged ones once."""
        runs = (run for runs in self.running.values() for run in runs)
        return len({(began, batch) for began, ended, batch in runs if began < moment < ended})


def _covers(spans: list, left: float, right: float) -> bool:
    """Whether the spans, one behind the other, leave nothing of the time out."""
    reached = left
    for span in sorted(spans):
        if span[0] <= reached + _TINY_S:
            reached = max(reached, span[1])
    return reached >= right - _TINY_S


def check(made: Made) -> Analysis:
    analysis = analyze(made.events)
    facts = Facts(made)
    wall_s = made.events[-1].at - made.events[0].at
    assert analysis.wall_s == wall_s
    if wall_s:
        assert analysis.segments[0].start_s == 0.0 and analysis.segments[-1].end_s == wall_s
    assert all(before.end_s == after.start_s for before, after in pairwise(analysis.segments))
    assert abs(sum(analysis.blame.values()) - wall_s) < _TINY_S
    for segment in analysis.segments:
        facts.check(segment, made.events[0].at)
    return analysis


def check_partition(told: list[events.Event]) -> None:
    analysis = analyze(told)
    assert abs(sum(analysis.blame.values()) - analysis.wall_s) < _TINY_S
    assert all(before.end_s == after.start_s for before, after in pairwise(analysis.segments))
    assert all(segment.end_s > segment.start_s for segment in analysis.segments)
    assert analysis.to_dict()["wall_s"] == round(analysis.wall_s, 6)


@pytest.mark.parametrize("seed", range(0, 400, 4))
def test_a_run_cut_anywhere_resumed_or_read_in_part_still_adds_up(seed: int):
    told, rng = random_run(seed).events, random.Random(seed)
    cut = told[: rng.randint(1, len(told))]
    check_partition(cut)
    later = [replace(event, at=event.at + 100) for event in told[1:]]
    check_partition([*cut, replace(told[0], at=cut[-1].at + 50, payload=events.RunResumed()), *later])
    check_partition([told[0], *(event for event in told[1:] if rng.random() < 0.7)])


@pytest.mark.parametrize("part", range(4))
def test_every_second_of_a_thousand_runs_has_the_cause_the_events_bear_out(part: int):
    seen: dict[str, float] = defaultdict(float)
    for seed in range(part * RUNS // 4, (part + 1) * RUNS // 4):
        try:
            analysis = check(random_run(seed))
        except AssertionError as error:
            raise AssertionError(f"run of seed {seed}") from error
        for category, seconds in analysis.blame.items():
            seen[category] += seconds
    missing = {name for name, seconds in seen.items() if seconds <= 0} - {"overhead"}
    assert not missing, f"never seen in these runs, so never tested: {missing}"
