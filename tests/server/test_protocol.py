from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planloom.events import PAYLOADS, Event, StepFinished, StepProgress
from planloom.memory.codec import pack
from planloom.server import protocol

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
KINDS = [
    *("hello", "message", "approve", "refuse", "edit_plan", "cancel"),
    *("continue", "resume", "open", "leave", "sessions", "ping"),
]
FIELDS = ["message", "session_id", "run_id", "step", "plan", "inputs", "last_seq", "limit", "changes", "id", "note"]


def test_a_message_alone_is_a_frame() -> None:
    frame = protocol.parsed('{"type": "message", "message": "hi", "session_id": "abc"}')
    assert (frame.type, frame.message, frame.session_id) == ("message", "hi", "abc")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected one JSON object"),
        ("[]", "expected one JSON object, got list"),
        ('{"type": NaN}', "NaN is not JSON"),
        ("[" * 100_000, "expected one JSON object"),
        ('{"a":' * 70 + "1" + "}" * 70, "levels of nesting"),
        ("{}", "expected a `type` of hello"),
        ('{"type": "fly"}', "expected a `type` of hello"),
        ('{"type": "approve", "run_id": "r"}', "step"),
        ('{"type": "resume", "session_id": "s", "last_seq": -1}', "last_seq"),
        ('{"type": "open", "session_id": "../x"}', "session_id"),
    ],
)
def test_what_is_no_frame_is_refused_with_what_was_expected(text: str, told: str) -> None:
    with pytest.raises(protocol.Malformed, match=told):
        protocol.parsed(text)


def test_a_refused_frame_keeps_its_id() -> None:
    with pytest.raises(protocol.Malformed) as refused:
        protocol.parsed('{"type": "approve", "id": "seven"}')
    assert refused.value.id == "seven"


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # a busy machine is no fault of the frames
@given(kind=st.sampled_from(KINDS), fields=st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_any_json_is_a_frame_that_journals_can_write_or_is_refused(kind: str, fields: dict[str, object]) -> None:
    try:
        frame = protocol.parsed(json.dumps({"type": kind, **fields}))
    except protocol.Malformed:
        return
    pack(frame.model_dump())


@given(st.text())
def test_any_text_is_a_frame_or_is_refused(text: str) -> None:
    try:
        protocol.parsed(text)
    except protocol.Malformed as error:
        assert str(error)


def _progress(seq: int, step: str) -> Event:
    return Event(seq, 0.0, "s", "r", StepProgress(step, float(seq), None, ""))


def _end(seq: int, step: str) -> Event:
    return Event(seq, 0.0, "s", "r", StepFinished(step, "ok", 0, 1, 0.0))


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("ab"))))
def test_coalescing_drops_nothing_but_progress_that_a_later_event_replaces(made: list[tuple[bool, str]]) -> None:
    told = [_progress(n, step) if is_progress else _end(n, step) for n, (is_progress, step) in enumerate(made, 1)]
    kept = protocol.coalesced(told)
    assert [e for e in kept if e.type != "step.progress"] == [e for e in told if e.type != "step.progress"]
    assert [e.seq for e in kept] == sorted(e.seq for e in kept)
    for step in "ab":
        of_step = [e for e in told if e.payload.step == step]  # type: ignore[attr-defined]
        if of_step:
            assert of_step[-1] in kept


def test_the_schema_names_every_frame_reply_and_event() -> None:
    schema = protocol.schema()
    assert set(schema["frames"]["discriminator"]["mapping"]) == set(KINDS)
    assert set(schema["replies"]) == {reply.type for reply in protocol.REPLIES}
    assert set(schema["events"]) == set(PAYLOADS)
    for event in schema["events"].values():
        assert {"seq", "at", "session_id", "run_id", "type"} <= set(event["required"])
    json.dumps(schema)
