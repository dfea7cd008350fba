"""The page of a report in a real browser, with nothing to fetch from."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from tests.loadtest.test_load_report import made
from tests.page.conftest import chromium

from planloom.loadtest.files import written

SEARCH = {
    "trials": [
        {
            "concurrency": n,
            "batch_size": 0,
            "throughput": 1.5 * n,
            "p95": 1.0,
            "success_share": 1.0,
            "bottleneck": "CPU",
        }
        for n in (1, 2, 4)
    ],
    "best": None,
    "told": "Best: 4 at once.",
}


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
async def test_the_page_draws_its_plots_offline_and_fits_the_screen(width: int, scheme: Any, tmp_path: Path) -> None:
    path = chromium()
    if path is None:
        pytest.skip("no Chromium here: install one, or name it in PLANLOOM_CHROMIUM")
    from axe_playwright_python.async_playwright import Axe
    from playwright.async_api import async_playwright

    report = made(search=SEARCH)
    page_file = await asyncio.to_thread(lambda: written(report, tmp_path)[-1])
    flags = ["--disable-gpu", "--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    asked: list[str] = []
    troubles: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=flags)
        context = await browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page = await context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda said: said.type == "error" and troubles.append(said.text))
        await page.goto(page_file.as_uri())
        await page.locator("[data-chart=search] .main-svg").first.wait_for()
        drawn = await page.locator("[data-chart] .plot-container").count()
        assert drawn == await page.locator("[data-chart]").count() >= 6
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        found = await Axe().run(page)
        serious = [one["id"] for one in found.response["violations"] if one["impact"] in ("serious", "critical")]
        await browser.close()
    assert asked == [page_file.as_uri()]
    assert troubles == []
    assert serious == []
