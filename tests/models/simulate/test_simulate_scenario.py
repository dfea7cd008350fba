"""Scripted replies."""

import json
from pathlib import Path
from typing import Any

import pytest

from planloom.clock import ManualClock
from planloom.errors import UsageError
from planloom.models.simulate import scenario
from planloom.models.simulate.problems import ApiError
from planloom.models.simulate.provider import Decision, Provider
from planloom.models.simulate.settings import Settings

SCRIPT = """
scenario: 1
rules:
  - when: {contains: [weather, Oslo], model: "small*"}
    reply: It rains.
    times: 2
  - when: {regex: "(?i)plan this"}
    reply:
      lines:
        - {id: a, action: files.read, parameters: {path: x}, dependencies: []}
        - not a step
      seconds_per_line: 0.5
  - when: {nth: 2, user_contains: third time}
    reply: {status: 503, message: Too busy, headers: {Retry-After: 7}}
  - when: {has: [tools, stream]}
    reply:
      reasoning: Let me see.
      tool_calls: [{name: look, arguments: {at: 1}}, {name: look, arguments: "{broken"}]
  - when: {endpoint: embeddings, contains: odd}
    reply: {json: {object: list, data: []}}
  - when: {contains: page}
    reply: {body: "<html>", status: 502, headers: {content-type: text/html}}
  - when: {contains: as json}
    reply: {json: {answer: 42}, usage: {prompt_tokens: 1000, completion_tokens: 7}, delay_s: 3, ttft_s: 1}
  - when: {contains: spoil}
    reply: {text: "0123456789", fault: truncated_json}
  - when: {contains: slowly}
    reply: {delay_s: 60, fault: none}
"""


def _provider(text: str = SCRIPT, **settings: Any) -> Provider:
    return Provider(Settings(scenario=scenario.parse(text), **settings), ManualClock())


def _ask(provider: Provider, content: str, model: str = "m", **rest: Any) -> Decision:
    body = {"model": model, "messages": [{"role": "user", "content": content}], **rest}
    return provider.chat(body, key="", model="", now=0.0)


def _said(decision: Decision) -> Any:
    return json.loads(decision.exchange.frames[0][1])["choices"][0]


def test_a_rule_answers_what_fits_all_it_says_as_often_as_it_may() -> None:
    provider = _provider()
    texts = [
        _said(_ask(provider, content, model))["message"]["content"]
        for content, model in [
            ("the weather in Oslo", "small-1"),
            ("the weather in Oslo", "large"),
            ("the weather in Rome", "small"),
            ("Oslo weather", "small"),
            ("Oslo weather", "small"),
        ]
    ]
    assert [text == "It rains." for text in texts] == [True, False, False, True, False]


def test_lines_are_texts_and_data() -> None:
    text = _said(_ask(_provider(), "Plan this"))["message"]["content"]
    first, second = text.splitlines()
    assert json.loads(first)["action"] == "files.read"
    assert second == "not a step"
    assert _ask(_provider(), "Plan this").exchange.frames[0][0] == 1.0


def test_nth_counts_the_requests_that_fit_the_rest() -> None:
    provider = _provider()
    statuses = [_ask(provider, text).exchange.status for text in ("third time", "other", "third time", "third time")]
    assert statuses == [200, 200, 503, 200]


def test_a_status_comes_with_its_message_and_headers() -> None:
    provider = _provider()
    _ask(provider, "third time")
    made = _ask(provider, "third time").exchange
    assert json.loads(made.frames[0][1])["error"]["message"] == "Too busy"
    assert made.headers["retry-after"] == "7"


def test_tool_calls_and_reasoning_are_told_as_written() -> None:
    tools = [{"type": "function", "function": {"name": "look", "parameters": {}}}]
    frames = _ask(_provider(), "x", tools=tools, stream=True).exchange.frames
    chunks = [json.loads(data[6:]) for _, data in frames if data.startswith(b"data: {")]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    calls = [call for delta in deltas for call in delta.get("tool_calls", [])]
    arguments = ["".join(c["function"]["arguments"] for c in calls if c["index"] == index) for index in (0, 1)]
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == "Let me see."
    assert arguments == ['{"at": 1}', "{broken"]


def test_embeddings_can_be_scripted_too() -> None:
    provider = _provider()
    made = provider.embeddings({"model": "e", "input": ["odd", "even"]}, key="", model="", now=0.0)
    usual = provider.embeddings({"model": "e", "input": ["even"]}, key="", model="", now=0.0)
    assert json.loads(made.exchange.frames[0][1]) == {"object": "list", "data": []}
    assert usual.embed is not None
    assert len(json.loads(usual.embed().frames[0][1])["data"]) == 1


def test_bytes_status_and_headers_are_sent_as_written() -> None:
    made = _ask(_provider(), "page").exchange
    assert (made.status, made.frames[0][1], made.headers["content-type"]) == (502, b"<html>", "text/html")


def test_usage_and_times_are_those_of_the_rule() -> None:
    made = _ask(_provider(), "as json").exchange
    at_s, data = made.frames[0]
    assert at_s == 4
    assert json.loads(data)["usage"]["total_tokens"] == 1007
    assert json.loads(json.loads(data)["choices"][0]["message"]["content"]) == {"answer": 42}


def test_a_rule_can_spoil_its_reply_or_keep_it_whole() -> None:
    assert _said(_ask(_provider(), "spoil"))["message"]["content"] == "01234"
    made = _ask(_provider(faults={"500": 1.0}), "slowly").exchange
    assert (made.status, made.frames[0][0]) == (200, 60)
    assert "Simulated" in made.frames[0][1].decode()


def test_a_list_of_rules_alone_and_a_rule_without_when_will_do() -> None:
    assert _said(_ask(_provider("- reply: Always."), "x"))["message"]["content"] == "Always."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rules: 3", r"line 1: rules: expected a list of rules, got 3"),
        ("rules:\n- when: {}\n", r"line 2: rules\[0\]: expected a reply"),
        ("- reply: {txt: a}", r"line 1: \[0\].reply.txt: expected 'text', got 'txt'"),
        ("- when:\n    contain: a\n  reply: b", r"line 2: \[0\].when.contain: expected 'contains'"),
        ("- when: {nth: 0}\n  reply: b", r"\[0\].when.nth: expected a whole number from 1, got 0"),
        ("- when: {regex: '('}\n  reply: b", r"when.regex: expected a regular expression"),
        ("- when: {endpoint: caht}\n  reply: b", r"when.endpoint: expected one of chat, embeddings"),
        ("- when: {has: [video]}\n  reply: b", r"when.has: expected some of stream"),
        ("- reply: b\n  times: -1", r"line 2: \[0\].times: expected a whole number"),
        ("- reply: {status: 99}", r"reply.status: expected an HTTP status"),
        ("- reply: {fault: fire}", r"reply.fault: expected the name of a fault"),
        ("- reply:\n    text: a\n    lines: [b]", r"line 3: \[0\].reply.lines: expected one of text, json and lines"),
        ("- reply: {tool_calls: [look]}", r"reply.tool_calls: expected a list of"),
        ("- reply: {delay_s: soon}", r"reply.delay_s: expected a number of seconds"),
        ("- reply: a\n- reply: b\n  reply: c", r"line 3: expected each key once, got 'reply'"),
        ("- reply: [a", r"line \d: expected YAML"),
        ("- reply: !!python/name:os.system {}", r"line 1: expected YAML"),
        ("", r"expected a list of rules, got None"),
    ],
)
def test_what_does_not_fit_is_told_with_line_and_key(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        scenario.parse(text)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none.yaml: expected a readable scenario"):
        scenario.load(tmp_path / "none.yaml")


def test_limits_hold_for_scripted_texts_too() -> None:
    from planloom.models.simulate.quota import Limits

    provider = _provider("- reply: Always.", limits=Limits(rpm=1))
    assert [_ask(provider, "x").exchange.status for _ in range(2)] == [200, 429]


def test_the_example_in_the_guide_is_a_scenario() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "simulate.md").read_text(encoding="utf-8")
    examples = [block.split("```")[0] for block in guide.split("```yaml\n")[1:]]
    assert examples
    assert all(len(scenario.parse(example)) > 0 for example in examples)


def test_problems_read_as_text() -> None:
    assert str(ApiError(400, "no")) == "400: no"
