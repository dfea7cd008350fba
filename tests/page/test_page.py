"""The page in a real browser against the real server: what a person does, and what must never happen."""

from __future__ import annotations

import asyncio
import base64
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect
from tests.page.typist import typing

from planloom import tool
from planloom.agents.tool import ToolContext
from planloom.server.serving import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
DESK = {"viewport": {"width": 1440, "height": 900}}


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # 1 by 1
FILES = {
    "a rather long name of a table that does not fit.csv": b"city;people\nCairo;10100000\n",
    "report.html": b"<h1>Report</h1><p onclick='window.harmed = 4'>Text</p>",
    "picture.png": base64.b64decode(PIXEL),
    "notes.md": b"# Notes\n\nSome *text*.\n",
    "data.json": b'{"a": [1, 2]}',
    "all.zip": b"PK\x05\x06" + bytes(18),
}


class Trial:
    """Tools whose course the test decides. `posted` is what was really posted, `calls` how often each tool ran."""

    def __init__(self, found: Running) -> None:
        self.gates: dict[str, asyncio.Event] = {}
        self.posted: list[str] = []
        self.calls: list[str] = []

        @tool(effect="pure", name="trial.number")
        def number(value: int) -> int:
            """The number."""
            self.calls.append("number")
            return value

        @tool(effect="pure", name="trial.range")
        def up_to(count: int) -> list[int]:
            """Numbers from 1."""
            return list(range(1, count + 1))

        @tool(effect="pure", name="trial.total")
        def total(values: list[int]) -> int:
            """Their sum."""
            return sum(values)

        @tool(effect="pure", name="trial.echo")
        def echo(text: str) -> str:
            """The text."""
            return text

        @tool(effect="read", name="trial.files")
        def files(context: ToolContext) -> list[str]:
            """A file of each kind that a page can show, and one that it can't."""
            for name, data in FILES.items():
                path = context.workspace.output(name)
                path.write_bytes(data)
                context.artifact(path)
            return list(FILES)

        @tool(effect="read", name="trial.held")
        async def held(gate: str, context: ToolContext) -> int:
            """Waits until the gate opens."""
            self.calls.append("held")
            context.progress(1, 2, "half way")
            await self.gate(gate).wait()
            return 42

        @tool(effect="write", name="trial.post", destructive=True)
        def post(text: str) -> str:
            """Posts a text."""
            self.posted.append(text)
            return text

        found.server.loom.registry.add(number, up_to, total, echo, files, held, post)

    def gate(self, name: str) -> asyncio.Event:
        return self.gates.setdefault(name, asyncio.Event())


async def say(page: Any, text: str) -> None:
    await page.fill("#goal", text)
    await page.press("#goal", "Enter")


async def ended(page: Any) -> str:
    """The answer of the last run, once it is over."""
    await page.wait_for_selector(".turn:last-child .foot")
    return str(await page.locator(".turn:last-child .reply").inner_text())


async def test_goal_runs_live_and_its_files_can_be_seen_and_taken(serve: Any, visit: Any, tmp_path: Path):
    folder = tmp_path / "workspace" / "harbour"
    folder.mkdir(parents=True)
    (folder / "notes.md").write_text("# Boats\n\nThe harbour has many boats.\n")
    async with serve() as found:
        page = await visit(found.url, **DESK)
        await say(page, f"Report on the folder {folder}")
        await page.wait_for_selector("[data-card=scan]")  # the graph is there before the run is over or with it
        assert "1 file" in await ended(page)
        assert await page.locator(".node.is-failed").count() == 0
        await page.click(".reply .file-link")
        report = page.frame_locator("iframe.preview-frame")
        assert await report.locator("h1").inner_text() == "harbour"
        assert await page.locator("iframe.preview-frame").get_attribute("sandbox") == ""
        await page.keyboard.press("Escape")
        await page.click("#tab-files")
        async with page.expect_download() as download:
            await page.click("a[aria-label='Download inventory.csv']")
        saved = Path(await (await download.value).path())
        assert "notes.md" in saved.read_text()
        await page.click("#tab-costs")
        await page.wait_for_selector("text=Where the time went >> nth=1")


async def test_approval_says_what_will_happen_and_takes_other_values(serve: Any, visit: Any):
    async with serve() as found:
        trial = Trial(found)
        page = await visit(found.url, **DESK)
        await say(page, "Post the text hello")
        question = page.locator(".is-question")
        await question.wait_for()
        shown = await question.inner_text()
        assert "trial.post" in shown and "hello" in shown and trial.posted == []
        await question.get_by_text("Change values").click()
        await question.get_by_label("text").fill("hello there")
        await question.get_by_text("Allow with these values").click()
        assert "hello there" in await ended(page)
        assert trial.posted == ["hello there"]
        assert await question.count() == 0


async def test_refused_step_never_runs(serve: Any, visit: Any):
    async with serve() as found:
        trial = Trial(found)
        page = await visit(found.url, **PHONE)
        await say(page, "Post the text secret")
        await page.click(".is-question >> text=Refuse")
        await page.wait_for_selector(".turn .foot")
        assert trial.posted == []
        assert "Failed" in await page.locator(".progress-word").inner_text()


async def test_running_run_is_stopped(serve: Any, visit: Any):
    async with serve() as found:
        trial = Trial(found)
        page = await visit(found.url, **DESK)
        await say(page, "Wait for the gate south")
        await page.wait_for_selector("[data-card=held].is-running")
        await page.click("[aria-label='Stop the run']")
        await page.wait_for_selector(".turn .foot")
        assert await page.locator(".progress-word").inner_text() == "Stopped"
        assert trial.calls.count("held") == 1


async def test_reload_in_the_middle_shows_the_run_where_it_is(serve: Any, visit: Any):
    async with serve() as found:
        trial = Trial(found)
        page = await visit(found.url, **DESK)
        await say(page, "Wait for the gate north")
        await page.wait_for_selector("[data-card=held].is-running")
        await page.reload()
        await page.wait_for_selector("[data-card=held].is-running")
        assert await page.locator(".turn").count() == 1
        assert await page.locator("[data-card=first].is-ok").count() == 1
        trial.gate("north").set()
        assert "let 42 through" in await ended(page)
        assert await page.locator(".reply .cite").inner_text() == "last"
        assert trial.calls.count("held") == 1


async def test_second_page_sees_and_answers_the_same(serve: Any, visit: Any):
    async with serve() as found:
        trial = Trial(found)
        first = await visit(found.url, **DESK)
        await say(first, "Post the text twice")
        await first.wait_for_selector(".is-question")
        second = await visit(first.url, **PHONE)
        await second.click(".is-question >> text=Allow")
        assert await ended(first) == await ended(second)
        assert trial.posted == ["twice"]
        assert await first.locator(".is-question").count() == 0


async def test_cut_line_comes_back_without_loss(serve: Any, visit: Any, browser: Any):
    async with serve() as found:
        trial = Trial(found)
        context = await browser.new_context(**DESK)
        lines: list[Any] = []
        asked: list[str] = []

        async def between(line: Any) -> None:
            server = line.connect_to_server()
            lines.append(line)
            line.on_message(lambda frame: (asked.append(frame), server.send(frame)))

        await context.route_web_socket(re.compile("/ws/chat$"), between)
        page = await visit(found.url, context=context)
        await say(page, "Wait for the gate west")
        await page.wait_for_selector("[data-card=held].is-running")
        await lines[-1].close(code=4000, reason="cut")
        await page.wait_for_selector(".is-lost")
        trial.gate("west").set()
        assert "let 42 through" in await ended(page)
        resumed = [frame for frame in asked if '"resume"' in frame]
        assert resumed and '"last_seq":0' not in resumed[-1]
        assert await page.locator(".turn").count() == 1
        await context.close()


async def test_nothing_said_or_made_becomes_html(serve: Any, visit: Any):
    async with serve() as found:
        Trial(found)
        page = await visit(found.url, **DESK)
        await say(page, "Tease the page")
        assert "bold" in await ended(page)
        await page.click("[data-card=teasing] .node-main")
        assert "onerror" in await page.locator(".detail").inner_text()
        assert await page.locator(".prose img, .prose b, .prose script, .detail b, a[href^='javascript:']").count() == 0
        assert await page.evaluate("window.harmed") is None


async def test_answer_streams_while_it_is_written_also_after_a_reload_and_on_a_second_page(serve: Any, visit: Any):
    async with typing() as typist, serve(models={"base_url": typist.base_url, "model": "m"}) as found:
        Trial(found)
        page = await visit(found.url, **DESK)
        await say(page, "Tell of the number seven")
        streaming = page.locator(".reply.is-streaming")
        await typist.pieces.put("The first line is there.\n\n")
        await expect(streaming).to_contain_text("The first line is there.")
        await page.reload()
        await expect(streaming).to_contain_text("The first line is there.")
        second = await visit(page.url, **PHONE)
        await expect(second.locator(".reply.is-streaming")).to_contain_text("The first line")
        await typist.pieces.put("The second line is there.\n\n")
        for one in (page, second):
            await expect(one.locator(".reply.is-streaming")).to_contain_text("The second line is there.")
        await typist.pieces.put(None)
        answers = {await ended(page), await ended(second)}
    assert len(answers) == 1
    text = answers.pop()
    assert (text.count("first line"), text.count("second line")) == (1, 1)


async def test_stopped_while_its_answer_is_written_it_keeps_what_was_there(serve: Any, visit: Any):
    async with typing() as typist, serve(models={"base_url": typist.base_url, "model": "m"}) as found:
        Trial(found)
        page = await visit(found.url, **DESK)
        await say(page, "Tell of the number seven")
        await typist.pieces.put("The first line is there.\n\n")
        await expect(page.locator(".reply.is-streaming")).to_contain_text("The first line is there.")
        await page.click("[aria-label='Stop the run']")
        assert "The first line is there." in await ended(page)
        assert await page.locator(".progress-word").inner_text() == "Stopped"


async def test_text_from_right_to_left_and_tables_stand_as_they_are_read(serve: Any, visit: Any):
    async with serve() as found:
        Trial(found)
        page = await visit(found.url, **DESK)
        await say(page, "اكتب عن المدن الكبيرة")
        await ended(page)

        async def style(selector: str, name: str) -> str:
            return str(await page.locator(selector).first.evaluate(f"e => getComputedStyle(e)['{name}']"))

        assert [await style(s, "direction") for s in (".bubble", ".reply p", ".reply li")] == ["rtl"] * 3
        assert [await style(s, "direction") for s in (".reply pre", ".reply table")] == ["ltr"] * 2
        assert await style(".reply td.is-right", "textAlign") == "end"
        assert await page.locator(".reply [style]").count() == 0


async def test_every_kind_of_file_is_shown_or_can_be_taken(serve: Any, visit: Any):
    async with serve() as found:
        Trial(found)
        page = await visit(found.url, **PHONE)
        await say(page, "Make a file of each kind")
        await ended(page)
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"]
        await page.click(".progress-main")
        await page.click("#tab-files")
        shown = {
            "fit.csv": "td >> text=Cairo",
            "report.html": "iframe.preview-frame",
            "picture.png": "img",
            "notes.md": "h1 >> text=Notes",
            "data.json": 'text=/"a"|a/',
            "all.zip": "text=Download it",
        }
        for name, inside in shown.items():
            await page.locator(".panel").get_by_role("button", name=name).click()
            await page.locator("dialog").locator(inside).first.wait_for()
            await page.keyboard.press("Escape")
            await page.wait_for_selector("dialog", state="detached")
        async with page.expect_download() as download:
            await page.click("a[aria-label='Download all.zip']")
        taken = await download.value
        assert taken.suggested_filename == "all.zip"
        await page.keyboard.press("Escape")
        await page.wait_for_selector("main:not([inert])")
        assert await page.evaluate("window.harmed") is None


async def test_plan_is_reviewed_and_changed_before_it_runs(serve: Any, visit: Any):
    async with serve(execution={"plan_approval": True}) as found:
        trial = Trial(found)
        trial.gate("east").set()
        page = await visit(found.url, **DESK)
        await say(page, "Wait for the gate closed")
        review = page.get_by_label("Plan to approve")
        await review.wait_for()
        assert trial.calls == []
        await page.wait_for_selector("[data-card=held].is-waiting")  # drawn before it runs
        await review.get_by_text("Change the plan").click()
        await review.get_by_label("gate").fill("east")
        await review.get_by_text("Run the changed plan").click()
        await page.get_by_label("Plan to approve").get_by_text("Run it").click()
        assert "let 42 through" in await ended(page)
        assert trial.calls.count("held") == 1


async def test_missing_input_is_asked_for(serve: Any, visit: Any):
    async with serve() as found:
        trial = Trial(found)
        page = await visit(found.url, **PHONE)
        await say(page, "Wait for the gate")
        await page.wait_for_selector(".is-problem")
        trial.gate("late").set()
        await page.get_by_role("textbox", name="gate").fill("late")
        await page.click(".is-problem >> text=Continue")
        assert "gate late let 42 through" in await ended(page)


async def test_two_hundred_steps_are_drawn_and_can_be_walked_by_keys(serve: Any, visit: Any):
    async with serve() as found:
        Trial(found)
        page = await visit(found.url, **DESK)
        await say(page, "Count many things")
        assert "20100" in await ended(page)
        await page.wait_for_selector("[data-card=each].is-stack >> text=200 of 200 done")
        await page.focus("[data-card=all] .node-main")
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("Enter")
        assert await page.locator(".detail h2").inner_text() == "each"
        await page.click("[aria-label='Unfold each']")
        await page.wait_for_selector("[data-card='each[199]']")
        assert await page.locator(".node.is-ok").count() == 203


async def test_sessions_are_found_again(serve: Any, visit: Any):
    async with serve() as found:
        trial = Trial(found)
        trial.gate("one").set()
        page = await visit(found.url, **DESK)
        await say(page, "Wait for the gate one")
        await ended(page)
        await page.click("text=New conversation >> nth=0")
        await page.wait_for_selector(".welcome")
        await page.fill("[aria-label='Search conversations']", "nothing like it")
        await page.wait_for_selector("text=Nothing found.")
        await page.fill("[aria-label='Search conversations']", "gate")
        await page.click(".entry-main")
        assert "let 42 through" in await ended(page)


async def test_uploaded_file_can_be_named_in_a_goal(serve: Any, visit: Any, tmp_path: Path):
    async with serve() as found:
        page = await visit(found.url, **PHONE)
        notes = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"kept as it is"}
        await page.set_input_files("input[type=file]", notes)
        await expect(page.locator("#goal")).to_have_value(re.compile("notes.txt"))
        path = (await page.input_value("#goal")).strip()
        assert (tmp_path / "workspace" / path).read_bytes() == b"kept as it is"


async def test_menu_of_a_phone_takes_and_gives_back_the_focus(serve: Any, visit: Any):
    async with serve() as found:
        page = await visit(found.url, **PHONE)
        await page.click("[aria-label=Conversations][aria-expanded]")
        await expect(page.get_by_role("button", name="Close", exact=True)).to_be_focused()
        assert await page.locator("main[inert]").count() == 1
        await page.keyboard.press("Escape")
        await page.wait_for_selector("main:not([inert])")
        await page.fill("#goal", "it can be written again")


async def test_token_is_asked_for_and_kept_for_files(serve: Any, visit: Any):
    async with serve(server={"token": "a-word-for-the-test"}) as found:
        trial = Trial(found)
        trial.gate("two").set()
        page = await visit(found.url, **DESK)
        await page.get_by_label("Token").fill("a-word-for-the-test")
        await page.click("text=Continue")
        await page.wait_for_selector(".login", state="detached")
        await say(page, "Wait for the gate two")
        assert "let 42 through" in await ended(page)


VIEWS = [(PHONE, "dark"), (PHONE, "light"), (DESK, "dark"), (DESK, "light")]
NAMES = ["phone, dark", "phone, light", "desk, dark", "desk, light"]


async def check(page: Any, place: str) -> None:
    """No serious fault of accessibility where the page stands."""
    from axe_playwright_python.async_playwright import Axe

    found = await Axe().run(page)
    grave = [one for one in found.response["violations"] if one["impact"] in ("serious", "critical")]
    told = [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in grave]
    assert told == [], place


@pytest.mark.parametrize(("size", "scheme"), VIEWS, ids=NAMES)
async def test_axe_finds_no_serious_fault_in_a_run(serve: Any, visit: Any, size: dict[str, Any], scheme: str):
    async with serve() as served:
        Trial(served)
        page = await visit(served.url, color_scheme=scheme, reduced_motion="reduce", **size)
        await page.wait_for_selector(".idea")
        await check(page, "welcome")
        await say(page, "Post the text hello")
        await page.wait_for_selector(".is-question")
        await page.click("text=Change values")
        await page.click("text=Add a note")
        await check(page, "question")
        await page.click("text=Allow")
        await ended(page)
        await page.click(".progress-main")
        await page.click("[data-card=sent] .node-main")
        await check(page, "graph and step")
        for name in ("timeline", "files", "costs"):
            await page.click(f"#tab-{name}")
            await check(page, name)


@pytest.mark.parametrize(("size", "scheme"), VIEWS[1:3], ids=NAMES[1:3])
async def test_axe_finds_no_serious_fault_in_dialogs(serve: Any, visit: Any, size: dict[str, Any], scheme: str):
    async with serve(execution={"plan_approval": True}, server={"token": "a-word-for-the-test"}) as served:
        Trial(served)
        page = await visit(served.url, color_scheme=scheme, reduced_motion="reduce", **size)
        await page.get_by_label("Token").wait_for()
        await check(page, "token")
        await page.get_by_label("Token").fill("a-word-for-the-test")
        await page.click("text=Continue")
        await page.wait_for_selector(".login", state="detached")
        await say(page, "Make a file of each kind")
        review = page.get_by_label("Plan to approve")
        await review.wait_for()
        await check(page, "plan")
        await review.get_by_text("Change the plan").click()
        await check(page, "changed plan")
        await review.get_by_text("Undo changes").click()
        await review.get_by_text("Run it").click()
        await ended(page)
        for kind in ("csv", "json", "md", "zip"):
            await page.locator(f".file-card[title$='.{kind}']").click()
            await page.wait_for_selector("dialog .preview-body > *")
            await check(page, kind)
            await page.keyboard.press("Escape")
        await say(page, "Nobody can plan this")
        await page.wait_for_selector(".is-problem")
        await check(page, "problem")
