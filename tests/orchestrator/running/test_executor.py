"""The executor with real tools: what ends how, what is kept, and what never runs."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from planloom.agents.tool import ToolContext, tool
from planloom.errors import JournalError, ToolError, TransientError
from planloom.events import StepFinished, StepStarted
from planloom.memory.journal import Journal
from planloom.models.budget import Budget
from planloom.orchestrator.planning.plan import Step
from planloom.orchestrator.running.capacity import Limits
from planloom.orchestrator.running.state import Settings
from planloom.orchestrator.running.ticks import Verdict


def step(name: str, action: str = "t.give", *deps: str, **more: object) -> Step:
    return Step(id=name, action=action, dependencies=deps, **more)  # type: ignore[arg-type]


@tool(effect="pure", name="t.give")
async def give(value: object = None) -> object:
    """Gives what it gets."""
    return value


@tool(effect="pure", name="t.fail")
async def fail() -> None:
    """Raises."""
    raise ToolError("it broke")


@tool(effect="pure", name="t.hang")
async def hang() -> None:
    """Never ends by itself."""
    await asyncio.Event().wait()


async def test_failed_step_in_a_fan_out_blocks_only_its_descendants(bench):
    both_started = asyncio.Event()
    running = 0

    @tool(effect="read", name="t.b")
    async def b(bad: bool = False) -> str:
        nonlocal running
        running += 1
        if running == 4:
            both_started.set()
        await both_started.wait()
        if bad:
            raise ToolError("b2 broke")
        return "b"

    steps = [step("a")]
    steps += [step(f"b{i}", "t.b", "a", parameters={"bad": i == 2}) for i in range(1, 5)]
    steps += [step(f"c{i}", "t.give", f"b{i}", parameters={"value": f"${{b{i}}}"}) for i in range(1, 5)]
    steps += [step("join", "t.give", *(f"c{i}" for i in range(1, 5)))]
    end = await bench.go([give, b], steps)
    assert end.status == "failed"
    assert bench.statuses() == {
        "a": "ok",
        **{f"b{i}": "ok" for i in (1, 3, 4)},
        "b2": "failed",
        **{f"c{i}": "ok" for i in (1, 3, 4)},
        "c2": "skipped",
        "join": "skipped",
    }
    assert {bench.steps[name].caused_by for name in ("c2", "join")} == {"b2"}
    assert {name: s.value for name, s in bench.steps.items() if s.status == "ok"} == {
        "a": None,
        **{f"{k}{i}": "b" for k in "bc" for i in (1, 3, 4)},
    }


async def test_result_is_in_the_journal_before_a_dependent_starts(bench, tmp_path: Path):
    seen: list[list[str]] = []

    @tool(effect="read", name="t.look")
    async def look() -> None:
        records = Journal(bench.run.journal.path.with_name("copy"), "copy", bench.run.journal._clock)
        records.close()
        from planloom.memory.journal import read

        seen.append([r[5]["step"] for r in read(bench.run.journal.path) if r[4] == "step.finished"])

    await bench.go([give, look], [step("a"), step("b", "t.look", "a")])
    assert seen == [["a"]]


async def test_reference_keeps_the_type_of_what_it_refers_to(bench):
    steps = [
        step("a", parameters={"value": {"n": [1, 2.5, None], "t": "x"}}),
        step("b", parameters={"value": ["${a.n[1]}", "${a.n}", "n is ${a.n[0]}"]}),
    ]
    await bench.go([give], steps)
    assert bench.steps["b"].value == [2.5, [1, 2.5, None], "n is 1"]


async def test_missing_field_fails_the_step_and_names_what_is_there(bench):
    await bench.go([give], [step("a", parameters={"value": {"x": 1}}), step("b", parameters={"value": "${a.y}"})])
    assert bench.steps["b"].status == "failed"
    assert "'y'" in bench.steps["b"].error and "x" in bench.steps["b"].error


async def test_for_each_runs_one_step_an_item_and_gives_their_results_in_order(bench):
    steps = [
        step("a", parameters={"value": [{"n": 3}, {"n": 1}, {"n": "$${evil}"}]}),
        Step(id="each", action="t.give", for_each="${a}", parameters={"value": "${item.n}"}),
        step("join", parameters={"value": "${each}"}),
        step("second", parameters={"value": "${each[1]}"}),
    ]
    end = await bench.go([give], steps)
    assert end.status == "done", end
    assert bench.steps["join"].value == [3, 1, "${evil}"]
    assert bench.steps["second"].value == 1
    assert bench.statuses()["each[2]"] == "ok"


async def test_for_each_over_an_empty_list_gives_an_empty_list(bench):
    steps = [step("a", parameters={"value": []}), Step(id="each", action="t.fail", for_each="${a}")]
    end = await bench.go([give, fail], steps)
    assert end.status == "done"
    assert bench.steps["each"].value == []


async def test_paired_for_each_starts_as_soon_as_its_own_item_is_done(bench):
    gate = asyncio.Event()
    order = []

    @tool(effect="read", name="t.slow")
    async def slow(n: int) -> int:
        if n == 0:
            await gate.wait()
        return n * 10

    @tool(effect="read", name="t.chart")
    async def chart(n: int) -> int:
        order.append(n)
        if len(order) == 2:
            gate.set()
        return n + 1

    steps = [
        Step(id="data", action="t.slow", for_each=[0, 1, 2], parameters={"n": "${item}"}),
        Step(id="charts", action="t.chart", for_each="${data[*]}", parameters={"n": "${item}"}),
        step("join", parameters={"value": "${charts}"}),
    ]
    end = await bench.go([give, slow, chart], steps)
    assert end.status == "done", end
    assert sorted(order[:2]) == [10, 20], "the charts of items 1 and 2 did not wait for item 0"
    assert bench.steps["join"].value == [1, 11, 21]


async def test_failed_item_of_an_optional_for_each_is_none_in_the_list(bench):
    @tool(effect="read", name="t.odd")
    async def odd(n: int) -> int:
        if n % 2 == 0:
            raise ToolError("even")
        return n

    steps = [
        Step(id="each", action="t.odd", for_each=[1, 2, 3], parameters={"n": "${item}"}, optional=True),
        step("join", parameters={"value": "${each}"}),
    ]
    end = await bench.go([give, odd], steps)
    assert end.status == "done"
    assert bench.steps["join"].value == [1, None, 3]


async def test_transient_error_is_retried_and_a_final_one_is_not(bench):
    calls = {"flaky": 0, "broken": 0}

    @tool(effect="read", name="t.flaky")
    async def flaky() -> str:
        calls["flaky"] += 1
        if calls["flaky"] < 3:
            raise TransientError("busy")
        return "ok"

    @tool(effect="read", name="t.broken")
    async def broken() -> str:
        calls["broken"] += 1
        raise ValueError("a bug")

    await bench.go([flaky, broken], [step("a", "t.flaky"), step("b", "t.broken")])
    assert calls == {"flaky": 3, "broken": 1}
    assert bench.steps["a"].attempts == 3
    assert "ValueError: a bug" in bench.steps["b"].error


async def test_write_with_unknown_outcome_is_not_repeated_but_put_to_a_person(bench):
    calls = 0

    @tool(effect="write", name="t.pay")
    async def pay() -> str:
        nonlocal calls
        calls += 1
        raise TransientError("no reply", outcome_unknown=True)

    end = await bench.go([pay, give], [step("a", "t.pay"), step("b"), step("c", "t.give", "a")])
    assert calls == 1
    assert end.status == "needs_approval"
    assert bench.statuses() == {"a": "in_doubt", "b": "ok", "c": "waiting"}


async def test_idempotent_write_is_repeated_with_the_same_key(bench):
    keys = []

    @tool(effect="write", name="t.pay", idempotent=True)
    async def pay(context: ToolContext) -> str:
        keys.append(context.idempotency_key)
        if len(keys) < 2:
            raise TransientError("no reply", outcome_unknown=True)
        return "paid"

    end = await bench.go([pay], [step("a", "t.pay")])
    assert end.status == "done"
    assert len(keys) == 2 and len(set(keys)) == 1


async def test_stuck_step_times_out_and_its_siblings_are_kept(bench):
    end = await bench.go([hang, give], [step("a", "t.hang", timeout_s=0.05), step("b"), step("c", "t.give", "a")])
    assert end.status == "failed"
    assert bench.statuses() == {"a": "failed", "b": "ok", "c": "skipped"}
    assert "0.05 s" in bench.steps["a"].error


async def test_function_that_never_returns_times_out_without_holding_up_the_run(bench):
    gate = threading.Event()

    @tool(effect="read", name="t.stuck")
    def stuck() -> None:
        gate.wait()

    try:
        await bench.go([stuck, give], [step("a", "t.stuck", timeout_s=0.05), step("b")])
        assert bench.statuses() == {"a": "failed", "b": "ok"}
    finally:
        gate.set()


async def test_rejected_result_is_redone_with_the_reason_and_what_used_it_runs_again(bench):
    feedback = []

    @tool(effect="read", name="t.draft")
    async def draft(context: ToolContext) -> int:
        feedback.append(context.feedback)
        return len(feedback)

    steps = [
        Step(id="a", action="t.draft", expects=("result >= 2",)),
        step("b", parameters={"value": "${a}"}),
        step("other"),
    ]
    end = await bench.go([draft, give], steps)
    assert end.status == "done"
    assert feedback[0] is None and "result >= 2" in feedback[1]
    assert bench.steps["b"].value == 2
    assert bench.steps["other"].attempts == 1
    assert bench.steps["a"].verified == "pass"


async def test_result_that_stays_wrong_fails_after_three_attempts_and_no_write_commits(bench):
    written = []

    @tool(effect="write", name="t.publish")
    async def publish(text: object) -> None:
        written.append(text)

    steps = [
        Step(id="a", action="t.give", parameters={"value": 1}, expects=("result > 5",)),
        Step(id="b", action="t.give", parameters={"value": "${a}"}),
        Step(id="w", action="t.publish", parameters={"text": "${b}"}),
    ]
    end = await bench.go([give, publish], steps)
    assert end.status == "failed"
    assert written == []
    assert bench.steps["a"].attempts == 3
    assert bench.statuses() == {"a": "failed", "b": "skipped", "w": "skipped"}


async def test_other_branches_go_on_while_an_approval_is_open(bench):
    @tool(effect="write", name="t.delete", destructive=True)
    async def delete(what: str) -> str:
        return f"deleted {what}"

    steps = [
        Step(id="w", action="t.delete", parameters={"what": "x"}),
        step("after", "t.give", "w"),
        step("a"),
        step("b", "t.give", "a"),
    ]
    executor = bench.prepare([delete, give], steps, waits=True)
    task = asyncio.create_task(executor.run())
    await bench.until(lambda: bool(executor.people.open) and bench.statuses()["b"] == "ok")
    assert bench.statuses() == {"w": "waiting", "after": "waiting", "a": "ok", "b": "ok"}
    assert executor.people.open["w"].arguments == {"what": "x"}
    executor.answer = executor.people.answer
    executor.people.answer("w", granted=True, changes={"what": "y"})
    end = await task
    assert end.status == "done"
    assert bench.steps["w"].value == "deleted y"


async def test_refused_approval_fails_that_step_only(bench):
    async def refuse(asked):
        return False

    @tool(effect="write", name="t.delete", destructive=True)
    async def delete() -> None:
        raise AssertionError("must not run")

    end = await bench.go([delete, give], [step("w", "t.delete"), step("a")], approve=refuse)
    assert end.status == "failed"
    assert bench.statuses() == {"w": "failed", "a": "ok"}
    assert "refused" in bench.steps["w"].error


async def test_run_ends_with_needs_approval_when_nobody_answers(bench):
    @tool(effect="write", name="t.delete", destructive=True)
    async def delete() -> None:
        raise AssertionError("must not run")

    end = await bench.go([delete, give], [step("w", "t.delete"), step("a")])
    assert end.status == "needs_approval"
    assert bench.statuses() == {"w": "waiting", "a": "ok"}


async def test_changed_input_runs_every_step_again_that_used_the_old_one(bench):
    @tool(effect="write", name="t.send", destructive=True)
    async def send(text: str) -> str:
        return text

    steps = [
        step("a", parameters={"value": "Dear ${inputs.name}"}),
        step("b", parameters={"value": "${a}!"}),
        step("c", parameters={"value": "no name"}),
        Step(id="w", action="t.send", parameters={"text": "${b}"}),
    ]
    executor = bench.prepare([send, give], steps, inputs={"name": "Ann"}, waits=True)
    task = asyncio.create_task(executor.run())
    await bench.until(lambda: "w" in executor.people.open)
    executor.people.answer("w", granted=True, changes={"name": "Bob"})
    await bench.until(lambda: "w" in executor.people.open or task.done())
    executor.people.answer("w", granted=True)
    end = await task
    assert end.status == "done"
    assert bench.steps["w"].value == "Dear Bob!"
    assert (bench.steps["a"].attempts, bench.steps["c"].attempts) == (2, 1)


async def test_cancelled_run_starts_nothing_more(bench):
    started = asyncio.Event()
    stopped = []

    @tool(effect="read", name="t.wait")
    async def wait() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.append(True)
            raise

    executor = bench.prepare([wait, give], [step("a", "t.wait"), step("b", "t.give", "a"), step("c")])
    task = asyncio.create_task(executor.run())
    await started.wait()
    executor.cancel(None, "enough")
    end = await task
    assert end.status == "cancelled"
    assert stopped == [True]
    assert bench.statuses()["b"] == "cancelled"
    assert "cancel.requested" in bench.types()


async def test_cancelled_step_skips_its_dependents_only(bench):
    executor = bench.prepare([hang, give], [step("a", "t.hang"), step("b", "t.give", "a"), step("c")])
    task = asyncio.create_task(executor.run())
    await bench.until(lambda: bench.executor.core.state.cells.get("a") is not None and "step.started" in bench.types())
    executor.cancel("a")
    await task
    assert bench.statuses() == {"a": "cancelled", "b": "skipped", "c": "ok"}


async def test_wall_clock_budget_ends_the_run_with_what_it_has(bench):
    end = await bench.go([hang, give], [step("a", "t.hang"), step("b")], wall_s=0.05)
    assert (end.status, end.reason) == ("budget", "wall_s")
    assert bench.statuses() == {"a": "cancelled", "b": "ok"}


async def test_money_budget_is_never_overshot(bench):
    @tool(effect="read", name="t.dear", cost_usd=0.4)
    async def dear() -> str:
        await asyncio.sleep(0)
        return "x"

    budget = Budget({"usd": 1.0})
    end = await bench.go([dear], [step(f"s{i}", "t.dear") for i in range(6)], budget=budget)
    assert (end.status, end.reason) == ("budget", "usd")
    assert budget.used["usd"] == pytest.approx(0.8)
    assert list(bench.statuses().values()).count("ok") == 2


async def test_ready_steps_of_a_tool_with_a_batch_form_are_one_call(bench):
    calls = []

    @tool(effect="read", name="t.square")
    async def square(n: int) -> int:
        raise AssertionError("the batch form is used")

    @square.batch(limit=10)
    async def squares(items: list[dict]) -> list[int]:
        calls.append(len(items))
        return [item["n"] ** 2 for item in items]

    steps = [step(f"s{i}", "t.square", parameters={"n": i}) for i in range(5)]
    end = await bench.go([square, give], steps)
    assert end.status == "done"
    assert calls == [5]
    assert [bench.steps[f"s{i}"].value for i in range(5)] == [0, 1, 4, 9, 16]


async def test_failed_batch_is_split_and_retried_step_by_step(bench):
    @tool(effect="read", name="t.square")
    async def square(n: int) -> int:
        if n == 3:
            raise ToolError("three is bad")
        return n**2

    @square.batch(limit=10)
    async def squares(items: list[dict]) -> list[int]:
        raise ToolError("the whole batch is bad")

    await bench.go([square], [step(f"s{i}", "t.square", parameters={"n": i}) for i in range(5)])
    assert [bench.steps[f"s{i}"].status for i in range(5)] == ["ok", "ok", "ok", "failed", "ok"]
    assert [bench.steps[f"s{i}"].attempts for i in range(5)] == [1] * 5


async def test_limit_of_a_tool_is_shared_by_all_runs(bench):
    running = peak = 0

    @tool(effect="read", name="t.scarce")
    async def scarce() -> None:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        for _ in range(5):
            await asyncio.sleep(0)
        running -= 1

    shared = Limits({"t.scarce": 2})
    executors = [
        bench.prepare([scarce], [step(f"s{i}", "t.scarce") for i in range(6)], shared=shared) for _ in range(3)
    ]
    ends = await asyncio.gather(*(executor.run() for executor in executors))
    assert [end.status for end in ends] == ["done"] * 3
    assert peak == 2
    assert shared.taken["t.scarce"] == 0


async def test_longest_remaining_path_goes_first(bench):
    steps = [step("short"), step("long1"), step("long2", "t.give", "long1"), step("long3", "t.give", "long2")]
    await bench.go([give], steps, settings=Settings(max_parallel_steps=1))
    started = [e.payload.step for e in bench.events if isinstance(e.payload, StepStarted)]
    assert started[0] == "long1"


async def test_generations_wait_for_the_whole_wave_and_dataflow_does_not(bench):
    orders = {}
    for schedule in ("dataflow", "generations"):
        gate = asyncio.Event()

        @tool(effect="read", name="t.slow")
        async def slow() -> None:
            await asyncio.wait_for(gate.wait(), 0.2) if schedule == "dataflow" else None  # noqa: B023

        @tool(effect="read", name="t.open")
        async def open_gate() -> None:
            gate.set()  # noqa: B023

        bench.events.clear()
        steps = [step("slow", "t.slow"), step("a"), step("b", "t.open", "a")]
        end = await bench.go([slow, open_gate, give], steps, settings=Settings(schedule=schedule))
        assert end.status == "done"
        orders[schedule] = [e.payload.step for e in bench.events if isinstance(e.payload, StepFinished)]
    assert orders["dataflow"][-1] == "slow"
    assert orders["generations"][-1] == "b"


async def test_large_result_is_stored_and_dependents_get_the_fields_they_name(bench):
    big = {"lines": ["x" * 100] * 5000, "last": "the end"}
    steps = [step("a", parameters={"value": big}), step("b", parameters={"value": "${a.last}"})]
    await bench.go([give], steps)
    finished = bench.run.finished["a"]
    assert finished.value is None and finished.stored is not None
    assert bench.steps["b"].value == "the end"
    assert bench.run.values.get("a") == big


async def test_repeated_overload_halves_the_limit_and_success_raises_it_again(bench):
    calls = 0

    @tool(effect="read", name="t.busy")
    async def busy() -> None:
        nonlocal calls
        calls += 1
        if calls <= 4:
            raise TransientError("429", overloaded=True)

    end = await bench.go(
        [busy], [step(f"s{i}", "t.busy") for i in range(30)], settings=Settings(max_parallel_steps=8, backoff_base_s=0)
    )
    assert end.status == "done"
    limits = [e.payload.parallel_steps for e in bench.events if e.type == "limit.changed"]
    assert limits[0] == 4
    assert limits == [4, 5, 6, 7, 8][: len(limits)] and len(limits) > 1


@pytest.mark.parametrize(
    ("value", "told"),
    [(float("nan"), "nan"), ({"a": [1.0, float("inf")]}, "result.a[1]"), (object(), "object"), ({"x": b"y"}, "bytes")],
)
async def test_unusable_result_fails_its_step_and_names_the_place(bench, value, told):
    @tool(effect="read", name="t.odd")
    async def odd():  # no annotation: anything may come
        return value

    await bench.go([odd, give], [step("a", "t.odd"), step("b")])
    assert bench.statuses() == {"a": "failed", "b": "ok"}
    assert told in bench.steps["a"].error


async def test_bytes_become_an_artifact(bench):
    @tool(effect="read", name="t.bytes")
    def raw() -> bytes:
        return b"\x00\x01" * 10

    await bench.go([raw], [step("a", "t.bytes")])
    handle = bench.steps["a"].value
    assert handle["size_bytes"] == 20
    assert bench.run.values._store.get(handle["artifact"]) == b"\x00\x01" * 10


async def test_too_large_result_fails_its_step_and_says_what_to_do(bench):
    from planloom.config import Config, Execution

    bench.config = Config(execution=Execution(max_result_bytes=100_000))

    @tool(effect="read", name="t.huge")
    def huge() -> bytes:
        return bytes(1_000_000)

    await bench.go([huge, give], [step("a", "t.huge"), step("b")])
    assert bench.statuses() == {"a": "failed", "b": "ok"}
    assert "max_result_bytes" in bench.steps["a"].error


async def test_rejected_result_of_an_optional_step_reaches_nobody(bench):
    steps = [
        Step(id="a", action="t.give", parameters={"value": "bad"}, expects=('result != "bad"',), optional=True),
        step("b", "t.give", parameters={"value": "${a}"}),
    ]
    end = await bench.go([give], steps)
    assert end.status == "done"
    assert bench.steps["a"].status == "failed" and bench.steps["b"].value is None


async def test_full_disk_stops_the_run_before_anything_starts_from_a_lost_result(bench):
    began = []

    @tool(effect="read", name="t.note")
    async def note() -> None:
        began.append(True)

    executor = bench.prepare([give, note], [step("a"), step("b", "t.note", "a")])
    (bench.run.journal.path / "00000001.journal").symlink_to("/dev/full")
    with pytest.raises(JournalError, match="make room"):
        await executor.run()
    assert began == []


async def test_replanned_run_reuses_what_did_not_change(bench):
    from planloom.orchestrator.running.past import Kept, Past

    calls = []

    @tool(effect="read", name="t.note")
    async def note(n: int) -> int:
        calls.append(n)
        return n

    steps = [step("a", "t.note", parameters={"n": 1}), step("b", "t.note", parameters={"n": 2})]
    await bench.go([note], steps)
    past = Past()
    for name, event in bench.run.finished.items():
        past.keep(event.key, Kept(stored=bench.run.values.result(name), verdict=Verdict("pass")))
    changed = [steps[0], step("b2", "t.note", parameters={"n": 3})]
    await bench.go([note], changed, past=past)
    assert calls == [1, 2, 3]
    assert bench.run.finished["a"].reused and bench.steps["a"].value == 1
