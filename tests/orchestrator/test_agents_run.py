"""Agents as steps of plans, through the whole engine and over real HTTP to a scripted model."""

from __future__ import annotations

from typing import Any

from tests.orchestrator.agentscript import calls, in_turn, loom, plan, results, says, settings
from tests.orchestrator.scripted import serving


def heard(events: list[Any], kind: str) -> list[Any]:
    return [event.payload for event in events if event.type == kind]


async def test_researcher_reads_files_and_answers(tmp_path):
    script = in_turn(
        calls(("files_list", {"path": "."})),
        calls(("files_read", {"path": "tides.txt"})),
        says("High tide is at 06:12 (tides.txt)."),
    )
    with serving(script) as server:
        config = settings(tmp_path, server.url)
        (tmp_path / "work" / "tides.txt").write_text("High tide: 06:12\n")
        events: list[Any] = []
        async with loom(config) as planloom:
            result = await planloom.run(plan=plan("When is high tide?", "researcher"), on_event=events.append)
    assert result.status == "done" and result.answer == "High tide is at 06:12 (tides.txt)."
    value = result.steps["ask"].value
    assert value["steps"] == 3 and value["complete"]
    assert [(u["call"], u["tool"], u["status"]) for u in value["used"]] == [
        ("ask/1", "files.list", "ok"),
        ("ask/2", "files.read", "ok"),
    ]
    assert "06:12" in results(server.requests[-1])[1]
    assert [e.call for e in heard(events, "agent.tool_called")] == ["ask/1", "ask/2"]
    assert [e.turn for e in heard(events, "agent.turn")] == [1, 2, 3]
    offered = {t["function"]["name"] for t in server.requests[0]["tools"]}
    assert "files_read" in offered and "files_write" not in offered


async def test_without_a_model_the_error_says_what_to_set(tmp_path):
    async with loom(settings(tmp_path, "")) as planloom:
        result = await planloom.run(plan=plan(agent="researcher"))
    assert result.status == "failed"
    assert "models.base_url" in (result.steps["ask"].error or "")
