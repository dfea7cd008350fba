"""Runs a plan made in Python, with a tool of one's own: `python examples/run_a_plan.py`."""

import asyncio

from planloom import Plan, Planloom, Step, tool


@tool(effect="pure")
def double(n: int) -> int:
    """Doubles a number."""
    return 2 * n


PLAN = Plan(
    goal="Double some numbers",
    steps=(
        Step(id="each", action=double.name, for_each=[1, 2, 3], parameters={"n": "${item}"}),
        Step(id="last", action=double.name, parameters={"n": "${each[2]}"}),
    ),
    answer="${each}, and the last once more: ${last}",
)


async def main() -> None:
    """Runs the plan and prints the answer."""
    async with Planloom(tools=[double]) as loom:
        result = await loom.run(plan=PLAN)
    print(result.answer)


if __name__ == "__main__":
    asyncio.run(main())
