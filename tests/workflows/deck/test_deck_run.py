"""The whole goal: from its words to the deck, with and without a model, several side by side."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pptx import Presentation
from tests.workflows.deck.shop import sampled

from planloom import Config, Planloom
from planloom.errors import InputError

GOAL = "Build the merchant deck for Aurora Home, January to December 2025"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return sampled(tmp_path_factory.mktemp("shop") / "orders.sqlite")


def config(folder: Path, database: str, **more: Any) -> Config:
    return Config.model_validate(
        {
            "workspace": str(folder),
            "state": str(folder / "state"),
            "out": str(folder / "out"),
            "deck": {"database": database, "max_concurrent_charts": 2},
            **more,
        }
    )


async def test_decks_side_by_side_have_their_files_and_one_that_can_not_be_made_says_why(tmp_path, database):
    async with Planloom(config(tmp_path, database)) as loom:
        goals = [GOAL, GOAL, "Merchant deck for Bluepeak Outdoors, January to June 2025"]
        results = await asyncio.gather(*(loom.run(goal) for goal in goals))
        odd = await loom.run("Merchant deck for Aurora Hone, January to June 2025")
        with pytest.raises(InputError, match="period"):
            await loom.run("Build the merchant deck for Aurora Home")
    paths: set[str] = set()
    for result in results:
        assert result.status == "done", result
        kinds = [artifact.media_type for artifact in result.artifacts]
        assert kinds.count("image/png") == 7 and kinds.count("application/json") == 7
        assert sum("presentation" in (kind or "") for kind in kinds) == 1
        paths |= {str(artifact.path) for artifact in result.artifacts}
        assert "Sales " in result.answer and "merchant-deck.pptx" in result.answer and "templates" in result.answer
    assert len(paths) == 45
    assert odd.status == "failed" and "nearest are: Aurora Home" in odd.answer + odd.reason


@pytest.fixture
def provider() -> Iterator[str]:
    command = [sys.executable, "-m", "planloom", "simulate", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        yield found[0]
        process.terminate()


async def test_analysts_work_in_contexts_of_their_own_and_wrong_texts_are_replaced(tmp_path, database, provider):
    models = {"base_url": provider, "api_key": "sk-none", "model": "simulated-small"}
    inputs = {"requests": ["monthly_sales", "orders_by_product"]}
    async with Planloom(config(tmp_path, database, models=models)) as loom:
        events: list[Any] = []
        result = await loom.run(GOAL, playbook="merchant-deck", inputs=inputs, on_event=events.append)
    assert result.status == "done", result
    assert {"analyses[0]", "analyses[1]"} <= set(result.steps)
    requests = [e.payload for e in events if type(e.payload).__name__ == "ModelCall"]
    assert requests
    path = next(str(a.path) for a in result.artifacts if str(a.path).endswith(".pptx"))
    title = Presentation(str(tmp_path / path)).slides[1].shapes.title.text
    assert title.startswith("Sales ")
