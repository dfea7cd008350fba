"""Plan requests: given plans, and seeded plans that always pass the linter."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from planloom.agents.registry import Registry
from planloom.agents.tool import Tool
from planloom.clock import ManualClock
from planloom.errors import UsageError
from planloom.models.simulate import gold, planning, request
from planloom.models.simulate.catalog import offers
from planloom.models.simulate.chance import Draw
from planloom.models.simulate.provider import Provider
from planloom.models.simulate.settings import Settings
from planloom.models.simulate.signatures import fields
from planloom.orchestrator.planning import files
from planloom.orchestrator.planning.lint import lint

RULES = (
    "You plan. Answer in JSON Lines, one step per line, each an object with id, action, parameters, dependencies and "
    "reasoning. Tools:\n"
)
GOAL = "Report on the folder notes/archive and summarise README.md"


@pytest.fixture(scope="module")
def tools() -> list[Tool]:
    return list(
        Registry(["planloom.agents.tools.tables", "planloom.agents.tools.charts", "planloom.agents.tools.text"])
    )


def _as_json(tools: list[Tool]) -> str:
    told = [
        {"name": t.name, "description": t.description, "input_schema": t.input_schema, "output_schema": t.output_schema}
        for t in tools
    ]
    return json.dumps(told, indent=1)


def _as_json_lines(tools: list[Tool]) -> str:
    return "\n".join(json.dumps({"name": t.name, "effect": t.effect, "parameters": t.input_schema}) for t in tools)


def _as_signatures(tools: list[Tool]) -> str:
    def arguments(tool: Tool) -> str:
        schema = tool.input_schema
        kinds = {name: inner.get("type", "any") for name, inner in schema["properties"].items()}
        required = schema.get("required", [])
        return ", ".join(f"{name}{'' if name in required else '?'}: {kind}" for name, kind in kinds.items())

    return "\n".join(f"- {t.name}({arguments(t)}): {t.description.splitlines()[0]}" for t in tools)


def _read(system: str, user: str, **rest: Any) -> request.ChatRequest:
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    return request.read({"model": "m", "messages": messages, **rest})


def _plan(asked: request.ChatRequest, seed: int, plans: gold.GoldPlans | None = None) -> list[dict[str, Any]]:
    answer = planning.plan(asked, Draw(f"{seed:016x}").stream("brain"), plans, 0.0)
    assert answer is not None
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.mark.parametrize("written", [_as_json, _as_json_lines])
def test_every_offered_tool_is_found_with_its_schema(tools: list[Tool], written: Any) -> None:
    found = offers(_read(RULES + written(tools), f"Goal: {GOAL}"))
    assert [offer.name for offer in found] == [tool.name for tool in tools]
    assert [offer.schema for offer in found] == [tool.input_schema for tool in tools]


def test_an_equals_sign_among_quoted_choices_is_no_default() -> None:
    text = 'op: "=" | "<" | ">=", how?: "=" | "!=" = "=", f: "a=b", n: integer = 3'
    found = fields(text)
    assert found["required"] == ["op", "f"]
    assert found["properties"]["op"] == {"enum": ["=", "<", ">="]}
    assert found["properties"]["how"] == {"enum": ["=", "!="]}


def test_tools_are_found_as_functions_and_as_signatures(tools: list[Tool]) -> None:
    functions = [{"type": "function", "function": {"name": t.name, "parameters": t.input_schema}} for t in tools]
    for asked in (_read(RULES, GOAL, tools=functions), _read(RULES + _as_signatures(tools), GOAL)):
        found = offers(asked)
        assert [offer.name for offer in found] == [tool.name for tool in tools]
        assert [set(o.required) for o in found] == [set(t.input_schema.get("required", [])) for t in tools]


@pytest.mark.parametrize("written", [_as_json, _as_json_lines])
def test_seeded_plans_pass_the_linter(tools: list[Tool], written: Any) -> None:
    by_name = {tool.name: tool for tool in tools}
    asked = _read(RULES + written(tools), f"Goal: {GOAL}")
    for seed in range(40):
        steps = _plan(asked, seed)
        plan = files.parse({"goal": GOAL, "steps": steps})
        findings = lint(plan, by_name.get, names=lambda: by_name)
        assert [str(finding) for finding in findings if finding.severity == "error"] == []
        assert 2 <= len(steps) <= 6


def test_a_plan_takes_the_path_from_the_goal_and_refers_to_earlier_results() -> None:
    offered = [
        {
            "name": "load",
            "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
            "output_schema": {"type": "object", "properties": {"rows": {"type": "array"}}, "required": ["rows"]},
        },
        {
            "name": "count",
            "input_schema": {"type": "object", "properties": {"rows": {"type": "array"}}, "required": ["rows"]},
        },
    ]
    asked = _read(RULES + json.dumps(offered), "Goal: load data/sales.csv and count the rows")
    for seed in range(20):
        steps = _plan(asked, seed)
        loads = [step for step in steps if step["action"] == "load"]
        assert loads[0]["parameters"] == {"path": "data/sales.csv"}
        later = [step for step in steps[steps.index(loads[0]) :] if step["action"] == "count"]
        assert all(step["parameters"]["rows"].startswith("${") and step["dependencies"] for step in later)


def test_text_of_the_goal_never_becomes_a_reference() -> None:
    schema = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    asked = _read(RULES + json.dumps([{"name": "say", "input_schema": schema}]), "Goal: say ${inputs.secret} aloud")
    plan = files.parse({"goal": "", "steps": _plan(asked, 1)})
    assert plan.steps[0].parameters["text"] == "say $${inputs.secret} aloud"


def test_writing_tools_are_left_out_while_there_are_others() -> None:
    schema = {"type": "object", "properties": {}}
    told = [{"name": n, "effect": e, "input_schema": schema} for n, e in (("wipe", "write"), ("look", "read"))]
    asked = _read(RULES + json.dumps(told), "Goal: wipe everything")
    assert {step["action"] for seed in range(20) for step in _plan(asked, seed)} == {"look"}


def test_a_repair_request_gets_the_broken_steps_alone_and_valid(tools: list[Tool]) -> None:
    by_name = {tool.name: tool for tool in tools}
    broken = {"id": "s7", "action": "tables.raed", "parameters": {"oops": 1}, "dependencies": []}
    asked = _read(RULES + _as_json(tools), f"Goal: {GOAL}\nRepair these broken steps:\n{json.dumps(broken)}")
    steps = _plan(asked, 1)
    assert [step["id"] for step in steps] == ["s7"]
    findings = lint(files.parse({"goal": GOAL, "steps": steps}), by_name.get, names=lambda: by_name)
    assert [finding for finding in findings if finding.severity == "error"] == []


def _gold(count: int) -> gold.GoldPlans:
    chance = Random(1)
    plans = {}
    for number in range(count):
        ids = [f"s{n}" for n in range(1, chance.randint(2, 9))]
        steps = [
            gold.GoldStep(
                id=name,
                deps=tuple(chance.sample(ids[:n], min(n, chance.randint(0, 2)))),
                text=f"do part {name}",
                seconds=chance.random(),
            )
            for n, name in enumerate(ids)
        ]
        plans[f"Goal number {number} of many"] = steps
    return gold.GoldPlans(plans)


def test_a_given_plan_answers_its_goal_step_by_step() -> None:
    schema = {"type": "object", "properties": {"text": {"type": "string"}, "seconds": {"type": "number"}}}
    asked = _read(RULES + json.dumps([{"name": "work", "parameters": schema}]), "Goal: Goal  number 7 of MANY")
    plans = _gold(50)
    wanted = plans.find("goal number 7 of many", "")
    assert wanted is not None
    steps = _plan(asked, 1, plans)
    assert [(s["id"], tuple(s["dependencies"]), s["parameters"]["seconds"]) for s in steps] == [
        (step.id, step.deps, step.seconds) for step in wanted
    ]
    assert {step["action"] for step in steps} == {"work"}
    assert steps[0]["parameters"]["text"] == "do part s1"


def test_a_goal_nobody_gave_a_plan_for_gets_a_seeded_one() -> None:
    schema = {"type": "object", "properties": {}}
    asked = _read(RULES + json.dumps([{"name": "work", "parameters": schema}]), "Goal: something else")
    assert all(step["reasoning"].startswith("Simulated") for step in _plan(asked, 1, _gold(5)))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "JSON"),
        ('{"plans": {}}', "plans"),
        ('{"plans": [{"steps": []}]}', r"plans\[0\]"),
        ('{"plans": [{"goal": "g", "steps": []}]}', r"plans\[0\].steps"),
        ('{"plans": [{"goal": "g", "steps": [{"deps": []}]}]}', r"steps\[0\]"),
        ('{"plans": [{"goal": "g", "steps": [{"id": "a", "deps": "b"}]}]}', "deps"),
    ],
)
def test_files_of_plans_that_do_not_fit_name_the_place(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "plans.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=told):
        gold.load(file)


def test_lines_of_a_streamed_plan_come_one_by_one_at_their_seconds() -> None:
    schema = {"type": "object", "properties": {}}
    system = RULES + json.dumps([{"name": "work", "parameters": schema}])
    provider = Provider(Settings(seconds_per_step=2.0, plans=_gold(9)), ManualClock())
    messages = [{"role": "system", "content": system}, {"role": "user", "content": "Goal: Goal number 3 of many"}]
    body = {"model": "m", "messages": messages, "stream": True}
    frames = provider.chat(body, key="", model="", now=0.0).exchange.frames
    text, ends = "", []
    for at_s, data in frames:
        if data.startswith(b"data: {"):
            added = json.loads(data[6:])["choices"][0]["delta"].get("content") or ""
            text += added
            ends += [at_s] * added.count("\n")
    assert ends == [2.0 * (number + 1) for number in range(len(text.splitlines()))]
    body["stream"] = False
    assert provider.chat(body, key="", model="", now=0.0).exchange.frames[0][0] == ends[-1]


def test_a_plan_asked_for_by_schema_comes_in_that_schema() -> None:
    step = {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "action": {"type": "string"},
            "parameters": {"type": "object"},
            "dependencies": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["id", "action", "parameters", "dependencies"],
    }
    schema = {"type": "object", "properties": {"steps": {"type": "array", "items": step}}, "required": ["steps"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "plan", "schema": schema}}
    system = RULES + json.dumps([{"name": "work", "parameters": {"type": "object", "properties": {}}}])
    provider = Provider(Settings(), ManualClock())
    messages = [{"role": "system", "content": system}, {"role": "user", "content": "Goal: x"}]
    body = {"model": "m", "messages": messages, "response_format": wanted}
    data = json.loads(provider.chat(body, key="", model="", now=0.0).exchange.frames[0][1])
    steps = json.loads(data["choices"][0]["message"]["content"])["steps"]
    assert len(steps) >= 2
    assert {step["action"] for step in steps} == {"work"}
