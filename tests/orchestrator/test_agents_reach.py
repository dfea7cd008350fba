"""Agents that reach out, each with a goal of its own through the whole engine, against real servers on loopback."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.agents.tools.davserver import PASSWORD as DAV_PASSWORD
from tests.agents.tools.davserver import USER as DAV_USER
from tests.agents.tools.davserver import dav_server, stored
from tests.agents.tools.mailservers import PASSWORD, USER, Mailroom, flags_of, imap_server, smtp_server
from tests.agents.tools.test_contacts import CARDS
from tests.agents.tools.test_feeds import rss
from tests.agents.tools.test_mail import message
from tests.agents.tools.test_notify import chat
from tests.agents.tools.test_stocks import CSV
from tests.agents.tools.test_web import HTML, STORY, site
from tests.orchestrator.agentscript import calls, in_turn, loom, plan, results, says, settings
from tests.orchestrator.scripted import serving

from planloom.orchestrator.planning.plan import Plan, Step

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # of the server, on purpose


async def reached(
    folder: Path, agent: str, *turns: Any, grant: bool | None = None, **tools: Any
) -> tuple[Any, Any, Any]:
    """The result of a run with one agent, what its model was shown at last, and the questions people were asked."""
    asked: list[Any] = []

    async def answer(question: Any) -> bool | None:
        asked.append(question)
        return grant

    def called(turn: Any) -> Any:
        return calls(turn) if isinstance(turn, tuple) else lambda body: calls(turn(results(body)))

    with serving(in_turn(*map(called, turns), says("Done: it is as asked."))) as server:
        async with loom(settings(folder, server.url, tools=tools)) as planloom:
            result = await planloom.run(plan=plan("Do it.", agent), approve=answer)
    shown = results(server.requests[-1])
    return result, shown, asked


def used(result: Any) -> list[tuple[str, str]]:
    return [(one["tool"], one["status"]) for one in result.steps["ask"].value["used"]]


def kept_secret(folder: Path, shown: Any, *secrets: str) -> bool:
    """Whether secrets are in nothing that a run leaves behind or shows to a model."""
    left = b"".join(path.read_bytes() for path in (folder / "state").rglob("*") if path.is_file())
    return not any(secret.encode() in left or secret in json.dumps(shown) for secret in secrets)


async def test_web_reads_a_page_and_its_table(tmp_path):
    with site(story=(200, HTML, STORY)) as url:
        result, shown, _ = await reached(
            tmp_path, "web", ("web_page", {"url": f"{url}/story"}), ("web_tables", {"url": f"{url}/story"}),
            http={"allow_private": True},
        )  # fmt: skip
    assert result.status == "done" and used(result) == [("web.page", "ok"), ("web.tables", "ok")]
    assert "six in the morning" in shown[0] and "06:12" in shown[1] and "stolen" not in shown[0]


async def test_web_does_not_reach_private_networks(tmp_path):
    with site(story=(200, HTML, STORY)) as url:
        result, shown, _ = await reached(tmp_path, "web", ("web_page", {"url": f"{url}/story"}))
    assert used(result) == [("web.page", "failed")] and "loopback" in shown[0]


async def test_feeds_tells_what_is_new(tmp_path):
    with site(rss=(200, "application/rss+xml", rss(1, 30))) as url:
        result, shown, _ = await reached(
            tmp_path,
            "feeds",
            ("feeds_read", {"url": f"{url}/rss", "since": "a week ago"}),
            http={"allow_private": True},
        )
    assert used(result) == [("feeds.read", "ok")]
    assert "1 days old" in shown[0] and "30 days old" not in shown[0]


def mailbox(**more: Any) -> dict[str, Any]:
    return {"accounts": {"home": {"user": USER, "password": PASSWORD, "address": "me@h.example", **more}}}


async def test_mail_reader_finds_reads_and_saves_without_a_trace(tmp_path):
    def uid(shown: list[str]) -> dict[str, str]:
        return {"uid": re.search(r"uid\W+(\d+)", shown[0])[1]}

    tide = message("Tide tables", text="High water at 06:12.")
    tide.add_attachment(b"a,b\n", maintype="text", subtype="csv", filename="tides.csv")
    with imap_server(message("Other one"), tide) as port:
        mail = mailbox(imap_host="127.0.0.1", imap_port=port, imap_security="none")
        result, shown, _ = await reached(
            tmp_path, "mail-reader", ("mail_search", {"subject": "tide"}),
            lambda shown: ("mail_read", uid(shown)), lambda shown: ("mail_attachments", uid(shown)), mail=mail,
        )  # fmt: skip
        assert "Seen" not in flags_of(port, "1:*")
    assert result.status == "done" and [status for _, status in used(result)] == ["ok"] * 3
    assert "06:12" in shown[1] and [path.name for path in (tmp_path / "out").rglob("*.csv")] == ["tides.csv"]
    assert kept_secret(tmp_path, shown, PASSWORD)


@pytest.mark.parametrize("grant", [True, False, None])
async def test_mail_sender_sends_only_what_a_person_agreed_to(tmp_path, grant):
    room = Mailroom()
    with smtp_server(room) as port:
        mail = mailbox(smtp_host="127.0.0.1", smtp_port=port, smtp_security="none")
        letter = {"to": ["ada@h.example"], "subject": "Tide", "text": "High water at 06:12."}
        result, shown, asked = await reached(tmp_path, "mail-sender", ("mail_send", letter), grant=grant, mail=mail)
    assert len(asked) >= 1 and "mail.send" in str(asked[0])
    assert len(room.envelopes) == (1 if grant else 0)
    assert result.status == ("needs_approval" if grant is None else "done")
    assert kept_secret(tmp_path, shown, PASSWORD)


async def test_calendar_finds_time_and_enters_it_on_the_server(tmp_path):
    day = {"start": "2026-11-23", "end": "2026-11-24", "timezone": "Europe/Berlin"}
    with dav_server(tmp_path, "Work") as url:
        account = {"url": url, "user": DAV_USER, "password": DAV_PASSWORD}
        result, shown, asked = await reached(
            tmp_path, "calendar",
            ("calendars_events", day),
            ("dates_free_slots", {"busy": [], "minutes": 60, **day}),
            ("calendars_add", {"title": "Crew talk", "start": "2026-11-23T09:00", "timezone": "Europe/Berlin"}),
            ("calendars_events", day),
            grant=True, calendars={"accounts": {"work": account}},
        )  # fmt: skip
        there = stored(url, "Work")
    assert result.status == "done" and [status for _, status in used(result)] == ["ok"] * 4, shown
    assert there.count("SUMMARY:Crew talk") == 1 and "Crew talk" in shown[3] and len(asked) == 1
    assert kept_secret(tmp_path, shown, DAV_PASSWORD)


async def test_contacts_finds_people(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "contacts.vcf").write_text(CARDS)
    result, shown, _ = await reached(tmp_path, "contacts", ("contacts_find", {"query": "Bob Briks"}))
    assert used(result) == [("contacts.find", "ok")] and "bob@h.example" in shown[0] and "ada@" not in shown[0]


@pytest.mark.parametrize("grant", [True, False])
async def test_notifier_posts_what_a_person_agreed_to(tmp_path, grant):
    with chat() as (url, posted):
        turn = ("notify_webhook", {"name": "team", "text": "High water"})
        result, shown, asked = await reached(
            tmp_path, "notifier", turn, grant=grant, notify={"webhooks": {"team": url}}
        )
    assert result.status == "done" and len(asked) == 1
    assert [body for _, body, _ in posted] == ([{"text": "High water"}] if grant else [])
    assert kept_secret(tmp_path, shown, "secret-path-42")


async def test_stocks_works_out_figures(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "p.csv").write_text(CSV)
    result, shown, _ = await reached(tmp_path, "stocks", ("stocks_figures", {"symbol": "p.csv"}))
    assert used(result) == [("stocks.figures", "ok")] and "drawdown" in shown[0] and "2026-01-06" in shown[0]


async def test_dates_lists_a_schedule(tmp_path):
    wish = {"rule": "FREQ=MONTHLY;BYDAY=-1FR", "start": "2026-11-01", "count": 2}
    result, shown, _ = await reached(tmp_path, "dates", ("dates_occurrences", wish))
    assert used(result) == [("dates.occurrences", "ok")] and "2026-11-27" in shown[0] and "2026-12-25" in shown[0]


async def test_maths_calculates_and_converts(tmp_path):
    result, shown, _ = await reached(
        tmp_path, "maths", ("maths_calculate", {"expression": "0.1 + 0.2"}),
        ("maths_convert", {"value": 90, "start": "km/h", "end": "m/s"}),
    )  # fmt: skip
    assert used(result) == [("maths.calculate", "ok"), ("maths.convert", "ok")]
    assert '"0.3"' in shown[0].replace("\\", "") and '"25"' in shown[1].replace("\\", "")


async def test_speaker_speaks_or_says_what_is_missing(tmp_path):
    result, shown, _ = await reached(tmp_path, "speaker", ("speech_speak", {"text": "High water at six."}))
    sounds = [path.name for path in (tmp_path / "out").rglob("*.wav")]
    if shutil.which("espeak-ng"):
        assert used(result) == [("speech.speak", "ok")] and sounds == ["speech.wav"]
    else:
        assert used(result) == [("speech.speak", "failed")] and "install espeak-ng" in shown[0] and not sounds


async def test_a_plan_without_a_model_joins_a_calendar_file_and_free_time(tmp_path):
    day = {"start": "2026-11-23", "end": "2026-11-24"}
    event = {"path": "own.ics", "title": "Talk", "start": "2026-11-23T10:00", "end": "2026-11-23T16:45"}
    steps = (
        Step(id="save", action="calendars.save", parameters=event),
        Step(id="look", action="calendars.events", parameters={"path": "own.ics", **day}, dependencies=("save",)),
        Step(id="free", action="maths.calculate", parameters={"expression": "7*60 - 405"}),
    )
    async with loom(settings(tmp_path, "")) as planloom:
        result = await planloom.run(plan=Plan(goal="", steps=steps, answer="${look.events[0].title}: ${free.decimal}"))
    assert result.status == "done" and result.answer == "Talk: 15", result


async def test_a_mail_step_of_a_plan_waits_for_a_person(tmp_path):
    room = Mailroom()
    with smtp_server(room) as port:
        mail = mailbox(smtp_host="127.0.0.1", smtp_port=port, smtp_security="none")
        letter = {"to": ["ada@h.example"], "subject": "s", "text": "t"}
        one = Plan(
            goal="", steps=(Step(id="send", action="mail.send", parameters=letter),), answer="${send.message_id}"
        )
        async with loom(settings(tmp_path, "", tools={"mail": mail})) as planloom:
            waiting = await planloom.run(plan=one)
            assert waiting.status == "needs_approval" and room.envelopes == []

            async def grant(question: Any) -> bool:
                return True

            result = await planloom.run(plan=one, approve=grant)
    assert result.status == "done" and len(room.envelopes) == 1
    assert result.answer.startswith("<") and result.answer.endswith("@h.example>")
