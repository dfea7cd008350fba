"""What the model says, found out from the prompt alone."""

import json
from typing import Any

import pytest

from planloom.models.simulate import brains, request
from planloom.models.simulate.answer import Answer
from planloom.models.simulate.chance import Chance

VERDICTS = {
    "type": "object",
    "properties": {
        "verdicts": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "verdict": {"type": "string", "enum": ["pass", "fail", "unsure"]},
                    "reason": {"type": "string"},
                },
                "required": ["id", "verdict", "reason"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["verdicts"],
    "additionalProperties": False,
}
JUDGE = "You are a judge. Give each result a verdict: pass or fail, with a reason."


def _think(system: str, user: str, *, failures: float = 0.0, chance: Chance | None = None, **rest: Any) -> Answer:
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    asked = request.read({"model": "m", "messages": messages, **rest})
    return brains.think(asked, (chance or Chance(1)).draw(asked.prompt), judge_failure_rate=failures)


def _format(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}


@pytest.mark.parametrize(
    "user",
    [
        json.dumps([{"id": "s1", "result": 1}, {"id": "s2", "result": 2}, {"id": "s3[0]", "result": 3}]),
        "Results:\n" + "\n".join(json.dumps({"id": i, "result": 1}) for i in ("s1", "s2", "s3[0]")),
        "id: s1\nresult: 4\n\nid: s2\nresult: 5\n\nid: s3[0]\nresult: 6",
        '<result id="s1">4</result><result id="s2">5</result><result id="s3[0]">6</result>',
        "### Step s1\n4\n### Step s2\n5\n### Step s3[0]\n6",
    ],
)
def test_several_judgements_in_one_call_get_one_verdict_each(user: str) -> None:
    answer = _think(JUDGE, user, response_format=_format(VERDICTS))
    verdicts = json.loads(answer.text)["verdicts"]
    assert [verdict["id"] for verdict in verdicts] == ["s1", "s2", "s3[0]"]
    assert {verdict["verdict"] for verdict in verdicts} == {"pass"}
    assert answer.brain == "judge"


def test_verdicts_fail_at_the_rate_asked_for_with_a_reason_that_fits() -> None:
    chance = Chance(1)
    ids = [{"id": f"s{n}"} for n in range(20)]
    told = [
        verdict
        for _ in range(50)
        for verdict in json.loads(
            _think(JUDGE, json.dumps(ids), failures=0.2, chance=chance, response_format=_format(VERDICTS)).text
        )["verdicts"]
    ]
    assert len(told) == 1000
    assert 150 < sum(verdict["verdict"] == "fail" for verdict in told) < 250
    assert all(("does not fit" in verdict["reason"]) == (verdict["verdict"] == "fail") for verdict in told)


def test_a_verdict_as_a_flag_and_a_score_agree() -> None:
    properties = {"passed": {"type": "boolean"}, "score": {"type": "number", "minimum": 0, "maximum": 1}}
    schema = {"type": "object", "properties": properties, "required": ["passed", "score"]}
    for failures in (0.0, 1.0):
        told = json.loads(_think(JUDGE, "42", failures=failures, response_format=_format(schema)).text)
        assert told == {"passed": failures == 0, "score": 1.0 - failures}


def test_a_judge_without_a_schema_answers_in_json() -> None:
    assert json.loads(_think(JUDGE, "is 4 right?").text)["verdict"] == "pass"
    several = json.loads(_think(JUDGE, '[{"id": "a"}, {"id": "b"}]').text)
    assert [(verdict["id"], verdict["verdict"]) for verdict in several] == [("a", "pass"), ("b", "pass")]


def test_a_schema_in_the_prompt_is_followed_in_json_mode_and_in_a_fenced_block() -> None:
    system = f"{JUDGE} Reply with JSON of this schema:\n{json.dumps(VERDICTS)}"
    user = '[{"id": "a"}, {"id": "b"}]'
    in_mode = _think(system, user, response_format={"type": "json_object"}).text
    fenced = _think(system, user).text
    assert [verdict["id"] for verdict in json.loads(in_mode)["verdicts"]] == ["a", "b"]
    assert fenced.startswith("```json\n")
    assert fenced.endswith("\n```")
    assert json.loads(fenced[8:-4]) == json.loads(in_mode)


def test_answers_to_a_batch_of_prompts_carry_their_ids() -> None:
    item = {"type": "object", "properties": {"id": {"type": "integer"}, "answer": {"type": "string"}}}
    item["required"] = ["id", "answer"]
    schema = {"type": "object", "properties": {"answers": {"type": "array", "items": item}}, "required": ["answers"]}
    user = json.dumps({"prompts": [{"id": n, "prompt": f"question {n}"} for n in (3, 5, 8)]})
    told = json.loads(_think("Answer each.", user, response_format=_format(schema)).text)
    assert [answer["id"] for answer in told["answers"]] == [3, 5, 8]


def test_a_writer_digests_each_part_with_its_id_and_its_end() -> None:
    results = [{"id": "scan", "result": "ten files\n" * 500 + "last word: pelican"}, {"id": "sum", "result": 55}]
    answer = _think("You write the answer from the results.", f"Goal: count\n{json.dumps(results)}")
    assert answer.brain == "writer"
    assert "[scan]" in answer.text
    assert "pelican" in answer.text
    assert "[sum]" in answer.text
    assert "Goal: count" in answer.text
    assert len(answer.text) < 1000


def test_what_is_in_the_data_does_not_make_a_judge_of_a_writer() -> None:
    answer = _think("You write the answer from the results.", "The judge's verdict: pass or fail? Give JSON.")
    assert answer.brain == "writer"


def test_anything_else_gets_a_short_text_that_repeats() -> None:
    first, second = _think("Be nice.", "How are you?"), _think("Be nice.", "How are you?")
    assert first == second
    assert first.brain == "text"
    assert first.text.startswith("Simulated reply")


def test_a_forced_tool_is_called_even_after_results() -> None:
    tools = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("a", "b")]
    answer = _think("", "x", tools=tools, tool_choice={"type": "function", "function": {"name": "b"}})
    assert [call.name for call in answer.tool_calls] == ["b"]
    assert _think("", "x", tools=tools, tool_choice="none").tool_calls == ()


def test_prompts_of_brackets_alone_do_no_harm() -> None:
    assert _think("Judge: pass or fail, a verdict in JSON.", "[" * 50_000 + "{" * 50_000).text


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ([], "JSON object"),
        ({"messages": []}, "model"),
        ({"model": "m", "messages": []}, "at least 1"),
        ({"model": "m", "messages": [{"role": "boss", "content": "x"}]}, "Supported values"),
        ({"model": "m", "messages": [{"role": "user", "content": 3}]}, "content"),
        ({"model": "m", "messages": [{"role": "tool", "tool_call_id": "1", "content": "x"}]}, "preceding"),
        (
            {"model": "m", "messages": [{"role": "assistant", "tool_calls": [{"id": "1"}]}]},
            "did not have response messages: 1",
        ),
        ({"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": 0}, "max_tokens"),
        ({"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [{}]}, "name"),
        ({"model": "m", "messages": [{"role": "user", "content": "x"}], "stream_options": {}}, "stream_options"),
        (
            {"model": "m", "messages": [{"role": "user", "content": "x"}], "response_format": {"type": "json_object"}},
            "word 'json'",
        ),
        (
            {
                "model": "m",
                "messages": [{"role": "user", "content": "x"}],
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "strict": True, "schema": {"type": "object", "properties": {}}},
                },
            },
            "additionalProperties",
        ),
        (
            {
                "model": "m",
                "messages": [{"role": "user", "content": "x"}],
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": {"type": "object", "properties": {"a": {"type": "txt"}}}},
                },
            },
            "'txt' is not valid",
        ),
    ],
)
def test_requests_that_make_no_sense_are_refused(body: Any, told: str) -> None:
    from planloom.models.simulate.problems import ApiError

    with pytest.raises(ApiError, match=told) as caught:
        request.read(body)
    assert caught.value.status == 400
