from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from tests.server.talking import Talk, calling, served, sums, talking, writing
from websockets.exceptions import ConnectionClosed, InvalidStatus

HEAD = {"seq", "type", "run_id", "session_id", "at"}
DOC = Path(__file__).parents[2] / "docs" / "chat.md"


def _numbers(talk: Talk) -> list[int]:
    return [event["seq"] for event in talk.events]


async def test_a_message_alone_is_answered_by_numbered_events(tmp_path: Path) -> None:
    async with served(tmp_path) as found, talking(found) as talk:
        await talk.say("message", message="hello")
        end = await talk.until("run.finished")
    assert end["status"] == "done"
    assert all(set(event) >= HEAD for event in talk.events)
    assert _numbers(talk) == sorted(set(_numbers(talk)))
    assert talk.events[0]["type"] == "run.accepted"


async def test_the_examples_of_the_guide_are_understood(tmp_path: Path) -> None:
    examples = re.findall(r"```json\n(\{.*?\})\n```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    assert examples
    async with served(tmp_path) as found:
        for example in examples:
            async with talking(found) as talk:
                await talk.socket.send(example)
                assert (await talk.until("run.accepted"))["goal"] == json.loads(example)["message"]


async def test_a_question_is_answered_from_the_socket_and_the_step_runs(tmp_path: Path) -> None:
    async with served(tmp_path) as found, talking(found) as talk:
        await talk.say("message", plan=writing())
        asked = await talk.until("approval.asked")
        reply = await talk.ask("approve", "accepted", run_id=asked["run_id"], step="write", note="fine")
        end = await talk.until("run.finished")
    assert reply["run_id"] == asked["run_id"]
    assert end["status"] == "done"
    assert (tmp_path / "note.txt").read_text() == "Hello\nthere\n"


async def test_a_refused_step_does_not_run(tmp_path: Path) -> None:
    async with served(tmp_path) as found, talking(found) as talk:
        await talk.say("message", plan=writing())
        asked = await talk.until("approval.asked")
        await talk.say("refuse", run_id=asked["run_id"], step="write")
        end = await talk.until("run.finished")
    assert end["status"] == "failed"
    assert not (tmp_path / "note.txt").exists()


async def test_a_run_is_cancelled_from_another_tab(tmp_path: Path) -> None:
    async with served(tmp_path) as found, talking(found) as one, talking(found) as two:
        await one.say("message", plan=writing())
        asked = await one.until("approval.asked")
        await two.ask("resume", "replayed", session_id=asked["session_id"], last_seq=0)
        await two.ask("cancel", "accepted", run_id=asked["run_id"], reason="enough")
        ends = [await talk.until("run.finished") for talk in (one, two)]
    assert [end["status"] for end in ends] == ["cancelled", "cancelled"]
    assert _numbers(one) == _numbers(two)


async def test_the_plan_under_review_is_changed_and_the_changed_one_runs(tmp_path: Path) -> None:
    async with served(tmp_path, execution={"plan_approval": True}) as found, talking(found) as talk:
        await talk.say("message", plan=sums(1))
        asked = await talk.until("approval.asked")
        faulty = {"goal": "", "steps": [{"id": "a", "action": "no.such"}]}
        refused = await talk.ask("edit_plan", "error", run_id=asked["run_id"], plan=faulty)
        reply = await talk.ask("edit_plan", "accepted", run_id=asked["run_id"], plan=sums(2))
        again = await talk.until("approval.asked", lambda frame: frame["run_id"] == reply["run_id"])
        await talk.say("approve", run_id=reply["run_id"], step="plan")
        end = await talk.until("run.finished", lambda frame: frame["run_id"] == reply["run_id"])
    assert refused["code"] == "plan"
    assert refused["findings"]
    assert len(again["arguments"]["steps"]) == 2
    assert end["status"] == "done"
    assert end["session_id"] == asked["session_id"]


async def test_a_client_that_is_cut_off_again_and_again_misses_and_repeats_nothing(tmp_path: Path) -> None:
    async with served(tmp_path) as found:
        async with talking(found) as talk:
            session = (await talk.ask("message", "accepted", plan=sums(60)))["session_id"]
        seen: list[int] = []
        for cut in range(1, 30):
            async with talking(found) as talk:
                await talk.say("resume", session_id=session, last_seq=seen[-1] if seen else 0)
                async with asyncio.timeout(20):
                    while len(talk.events) < cut and not (talk.events and talk.events[-1]["type"] == "run.finished"):
                        talk.seen.append(json.loads(await talk.socket.recv()))
                seen += _numbers(talk)
                talk.socket.transport.abort()
            if talk.events[-1]["type"] == "run.finished":
                break
        async with calling(found) as client:
            kept = (await client.get(f"/api/sessions/{session}/events?limit=10000")).json()["events"]
    assert seen == [event["seq"] for event in kept]


async def test_a_session_goes_on_after_the_server_was_started_anew(tmp_path: Path) -> None:
    async with served(tmp_path) as found, talking(found) as talk:
        await talk.say("message", plan=writing())
        asked = await talk.until("approval.asked")
        last = _numbers(talk)[-1]
    async with served(tmp_path) as found, talking(found) as talk:
        await talk.say("resume", session_id=asked["session_id"], last_seq=last)
        again = await talk.until("approval.asked")
        await talk.say("approve", run_id=again["run_id"], step="write")
        end = await talk.until("run.finished")
    assert (again["run_id"], end["status"]) == (asked["run_id"], "done")
    assert all(number > last for number in _numbers(talk))
    assert (tmp_path / "note.txt").exists()


async def test_sessions_are_listed_found_by_words_and_opened(tmp_path: Path) -> None:
    async with served(tmp_path) as found, talking(found) as talk:
        for goal in ("hello", "hi there"):
            await talk.say("message", message=goal)
            end = await talk.until("run.finished")
        everything = await talk.ask("sessions", "sessions")
        some = await talk.ask("sessions", "sessions", search="THERE")
        opened = await talk.ask("open", "session", session_id=end["session_id"])
        await talk.ask("leave", "accepted", session_id=end["session_id"])
    assert (everything["total"], some["total"]) == (2, 1)
    assert some["sessions"][0]["session_id"] == end["session_id"]
    assert [message["role"] for message in opened["messages"]] == ["user", "assistant"]
    assert opened["last_seq"] == end["seq"]


async def test_a_follow_up_sees_what_was_said_before(tmp_path: Path) -> None:
    async with served(tmp_path) as found, talking(found) as talk:
        await talk.say("message", message="hello")
        session = (await talk.until("run.finished"))["session_id"]
        await talk.say("message", message="what did I ask before?", session_id=session)
        end = await talk.until("run.finished")
    assert end["session_id"] == session
    assert "hello" in end["answer"]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"type": "message"}, "refused"),
        ({"type": "message", "plan": {"steps": 7}}, "plan"),
        ({"type": "approve", "run_id": "nope", "step": "a"}, "not_found"),
        ({"type": "cancel", "run_id": "nope"}, "not_found"),
        ({"type": "continue", "run_id": "nope"}, "not_found"),
        ({"type": "resume", "session_id": "nope"}, "not_found"),
        ({"type": "open", "session_id": "../../etc"}, "malformed"),
        ({"type": "fly"}, "malformed"),
    ],
)
async def test_what_cannot_be_done_is_said_and_the_connection_stays(
    tmp_path: Path, frame: dict[str, object], code: str
) -> None:
    async with served(tmp_path) as found, talking(found) as talk:
        await talk.socket.send(json.dumps({"id": "x", **frame}))
        reply = await talk.until("error")
        await talk.ask("ping", "pong")
    assert (reply["code"], reply["id"]) == (code, "x")


async def test_a_goal_nobody_can_plan_ends_with_what_can_be_done(tmp_path: Path) -> None:
    async with served(tmp_path) as found, talking(found) as talk:
        await talk.say("message", message="zzz qqq", id="m")
        end = await talk.until("run.finished")
        told = await talk.until("error")
    assert end["status"] == "failed"
    assert (told["code"], told["run_id"], told["id"]) == ("refused", end["run_id"], "m")


async def test_a_reader_that_never_reads_holds_nobody_up(tmp_path: Path) -> None:
    async with served(tmp_path) as found, talking(found) as talk, talking(found, max_queue=1) as stuck:
        session = (await talk.ask("open", "session"))["session_id"]
        stuck.socket.transport.pause_reading()
        await stuck.say("open", session_id=session)
        for _ in range(3):
            await talk.say("message", plan=sums(100), session_id=session)
            await talk.until("run.finished")
        stuck.socket.transport.resume_reading()
        while True:
            end = await stuck.until("run.finished")
            if end["seq"] == talk.events[-1]["seq"]:
                break
    assert _numbers(stuck) == _numbers(talk)


async def test_a_frame_above_the_limit_ends_the_connection(tmp_path: Path) -> None:
    async with served(tmp_path, server={"max_frame_bytes": 1024}) as found, talking(found) as talk:
        await talk.say("message", message="x" * 2000)
        with pytest.raises(ConnectionClosed) as closed:
            await talk.until("never")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_too_many_frames_are_refused_with_when_to_come_back(tmp_path: Path) -> None:
    async with served(tmp_path, server={"frames_per_second": 1.0}) as found, talking(found) as talk:
        for _ in range(10):
            await talk.say("ping")
        told = await talk.until("error")
    assert told["code"] == "rate"
    assert told["retry_after_s"] > 0


async def test_tokens_keep_sessions_of_people_apart(tmp_path: Path) -> None:
    tokens = {"anna": "token-of-anna-123456", "bert": "token-of-bert-123456"}
    async with served(tmp_path, server={"tokens": tokens}) as found, talking(found) as anna, talking(found) as bert:
        assert anna.seen[0]["authorized"] is False
        assert (await anna.ask("sessions", "error"))["code"] == "unauthorized"
        assert (await anna.ask("hello", "error", token=tokens["anna"] + "x"))["code"] == "unauthorized"
        assert (await anna.ask("hello", "hello", token=tokens["anna"]))["owner"] == "anna"
        assert (await bert.ask("hello", "hello", token=tokens["bert"]))["authorized"] is True
        await anna.say("message", plan=writing())
        asked = await anna.until("approval.asked")
        ids = {"session_id": asked["session_id"], "run_id": asked["run_id"]}
        for kind, fields in (
            ("resume", {"session_id": ids["session_id"]}),
            ("open", {"session_id": ids["session_id"]}),
            ("message", {"session_id": ids["session_id"], "message": "hello"}),
            ("approve", {"run_id": ids["run_id"], "step": "write"}),
            ("cancel", {"run_id": ids["run_id"]}),
            ("continue", {"run_id": ids["run_id"]}),
        ):
            assert (await bert.ask(kind, "error", **fields))["code"] == "not_found", kind
        assert (await bert.ask("sessions", "sessions"))["total"] == 0
        assert (await anna.ask("sessions", "sessions"))["total"] == 1


async def test_a_page_of_another_origin_gets_no_socket(tmp_path: Path) -> None:
    async with served(tmp_path) as found:
        with pytest.raises(InvalidStatus):
            async with talking(found, origin="http://evil.example"):
                pass


async def test_a_server_that_ends_tells_its_clients_to_come_back(tmp_path: Path) -> None:
    async with served(tmp_path) as found, talking(found) as talk:
        found.server.sockets.close()
        with pytest.raises(ConnectionClosed) as closed:
            await talk.until("never")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001
