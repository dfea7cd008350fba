"""The two servers as any client meets them, and as plug-ins of a registry."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image
from tests.workflows.deck.shop import sampled

from planloom.agents.call import Caller
from planloom.agents.equipment import equipped
from planloom.agents.mcp.listing import listing
from planloom.agents.mcp.plugged import PluggedServer, loaded
from planloom.agents.registry import Registry
from planloom.agents.tool import ToolContext
from planloom.agents.workspace import Workspace
from planloom.config import Config
from planloom.errors import ConfigError, ToolError, TransientError
from planloom.workflows.deck import merchant, plots
from planloom.workflows.deck.sample import SHOPS, sample_database, write_sample

YEAR = {"merchant": "Aurora Home", "start": "2025-01-01", "end": "2025-12-31"}
CHART = {
    "kind": "bar",
    "title": "Sales",
    "data": {"x": ["Jan", "Feb"], "series": [{"name": "a", "values": [1, None]}]},
    "name": "sales/../x y",
}


@dataclass
class Party:
    """A registry, and how a test calls its tools."""

    registry: Registry
    folder: Path
    before: set[int]
    """Ids of the processes that other tests of this process left, before the registry was made."""

    async def call(self, tool: str, arguments: dict[str, Any]) -> Any:
        found = self.registry.find(tool)
        assert found is not None, tool
        context = ToolContext(workspace=Workspace(self.folder, self.folder / "out"))
        return await Caller(lambda: None).call(found, arguments, context)  # type: ignore[arg-type,return-value]


@pytest.fixture
async def party(tmp_path: Path) -> AsyncIterator[Party]:
    database = sampled(tmp_path / "orders.sqlite")
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    config = Config.model_validate(
        {"state": str(tmp_path / "state"), "deck": {"database": database, "max_concurrent_charts": 1, "batch_size": 1}}
    )
    made = Party(equipped(config, dict(os.environ)), tmp_path, before)
    yield made
    await made.registry.close()


def running(module: str) -> list[psutil.Process]:
    """The processes below this one that run a module and have not ended."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # also said of those that have ended and wait for their parent
            found += [process] if module in process.cmdline() else []
    return found


@pytest.mark.parametrize(("module", "name"), [(merchant, "merchant"), (plots, "plots")])
async def test_listing_that_is_shipped_is_what_the_server_says(module, name):
    server = merchant.build(merchant.Source("", Path("none"))) if module is merchant else plots.build(None)  # type: ignore[arg-type]
    told = listing(
        await server.list_tools(), server=server.name, version=version("mcp"), has_resources=False, has_prompts=False
    )
    shipped = json.loads((Path(module.__file__).parent / f"{name}.json").read_text(encoding="utf-8"))
    assert {**shipped, "version": ""} == json.loads(json.dumps({**told.to_dict(), "version": ""}))


async def test_tools_are_listed_and_nothing_is_started(party):
    names = {"merchant.brief", "merchant.merchants", "merchant.report", "plots.draw", "deck.write"}
    assert names <= {tool.name for tool in party.registry}
    assert party.registry.source("plots.draw").startswith("plug-in planloom.workflows.deck")
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= party.before
    assert party.registry.find("merchant.report").effect == "read"


async def test_data_and_charts_come_over_the_protocol_and_a_killed_server_comes_back(party):
    report = await party.call("merchant.report", {"request": "monthly_sales", **YEAR})
    assert report["sql"] and report["chart"]["kind"] == "bar"
    with pytest.raises(ToolError, match="nearest are: Aurora Home"):
        await party.call("merchant.brief", {**YEAR, "merchant": "Aurora"})
    with pytest.raises(ToolError, match="nonsense"):
        await party.call("merchant.report", {"request": "nonsense", **YEAR})
    for process in running("planloom.workflows.deck.merchant"):
        with contextlib.suppress(psutil.NoSuchProcess):  # the first to die may have taken the others along
            if "planloom.agents.mcp.guard" not in process.cmdline():
                process.kill()
    with pytest.raises(TransientError):
        for _ in range(100):  # until its death was noticed
            await party.call("merchant.merchants", {})
    assert len((await party.call("merchant.merchants", {}))["merchants"]) == 2
    assert party.registry.take_notices() == []


async def test_pictures_have_names_of_their_own_also_after_the_workers_were_replaced(party):
    made = [await party.call("plots.draw", CHART) for _ in range(2)]
    paths = [party.folder / one["files"][0]["path"] for one in made]
    assert len(set(paths)) == 2 and all(path.parent == party.folder / "out" for path in paths)
    with Image.open(paths[0]) as image:
        assert image.width > 1000
    assert made[0]["data"]["alt"].startswith("Bar chart “Sales”")
    with pytest.raises(ToolError, match="expected data"):
        await party.call("plots.draw", {**CHART, "data": {"x": [], "series": []}})


async def test_drawing_side_by_side_leaves_no_file_and_no_process(tmp_path):
    async with plots.studio(2, 3) as drawing:
        arguments = {**CHART, "name": "same"}
        made = await asyncio.gather(*(drawing.draw(arguments) for _ in range(7)))
        assert len({picture for picture, _ in made}) == 1
        folder = drawing._folder
    assert not folder.exists()
    assert not running("planloom.agents.worker")


def test_server_of_the_settings_stands_before_that_of_the_plug_in(tmp_path):
    config = Config.model_validate(
        {"state": str(tmp_path), "mcp": {"servers": {"merchant": {"command": "nothing-like-it", "enabled": False}}}}
    )
    registry = equipped(config, {})
    assert registry.find("merchant.report") is None and registry.find("plots.draw") is not None


class Point:
    """An entry point that gives something."""

    name, value, dist = "shop", "some.module:server", None

    def __init__(self, made: Any) -> None:
        self._made = made

    def load(self) -> Any:
        return lambda config: self._made


def test_plug_in_that_gives_no_server_is_named():
    with pytest.raises(ConfigError, match=r"plug-in shop \(some.module:server\): expected a PluggedServer, got int"):
        loaded(Point(3), Config())
    with pytest.raises(ConfigError, match="expected one of command, url and preset"):
        loaded(Point(PluggedServer(settings=merchant_of_nothing())), Config())


def merchant_of_nothing() -> Any:
    from planloom.config import McpServer

    return McpServer()


def test_sample_is_the_same_for_a_seed_large_enough_and_says_what_it_is(tmp_path):
    import sqlite3

    assert sum(shop.orders for shop in SHOPS) >= 200_000 and len(SHOPS) == 12
    for name in ("a", "b"):
        write_sample(tmp_path / name, shops=SHOPS[4:5])
    rows = [sqlite3.connect(tmp_path / n).execute("SELECT * FROM orders ORDER BY id").fetchall() for n in ("a", "b")]
    assert rows[0] == rows[1] and {row[6][:4] for row in rows[0]} == {"2023", "2024", "2025"}
    there = tmp_path / "c"
    there.write_text("mine")
    assert sample_database(there).read_text() == "mine"
    assert sqlite3.connect(tmp_path / "a").execute("SELECT note FROM about").fetchone()[0].startswith("Sample data")
