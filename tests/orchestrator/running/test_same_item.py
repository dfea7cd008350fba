"""`${other[item]}`: what several for_each steps gave for the same item, without waiting for other items."""

from __future__ import annotations

import asyncio

import pytest

from planloom.agents.tool import Tool, tool
from planloom.errors import ToolError
from planloom.orchestrator.planning.lint import lint
from planloom.orchestrator.planning.plan import Plan, Reference, Step, parse_reference


def steps() -> list[Step]:
    return [
        Step(id="root", action="t.look", for_each=[0, 1, 2], parameters={"n": "${item}", "kind": "root"}),
        Step(id="left", action="t.look", for_each="${root[*]}", parameters={"n": "${item.n}", "kind": "left"}),
        Step(id="right", action="t.look", for_each="${root[*]}", parameters={"n": "${item.n}", "kind": "right"}),
        Step(
            id="both",
            action="t.join",
            for_each="${right[*]}",
            parameters={"right": "${item.n}", "left": "${left[item].n}", "root": "${root[item].n}"},
        ),
    ]


def tools(held: asyncio.Event | None = None, joined: asyncio.Event | None = None, broken: int = -1) -> list[Tool]:
    @tool(effect="read", name="t.look")
    async def look(n: int, kind: str) -> dict[str, int]:
        if kind == "left" and n == broken:
            raise ToolError("it broke")
        if kind == "left" and n == 2 and held is not None:
            await held.wait()
        return {"n": n}

    @tool(effect="read", name="t.join")
    async def join(left: int, right: int, root: int) -> str:
        if joined is not None and left == 0:
            joined.set()
        return f"{left}{right}{root}"

    return [look, join]


async def test_each_part_gets_what_the_others_gave_for_its_item(bench):
    await bench.go(tools(), steps())

    assert bench.steps["both"].value == ["000", "111", "222"]


async def test_a_part_does_not_wait_for_other_items(bench):
    held, joined = asyncio.Event(), asyncio.Event()

    async def free() -> None:
        await asyncio.wait_for(joined.wait(), 5)
        held.set()

    freeing = asyncio.create_task(free())
    await bench.go(tools(held, joined), steps())
    await freeing

    assert bench.steps["both"].value == ["000", "111", "222"]


async def test_a_failed_item_skips_its_own_part_only(bench):
    await bench.go(tools(broken=1), steps())

    told = {name: bench.steps[name].status for name in ("both[0]", "both[1]", "both[2]")}
    assert told == {"both[0]": "ok", "both[1]": "skipped", "both[2]": "ok"}


async def test_fewer_items_on_the_other_side_fail_with_a_reason(bench):
    short = Step(id="left", action="t.look", for_each=[0, 1], parameters={"n": "${item}", "kind": "left"})
    plan = [short if one.id == "left" else one for one in steps()]

    await bench.go(tools(), plan)

    assert bench.steps["both[1]"].value == "111"
    assert "expected at least 3 items, got 2" in (bench.steps["both[2]"].error or "")


def test_it_is_written_as_it_is_read():
    reference = parse_reference("left[item].n")

    assert reference == Reference("left", ("n",), same_item=True)
    assert str(reference) == "${left[item].n}"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"for_each": None, "parameters": {"right": 1, "left": "${left[item].n}", "root": 1}}, "bad-reference"),
        ({"parameters": {"right": 1, "left": "${one[item].n}", "root": "${item.n}"}}, "bad-reference"),
    ],
)
def test_where_it_means_nothing_the_plan_is_refused(change, code):
    from dataclasses import replace

    one = Step(id="one", action="t.look", parameters={"n": 1, "kind": "root"})
    *before, last = steps()
    by_name = {one.name: one for one in tools()}
    found = lint(Plan(goal="", steps=(one, *before, replace(last, **change))), by_name.get, names=lambda: [*by_name])

    assert code in {finding.code for finding in found if finding.severity == "error"}


def test_a_healthy_plan_has_no_errors():
    by_name = {one.name: one for one in tools()}
    found = lint(Plan(goal="", steps=tuple(steps())), by_name.get, names=lambda: [*by_name])

    assert [finding for finding in found if finding.severity == "error"] == []
