"""A call that waits for people gives its place away and has no deadline meanwhile."""

from __future__ import annotations

from planloom.events import StepFinished, StepStarted
from planloom.orchestrator.planning.plan import Step
from planloom.orchestrator.running import ticks
from planloom.orchestrator.running.scheduler import reduce
from planloom.orchestrator.running.state import Settings, State, Status


def begun(*names: str, parallel: int = 1, timeout_s: float = 0.0) -> State:
    state = State(Settings(max_parallel_steps=parallel))
    traits = ticks.Traits(effect="write", idempotent=True, timeout_s=timeout_s)
    entries = tuple(ticks.Entry(Step(id=name, action="x.y"), (), traits) for name in names)
    reduce(state, ticks.Added(entries), 0.0)
    reduce(state, ticks.PlanEnded(), 0.0)
    return state


def test_parked_step_makes_room_and_goes_on_when_there_is_room_again():
    state = begun("a", "b")
    assert state.cells["a"].status is Status.RUNNING and state.cells["b"].status is Status.READY
    reduce(state, ticks.Parked("a", 0), 1.0)
    assert state.cells["a"].status is Status.ASKING and state.cells["b"].status is Status.RUNNING
    reduce(state, ticks.Unparked("a"), 2.0)
    assert state.cells["a"].status is Status.READY
    said = reduce(state, ticks.Finished("b", 0, ticks.Verdict("pass")), 3.0)
    started = next(command for command in said if isinstance(command, StepStarted))
    assert (started.step, started.attempt) == ("a", 1)


def test_time_while_people_think_does_not_count():
    state = begun("a", timeout_s=10.0)
    reduce(state, ticks.Parked("a", 0), 1.0)
    assert not any(isinstance(c, StepFinished | ticks.Stop) for c in reduce(state, ticks.Clock(), 500.0))
    reduce(state, ticks.Unparked("a"), 500.0)
    reduce(state, ticks.Clock(), 505.0)
    assert state.cells["a"].status is Status.RUNNING
    assert any(isinstance(command, ticks.Stop) for command in reduce(state, ticks.Clock(), 511.0))


def test_when_only_people_can_go_on_it_is_said_and_what_a_parked_call_still_reports_does_not_count():
    state = begun("a")
    said = reduce(state, ticks.Parked("a", 0, "it writes outside the workspace"), 1.0)
    assert [type(command) for command in said] == [ticks.Ask, ticks.Idle]
    assert reduce(state, ticks.Failed("a", 0, ticks.Failure("late")), 2.0) == []
    reduce(state, ticks.Answered("a", granted=True), 3.0)
    assert state.cells["a"].status is Status.RUNNING and state.cells["a"].approval == "granted"


def test_parked_step_can_be_refused_and_cancelled():
    for tick, status in ((ticks.Answered("a", granted=False), Status.FAILED), (ticks.Cancel("a"), Status.CANCELLED)):
        state = begun("a")
        reduce(state, ticks.Parked("a", 0, "why"), 1.0)
        reduce(state, tick, 2.0)
        assert state.cells["a"].status is status
    state = begun("a")
    reduce(state, ticks.Unparked("a"), 1.0)  # comes late: the step is not parked any more
    assert state.cells["a"].status is Status.RUNNING
