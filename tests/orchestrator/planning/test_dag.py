"""The graph functions agree with each other and with bounds every schedule obeys."""

from hypothesis import given, settings
from hypothesis import strategies as st

from planloom.orchestrator.planning import dag


@st.composite
def weighted(draw: st.DrawFn):
    count = draw(st.integers(1, 15))
    deps = {
        f"s{i}": tuple(sorted({f"s{draw(st.integers(0, i - 1))}" for _ in range(draw(st.integers(0, min(i, 3))))}))
        for i in range(count)
    }
    return deps, {s: draw(st.floats(0.1, 10)) for s in deps}


@settings(deadline=None)
@given(weighted(), st.integers(1, 4))
def test_list_schedule_is_between_its_bounds(plan, slots):
    deps, seconds = plan
    longest = sum(seconds[s] for s in dag.critical_path(deps, seconds))
    span = dag.list_schedule(seconds, deps, slots)
    work = sum(seconds.values())
    assert max(longest, work / slots) - 1e-6 <= span <= longest + work / slots + 1e-6
    assert abs(dag.list_schedule(seconds, deps, 0) - longest) < 1e-6
    assert abs(dag.list_schedule(seconds, deps, 1) - work) < 1e-6


@settings(deadline=None)
@given(weighted())
def test_waves_hold_every_step_after_its_inputs(plan):
    deps, _ = plan
    level = {s: n for n, wave in enumerate(dag.waves(deps)) for s in wave}
    assert level.keys() == deps.keys()
    assert all(level[source] < level[s] for s, sources in deps.items() for source in sources)


def test_steps_that_end_together_free_their_users_before_the_next_is_chosen():
    seconds = {"a": 3.0, "b": 3.0, "longest": 4.0, "alone": 2.0, "x": 3.0, "y": 3.0}
    assert dag.list_schedule(seconds, {"longest": ("b",), "x": ("b",), "y": ("b",)}, 2) == 9.0


def test_cycle_is_found_in_order():
    assert dag.find_cycle({"a": ("c",), "b": ("a",), "c": ("b",)}) in (
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
    )
    assert dag.find_cycle({"a": (), "b": ("a",)}) is None
