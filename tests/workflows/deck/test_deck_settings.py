"""The deck's settings by variables of the environment, and the deck made one step after another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.workflows.deck.shop import sampled
from tests.workflows.deck.test_deck_run import GOAL, config
from tests.workflows.deck.test_deck_servers import CHART, running

from planloom import Planloom
from planloom.settings import load
from planloom.workflows.deck import plots, servers

MB = 1 << 20


def limits(**variables: str) -> tuple[int, int, list[str]]:
    """Requests and charts side by side, and how the chart server is started."""
    made = load(None, environ={f"PLANLOOM_DECK__{name}": value for name, value in variables.items()}, overrides={})
    charts = servers.plots(made.config).settings
    return servers.merchant(made.config).settings.concurrency, charts.concurrency, list(charts.args)


def test_limits_come_from_the_environment():
    assert limits()[:2] == (3, 4)
    requests, charts, started = limits(MAX_CONCURRENT_REQUESTS="5", MAX_CONCURRENT_CHARTS="2", BATCH_SIZE="7")
    assert (requests, charts) == (5, 2) and started[-4:] == ["--workers", "2", "--batch-size", "7"]


@pytest.mark.parametrize(("name", "expected"), [("CONCURRENT_REQUESTS", (1, 4)), ("CONCURRENT_CHARTS", (3, 1))])
def test_each_half_can_be_switched_off(name: str, expected: tuple[int, int]):
    assert limits(**{name: "false"})[:2] == expected


async def test_one_step_after_another_makes_the_same_deck(tmp_path: Path):
    database = sampled(tmp_path / "orders.sqlite", orders=600)
    texts: list[str] = []
    for schedule in ("dataflow", "sequential"):
        under_way, most = set[str](), [0]

        def watch(event: Any, under_way: set[str] = under_way, most: list[int] = most) -> None:
            kind = type(event.payload).__name__
            if kind == "StepStarted":
                under_way.add(event.payload.step)
                most[0] = max(most[0], len(under_way))
            elif kind == "StepFinished":
                under_way.discard(event.payload.step)

        performance = {"schedule": schedule, "max_parallel_steps": 4}
        async with Planloom(config(tmp_path / schedule, database, performance=performance)) as loom:
            result = await loom.run(GOAL, on_event=watch, inputs={"requests": ["monthly_sales", "orders_by_product"]})
        assert result.status == "done", result
        assert (most[0] == 1) == (schedule == "sequential")
        texts.append(result.answer.partition("The deck:")[0])
    assert texts[0] == texts[1]


async def test_drawing_goes_on_without_growing():
    async with plots.studio(1, 0) as drawing:
        sizes = []
        for _ in range(5):
            for number in range(20):
                await drawing.draw({**CHART, "kind": ("bar", "line", "donut", "barh")[number % 4]})
            [worker] = running("planloom.agents.worker")
            sizes.append(psutil.Process(worker.pid).memory_info().rss / MB)
    assert min(sizes[2:]) - sizes[1] < 8, sizes  # a figure that stays is a megabyte or more
