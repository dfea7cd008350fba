"""The context guard: nothing too large is sent, and what matters stays."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planloom.errors import ContextError
from planloom.models.guard import Guard
from planloom.models.pruning import digest, left_out, mark

Messages = list[dict[str, Any]]


def system(text: str = "You are careful.") -> dict[str, Any]:
    return {"role": "system", "content": text}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def used_tool(number: int, output: str) -> Messages:
    call = {"id": f"c{number}", "type": "function", "function": {"name": "t", "arguments": "{}"}}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": f"c{number}", "content": output},
    ]


def lines(count: int, last: str = "the end") -> str:
    return "".join(f"line {i} of a long output with words in it\n" for i in range(count)) + last


def test_what_fits_is_left_as_it_is() -> None:
    messages = [system(), user("Hello"), *used_tool(1, lines(20))]
    fitted = Guard().fit("m", messages, limit=10_000, reserve_output=1000)
    assert list(fitted.messages) == messages
    assert (fitted.digested, fitted.dropped) == (0, 0)
    assert fitted.measure.expected <= fitted.measure.most <= 9000


def test_without_a_known_limit_nothing_is_cut() -> None:
    messages = [system(), user(lines(10_000))]
    assert list(Guard().fit("m", messages, limit=0, reserve_output=1000).messages) == messages


def test_old_tool_outputs_become_digests_first_and_the_oldest_before_the_others() -> None:
    messages = [system(), user("first"), *used_tool(1, lines(400)), *used_tool(2, lines(400)), user("now")]
    kept: list[str] = []
    fitted = Guard().fit(
        "m", messages, limit=9000, reserve_output=1000, keep=lambda text: kept.append(text) or "artifact:1"
    )
    assert kept == [lines(400)]
    assert (fitted.digested, fitted.dropped, len(fitted.messages)) == (1, 0, len(messages))
    text = fitted.messages[3]["content"]
    assert text.startswith("line 0 of") and text.endswith("the end") and "whole text: artifact:1" in text
    assert fitted.messages[3]["tool_call_id"] == "c1"
    assert fitted.messages[5]["content"] == lines(400)


def test_old_turns_become_lines_next_and_the_oldest_before_the_others() -> None:
    old = [message for i in range(6) for message in (user(f"{i} " + lines(60)), *used_tool(i, "short"))]
    messages = [system(), *old, user("now")]
    fitted = Guard().fit("m", messages, limit=3_000, reserve_output=500)
    assert fitted.messages[0] == system() and fitted.messages[-1] == user("now")
    assert fitted.dropped == 0 < fitted.digested
    first = fitted.messages[1]["content"]
    assert first.startswith('[shortened: asked "0 line 0 of') and 'got "short"]' in first
    assert list(fitted.messages[1 + fitted.digested : -1]) == old[3 * fitted.digested :]


def test_oldest_turns_go_last_with_their_tool_calls_and_a_mark_counts_them() -> None:
    old = [message for i in range(200) for message in (user(f"{i} " + lines(20)), *used_tool(i, "short"))]
    messages = [system(), *old, user("now")]
    fitted = Guard().fit("m", messages, limit=3000, reserve_output=500)
    assert fitted.messages[0] == system() and fitted.messages[-1] == user("now")
    assert fitted.dropped % 3 == 0 and fitted.dropped > 0
    assert fitted.messages[1] == mark(fitted.dropped)
    assert len(fitted.messages) - 3 == 200 - fitted.dropped // 3
    asked = {c["id"] for m in fitted.messages for c in m.get("tool_calls", ())}
    assert asked == {m["tool_call_id"] for m in fitted.messages if m["role"] == "tool"}


def test_marks_add_up_when_a_pruned_history_is_pruned_again() -> None:
    messages = [system(), *(user(f"{i} " + lines(20)) for i in range(60)), user("now")]
    once = Guard().fit("m", messages, limit=1_500, reserve_output=0)
    again = Guard().fit(
        "m", [*once.messages[:-1], *(user(lines(20)) for _ in range(20)), user("x")], limit=1_500, reserve_output=0
    )
    count = left_out(again.messages[1])
    assert count == once.dropped + again.dropped > once.dropped
    assert count + len(again.messages) - 3 == 60 + 20


def test_four_tools_with_100_000_tokens_each_fit_and_keep_their_tails() -> None:
    outputs = [lines(10_000, f"total {i}: {i}77") for i in range(4)]
    messages = [system(), user("Add the totals."), *(m for i, text in enumerate(outputs) for m in used_tool(i, text))]
    guard = Guard()
    assert guard.measure("m", messages).expected > 400_000
    fitted = guard.fit("m", messages, limit=128_000, reserve_output=4000)
    assert fitted.measure.most <= 124_000
    assert fitted.digested == 4 and fitted.dropped == 0
    for i in range(4):
        assert any(str(m["content"]).endswith(f"total {i}: {i}77") for m in fitted.messages)
    assert fitted.measure.most > 40_000, "room was given away"


def test_system_and_last_message_are_never_cut() -> None:
    with pytest.raises(ContextError, match="at most 1000 tokens") as caught:
        Guard().fit("m", [system(lines(500)), user("old"), user("now")], limit=1000, reserve_output=100)
    assert caught.value.limit == 900 < caught.value.tokens
    with pytest.raises(ContextError):
        Guard().fit("m", [system(), user(lines(500))], limit=1000, reserve_output=100)


def test_tools_and_schema_count_too() -> None:
    tools = [{"type": "function", "function": {"name": "t", "description": lines(100)}}]
    measure = Guard().measure("m", [user("x")], tools=tools, schema={"type": "object", "description": lines(10)})
    assert measure.tools > 800 and measure.schema > 80
    assert measure.expected == measure.messages + measure.tools + measure.schema
    with pytest.raises(ContextError):
        Guard().fit("m", [user("x")], limit=800, reserve_output=0, tools=tools)


def test_the_bound_follows_what_the_model_really_counted() -> None:
    guard = Guard()
    messages = [system(), user("old " + lines(50)), user("now")]
    assert guard.fit("m", messages, limit=1200, reserve_output=0).digested == 0
    for _ in range(30):
        guard.corrections.learn("m", 1000, 2200)
    assert guard.fit("m", messages, limit=1200, reserve_output=0).digested == 1


def test_a_digest_of_one_long_line_shows_both_ends() -> None:
    text = "a" * 5000 + "b" * 5000
    short = digest(text, 100, "h")
    assert short == "a" * 50 + "\n[... 9,900 of 10,000 characters left out; whole text: h ...]\n" + "b" * 50


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.integers(0, 80).map(lambda n: [user(lines(n))]),
            st.integers(0, 400).map(lambda n: used_tool(n, lines(n))),
            st.integers(0, 40).map(lambda n: [{"role": "assistant", "content": lines(n)}]),
        ),
        max_size=12,
    ),
    st.integers(200, 6000),
)
def test_no_request_above_the_limit_ever_passes(parts: list[Messages], limit: int) -> None:
    messages = [system(), *(message for part in parts for message in part)]
    guard = Guard()
    try:
        fitted = guard.fit("m", messages, limit=limit, reserve_output=100)
    except ContextError:
        return
    assert guard.measure("m", fitted.messages) == fitted.measure
    assert fitted.measure.most + 100 <= limit
    assert fitted.messages[0] == system()
    users = [message for message in messages if message["role"] == "user"]
    assert not users or users[-1] in fitted.messages
    asked = {c["id"] for m in fitted.messages for c in m.get("tool_calls", ())}
    assert {m["tool_call_id"] for m in fitted.messages if m["role"] == "tool"} <= asked
