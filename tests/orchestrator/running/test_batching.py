"""Merged calls change nothing but the number of calls."""

from __future__ import annotations

import random

import pytest

from planloom.agents.tool import tool
from planloom.errors import ToolError
from planloom.orchestrator.planning.plan import Step
from planloom.orchestrator.running.state import Settings


def random_plan(rng: random.Random) -> list[Step]:
    steps = []
    for number in range(rng.randint(5, 25)):
        inputs = [f"s{i}" for i in sorted(rng.sample(range(number), min(number, rng.choice((0, 0, 1, 2)))))]
        parameters = {"n": number, "add": [f"${{{name}}}" for name in inputs]}
        steps.append(
            Step(
                id=f"s{number}",
                action=rng.choice(("t.plain", "t.many")),
                parameters=parameters,
                optional=rng.random() < 0.2,
            )
        )
    return steps


def value(n: int, add: list[int | None]) -> int:
    if n % 7 == 6:
        raise ToolError(f"{n} is bad")
    return n + sum(a or 0 for a in add)


@pytest.mark.parametrize("seed", range(25))
async def test_results_and_statuses_are_those_of_the_unmerged_run(bench, seed):
    calls = {"batch": 0, "in_batches": 0}

    @tool(effect="pure", name="t.plain")
    async def plain(n: int, add: list[int | None]) -> int:
        return value(n, add)

    @tool(effect="pure", name="t.many")
    async def many(n: int, add: list[int | None]) -> int:
        return value(n, add)

    @many.batch(limit=6)
    async def all_of_them(items: list[dict]) -> list[int | Exception]:
        calls["batch"] += 1
        calls["in_batches"] += len(items)
        if seed % 5 == 0 and calls["batch"] == 1:
            raise ToolError("the first batch fails as a whole")
        results: list[int | Exception] = []
        for item in items:
            try:
                results.append(value(**item))
            except ToolError as error:
                results.append(error)
        return results

    steps = random_plan(random.Random(seed))
    outcomes = []
    for batching in (False, True):
        await bench.go([plain, many], steps, settings=Settings(batching=batching, max_parallel_steps=3))
        outcomes.append({name: (s.status, s.value, s.caused_by, s.error) for name, s in bench.steps.items()})
    assert outcomes[0] == outcomes[1]


async def test_merged_call_does_not_lengthen_the_critical_path(bench):
    """Two free places and a batch form that takes as long as all its members: nothing is merged."""
    sizes = []

    @tool(effect="read", name="t.slow")
    async def slow(n: int) -> int:
        sizes.append(1)
        return n

    @slow.batch(limit=10, growth=1.0)
    async def slow_many(items: list[dict]) -> list[int]:
        sizes.append(len(items))
        return [item["n"] for item in items]

    steps = [Step(id=f"s{i}", action="t.slow", parameters={"n": i}) for i in range(4)]
    await bench.go([slow], steps, settings=Settings(max_parallel_steps=0))
    assert sizes == [1, 1, 1, 1]
    sizes.clear()
    await bench.go([slow], steps, settings=Settings(max_parallel_steps=1))
    assert sizes == [4], "with one place, one after another takes as long"


async def test_built_in_batch_form_gives_what_single_calls_give(bench, tmp_path):
    from planloom.agents.tools.files import hash_

    steps = []
    for number in range(8):
        (tmp_path / f"{number}.txt").write_text(f"text {number}")
        steps.append(Step(id=f"s{number}", action="files.hash", parameters={"path": f"{number}.txt"}))
    steps.append(Step(id="gone", action="files.hash", parameters={"path": "gone.txt"}))
    outcomes = []
    for batching in (False, True):
        bench.events.clear()
        await bench.go([hash_], steps, settings=Settings(batching=batching, max_parallel_steps=1))
        outcomes.append({name: (s.status, s.value, s.error) for name, s in bench.steps.items()})
    assert any(e.type == "step.started" and len(e.payload.batch) == 9 for e in bench.events)
    assert outcomes[0] == outcomes[1]
    assert outcomes[0]["gone"][0] == "failed" and outcomes[0]["s3"][0] == "ok"
