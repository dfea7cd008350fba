from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from tests.agents.tools.davserver import PASSWORD, USER, dav_server, stored

from planloom.agents.policy import Wish, decide
from planloom.agents.tool import ToolContext
from planloom.agents.tools import calendars, dates
from planloom.agents.workspace import Workspace
from planloom.config import Config, PolicyRole
from planloom.errors import AccessError, ToolError, TransientError

NOW = "2026-11-21T09:00"


def calendar(*events: str, zones: str = "") -> str:
    blocks = "\n".join(f"BEGIN:VEVENT\n{event}\nEND:VEVENT" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//t//\n{zones}{blocks}\nEND:VCALENDAR\n".replace("\n", "\r\n")


def context_of(folder: Path, url: str = "", key: str = "", most: int = 2_000, **account: Any) -> ToolContext:
    given = {"work": {"url": url, "user": USER, "password": PASSWORD, **account}} if url else {}
    tools = {"calendars": {"accounts": given, "timeout_s": 5, "max_occurrences": most}}
    workspace = Workspace(folder, folder / "out")
    return ToolContext(workspace=workspace, config=Config.model_validate({"tools": tools}), idempotency_key=key)


async def read(folder: Path, text: str, start: str = "2026-03-01", end: str = "2026-05-01", **more: Any) -> Any:
    (folder / "a.ics").write_text(text, newline="")
    zone = more.pop("timezone", "Europe/Berlin")
    context = context_of(folder, most=more.pop("most", 2_000))
    return await calendars.events(context, start, end, "a.ics", timezone=zone, **more)


def starts(found: Any) -> list[str]:
    return [event["start"][:16] for event in found["events"]]


async def test_repeated_events_keep_their_hour_and_leave_out_what_is_excepted(tmp_path: Path) -> None:
    weekly = (
        "UID:1\nSUMMARY:Standup\nLOCATION:Pier\nDTSTART;TZID=Europe/Berlin:20260316T090000\nDURATION:PT30M\n"
        "RRULE:FREQ=WEEKLY;UNTIL=20260413T070000Z\nEXDATE;TZID=Europe/Berlin:20260323T090000\n"
        "RDATE;TZID=Europe/Berlin:20260317T150000"
    )
    found = await read(tmp_path, calendar(weekly))
    assert starts(found) == [
        "2026-03-16T09:00",
        "2026-03-17T15:00",
        "2026-03-30T09:00",
        "2026-04-06T09:00",
        "2026-04-13T09:00",
    ]
    first = found["events"][0]
    assert (first["title"], first["location"], first["end"], first["repeats"], first["busy"]) == (
        "Standup",
        "Pier",
        "2026-03-16T09:30:00+01:00",
        True,
        True,
    )
    assert found["events"][2]["start"].endswith("+02:00")


async def test_moved_and_cancelled_occurrences_take_the_place_of_their_own(tmp_path: Path) -> None:
    daily = "UID:1\nSUMMARY:Watch\nDTSTART:20260401T080000Z\nDTEND:20260401T090000Z\nRRULE:FREQ=DAILY;COUNT=4"
    moved = "UID:1\nSUMMARY:Late watch\nRECURRENCE-ID:20260402T080000Z\nDTSTART:20260402T200000Z\nDURATION:PT1H"
    gone = "UID:1\nSUMMARY:Watch\nRECURRENCE-ID:20260403T080000Z\nDTSTART:20260403T080000Z\nSTATUS:CANCELLED"
    found = await read(tmp_path, calendar(daily, moved, gone), timezone="UTC")
    assert [(event["start"][:16], event["title"]) for event in found["events"]] == [
        ("2026-04-01T08:00", "Watch"),
        ("2026-04-02T20:00", "Late watch"),
        ("2026-04-04T08:00", "Watch"),
    ]


async def test_whole_days_and_what_began_before_the_span(tmp_path: Path) -> None:
    trip = "UID:1\nSUMMARY:Trip\nDTSTART;VALUE=DATE:20260227\nDTEND;VALUE=DATE:20260303\nTRANSP:TRANSPARENT"
    day = "UID:2\nSUMMARY:Fair\nDTSTART;VALUE=DATE:20260329\nRRULE:FREQ=YEARLY"
    ended = "UID:3\nSUMMARY:Over\nDTSTART;VALUE=DATE:20260227\nDTEND;VALUE=DATE:20260301"
    found = await read(tmp_path, calendar(trip, day, ended))
    assert [(e["title"], e["all_day"], e["busy"]) for e in found["events"]] == [
        ("Trip", True, False),
        ("Fair", True, True),
    ]
    assert found["events"][1]["end"] == "2026-03-30T00:00:00+02:00"


async def test_events_are_what_free_slots_takes_as_busy(tmp_path: Path) -> None:
    talk = "UID:1\nSUMMARY:Talk\nDTSTART;TZID=Europe/Berlin:20260316T100000\nDTEND;TZID=Europe/Berlin:20260316T163000"
    found = await read(tmp_path, calendar(talk))
    busy: Any = [{"start": e["start"], "end": e["end"]} for e in found["events"]]
    slots = dates.free_slots(busy, "2026-03-16", "2026-03-17", minutes=45, timezone="Europe/Berlin")
    assert [(s["start"][11:16], s["end"][11:16]) for s in slots] == [("09:00", "10:00")]


async def test_only_events_with_a_word(tmp_path: Path) -> None:
    one = "UID:1\nSUMMARY:Talk\nDTSTART:20260316T100000Z"
    two = "UID:2\nSUMMARY:Lunch\nLOCATION:Talking Fish\nDTSTART:20260317T100000Z"
    found = await read(tmp_path, calendar(one, two, "UID:3\nSUMMARY:Run\nDTSTART:20260318T100000Z"), contains="TALK")
    assert [event["title"] for event in found["events"]] == ["Talk", "Lunch"]


@pytest.mark.parametrize(
    "rule",
    ["FREQ=SECONDLY", "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31", "FREQ=NEVER"],
)
async def test_rules_without_end_are_reported_and_do_not_stop_the_others(tmp_path: Path, rule: str) -> None:
    evil = f"UID:1\nSUMMARY:Evil\nDTSTART:20200101T000000Z\nRRULE:{rule}"
    found = await read(tmp_path, calendar(evil, "UID:2\nSUMMARY:Good\nDTSTART:20260316T100000Z"))
    assert [event["title"] for event in found["events"]] == ["Good"]
    assert len(found["problems"]) == 1 and found["problems"][0].startswith("Evil: ")


async def test_more_than_may_be_worked_out_is_refused(tmp_path: Path) -> None:
    evil = "UID:1\nSUMMARY:Evil\nDTSTART:20260301T000000Z\nRRULE:FREQ=MINUTELY"
    with pytest.raises(ToolError, match="at most 100 events"):
        await read(tmp_path, calendar(evil), most=100)


async def test_time_zones_that_never_settle_are_refused(tmp_path: Path) -> None:
    zone = (
        "BEGIN:VTIMEZONE\nTZID:Evil\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0100\n"
        "RRULE:FREQ=SE\n CONDLY\nEND:STANDARD\nEND:VTIMEZONE\n"
    )
    with pytest.raises(ToolError, match="change yearly"):
        await read(tmp_path, calendar("UID:1\nDTSTART;TZID=Evil:20260301T000000", zones=zone))


@pytest.mark.parametrize("text", ["", "hello", "BEGIN:VCALENDAR\nBEGIN:VEVENT\n", "\0\0"])
async def test_what_is_no_calendar_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ToolError, match="expected a calendar"):
        await read(tmp_path, text)


async def test_event_without_a_start_is_a_problem(tmp_path: Path) -> None:
    found = await read(tmp_path, calendar("UID:1\nSUMMARY:No", "UID:2\nSUMMARY:Bad\nDTSTART:2026"))
    assert found["events"] == [] and len(found["problems"]) == 2


async def test_saved_events_are_read_again_and_the_others_stay(tmp_path: Path) -> None:
    context = context_of(tmp_path)
    evil = "Boats\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:Evil"
    at = {"timezone": "Europe/Berlin", "now": NOW}
    first = calendars.save(context, "my/own.ics", evil, "next monday at 9am", rule="FREQ=WEEKLY;COUNT=2", **at)
    calendars.save(context, "my/own.ics", "Holiday", "2026-12-24", "2026-12-26", location="Home, sweet; home")
    found = await calendars.events(context, "2026-11-01", "2027-01-01", "my/own.ics", timezone="Europe/Berlin")
    assert [(e["start"][:16], e["end"][:16]) for e in found["events"]] == [
        ("2026-11-23T09:00", "2026-11-23T10:00"),
        ("2026-11-30T09:00", "2026-11-30T10:00"),
        ("2026-12-24T00:00", "2026-12-27T00:00"),
    ]
    assert found["events"][0]["uid"] == first["uid"] and found["events"][0]["title"] == evil.replace("\r", "")
    assert found["events"][2]["location"] == "Home, sweet; home"
    assert [path.name for path in (tmp_path / "my").iterdir()] == ["own.ics"]


@pytest.mark.parametrize(
    "bad",
    [
        {"path": "../out.ics"},
        {"start": "2026-12-26", "end": "2026-12-24"},
        {"start": "2026-12-26", "end": "2026-12-26T10:00"},
        {"rule": "FREQ=DAILY\r\nX-EVIL:1"},
    ],
)
def test_events_that_do_not_fit_are_not_saved(tmp_path: Path, bad: dict[str, str]) -> None:
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(ToolError):
        calendars.save(context_of(work), **{"path": "a.ics", "title": "t", "start": "2026-12-26", **bad})
    assert list(tmp_path.rglob("*.ics")) == []


# ---- on a server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with dav_server(tmp_path_factory.mktemp("dav"), "Work", "Home") as address:
        yield address


async def test_calendars_are_found_from_the_address_of_the_server(server: str, tmp_path: Path) -> None:
    found = await calendars.list_(context_of(tmp_path, server))
    assert sorted(one["name"] for one in found) == ["Home", "Work"]
    one = await calendars.list_(context_of(tmp_path, f"{server}{USER}/home/"))
    assert [c["name"] for c in one] == ["Home"]


async def test_event_is_added_once_listed_and_removed(server: str, tmp_path: Path) -> None:
    context = context_of(tmp_path, server, key="run-1/step-2", calendar="Work")
    at = {"timezone": "Europe/Berlin", "now": NOW}
    new = await calendars.add(context, "Crew & <talk>", "2026-11-23T09:00", rule="FREQ=WEEKLY;COUNT=3", **at)
    again = await calendars.add(context, "Crew & <talk>", "2026-11-23T09:00", rule="FREQ=WEEKLY;COUNT=3", **at)
    assert again["uid"] == new["uid"] and stored(server, "Work").count("BEGIN:VEVENT") == 1
    assert "BEGIN:VEVENT" not in stored(server, "Home")
    found = await calendars.events(context, "2026-11-25", "2026-12-05", timezone="Europe/Berlin")
    assert starts(found) == ["2026-11-30T09:00"] and found["events"][0]["title"] == "Crew & <talk>"
    for other in ("no such <uid>", new["uid"][:20], "planloom"):
        assert await calendars.remove(context, other) is False
    assert await calendars.remove(context, new["uid"]) is True
    assert "BEGIN:VEVENT" not in stored(server, "Work")
    assert (await calendars.events(context, "2026-11-25", "2026-12-05"))["events"] == []


async def test_refused_login_and_unknown_calendar_are_told_without_the_password(server: str, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="refuses") as caught:
        await calendars.list_(context_of(tmp_path, server, password="wrong-secret-99"))  # noqa: S106
    assert "wrong-secret" not in str(caught.value)
    with pytest.raises(ToolError, match="to be one of"):
        await calendars.events(context_of(tmp_path, server, calendar="Nope"), "2026-11-25", "2026-12-05")
    with pytest.raises(ToolError, match=r"tools\.calendars\.accounts"):
        await calendars.events(context_of(tmp_path), "2026-11-25", "2026-12-05")


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://dav.example.org/", AccessError),
        ("https://ada:pass@dav.example.org/", ToolError),
        ("file:///etc/passwd", ToolError),
    ],
)
async def test_addresses_that_would_give_the_password_away_are_refused(
    tmp_path: Path, url: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        await calendars.list_(context_of(tmp_path, url))


@contextmanager
def odd_server(status: int, body: bytes, **headers: str) -> Iterator[tuple[str, list[str]]]:
    """A server that answers everything the same way; also what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            asked.append(f"{self.command} {self.path}")
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_PROPFIND = do_REPORT = do_PUT = _answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Nothing on the screen."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


BOMB = b'<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><d>&b;</d>'
AWAY = (
    b'<d:multistatus xmlns:d="DAV:"><d:response><d:href>/</d:href><d:propstat><d:prop><d:current-user-principal>'
    b"<d:href>https://evil.example/me/</d:href></d:current-user-principal></d:prop></d:propstat></d:response>"
    b"</d:multistatus>"
)


@pytest.mark.parametrize(
    ("status", "body", "kind", "told"),
    [
        (207, BOMB, ToolError, "document type"),
        (207, b"hello", ToolError, "expected XML"),
        (207, b"<a/>", ToolError, "expected a calendar at"),
        (207, AWAY, AccessError, "address of the server"),
        (302, b"", ToolError, "has moved"),
        (404, b"", ToolError, "answered 404"),
        (503, b"", TransientError, "503"),
    ],
)
async def test_odd_servers_end_in_errors_that_say_what_was_odd(
    tmp_path: Path, status: int, body: bytes, kind: type[Exception], told: str
) -> None:
    with odd_server(status, body, Location="https://evil.example/") as (url, asked):
        context = context_of(tmp_path, url)
        with pytest.raises(kind, match=told):
            await calendars.list_(context)
    assert len(asked) == 1


async def test_server_that_is_gone_may_come_back(tmp_path: Path) -> None:
    with odd_server(200, b"") as (url, _):
        pass
    with pytest.raises(TransientError, match="connected"):
        await calendars.list_(context_of(tmp_path, url))


def test_changes_on_servers_ask_a_person() -> None:
    assert calendars.add.destructive and calendars.add.idempotent and calendars.remove.destructive
    assert calendars.events.effect == "read" and not calendars.save.destructive
    for name, verdict in (("calendars.add", "deny"), ("calendars.remove", "deny"), ("calendars.save", "allow")):
        wish = Wish(tool=name, effect="write", arguments={"title": "Talk"})
        assert decide(PolicyRole(otherwise="deny"), wish).verdict == verdict
