"""The page in a real browser: axe on phone and desktop, in light and dark, and without a mouse."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.page.conftest import chromium

from planloom import Config, Planloom
from planloom.workflows.finance import sample

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIZES = [(1280, 900), (390, 844)]
WIDEST = """Math.max(document.documentElement.scrollWidth, ...[...document.querySelectorAll(
  "[data-chart], .tile, h1, h2, p, summary")].map((one) => Math.floor(one.getBoundingClientRect().right)))"""
DRAWN = "() => document.querySelectorAll('[data-chart] svg.main-svg').length >= 8"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("finance")
    sample.write(folder / "ledger.csv", rows=2500)
    config = Config(workspace=str(folder), state=str(folder / "state"), out=str(folder / "out"))
    async with Planloom(config) as loom:
        result = await loom.run("Financial dashboard for 2025 from ledger.csv")
    assert result.status == "done", result.reason
    return (folder / result.steps["dashboard"].value["path"]).as_uri()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Any]:
    path = chromium()
    if path is None:
        pytest.skip("no Chromium here: install one, or name it in PLANLOOM_CHROMIUM")
    from playwright.async_api import async_playwright

    flags = ["--disable-gpu", "--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path, args=flags)
        yield started
        await started.close()


async def opened(browser: Any, address: str, size: tuple[int, int], scheme: str = "light") -> tuple[Any, list[str]]:
    """The page when its charts are drawn, and what its scripts complained of."""
    context = await browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page, troubles = await context.new_page(), []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: said.type == "error" and troubles.append(said.text))
    await page.goto(address)
    await page.wait_for_function(DRAWN)
    return page, troubles


@pytest.mark.parametrize("size", SIZES, ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_no_fault_and_nothing_is_wider_than_the_screen(browser, address, size, scheme):
    from axe_playwright_python.async_playwright import Axe

    page, troubles = await opened(browser, address, size, scheme)
    assert await page.evaluate(WIDEST) <= size[0]
    await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = await Axe().run(page)
    assert [one["id"] for one in found.response["violations"]] == []
    assert troubles == []
    await page.context.close()


async def test_all_of_it_is_reached_with_the_keyboard(browser, address):
    page, _ = await opened(browser, address, SIZES[0])
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to the figures"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    summaries = 0
    for _ in range(120):
        await page.keyboard.press("Tab")
        kind = await page.evaluate("document.activeElement.tagName")
        if kind == "SUMMARY":
            await page.keyboard.press("Enter")
            summaries += 1
        if kind == "BODY":
            break
    assert summaries == await page.locator("details").count() == await page.locator("details[open]").count()
    await page.context.close()


async def test_page_follows_the_colours_of_the_screen_and_asks_nothing_of_the_network(browser, address):
    context = await browser.new_context(offline=True)
    page, asked, troubles = await context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    await page.goto(address)
    await page.wait_for_function(DRAWN)
    ink = "getComputedStyle(document.querySelector('[data-chart] .xtick text')).fill"
    light = await page.evaluate(ink)
    await page.emulate_media(color_scheme="dark")
    await page.wait_for_function(f"() => {ink} !== '{light}'")
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [address] and troubles == []
    await context.close()
