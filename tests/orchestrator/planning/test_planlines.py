"""Steps are found in whatever a model writes around them, and the same however the text is cut into pieces."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.orchestrator.planning.modelled.planlines import AnswerLine, BrokenLine, Line, PlanLines, StepLine

A = '{"id": "a", "action": "x"}'
B = '{"id": "b", "action": "y", "parameters": {"q": "${a.items[0]} } ] \\" {"}}'
END = '{"answer": "It is ${b}."}'


def read(text: str, piece: int = 0) -> list[Line]:
    lines, found, position = PlanLines(), [], 0
    chance = random.Random(piece)
    while position < len(text):
        size = chance.randint(1, piece) if piece else len(text)
        found += lines.feed(text[position : position + size])
        position += size
    return found + lines.end()


def ids(found: list[Line]) -> list[str]:
    return [line.data["id"] for line in found if isinstance(line, StepLine)]


SLOPPY = {
    "lines": f"{A}\n{B}\n{END}",
    "windows line ends": f"{A}\r\n{B}\r\n{END}\r\n",
    "thoughts": f'<think>First {{"id": "no", "action": "no"}} perhaps.\n</think>\n{A}\n{B}\n{END}',
    "fence": f"```json\n{A}\n{B}\n{END}\n```",
    "fence without end": f"```jsonl\n{A}\n{B}\n{END}",
    "prose": f"Here is the plan with {{braces}} and ${{a.b}}:\n\n{A}\nThen:\n{B}\n\n{END}\nHope it helps!",
    "numbers": f"1. {A}\n2) {B}\n3. {END}",
    "bullets": f"- {A}\n* {B}\n\u2022 {END}",
    "labels": f"Step 1: {A}\nStep 2: {B}\nAnswer: {END}",
    "commas behind lines": f"{A},\n{B},\n{END},",
    "one line": f"{A}{B}{END}",
    "list": f"[{A},\n {B},\n {END}]",
    "steps in an object": f'{{"goal": "g", "steps": [\n{A},\n{B}\n], "answer": "It is ${{b}}."}}',
    "answer first": f'{{"answer": "It is ${{b}}.", "steps": [{A}, {B}]}}',
    "plan in an object": f'{{"plan": {{"steps": [{A}, {B}]}}, "answer": "It is ${{b}}."}}',
    "pretty": "\n".join(json.dumps(json.loads(line), indent=2) for line in (A, B, END)),
    "trailing commas": '{"id": "a", "action": "x",}\n' + B.replace("}}", ",},}") + "\n" + END,
    "other names": f'{{"id": "a", "tool": "x", "args": {{}}, "depends_on": []}}\n{B}\n{END}',
}


@pytest.mark.parametrize("text", SLOPPY.values(), ids=SLOPPY)
def test_steps_and_answer_are_found_in_sloppy_replies(text):
    found = read(text)
    assert ids(found) == ["a", "b"]
    assert [line for line in found if isinstance(line, AnswerLine)] == [AnswerLine("It is ${b}.")]
    assert not any(isinstance(line, BrokenLine) for line in found)


BROKEN = {
    "cut": (f'{A}\n{{"id": "b", "acti', ["a"], "ended inside", "b"),
    "brace missing": (f'{{"id": "a", "action": "x", "parameters": {{}}\n{B}', ["b"], "closing }", "a"),
    "quote missing": (f'{{"id": "a", "action": "x}}\n{B}', ["b"], "line break", "a"),
    "python": (f"{{'id': 'a', 'action': 'x'}}\n{B}", ["b"], "not JSON", "a"),
    "brackets crossed": ('{"id": "a", "parameters": {"q": [1}]}\n' + B, ["b"], "not JSON", "a"),
    "only a brace": (f"{A}\n{{", ["a"], "ended inside", None),
}


@pytest.mark.parametrize(("text", "good", "reason", "name"), BROKEN.values(), ids=BROKEN)
def test_broken_line_is_told_and_leaves_its_neighbours(text, good, reason, name):
    found = read(text)
    broken = [line for line in found if isinstance(line, BrokenLine)]
    assert ids(found) == good
    assert len(broken) == 1
    assert reason in broken[0].reason
    assert broken[0].id == name
    assert broken[0].is_cut == ("ended" in reason)


@pytest.mark.parametrize("text", [*SLOPPY.values(), *(text for text, *_ in BROKEN.values())], ids=[*SLOPPY, *BROKEN])
def test_pieces_of_any_size_give_the_same_lines(text):
    whole = read(text)
    assert all(read(text, piece) == whole for piece in range(1, 30))


@pytest.mark.parametrize(
    "text",
    ["", "\n\n", "I can't.", "<html><body>{color: red}</body></html>", "<think>and on", '{"error": "no"}', "[]"],
)
def test_replies_without_a_plan_give_nothing_that_runs(text):
    assert ids(read(text)) == []


def test_step_is_there_before_the_next_line_is():
    lines = PlanLines()
    assert ids(lines.feed(A)) == ["a"]


def test_object_without_end_is_bounded_and_the_next_line_is_read():
    lines = PlanLines(max_object=1000)
    found = lines.feed('{"id": "a", "action": "x", "parameters": {"t": "' + "x" * 5000)
    assert isinstance(found[0], BrokenLine)
    assert len(found[0].text) <= 2000
    assert ids(lines.feed(f'more"}}}}\n{B}\n')) == ["b"]


def test_endless_prose_takes_no_memory():
    lines = PlanLines()
    for _ in range(2000):
        assert lines.feed("word " * 20) == []
    assert len(lines._buffer) < 200
    assert len(lines.prose) <= 200


def test_deep_nesting_is_broken_not_a_crash():
    text = '{"id": "a", "action": "x", "parameters": {"q": ' + "[" * 20_000 + "]" * 20_000 + "}}\n"
    found = read(text + B)
    assert ids(found) in (["b"], ["a", "b"])


@given(st.text(alphabet='{}[]"\\:,\n\r <think>/`-1.id\tanswers', max_size=80), st.integers(1, 9))
def test_no_text_crashes_the_reader(text, piece):
    found = read(text, piece)
    assert all(isinstance(line, (StepLine, AnswerLine, BrokenLine)) for line in found)
    assert read(text) == found
