"""Messages between agents: addressed, bounded, recorded before they are seen."""

from __future__ import annotations

import asyncio

import pytest

from planloom.agents.hub import Hub
from planloom.errors import ToolError
from planloom.events import AgentMessage


def hub(*, room: int = 3) -> tuple[Hub, list[AgentMessage]]:
    told: list[AgentMessage] = []
    return Hub(lambda: ["a", "b", "c"], told.append, room=room), told


def test_message_reaches_its_receiver_alone_and_is_on_record():
    box, told = hub()
    sent = box.send("a", "b", "request", {"depth": 9})
    assert sent.reached == ("b",) and not sent.full
    assert [m.body for m in box.take("b")] == [{"depth": 9}]
    assert box.take("b") == [] and box.take("c") == [] and box.take("a") == []
    assert [(m.sender, m.receiver, m.kind) for m in told] == [("a", "b", "request")]


def test_broadcast_reaches_everyone_else():
    box, _ = hub()
    assert box.send("b", "*", "data", 1).reached == ("a", "c")
    assert box.take("b") == []


def test_sender_is_told_whose_mailbox_is_full_and_nothing_is_lost():
    box, _ = hub(room=2)
    for number in range(2):
        box.send("a", "b", "data", number)
    late = box.send("a", "*", "data", 2)
    assert late.full == ("b",) and late.reached == ("c",)
    assert [m.body for m in box.take("b")] == [0, 1]
    assert box.send("a", "b", "data", 3).reached == ("b",)


def test_answers_are_found_by_their_correlation():
    box, _ = hub()
    asked = box.send("a", "b", "request", "?")
    box.send("c", "a", "data", "noise")
    box.send("b", "a", "response", "!", asked.correlation)
    assert [m.body for m in box.take("a", asked.correlation)] == ["!"]
    assert [m.body for m in box.take("a")] == ["noise"]


@pytest.mark.parametrize(("receiver", "body", "told"), [("d", 1, "among b, c"), ("b", "x" * 40_000, "at most")])
def test_message_that_cannot_be_delivered_is_an_error_of_the_sender(receiver, body, told):
    box, events = hub()
    with pytest.raises(ToolError, match=told):
        box.send("a", receiver, "data", body)
    assert events == []


async def test_receiver_waits_for_a_message_and_no_longer_than_it_says():
    box, _ = hub()
    assert await box.receive("a", wait_s=0.01) == []
    waiting = asyncio.create_task(box.receive("a", wait_s=30))
    await asyncio.sleep(0)
    box.send("b", "a", "data", 7)
    assert [m.body for m in await waiting] == [7]


def test_after_a_restart_what_was_not_received_is_there():
    box, told = hub()
    box.send("a", "b", "data", 1)
    box.send("a", "b", "data", 2)
    again, _ = hub()
    again.restore(told)
    again.drop("b", [told[0].id])
    assert [m.body for m in again.take("b")] == [2]
    assert again.send("a", "b", "data", 3).id not in {m.id for m in told}
