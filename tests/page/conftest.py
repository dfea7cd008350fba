"""A Chromium and a server for the tests of the page. One loop and one browser for a whole module."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from planloom.config import Config
from planloom.server.serving import Running, running

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLAYBOOKS = Path(__file__).parent / "playbooks"


def chromium() -> str | None:
    """A Chromium of this machine: PLANLOOM_CHROMIUM, one on the PATH, or one that Playwright brought; None: none."""
    named = os.environ.get("PLANLOOM_CHROMIUM")
    if named:
        return named
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return found
    brought = sorted((Path.home() / ".cache" / "ms-playwright").glob("chromium*/chrome-linux*/*chrom*"))
    return next((str(path) for path in brought if os.access(path, os.X_OK) and path.is_file()), None)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Any]:
    """A browser; without one the tests are skipped."""
    path = chromium()
    if path is None:
        pytest.skip("no Chromium here: install one, or name it in PLANLOOM_CHROMIUM")
    from playwright.async_api import async_playwright

    flags = ["--disable-gpu", "--disable-dev-shm-usage"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")  # Chromium's own does not run as root
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path, args=flags)
        yield started
        await started.close()


Serve = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Starts a server over folders of the test; keywords are groups of the settings."""

    @asynccontextmanager
    async def serving(**groups: Any) -> AsyncIterator[Running]:
        folders = {name: str(tmp_path / name) for name in ("state", "out", "workspace")}
        Path(folders["workspace"]).mkdir(exist_ok=True)
        settings = {**folders, "playbooks": {"folders": [str(PLAYBOOKS)]}, **groups}
        async with running(Config.model_validate(settings), port=0) as found:
            yield found

    return serving


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser: Any) -> AsyncIterator[Callable[..., Any]]:
    """Opens an address in a browser of its own; at the end no page may have met an error or a broken rule."""
    contexts, troubles = [], []

    async def open_page(url: str, *, context: Any = None, **options: Any) -> Any:
        if context is None:
            context = await browser.new_context(**options)
            contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda said: said.type == "error" and troubles.append(said.text))
        await page.goto(url)
        await page.wait_for_selector("#goal")
        return page

    yield open_page
    for context in contexts:
        await context.close()
    expected = ("ERR_CONNECTION_REFUSED", "WebSocket connection", "frame is sandboxed")  # cuts, and files kept quiet
    assert [trouble for trouble in troubles if not any(part in trouble for part in expected)] == []
