from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.server.talking import served, sums, writing

from planloom.clock import SystemClock
from planloom.errors import UsageError
from planloom.loadtest.driving import Drive
from planloom.loadtest.load import Load
from planloom.loadtest.scenarios import Frame, checked, find
from planloom.loadtest.watching import MetricsWatch

HANG = '''
import asyncio

from planloom.agents.tool import tool


@tool(effect="read", name="slow.hang")
async def hang() -> str:
    """Waits for ever."""
    await asyncio.Event().wait()
    return ""
'''
HANGING: Frame = {"plan": {"goal": "Wait", "steps": [{"id": "wait", "action": "slow.hang", "parameters": {}}]}}


def drive(found: Any, frames: Iterable[Frame], **load: Any) -> Drive:
    frames = list(frames)
    given = Load(requests=len(frames), **{"concurrency": 2, "timeout_s": 30.0, "approvals": "grant", **load})
    return Drive(given, frames, found.url, "", SystemClock())


@pytest.fixture
def slow(tmp_path: Path) -> dict[str, Any]:
    """Settings of a server that has a tool which never ends."""
    (tmp_path / "slow.py").write_text(HANG)
    return {"tools": {"modules": [str(tmp_path / "slow.py")]}}


async def sent(one: Drive, count: int) -> None:
    """Until that many goals have begun."""
    async with asyncio.timeout(20):
        while one.record.sent < count or not all(one.under_way for _ in "x"):
            await asyncio.sleep(0.01)


async def test_every_goal_is_answered_once_in_a_session_of_its_own(tmp_path: Path) -> None:
    async with served(tmp_path) as found:
        frames = checked(find("sums").goals(12, 1, None), 12)
        record = await drive(found, frames, concurrency=4).run(asyncio.Event())
    assert [one.outcome for one in record.served] == ["ok"] * 12
    assert sorted(one.number for one in record.served) == list(range(12))
    assert len({one.session_id for one in record.served}) == len({one.run_id for one in record.served}) == 12
    assert {one.steps for one in record.served} == {4}
    assert all(one.first_s is not None and 0 < one.first_s <= one.seconds for one in record.served)
    assert (record.sent, record.ended) == (12, "")


async def test_turns_of_a_client_share_a_session_and_count_only_their_own_events(tmp_path: Path) -> None:
    async with served(tmp_path) as found:
        frames = [{"plan": sums(2)} for _ in range(6)]
        record = await drive(found, frames, concurrency=1, turns=3).run(asyncio.Event())
    assert [one.turn for one in record.served] == [1, 2, 3, 1, 2, 3]
    assert len({one.session_id for one in record.served}) == 2
    assert [one.steps for one in record.served] == [2] * 6


async def test_a_batch_begins_when_the_one_before_is_over(tmp_path: Path) -> None:
    async with served(tmp_path) as found:
        frames = [{"plan": sums(1)} for _ in range(7)]
        record = await drive(found, frames, concurrency=2, batch_size=3, pause_s=0.01).run(asyncio.Event())
    batches = [[one for one in record.served if one.batch == number] for number in range(3)]
    assert [len(batch) for batch in batches] == [3, 3, 1]
    for before, after in pairwise(batches):
        assert max(one.ended_s for one in before) <= min(one.sent_s for one in after)


@pytest.mark.parametrize(("answer", "outcome"), [("grant", "ok"), ("refuse", "failed")])
async def test_what_a_run_asks_is_answered_as_the_load_says(answer: Any, outcome: str, tmp_path: Path) -> None:
    async with served(tmp_path) as found:
        record = await drive(found, [{"plan": writing()}], concurrency=1, approvals=answer).run(asyncio.Event())
    assert record.served[0].approvals == 1
    assert (tmp_path / "note.txt").exists() == (answer == "grant")
    assert record.served[0].is_ok == (outcome == "ok")


async def test_goals_that_are_refused_or_fail_are_told_apart(tmp_path: Path) -> None:
    broken = {"goal": "x", "steps": [{"id": "a", "action": "no.such", "parameters": {}}]}
    missing = {"goal": "x", "steps": [{"id": "a", "action": "files.read", "parameters": {"path": "gone.txt"}}]}
    empty: Frame = {}
    async with served(tmp_path) as found:
        frames = [{"plan": broken}, {"plan": missing}, empty, {"plan": sums(1)}]
        record = await drive(found, frames, concurrency=1).run(asyncio.Event())
    outcomes = [one.outcome for one in record.served]
    assert outcomes[0].startswith("the plan has N error")
    assert outcomes[2:] == ["refused, refused", "ok"]
    assert "no.such" in record.served[0].reason
    assert "gone.txt" in record.served[1].reason


async def test_a_goal_that_takes_too_long_is_cancelled_and_the_next_one_goes(tmp_path: Path, slow: Any) -> None:
    async with served(tmp_path, **slow) as found:
        one = drive(found, [HANGING, HANGING], concurrency=1, timeout_s=0.5)
        record = await one.run(asyncio.Event())
        async with asyncio.timeout(20):
            while found.server.desk.running:
                await asyncio.sleep(0.01)
    assert [one.outcome for one in record.served] == ["timeout", "timeout"]


async def test_an_interrupted_load_keeps_what_was_measured(tmp_path: Path, slow: Any) -> None:
    async with served(tmp_path, **slow) as found:
        one = drive(found, [{"plan": sums(1)}, HANGING, HANGING, HANGING], concurrency=2)
        stop = asyncio.Event()
        running = asyncio.create_task(one.run(stop))
        await sent(one, 3)
        stop.set()
        record = await running
    assert (record.ended, record.sent, len(record.served)) == ("interrupted", 3, 1)


async def test_a_server_that_goes_away_ends_the_load_and_says_so(tmp_path: Path, slow: Any) -> None:
    async with served(tmp_path, **slow) as found:
        one = drive(found, [HANGING] * 5, concurrency=2)
        running = asyncio.create_task(one.run(asyncio.Event()))
        await sent(one, 2)
    async with asyncio.timeout(30):
        record = await running
    assert record.ended == "died"
    assert "expected a server at" in record.epitaph
    assert {one.outcome for one in record.served} <= {"connection"}


async def test_a_server_that_wants_a_token_is_bad_usage(tmp_path: Path) -> None:
    async with served(tmp_path, server={"token": "a-token-of-this-server"}) as found:
        with pytest.raises(UsageError, match="PLANLOOM_SERVER__TOKEN"):
            await drive(found, [{"plan": sums(1)}], concurrency=1).run(asyncio.Event())


async def test_memory_and_processor_of_a_server_elsewhere_come_from_its_metrics(tmp_path: Path) -> None:
    import httpx

    async with served(tmp_path) as found, httpx.AsyncClient(base_url=found.url) as http:
        watch = MetricsWatch(http)
        first, second = await watch.look(0.0), await watch.look(1.0)
    assert first is not None
    assert second is not None
    assert first["rss_mb"] > 20
    assert first["cores"] == 0.0
    assert second["cores"] >= 0.0
