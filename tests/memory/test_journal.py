"""What a journal promises while all goes well, and after a process died."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import zlib
from dataclasses import dataclass
from typing import ClassVar

import msgpack
import pytest

from planloom import events
from planloom.errors import JournalError
from planloom.events import Notice, StepProgress
from planloom.memory.journal import read, verify
from planloom.memory.journal.policy import GAP, SOFT_EVENTS

RUN = "r1"
SMALL = {"segment_bytes": 4096}


def progress(done: float = 1.0) -> StepProgress:
    return StepProgress("a", done, None, "")


def on_disk(place) -> list[tuple[int, str]]:
    return [(record.seq, record.type) for record in read(place.path())]


def test_what_was_shown_can_be_read_again(place):
    shown = place.filled(20)
    with contextlib.closing(place.journal()) as journal:
        again = list(journal.events())
    assert [event.to_dict() for event in again] == [
        {**event.to_dict(), **({"dependencies": []} if event.type == "plan.step_added" else {})} for event in shown
    ]


def test_event_is_on_disk_when_it_is_shown(place):
    journal = place.journal()
    seen = []
    journal.listen(lambda event: seen.append((event.seq, on_disk(place)[-1][0])))
    for number in range(3):
        journal.append(Notice(str(number)), RUN)
        journal.commit()
    assert seen == [(1, 1), (2, 2), (3, 3)]


def test_nothing_is_shown_or_written_before_the_commit(place):
    journal = place.journal()
    seen = []
    journal.listen(seen.append)
    journal.append(Notice("a"), RUN)
    assert seen == [] and on_disk(place) == []
    journal.commit()
    assert [event.seq for event in seen] == [1]


def test_events_a_listener_commits_are_shown_after_those_before_them(place):
    journal = place.journal()
    seen = []

    def answer(event):
        if event.payload.text == "first":
            journal.append(Notice("third"), RUN)
            journal.commit()

    journal.listen(answer)
    journal.listen(lambda event: seen.append(event.payload.text))
    journal.append(Notice("first"), RUN)
    journal.append(Notice("second"), RUN)
    journal.commit()
    assert seen == ["first", "second", "third"]


def test_payload_that_is_no_plain_data_costs_no_number(place):
    journal = place.journal()
    with pytest.raises(TypeError):
        journal.append(Notice(object()), RUN)  # type: ignore[arg-type]
    assert journal.append(Notice("fine"), RUN).seq == 1


def test_closed_journal_refuses_events(place):
    journal = place.journal()
    journal.close()
    journal.close()
    journal.append(Notice("late"), RUN)
    with pytest.raises(JournalError, match="closed"):
        journal.commit()


@dataclass(frozen=True, slots=True)
class Tomorrow(events.Payload):
    """A kind of event that this version does not know."""

    type: ClassVar[str] = "tomorrow"
    text: str


def test_type_of_a_newer_version_is_left_out_of_events_and_kept_on_disk(place):
    journal = place.journal()
    journal.append(Tomorrow("a"), RUN)
    journal.append(Notice("b"), RUN)
    journal.commit()
    assert [event.seq for event in journal.events()] == [2]
    assert on_disk(place) == [(1, "tomorrow"), (2, "notice")]


# ---- late writing


def test_progress_is_shown_at_once_and_written_with_the_next_fact(place):
    journal = place.journal(save_interval_s=3600)
    seen = []
    journal.listen(lambda event: seen.append(event.seq))
    journal.append(Notice("begin"), RUN)
    journal.commit()
    writes = journal.writes
    for _ in range(5):
        journal.append(progress(), RUN)
        journal.commit()
    assert seen == [1, 2, 3, 4, 5, 6] and journal.writes == writes and len(on_disk(place)) == 1
    assert [event.seq for event in journal.events(after=3)] == [4, 5, 6]
    journal.append(Notice("end"), RUN)
    journal.commit()
    assert [seq for seq, _ in on_disk(place)] == [1, 2, 3, 4, 5, 6, 7] and journal.writes == writes + 1
    assert [event.seq for event in journal.events(after=5)] == [6, 7]


async def test_progress_alone_is_written_within_the_interval(place):
    journal = place.journal(save_interval_s=0.01)
    journal.append(Notice("begin"), RUN)
    journal.commit()
    journal.append(progress(), RUN)
    journal.commit()
    async with asyncio.timeout(10):
        while len(on_disk(place)) < 2:
            await asyncio.sleep(0.001)


def test_interval_of_nothing_writes_at_once(place):
    journal = place.journal(save_interval_s=0)
    for number in range(1, 4):
        journal.append(progress(), RUN)
        journal.commit()
        assert len(on_disk(place)) == number


def test_close_writes_what_was_put_off(place):
    journal = place.journal()
    journal.append(Notice("begin"), RUN)
    journal.commit()
    journal.append(progress(), RUN)
    journal.commit()
    journal.close()
    assert on_disk(place) == [(1, "notice"), (2, "step.progress")]


def test_what_is_put_off_is_bounded(place):
    journal = place.journal()
    journal.append(Notice("begin"), RUN)
    journal.commit()
    for number in range(SOFT_EVENTS + 1):
        journal.append(progress(number), RUN)
        journal.commit()
    assert len(on_disk(place)) > SOFT_EVENTS


def test_numbers_shown_before_a_crash_never_come_again_with_another_meaning(place):
    journal = place.journal()
    seen = []
    journal.listen(lambda event: seen.append(event.seq))
    journal.append(Notice("begin"), RUN)
    journal.commit()
    journal.append(progress(), RUN)
    journal.commit()
    place.die(journal)
    again = place.journal()
    assert again.append(Notice("next"), RUN).seq == 1 + GAP + 1 > max(seen)


def test_numbers_after_progress_alone_never_come_again_after_a_crash(place):
    first = place.journal()
    first.append(Notice("begin"), RUN)
    first.close()
    second = place.journal()
    second.append(progress(), RUN)
    second.commit()
    place.die(second)
    assert place.journal().append(Notice("next"), RUN).seq > GAP


def test_numbers_go_on_by_one_after_a_clean_end(place):
    last = place.filled(3)[-1].seq
    journal = place.journal()
    journal.close()
    assert place.journal().append(Notice("next"), RUN).seq == last + 1


# ---- syncs


def syncs(place, policy: str, *payloads: events.Payload, sync: bool = False) -> int:
    journal = place.journal(fsync=policy)
    journal.append(Notice("begin"), RUN)
    journal.append(events.StepAdded("look", "t", (), "read"), RUN)
    journal.append(events.StepAdded("save", "t", (), "write"), RUN)
    journal.commit()
    before = journal.syncs
    for payload in payloads:
        journal.append(payload, RUN)
    journal.commit(sync=sync)
    return journal.syncs - before


READ = events.StepStarted("look", 1, 0)
WRITE = events.StepStarted("save", 1, 0)


@pytest.mark.parametrize(
    ("policy", "payload", "expected"),
    [
        ("always", READ, 1),
        ("interval", READ, 0),
        ("interval", WRITE, 1),
        ("interval", events.StepStarted("look", 1, 0, ("look", "save")), 1),
        ("interval", events.StepStarted("never announced", 1, 0), 1),
        ("interval", events.StepFinished("save", "ok", 0, 1, 0.1), 1),
        ("interval", events.StepFinished("look", "ok", 0, 1, 0.1), 0),
        ("interval", events.ApprovalAsked("save", "step", "?", {}), 1),
        ("interval", events.ApprovalAnswered("save", True, "", {}), 1),
        ("interval", events.CancelRequested(None, ""), 1),
        ("interval", events.AgentCalled("look", "look/1", "t", {}, "write", "k"), 1),
        ("interval", events.AgentCalled("look", "look/1", "t", {}, "read", "k"), 0),
        ("interval", events.AgentReturned("look", "look/1", "k", "ok", 0.1), 1),
        ("never", WRITE, 0),
    ],
)
def test_effects_and_answers_of_people_are_synced_before_they_are_shown(place, policy, payload, expected):
    assert syncs(place, policy, payload) == expected


def test_sync_on_demand(place):
    assert syncs(place, "interval", READ, sync=True) == 1


def test_sync_on_demand_is_nothing_under_never(place):
    assert syncs(place, "never", READ, sync=True) == 0


async def test_the_rest_is_synced_beside_the_loop_within_the_interval(place):
    journal = place.journal(fsync="interval", fsync_interval_s=0.01)
    journal.append(Notice("a"), RUN)
    journal.commit()
    before = journal.syncs
    async with asyncio.timeout(10):
        while journal.syncs == before:
            await asyncio.sleep(0.001)


async def test_close_syncs_beside_the_loop_and_a_disk_that_fails_is_told(place):
    told: asyncio.Queue[str] = asyncio.Queue()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.put_nowait(context["message"]))
    journal = place.journal(fsync="interval", fsync_interval_s=60)
    journal.append(Notice("a"), RUN)
    journal.commit()
    before = journal.syncs
    place.path().rename(place.path().with_name("elsewhere"))
    journal.close()
    assert journal.syncs == before + 1
    async with asyncio.timeout(10):
        assert "the disk could not keep" in await told.get()


def test_without_a_loop_the_interval_is_kept_at_the_next_commit(place):
    journal = place.journal(fsync="interval", fsync_interval_s=5)
    for seconds, expected in ((0, 0), (4, 0), (2, 1)):
        place.clock.advance(seconds)
        journal.append(Notice("a"), RUN)
        journal.commit()
        assert journal.syncs == expected


# ---- segments


def test_full_file_is_closed_packed_and_read_as_before(place):
    shown = place.filled(300, **SMALL)
    assert [record.seq for record in read(place.path())] == [event.seq for event in shown]
    report = verify(place.path())
    assert report.ok and report.files > 3 and report.is_clean
    with contextlib.closing(place.journal()) as journal:
        assert [event.seq for event in journal.events(after=500)] == [e.seq for e in shown if e.seq > 500]


def test_packing_can_be_switched_off(place):
    place.filled(300, "plain", **SMALL, compression="none")
    place.filled(300, "packed", **SMALL)
    plain, packed = verify(place.path("plain")), verify(place.path("packed"))
    assert packed.size_bytes < 0.8 * plain.size_bytes and packed.events == plain.events


def test_journal_goes_on_in_the_file_that_is_there(place):
    place.filled(3)
    place.filled(3)
    assert len(list(place.path().glob("*.journal"))) == 1


def test_reader_sees_whole_groups_while_the_writer_writes_and_rolls(place):
    journal = place.journal(**SMALL)
    for number in range(200):
        journal.append(Notice(f"{number} first"), RUN)
        journal.append(Notice(f"{number} second" + "x" * 100), RUN)
        journal.commit()
        if number % 20 == 0:
            assert [seq for seq, _ in on_disk(place)] == list(range(1, 2 * number + 3))


def test_record_of_a_newer_format_says_to_update(place):
    from planloom.memory.journal.frames import HEAD, framed
    from planloom.memory.journal.records import Head, head_body

    place.path().mkdir(parents=True)
    (place.path() / "00000001.journal").write_bytes(framed(HEAD, head_body(Head(3, 0, True))))
    with pytest.raises(JournalError, match="update Planloom"):
        list(read(place.path()))


# ---- the older format


def old_file(place, count: int) -> bytes:
    """A journal as the first version wrote it."""
    data = b""
    for seq in range(1, count + 1):
        body = msgpack.packb([1, seq, 1.5, RUN, "notice", {"text": f"number {seq}", "step": None}])
        data += struct.pack(">II", len(body), zlib.crc32(body)) + body
    place.path().mkdir(parents=True, exist_ok=True)
    (place.path() / "journal.msgpack").write_bytes(data)
    return data


def test_journal_of_the_first_format_loads_and_goes_on(place):
    data = old_file(place, 5)
    journal = place.journal()
    assert [event.payload.text for event in journal.events()] == [f"number {n}" for n in range(1, 6)]
    assert journal.append(Notice("new"), RUN).seq == 6
    journal.close()
    assert [seq for seq, _ in on_disk(place)] == [1, 2, 3, 4, 5, 6]
    assert (place.path() / "journal.msgpack").read_bytes() == data
    assert verify(place.path()).ok
    assert [record.seq for record in read(place.path() / "journal.msgpack")] == [1, 2, 3, 4, 5]


def test_torn_record_of_the_first_format_is_cut(place):
    data = old_file(place, 5)
    (place.path() / "journal.msgpack").write_bytes(data[:-3])
    journal = place.journal()
    assert journal.cut_bytes > 0 and "cut off" in (journal.notice or "")
    assert journal.append(Notice("new"), RUN).seq == 5
    journal.commit()
    assert [seq for seq, _ in on_disk(place)] == [1, 2, 3, 4, 5]
