"""Agents of the desk through the whole engine: code, git, notes, memory, writing, commands; turns are scripted."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from tests.agents.tools.repositories import Repository
from tests.orchestrator.agentscript import calls, in_turn, loom, plan, results, says, settings
from tests.orchestrator.scripted import Body, lines, serving

from planloom.agents.sandbox.kinds import KINDS
from planloom.agents.sandbox.trial import fault
from planloom.orchestrator.planning.plan import Plan, Step

needs_sandbox = pytest.mark.skipif(all(map(fault, KINDS)), reason="no way to build a sandbox here")


async def yes(question: Any) -> bool:
    return True


def given(body: Body, place: int = -1) -> Any:
    """What a tool gave, out of the fence."""
    inside = results(body)[place].partition("\n")[2].rpartition("\nEND")[0]
    return json.loads(inside)["result"]


def used(result: Any, step: str = "ask") -> list[tuple[str, str]]:
    return [(one["tool"], one["status"]) for one in result.steps[step].value["used"]]


@needs_sandbox
async def test_code_agent_corrects_its_program_and_answers_with_what_it_gave(tmp_path):
    refund = """
from decimal import ROUND_HALF_UP, Decimal
import csv
rows = list(csv.DictReader(open(files["orders.csv"])))
total = sum(Decimal(row["price"]) * int(row["count"]) for row in rows)
open("out/total.txt", "w").write(str(total))
(total * Decimal(inputs["share"])).quantize(Decimal("0.01"), ROUND_HALF_UP)
"""
    script = in_turn(
        calls(("code_run", {"source": "sum(prices)"})),
        calls(("code_run", {"source": refund, "inputs": {"share": "0.15"}, "files": ["orders.csv"]})),
        lambda body: says(f"The refund is {given(body)['result']}."),
    )
    with serving(script) as server:
        config = settings(tmp_path, server.url)
        (tmp_path / "work" / "orders.csv").write_text("price,count\n19.99,3\n0.10,1\n")
        async with loom(config) as planloom:
            result = await planloom.run(plan=plan("What is refunded?", "code"))
    assert result.status == "done" and result.answer == "The refund is 9.01."
    assert used(result) == [("code.run", "failed"), ("code.run", "ok")]
    assert "NameError in line 1" in results(server.requests[1])[0]
    assert any(Path(one.path).name == "total.txt" for one in result.artifacts)


@needs_sandbox
async def test_code_is_a_step_of_plans_without_a_model(tmp_path):
    steps = (
        Step(id="sum", action="code.run", parameters={"source": "sum(inputs['n'])", "inputs": {"n": [1, 2, 3]}}),
        Step(
            id="twice",
            action="code.run",
            parameters={"source": "inputs['n'] * 2", "inputs": {"n": "${sum.result}"}},
            dependencies=("sum",),
        ),
    )
    async with loom(settings(tmp_path, "")) as planloom:
        made = Plan(goal="Add", steps=steps, answer="${twice.result} (${twice.sandbox})")
        result = await planloom.run(plan=made)
    assert result.status == "done" and result.answer in [f"12 ({kind})" for kind in KINDS]


@needs_sandbox
async def test_code_that_attacks_fails_its_step_only(tmp_path):
    steal = "import os\nopen(os.path.expanduser('~/.ssh/id_rsa')).read()"
    journal = f"open({str(tmp_path / 'state')!r} + '/history.sqlite', 'rb').read()"
    steps = (
        Step(id="steal", action="code.run", parameters={"source": steal}),
        Step(id="journal", action="code.run", parameters={"source": journal}),
        Step(id="fine", action="code.run", parameters={"source": "1"}),
    )
    async with loom(settings(tmp_path, "")) as planloom:
        result = await planloom.run(plan=Plan(goal="Attack", steps=steps, answer="${fine.result}"))
    assert {name: one.status for name, one in result.steps.items()} == {
        "steal": "failed",
        "journal": "failed",
        "fine": "ok",
    }
    assert "FileNotFoundError" in str(result.steps["journal"].error)


async def test_git_agent_tells_who_changed_a_file(tmp_path):
    script = in_turn(
        calls(("git_log", {"path": "repo", "file": "a.py"})),
        lambda body: says(f"Last changed by {given(body, 0)['commits'][0]['author']}."),
    )
    with serving(script) as server:
        config = settings(tmp_path, server.url)
        made = Repository(tmp_path / "work" / "repo")
        made.commit({"a.py": "1\n"}, at="2025-01-10T12:00:00+00:00")
        made.commit({"a.py": "2\n"}, at="2025-02-10T12:00:00+00:00", author="Grace")
        made.commit({"b.py": "1\n"}, at="2025-03-10T12:00:00+00:00")
        async with loom(config) as planloom:
            result = await planloom.run(plan=plan("Who changed a.py last?", "git"))
    assert result.answer == "Last changed by Grace." and used(result) == [("git.log", "ok")]
    offered = {one["function"]["name"] for one in server.requests[0]["tools"]}
    assert "git_stats" in offered and not {name for name in offered if name.endswith(("_write", "_run"))}


async def test_notes_agent_adds_searches_and_ticks_off(tmp_path):
    script = in_turn(
        calls(("notes_search", {"query": "bread"}), ("notes_todos", {})),
        calls(("notes_todo", {"text": "Buy flour", "due": "2025-02-07"}), ("notes_done", {"text": "bread"})),
        calls(("notes_add", {"title": "Baking", "text": "Flour, water, time.", "tags": ["kitchen"]})),
        says("Added the flour, ticked off the bread."),
    )
    with serving(script) as server:
        config = settings(tmp_path, server.url)
        (tmp_path / "work" / "todo.md").write_text("# Mine\n\n- [ ] Bake bread\n")
        async with loom(config) as planloom:
            result = await planloom.run(plan=plan("Bread is baked; I need flour by 7 February", "notes"), approve=yes)
    assert result.status == "done" and {status for _, status in used(result)} == {"ok"}
    text = (tmp_path / "work" / "todo.md").read_text()
    assert text == "# Mine\n\n- [x] Bake bread\n- [ ] Buy flour (due 2025-02-07)\n"
    assert (tmp_path / "work" / "notes" / "baking.md").read_text().startswith("# Baking\n")


async def test_memory_agent_remembers_for_the_next_run_and_forgets_when_allowed(tmp_path):
    asked: list[str] = []

    async def note(question: Any) -> bool:
        asked.append(question.question)
        return True

    def forgets(body: Body) -> Response:
        return calls(("memory_forget", {"ids": [given(body)[0]["id"]]}))

    script = in_turn(
        calls(("memory_remember", {"facts": ["Prefers trains to planes"], "category": "travel"})),
        says("Noted."),
        calls(("memory_recall", {"query": "trains or planes for a journey"})),
        lambda body: says(f"You said: {given(body)[0]['text']}."),
        calls(("memory_recall", {"query": "trains or planes"})),
        forgets,
        calls(("memory_recall", {"query": "trains or planes"})),
        lambda body: says("Forgotten." if given(body) == [] else "Still there."),
    )
    with serving(script) as server:
        config = settings(tmp_path, server.url)
        async with loom(config) as planloom:
            first = await planloom.run(plan=plan("I prefer trains", "memory"), approve=note)
        async with loom(config) as planloom:
            second = await planloom.run(plan=plan("How do I like to travel?", "memory"), approve=note)
            third = await planloom.run(plan=plan("Forget how I travel", "memory"), approve=note)
    assert (first.answer, second.answer) == ("Noted.", "You said: Prefers trains to planes.")
    assert third.answer == "Forgotten." and "memory.forget" in asked[-1]


def translating(turns: Any) -> Any:
    """Answers the tools' questions itself, and the agent's turns by `turns`."""

    def script(body: Body) -> Any:
        told = next((str(m["content"]) for m in body["messages"] if str(m["content"]).startswith("Task: ")), "")
        if not told:
            return turns(body)
        pieces = [line for line in lines(told) if "id" in line]
        task = told.split("\n", 1)[0].removeprefix("Task: ")
        answers = [{"id": one["id"], "answer": {"text": f"{task}: {one['data']}"}} for one in pieces]
        return json.dumps({"answers": answers})

    return script


async def test_writer_agent_translates_summarises_and_saves(tmp_path):
    turns = in_turn(
        calls(("files_read", {"path": "letter.txt"})),
        calls(
            ("model_translate", {"text": "Guten Tag", "language": "English"}),
            ("model_summarise", {"text": "Guten Tag", "max_words": 5}),
        ),
        lambda body: calls(("files_write", {"path": "letter-en.txt", "text": given(body, -2)["text"]})),
        says("Saved as letter-en.txt."),
    )
    with serving(translating(turns)) as server:
        config = settings(tmp_path, server.url)
        (tmp_path / "work" / "letter.txt").write_text("Guten Tag")
        async with loom(config) as planloom:
            result = await planloom.run(plan=plan("Translate letter.txt into English", "writer"), approve=yes)
    assert result.status == "done" and result.answer == "Saved as letter-en.txt."
    assert (tmp_path / "work" / "letter-en.txt").read_text() == "translate: Guten Tag"
    assert [name for name, _ in used(result)][1:3] == ["model.translate", "model.summarise"]


@pytest.mark.parametrize("action", ["agent:writer", "model.translate"])
async def test_writing_without_a_model_says_what_to_set(tmp_path, action):
    parameters = {"task": "x"} if action == "agent:writer" else {"text": "x", "language": "French"}
    step = Step(id="ask", action=action, parameters=parameters)
    answer = "${ask.answer}" if action == "agent:writer" else "${ask.text}"
    async with loom(settings(tmp_path, "")) as planloom:
        result = await planloom.run(plan=Plan(goal="Translate", steps=(step,), answer=answer))
    assert result.status == "failed" and "models.base_url" in str(result.steps["ask"].error)


async def test_process_agent_runs_what_is_allowed_after_a_person_said_so(tmp_path):
    asked: list[str] = []

    async def note(question: Any) -> bool:
        asked.append(question.question)
        return True

    script = in_turn(
        calls(("process_allowed", {})),
        calls(("process_run", {"command": [sys.executable, "check.py"]}), ("process_run", {"command": ["rm", "x"]})),
        says("All checks passed."),
    )
    with serving(script) as server:
        config = settings(tmp_path, server.url, tools={"process": {"allow": [f"{sys.executable} *.py"]}})
        (tmp_path / "work" / "check.py").write_text("print('3 checks passed')")
        (tmp_path / "work" / "x").write_text("kept")
        async with loom(config) as planloom:
            result = await planloom.run(plan=plan("Run the checks", "process"), approve=note)
    assert result.answer == "All checks passed." and len(asked) == 2 and all("process.run" in one for one in asked)
    assert used(result) == [("process.allowed", "ok"), ("process.run", "ok"), ("process.run", "failed")]
    assert "3 checks passed" in results(server.requests[-1])[1]
    assert (tmp_path / "work" / "x").read_text() == "kept"


async def test_command_that_nobody_approves_is_not_run(tmp_path):
    step = Step(id="go", action="process.run", parameters={"command": ["touch", "made"]})
    config = settings(tmp_path, "", tools={"process": {"allow": ["touch *"]}})
    async with loom(config) as planloom:
        result = await planloom.run(plan=Plan(goal="Touch", steps=(step,), answer="${go.exit_code}"))
        assert result.status == "needs_approval" and not (tmp_path / "work" / "made").exists()
        await planloom.approve(result.run_id, "go", True)
        result = await planloom.resume(result.run_id)
    assert result.status == "done" and (tmp_path / "work" / "made").exists()
