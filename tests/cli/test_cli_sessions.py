"""`planloom sessions` in processes of their own: what people see, and what scripts can rely on."""

from __future__ import annotations

import json

import pytest

from planloom import events
from planloom.clock import ManualClock
from planloom.memory.journal import Journal, read


@pytest.fixture
def told(place):
    """Makes a session below the place's state folder; gives its folder."""

    def made(name: str, *answers: str):
        journal = Journal(place.folder / ".planloom" / "sessions" / name, name, ManualClock())
        for number, answer in enumerate(answers):
            run = f"{name}-run-{number}"
            journal.append(events.RunStarted(f"goal {number}", {}, "plan", {}), run)
            journal.commit()
            journal.append(events.RunFinished("done", "", answer, 1.5, {}), run)
            journal.commit()
        journal.close()
        return journal.path

    return made


def damaged(folder) -> None:
    (path,) = folder.glob("*.journal")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_run_can_be_seen_as_a_session(place, step):
    place.plan(step("a", "demo.say", text="ahoy"), answer="It said ${a}")
    assert place.run("run", "--plan", "plan.yaml").returncode == 0
    (summary,) = json.loads(place.run("sessions", "--json").stdout)
    shown = json.loads(place.run("sessions", "show", summary["id"][:6], "--json").stdout)
    assert [m["text"] for m in shown["messages"]] == ["try it", "It said ahoy"]
    assert [run["status"] for run in shown["runs"]] == ["done"]
    listed = place.run("sessions", "list").stdout
    assert summary["id"] in listed and "1 run " in listed and "try it" in listed


def test_no_sessions_is_said_and_is_no_error(place):
    done = place.run("sessions")
    assert done.returncode == 0 and "No sessions" in done.stderr
    assert json.loads(place.run("sessions", "--json").stdout) == []


def test_session_travels_as_a_file_and_through_a_pipe(place, told):
    folder = told("one", "first", "second")
    assert place.run("sessions", "export", "one", "--out", "one.json").returncode == 0
    assert place.run("sessions", "import", "one.json", "--as", "two").stdout == "two\n"
    piped = place.run("sessions", "export", "two").stdout
    assert place.run("sessions", "import", "-", "--as", "three", stdin=piped).returncode == 0
    assert list(read(folder.with_name("three"))) == list(read(folder))
    again = place.run("sessions", "import", "one.json")
    assert again.returncode == 2 and "--as" in again.stderr


def test_messages_of_a_chat_program_come_in(place):
    (place.folder / "chat.json").write_text(json.dumps({"messages": [{"role": "user", "content": "hi"}]}))
    name = json.loads(place.run("sessions", "import", "chat.json", "--json").stdout)["session_id"]
    assert "hi" in place.run("sessions", "show", name).stdout


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"a": 1}'])
def test_rubbish_is_bad_usage(place, text):
    (place.folder / "bad.json").write_text(text)
    done = place.run("sessions", "import", "bad.json")
    assert done.returncode == 2 and "expected" in done.stderr and "Traceback" not in done.stderr


def test_delete_asks_and_takes_no_silence_for_a_yes(place, told):
    folder = told("one", "a")
    refused = place.run("sessions", "delete", "one")
    assert refused.returncode == 2 and "--yes" in refused.stderr and folder.exists()
    assert place.run("sessions", "delete", "one", "--yes").returncode == 0 and not folder.exists()


def test_session_in_use_is_not_deleted_and_its_holder_is_named(place, told):
    journal = Journal(told("one", "a"), "one", ManualClock(), purpose="a test")
    done = place.run("sessions", "delete", "one", "--yes")
    journal.close()
    assert done.returncode == 1 and "a test" in done.stderr and journal.path.exists()


@pytest.mark.parametrize("given", ["nope", "../x", "on"])
def test_unknown_unclear_or_impossible_id_is_bad_usage(place, told, given):
    told("one", "a")
    told("onto", "a")
    done = place.run("sessions", "show", given)
    assert done.returncode == 2 and "expected" in done.stderr


def test_damage_is_listed_found_and_repaired(place, told):
    folder = told("bad", *"abcdef")
    told("good", "a")
    damaged(folder)
    assert "planloom sessions repair bad" in place.run("sessions").stdout
    checked = place.run("sessions", "verify")
    assert checked.returncode == 1 and "DAMAGED" in checked.stdout and "lost" in checked.stdout
    assert place.run("sessions", "show", "bad").returncode == 1
    assert place.run("sessions", "compact").returncode == 1
    mended = place.run("sessions", "repair", "bad", "--json")
    assert mended.returncode == 0 and json.loads(mended.stdout)[0]["ok"] is False
    assert place.run("sessions", "verify").returncode == 0
    assert place.run("sessions", "show", "bad").returncode == 0


def test_compact_says_what_it_saved(place, told):
    told("one", *["the same words again " * 200] * 5)
    done = json.loads(place.run("sessions", "compact", "--json").stdout)
    (made,) = done["sessions"]
    assert made["after_bytes"] < 0.2 * made["before_bytes"] and done["problems"] == []
