"""What models see of a session: never above the limit, in order, and nothing is cut silently."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from planloom.errors import ContextError
from planloom.events import Event, MessageAdded, RunAccepted, RunFinished, RunStarted
from planloom.memory.sessions.state import State
from planloom.models.guard import Guard
from planloom.models.pruning import left_out
from planloom.orchestrator.intake.conversation import listed, said, visible

Messages = list[dict[str, Any]]


def turn(number: int, size: int, outputs: list[int]) -> Messages:
    text = f"goal {number} " + "word " * size
    told: Messages = [{"role": "user", "content": text}]
    for place, output in enumerate(outputs):
        name = f"c{number}_{place}"
        call = {"id": name, "type": "function", "function": {"name": "t", "arguments": "{}"}}
        told.append({"role": "assistant", "content": None, "tool_calls": [call]})
        told.append({"role": "tool", "tool_call_id": name, "content": f"output {name}\n" + "line of it\n" * output})
    told.append({"role": "assistant", "content": f"answer {number}"})
    return told


TURNS = st.lists(st.tuples(st.integers(0, 60), st.lists(st.integers(0, 400), max_size=3)), max_size=10)


def session(turns: list[tuple[int, list[int]]]) -> Messages:
    told = [message for number, (size, outputs) in enumerate(turns) for message in turn(number, size, outputs)]
    return [{"role": "system", "content": "careful"}, *told, {"role": "user", "content": "the present goal"}]


def tokens(messages: Any) -> int:
    return Guard().measure("", messages).most


@settings(max_examples=80, deadline=None)
@given(turns=TURNS, limit=st.integers(60, 4_000))
def test_what_is_visible_is_within_the_limit_in_order_and_complete_or_marked(
    turns: list[tuple[int, list[int]]], limit: int
) -> None:
    messages = session(turns)
    seen = visible(messages, {}, limit)
    assert tokens(seen) <= limit
    assert seen[0] == messages[0]
    assert seen[-1] == messages[-1]
    assert visible(seen, {}, limit) == seen
    kept = [messages.index(m) for m in seen if m in messages]
    assert kept == sorted(kept)
    marks = [left_out(m) for m in seen if left_out(m)]
    lines = [m for m in seen if str(m["content"]).startswith("[shortened: ")]
    digests = [m for m in seen if m["role"] == "tool" and m not in messages]
    assert len(marks) <= 1
    assert all("characters left out; whole text: sha256:" in m["content"] for m in digests)
    if not marks and not lines:
        assert len(seen) == len(messages)
    if not marks:
        assert len(lines) + sum(m["role"] == "user" for m in seen if m in messages) == len(turns) + 1
    asked = {c["id"] for m in seen for c in m.get("tool_calls", ())}
    assert {m["tool_call_id"] for m in seen if m["role"] == "tool"} == asked


@given(size=st.integers(200, 2_000))
def test_a_goal_that_is_too_large_alone_is_an_error_and_never_cut(size: int) -> None:
    messages = [*session([(1, [])])[:-1], {"role": "user", "content": "word " * size}]
    try:
        seen = visible(messages, {}, 100)
    except ContextError as error:
        assert error.tokens > 100
    else:
        raise AssertionError(f"was cut: {seen}")


def test_what_fits_is_left_as_it_is() -> None:
    messages = session([(3, [5]), (2, [])])
    assert visible(messages, {}, 100_000) == messages
    assert visible(messages, {}, 0) == messages


def test_old_outputs_become_digests_with_their_handles_first() -> None:
    messages = session([(3, [400]), (2, [])])
    output = messages[3]["content"]
    seen = visible(messages, {output: "${scan}"}, 900)
    assert len(seen) == len(messages)
    assert "whole text: ${scan} ...]" in seen[3]["content"]


def test_turns_become_lines_before_any_goes() -> None:
    messages = session([(60, [3])] * 6)
    seen = visible(messages, {}, tokens(messages) - 100)
    assert str(seen[1]["content"]).startswith('[shortened: asked "goal 0')
    assert not any(left_out(m) for m in seen)
    few = visible(messages, {}, 150)
    assert left_out(few[1]) == len(messages) - 2 - 4 * (len(few) - 3)


def test_a_session_is_told_by_the_goals_and_answers_of_its_runs() -> None:
    def event(run: str, payload: Any) -> Event:
        return Event(1, 0.0, "s", run, payload)

    events = [
        event("a", RunAccepted("first", {})),
        event("b", RunAccepted("", {})),
        event("b", RunStarted("second, in full", {}, "model", {})),
        event("a", RunFinished("done", "", "one\ntwo", 1.0, {})),
        event("b", RunFinished("failed", "no way", "", 1.0, {})),
        event("c", RunAccepted("under way", {})),
        event("d", RunAccepted("present", {})),
        event("d", RunFinished("done", "", "x", 1.0, {})),
        event("", MessageAdded("user", "by the way")),
    ]
    state = State()
    for one in events:
        state.take_event(one)
    told = said(state, "d")
    assert [m["content"] for m in told] == ["first", "one\ntwo", "second, in full", "(failed: no way)", "by the way"]
    assert listed(told[:4]) == "1. **first**\n   one\n   two\n2. **second, in full**\n   (failed: no way)"
