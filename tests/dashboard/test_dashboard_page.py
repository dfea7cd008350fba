"""The dashboard in a real browser, while a load runs on a real server."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.dashboard.test_dashboard_parts import write
from tests.loadtest.test_load_report import made
from tests.page.conftest import chromium
from tests.server.talking import served

from planloom.clock import SystemClock
from planloom.loadtest.driving import Drive
from planloom.loadtest.load import Load
from planloom.loadtest.scenarios import checked, find

pytestmark = pytest.mark.asyncio(loop_scope="module")

VIEWS = {
    "Live": "Runs under way",
    "Runs": "Timeline: each run by its begin and time",
    "Cost and quota": "Requests, and the limit of a model",
    "Arrangements": "Response times of runs that succeeded",
    "Load tests": "Response time of each goal",
}
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}


@dataclass(slots=True)
class Open:
    """The dashboard behind its address, a browser, and what pages asked for elsewhere or complained of."""

    url: str
    browser: Any
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    async def page(self, view: str, size: dict[str, int], scheme: str = "light") -> Any:
        """A page that shows a view."""
        context = await self.browser.new_context(viewport=size, color_scheme=scheme)
        page = await context.new_page()
        page.set_default_timeout(60_000)
        page.on("request", lambda asked: self._asked(asked.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        await page.goto(f"{self.url}/?view={view.replace(' ', '+')}")
        await page.get_by_text(VIEWS[view], exact=True).first.wait_for()
        return page

    def _asked(self, url: str) -> None:
        if not url.startswith((self.url, self.url.replace("http", "ws"), "data:", "blob:")):
            self.outside.append(url)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Open]:
    """A server under load, and its dashboard in a browser."""
    path = chromium()
    if path is None:
        pytest.skip("no Chromium here: install one, or name it in PLANLOOM_CHROMIUM")
    pytest.importorskip("streamlit")
    from playwright.async_api import async_playwright

    folder: Path = tmp_path_factory.mktemp("dashboard")
    write(folder / ".planloom", "recorded")
    (folder / "load-1").mkdir()
    (folder / "load-1" / "report.json").write_text(json.dumps(made()))
    flags = ["--disable-gpu", "--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with served(folder) as found, async_playwright() as playwright:
        load = asyncio.create_task(_load(found.url))
        arguments = ["--port", "0", "--url", found.url, "--state", str(folder / ".planloom"), "--reports", str(folder)]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "planloom", "dashboard", *arguments), stdout=asyncio.subprocess.PIPE, cwd=folder
        )
        try:
            assert process.stdout is not None
            line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
            url = next(word for word in line.split() if word.startswith("http")).rstrip(";")
            browser = await playwright.chromium.launch(executable_path=path, args=flags)
            yield Open(url, browser)
            await browser.close()
        finally:
            process.terminate()
            await process.wait()
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)


async def _load(url: str) -> None:
    """Goals until it is cancelled, a few at once."""
    while True:
        load = Load(requests=6, concurrency=2)
        await Drive(load, checked(find("sums").goals(6, 1, None), 6), url, "", SystemClock()).run(asyncio.Event())
        await asyncio.sleep(1.0)


async def test_every_view_shows_its_plots_on_a_desk_and_asks_nobody_else(opened: Open) -> None:
    page = await opened.page("Live", DESK)
    for view, title in VIEWS.items():
        await page.get_by_role("radio", name=view, exact=True).click()
        card = page.locator("[data-testid=stColumn]").filter(has_text=title)
        await (page.get_by_text(title, exact=True) if view == "Live" else card.locator(".main-svg")).first.wait_for()
        assert await page.get_by_text(re.compile("Traceback|Error:")).count() == 0, view
    assert opened.outside == []
    assert opened.errors == []
    await page.context.close()


async def test_nothing_is_wider_than_a_phone(opened: Open) -> None:
    page = await opened.page("Runs", PHONE, "dark")
    await page.locator(".js-plotly-plot .main-svg").first.wait_for()
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    background = await page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert sum(map(int, re.findall(r"\d+", background)[:3])) < 3 * 60, "dark where the system is dark"
    await page.context.close()


async def test_what_happens_while_the_page_is_open_is_shown(opened: Open) -> None:
    page = await opened.page("Live", DESK)
    ended = page.locator("[data-testid=stMetric]").filter(has_text="Runs ended").locator("[data-testid=stMetricValue]")
    first = await ended.inner_text()
    await page.wait_for_function(
        "([was]) => [...document.querySelectorAll('[data-testid=stMetric]')]"
        ".some(m => m.innerText.includes('Runs ended') && !m.innerText.includes(was))",
        arg=[first],
    )
    await page.context.close()


async def test_a_session_can_be_chosen(opened: Open) -> None:
    page = await opened.page("Runs", DESK)
    box = page.locator("[data-testid=stMultiSelect]").filter(has_text="Sessions").locator("input")
    await box.click()
    await page.get_by_role("option", name=re.compile("^load")).first.click()  # not "Select all"
    one = page.locator("[data-testid=stMetric]").filter(has_text=re.compile(r"Sessions\s*1$"))
    await one.wait_for()
    await page.context.close()


async def test_pages_of_others_and_other_names_are_refused(opened: Open) -> None:
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus

    socket = opened.url.replace("http", "ws") + "/_stcore/stream"
    async with connect(socket, origin=opened.url):
        pass
    for headers in ({"origin": "https://evil.example"}, {"additional_headers": {"Host": "evil.example"}}):
        with pytest.raises(InvalidStatus):
            async with connect(socket, **{"origin": opened.url, **headers}):
                pass
