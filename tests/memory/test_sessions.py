"""Sessions are what their journals add up to, come and go in memory, and travel as JSON."""

from __future__ import annotations

import json
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom import events
from planloom.clock import ManualClock
from planloom.config import Sessions as Settings
from planloom.errors import BusyError, JournalError, UsageError
from planloom.memory.artifacts import ArtifactStore
from planloom.memory.journal import Journal, read
from planloom.memory.sessions import Session, Sessions, names
from planloom.memory.sessions.exchange import exported, imported
from planloom.memory.sessions.retention import tidy
from planloom.memory.sessions.state import folded

DAY = 86_400.0


class World:
    """A state folder and what belongs to it."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.store = ArtifactStore(folder / "artifacts")
        self.opened: list[Sessions] = []

    def sessions(self, **settings) -> Sessions:
        made = Sessions(self.folder, Settings(**settings), self.clock)
        self.opened.append(made)
        return made


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    for sessions in made.opened:
        sessions.close()


def run(session: Session, run_id: str, *, goal: str = "goal", answer: str = "answer", value=None, stored=None) -> None:
    """A whole run of one step."""
    done = events.StepFinished("a", "ok", 0, 1, 0.5, value=value, stored=stored)
    session.add(events.RunStarted(goal, {}, "plan", {}), events.StepAdded("a", "t", (), "read"), run_id=run_id)
    session.add(done, run_id=run_id)
    session.add(events.RunFinished("done", "", answer, 2.0, {"usd": 0.5}), run_id=run_id)


# ---- state


def test_state_has_messages_context_runs_and_open_approvals(world):
    session = world.sessions().open("s")
    run(session, "r1", goal="count the boats", answer="three boats")
    session.set("city", "Hamburg")
    session.set("gone", 1)
    session.set("gone", None)
    session.add(events.RunStarted("sell one", {}, "model", {}), run_id="r2")
    asked = events.ApprovalAsked("b", "step", "Sell?", {"boat": 1})
    session.add(asked, events.ApprovalAsked("c", "step", "Sure?", {}), run_id="r2")
    session.add(events.ApprovalAnswered("c", True, "", {}), run_id="r2")
    state = session.state
    assert [(m.role, m.text, m.run_id) for m in state.messages] == [
        ("user", "count the boats", "r1"),
        ("assistant", "three boats", "r1"),
        ("user", "sell one", "r2"),
    ]
    assert state.context == {"city": "Hamburg"} and state.title == "count the boats"
    assert {r.id: r.status for r in state.runs.values()} == {"r1": "done", "r2": "running"}
    assert state.runs["r1"].cost == {"usd": 0.5} and state.runs["r2"].plan_source == "model"
    assert list(state.approvals) == [("r2", "b")]
    session.add(events.RunFinished("cancelled", "", "", 1.0, {}), run_id="r2")
    assert state.approvals == {} and [m.role for m in state.messages][-1] == "user"


def test_run_that_waits_and_goes_on_has_one_question_and_one_answer(world):
    session = world.sessions().open("s")
    session.add(events.RunAccepted("", {}), events.RunStarted("goal", {}, "plan", {}), run_id="r")
    session.add(events.ApprovalAsked("b", "step", "?", {}), run_id="r")
    session.add(events.RunFinished("needs_approval", "waits", "so far", 1.0, {}), run_id="r")
    assert len(session.state.approvals) == 1 and len(session.state.messages) == 1
    session.add(events.RunResumed(), run_id="r")
    assert session.state.runs["r"].status == "running"
    for answer in ("first", "second"):
        session.add(events.RunFinished("done", "", answer, 1.0, {}), run_id="r")
    assert [m.text for m in session.state.messages] == ["goal", "second"]


def test_state_in_memory_is_the_state_on_disk(world):
    sessions = world.sessions()
    session = sessions.open("s")
    run(session, "r1")
    session.say("user", "hello")
    live = session.state
    sessions.unload("s")
    assert session.state == live == folded(read(sessions.path("s"))) and session.state is not live


def test_another_sessions_object_reads_what_this_one_writes(world):
    writer, reader = world.sessions(), world.sessions()
    writer.open("s").say("user", "hello")
    assert reader.load("s").title == "hello"
    with pytest.raises(BusyError):
        reader.open("s").say("user", "me too")


# ---- in memory and out


def test_only_the_last_used_stay_in_memory_and_the_others_come_back(world):
    sessions = world.sessions(max_open=3)
    handles = [sessions.open(f"s{n}") for n in range(30)]
    for number, handle in enumerate(handles):
        handle.say("user", f"hello {number}")
    assert sessions.in_memory == 3
    assert [handle.state.title for handle in handles] == [f"hello {n}" for n in range(30)]
    assert sessions.in_memory == 3


def test_session_that_is_held_stays(world):
    sessions = world.sessions(max_open=1)
    with sessions.open("held").held() as journal:
        for number in range(3):
            sessions.open(f"s{number}").say("user", "x")
        journal.append(events.Notice("still open"), "r")
        journal.commit()
    sessions.open("last").say("user", "x")
    assert sessions.in_memory == 1


def test_idle_session_can_be_written_by_others(world):
    sessions = world.sessions(max_open=1)
    first = sessions.open("a")
    first.say("user", "one")
    sessions.open("b").say("user", "x")
    other = Journal(sessions.path("a"), "a", world.clock)
    other.append(events.MessageAdded("user", "two"), "")
    other.close()
    assert [m.text for m in first.state.messages] == ["one", "two"]


def test_new_ids_are_random_and_long():
    made = {names.new_id() for _ in range(1000)}
    assert len(made) == 1000 and all(len(name) == 32 and int(name, 16) >= 0 for name in made)


@given(st.text(max_size=70))
def test_id_is_never_a_path(text: str):
    if names.is_id(text):
        assert text.isascii() and not set(text) & set("/\\.\0 \n")
    else:
        with pytest.raises(UsageError, match="session id"):
            names.checked(text)


@pytest.mark.parametrize("bad", ["../x", "a/b", ".", "", "a\n", "é", "a" * 65])
def test_bad_id_is_refused_before_anything_is_touched(world, bad):
    sessions = world.sessions()
    for work in (lambda: sessions.path(bad), lambda: sessions.load(bad), lambda: sessions.delete(bad)):
        with pytest.raises(UsageError):
            work()


# ---- the list and the index


def test_list_shows_the_last_used_first_and_finds_runs(world):
    sessions = world.sessions()
    for name in ("one", "two"):
        world.clock.advance(10)
        run(sessions.open(name), f"run-{name}", goal=f"goal of {name}")
    first, second = sessions.all()
    assert (first.id, first.title, first.messages, first.runs) == ("two", "goal of two", 2, {"run-two": "done"})
    assert second.updated < first.updated and first.size_bytes > 0
    assert sessions.index.session_of("run-one") == "one" and sessions.index.session_of("nope") is None


def test_list_notices_what_others_wrote_and_deleted(world):
    sessions = world.sessions()
    run(sessions.open("s"), "r1")
    assert sessions.all()[0].messages == 2
    sessions.unload("s")
    run(world.sessions().open("s"), "r2")
    assert sessions.all()[0].messages == 4 and sessions.index.session_of("r2") == "s"
    world.opened[-1].close()
    sessions.delete("s")
    assert sessions.all() == [] and sessions.index.session_of("r2") is None


@pytest.mark.parametrize("damage", ["gone", "no database", "other tables"])
def test_index_that_is_lost_is_made_again(world, damage):
    sessions = world.sessions()
    run(sessions.open("s"), "r1")
    before = sessions.all()
    file = world.folder / "sessions.sqlite"
    file.unlink()
    if damage == "no database":
        file.write_bytes(b"rubbish" * 1000)
    elif damage == "other tables":
        base = sqlite3.connect(file)
        base.execute("CREATE TABLE sessions (x)")
        base.commit()
        base.close()
    assert sessions.all() == before and sessions.index.session_of("r1") == "s"


def test_damaged_session_is_listed_with_what_is_wrong(world):
    sessions = world.sessions()
    for number in range(5):
        run(sessions.open("bad"), f"r{number}")
    run(sessions.open("good"), "r")
    sessions.close()
    path = sessions.path("bad") / "00000001.journal"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    found = {summary.id: summary for summary in sessions.all()}
    assert found["good"].problem is None and "planloom sessions repair bad" in (found["bad"].problem or "")
    with pytest.raises(JournalError):
        sessions.load("bad")


# ---- JSON


def test_export_and_import_give_the_same_session(world, tmp_path):
    sessions = world.sessions()
    session = sessions.open("s")
    sha256 = world.store.put(b"large result")
    run(session, "r1", value={"bytes": b"\0\xff", "text": "ä"})
    run(session, "r2", stored=sha256)
    session.set("city", "Hamburg")
    sessions.unload("s")
    data = json.loads(json.dumps(exported(sessions, "s", world.store)))
    other = World(tmp_path / "other")
    there = other.sessions()
    assert imported(data, there, other.store) == "s"
    assert list(read(there.path("s"))) == list(read(sessions.path("s")))
    assert other.store.get(sha256) == b"large result"
    assert there.open("s").state == sessions.load("s")
    there.open("s").say("user", "goes on")
    assert there.load("s").last == sessions.load("s").last + 1
    there.close()


def test_artifact_that_is_gone_is_named_in_the_export(world):
    session = world.sessions().open("s")
    run(session, "r", stored="ab" * 32)
    assert exported(session.sessions, "s", world.store)["missing_artifacts"] == ["ab" * 32]


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        ({"session_id": "old", "messages": [{"role": "user", "content": "hi"}]}, [("user", "hi")]),
        (
            {"messages": [{"role": "assistant", "content": [{"type": "text", "text": "a"}, "b"]}]},
            [("assistant", "a\nb")],
        ),
        ({"session_id": "../../etc", "messages": [{"role": "user", "content": "\ud800"}]}, [("user", "\ufffd")]),
    ],
)
def test_sessions_of_older_versions_and_chat_programs_load(world, data, messages):
    sessions = world.sessions()
    name = imported({**data, "context": {"k": 1}}, sessions, world.store)
    state = sessions.open(name).state
    assert [(m.role, m.text) for m in state.messages] == messages and state.context == {"k": 1}
    assert name == "old" or len(name) == 32


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([], "JSON object"),
        ({}, "`events` or `messages`"),
        ({"messages": "hi"}, "list"),
        ({"messages": [{"role": "user"}]}, r"messages\[0\]"),
        ({"messages": ["hi"]}, r"messages\[0\]"),
        ({"events": []}, "format 1"),
        ({"planloom_session": 1, "events": [{}]}, r"events\[0\]"),
        ({"planloom_session": 1, "events": [{"seq": 0, "at": 1, "run_id": "", "type": "x", "payload": {}}]}, "rising"),
        ({"planloom_session": 1, "events": [{"seq": 1, "at": 1, "run_id": "", "type": "x", "payload": []}]}, "payload"),
        ({"messages": [], "artifacts": {"ab": "!"}}, "base64"),
        ({"messages": [], "artifacts": {"ab": "YQ=="}}, "hash"),
    ],
)
def test_rubbish_is_refused_with_the_place_and_leaves_nothing(world, data, told):
    sessions = world.sessions()
    with pytest.raises(UsageError, match=told):
        imported(data, sessions, world.store, session_id="s")
    assert sessions.all() == [] and not sessions.path("s").exists()


def test_import_never_overwrites(world):
    sessions = world.sessions()
    sessions.open("s").say("user", "mine")
    with pytest.raises(UsageError, match="--as"):
        imported({"session_id": "s", "messages": []}, sessions, world.store)
    assert imported({"session_id": "s", "messages": []}, sessions, world.store, session_id="t") == "t"


# ---- retention


def test_runs_are_kept_for_ever_unless_told_otherwise(world):
    sessions = world.sessions()
    run(sessions.open("s"), "r1")
    before = len(list(read(sessions.path("s"))))
    world.clock.advance(1000 * DAY)
    assert tidy(sessions, world.store).runs_dropped == 0
    assert len(list(read(sessions.path("s")))) == before


def test_old_ended_runs_go_and_what_waits_or_is_new_stays(world):
    sessions = world.sessions(retention_days=30)
    session = sessions.open("s")
    run(session, "old")
    session.add(events.RunStarted("waits", {}, "plan", {}), run_id="open")
    session.set("city", "Hamburg")
    world.clock.advance(40 * DAY)
    run(session, "new")
    done = tidy(sessions, world.store)
    assert (done.runs_dropped, done.problems) == (1, [])
    assert list(session.state.runs) == ["open", "new"] and session.state.context == {"city": "Hamburg"}


def test_oldest_runs_of_all_sessions_go_until_the_rest_fits(world):
    sessions = world.sessions(max_bytes=60_000, compression="none")
    for number in range(10):
        world.clock.advance(60)
        run(sessions.open(f"s{number % 2}"), f"r{number}", answer=str(number) * 10_000)
    done = tidy(sessions, world.store)
    left = [name for s in ("s0", "s1") for name in sessions.load(s).runs]
    assert 4 <= len(left) < 10 and set(left) == {f"r{n}" for n in range(10 - len(left), 10)}
    assert sum(path.stat().st_size for path in sessions.folder.glob("*/*.journal")) <= 60_000
    assert done.runs_dropped == 10 - len(left)


def test_artifact_stays_as_long_as_any_kept_event_or_kept_artifact_names_it(world):
    sessions = world.sessions(retention_days=1)
    inner = world.store.put(b"inner")
    outer = world.store.put(b"outer names " + inner.encode())
    shared, alone = world.store.put(b"shared"), world.store.put(b"alone")
    run(sessions.open("a"), "old", value={"files": [shared, alone]})
    world.clock.advance(10 * DAY)
    run(sessions.open("b"), "new", stored=outer, value={"x": shared})
    world.clock.advance(10_000 * DAY)
    sessions.settings = Settings(retention_days=10_001)
    done = tidy(sessions, world.store)
    assert (done.runs_dropped, done.artifacts_removed) == (1, 1)
    assert [world.store.path(s).exists() for s in (inner, outer, shared, alone)] == [True, True, True, False]


def test_artifact_a_running_step_has_just_stored_stays(world):
    sessions = world.sessions()
    fresh = world.store.put(b"fresh")
    world.clock = sessions.clock = ManualClock(wall_s=world.store.path(fresh).stat().st_mtime + 60)
    assert tidy(sessions, world.store).artifacts_removed == 0
    sessions.clock.advance(DAY)
    assert tidy(sessions, world.store).artifacts_removed == 1


def test_no_artifact_goes_while_a_session_can_not_be_read(world):
    sessions = world.sessions()
    for number in range(5):
        run(sessions.open("s"), f"r{number}")
    world.store.put(b"perhaps of the damaged one")
    sessions.close()
    path = sessions.path("s") / "00000001.journal"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    world.clock.advance(100_000 * DAY)
    done = tidy(sessions, world.store)
    assert done.artifacts_removed == 0 and len(done.problems) == 1 and "repair s" in done.problems[0]


def test_session_somebody_writes_is_left_for_another_time(world):
    world.sessions().open("s").say("user", "x")
    done = tidy(world.sessions(), world.store)
    assert done.sessions == [] and done.problems == []
