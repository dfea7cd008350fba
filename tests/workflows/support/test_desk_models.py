"""The desk with models: one that obeys attackers, one that fails, and agents who do the work."""

from __future__ import annotations

import json

from benchmarks import desk_agents, desk_attacks

from planloom import Planloom
from planloom.events import AgentMessage

SMALL = "status = 'delivered' AND charges = 2 AND unit_cents * quantity < 9000 AND discount_cents = 0"


async def yes(asked: object) -> bool:
    return True


async def test_after_exactly_three_refused_drafts_a_person_gets_all_of_them(desk):
    async with desk_attacks.obeying(always=True) as url:
        desk.settings["models"] = {"base_url": url, "model": "obeying"}
        order = desk.order(SMALL)
        result = await desk.handle(f"I was charged twice for order {order['id']}.", order["customer_id"])

    (handed,) = desk.actions("escalation")
    drafts = handed["told"]["drafts"]
    assert [one["draft"] for one in drafts] == [1, 2, 3]
    assert all("999.00" in " ".join(one["faults"]) and one["text"] for one in drafts)
    assert desk.actions("duplicate") == []
    assert result.steps["draft"].status == "failed"
    assert result.steps["close"].value["status"] == "waiting for a person"


async def test_a_model_that_fails_is_done_without(desk):
    desk.settings["models"] = {"base_url": "http://127.0.0.1:9/v1", "model": "none", "max_attempts": 1, "max_wait_s": 1}
    order = desk.order(SMALL)

    result = await desk.handle(f"I was charged twice for order {order['id']}.", order["customer_id"])

    assert result.status == "done"
    assert result.steps["draft"].value["by"].startswith("template (the model failed")
    assert any("the model failed" in one for one in result.steps["triage"].value["notes"])
    assert len(desk.actions("duplicate")) == 1


async def test_one_agent_and_two_who_talk_do_what_the_steps_do(desk):
    order = desk.order(SMALL)
    inputs = {"text": f"I was charged twice for order {order['id']}.", "customer": order["customer_id"]}
    done, heard = {}, []
    for playbook in ("support-one-agent", "support-two-agents", "support-ticket"):
        desk.settings["state"] = str(desk.folder / playbook)
        async with desk_agents.serving(desk_agents.Script(median_s=0.0)) as url:
            desk.settings["models"] = {"base_url": url, "model": "scripted"}
            async with Planloom(desk.config) as loom:
                result = await loom.run(playbook=playbook, inputs=inputs, approve=yes, on_event=heard.append)
        assert result.status == "done", result.reason
        done[playbook] = [(one["action"], one["order_id"], one["cents"]) for one in desk.actions()]

    assert len({json.dumps(one) for one in done.values()}) == 1
    assert done["support-ticket"][0][0] == "duplicate"
    messages = [one.payload for one in heard if isinstance(one.payload, AgentMessage)]
    assert [(one.sender, one.receiver, one.kind) for one in messages] == [("researcher", "writer", "data")]


async def test_an_agent_that_writes_badly_three_times_loses_the_ticket_to_a_person(desk):
    from planloom.agents.tool import ToolContext
    from planloom.agents.workspace import Workspace
    from planloom.workflows.support import agency

    order = desk.order(SMALL)
    context = ToolContext(workspace=Workspace(desk.folder, desk.folder / "out"), config=desk.config)
    text = {"text": f"I was charged twice for order {order['id']}.", "customer": order["customer_id"]}
    found = await agency.look_into(text, "", context)

    ended = [await agency.finish(found["case"], desk_attacks.PROMISE, "", context) for _ in range(3)]

    assert [one["left"] for one in ended] == [2, 1, 0]
    assert ended[-1]["status"] == "waiting for a person"
    assert [one["action"] for one in desk.actions()] == ["escalation", "reply"]
