"""Whatever the size of the data and whatever a model does: requests to it stay small, and contexts apart."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.orchestrator.agentscript import Body, calls, results, says
from tests.orchestrator.scripted import serving
from tests.workflows.deck.shop import made
from tests.workflows.deck.test_deck_run import config

from planloom import Planloom
from planloom.workflows.deck.shapes import REQUESTS

MOST_TOKENS = 100_000
CHARS_A_TOKEN = 3  # fewer than any text here has, so that tokens are not counted too low
DAYS = {"merchant": "Elm", "start": "2021-01-01", "end": "2025-12-31"}
TEXT = json.dumps({"finding": "Orders hold up well", "paragraph": "The year went well for the merchant."})


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Ten years with 500 product types of long names, and ages that are no bands."""
    orders = [
        (n % 400 + 1, 1000 + n * 37 % 90_000, f"plan {n * 7 % 500} {'x' * 250}", "paid",
         f"{2016 + n % 10}-{n % 12 + 1:02d}-{n % 28 + 1:02d} 10:00:00")
        for n in range(60_000)
    ]  # fmt: skip
    people = [(f"{n} years and {'a' * 200}", f"gender {n % 90} {'g' * 200}", "North") for n in range(400)]
    return made(tmp_path_factory.mktemp("large") / "orders.sqlite", orders, people=people)


def task_of(body: Body) -> str:
    """The request that an analyst was given."""
    text = " ".join(str(message["content"]) for message in body["messages"] if message["role"] == "user")
    return re.findall(r"with request '(\w+)'", text)[0]


async def asked(folder: Path, database: str, script: Any, **inputs: Any) -> list[Body]:
    with serving(script) as provider:
        models = {"base_url": provider.url, "api_key": "sk-none", "model": "scripted"}
        async with Planloom(config(folder, database, models=models)) as loom:
            inputs = {"merchant": "Elm", "period": "January 2021 to December 2025", **inputs}
            result = await loom.run(playbook="merchant-deck", inputs=inputs)
    assert result.status == "done", result
    return [body for body in provider.requests if body.get("tools")]


def tokens(body: Body) -> int:
    return len(json.dumps(body, ensure_ascii=False)) // CHARS_A_TOKEN


async def test_each_analyst_sees_its_own_request_and_little_of_the_data(tmp_path, large):
    def script(body: Body) -> Any:
        if results(body):
            return says(TEXT)
        return calls(("merchant_report", {"request": task_of(body), **DAYS}))

    bodies = await asked(tmp_path, large, script)
    assert {task_of(body) for body in bodies} == set(REQUESTS) and len(bodies) == 14
    assert max(map(tokens, bodies)) < MOST_TOKENS / 3
    for body in bodies:
        text, own = json.dumps(body["messages"]), task_of(body)
        assert not [other for other in REQUESTS if other != own and f"request '{other}'" in text]
        told = "".join(results(body))
        assert not told or f'"request": "{own}"' in told.replace('":"', '": "')


async def test_a_model_that_asks_for_everything_again_and_again_stays_below_the_limit(tmp_path, large):
    def script(body: Body) -> Any:
        if len(results(body)) >= 40:
            return says(TEXT)
        return calls(*(("merchant_report", {"request": name, **DAYS}) for name in REQUESTS))

    bodies = await asked(tmp_path, large, script, requests=["monthly_sales"])
    assert len(bodies) > 2 and max(map(tokens, bodies)) < MOST_TOKENS
