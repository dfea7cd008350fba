"""A fact that is forgotten leaves no byte behind, wherever runs have carried it; the rest stays as it was."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest
from tests.memory.traces import holding
from tests.orchestrator.scripted import Body, asked, serving

from planloom import Config, Plan, Planloom, Step, tool
from planloom.agents.audit import verify as verify_audit
from planloom.agents.tool import ToolContext
from planloom.clock import SystemClock
from planloom.config import Caches, Limits, Models
from planloom.errors import UsageError
from planloom.events import MessageAdded
from planloom.memory.facts import NewFact
from planloom.memory.forgetting.intents import Intents
from planloom.memory.journal import Journal, compact, read, verify
from planloom.memory.journal.lock import Lock
from planloom.memory.sessions import Sessions
from planloom.models.cache import ResponseCache

FACT = "Keeps a zebrafinch-7731 aviary painted in ultramarine"
WORDS = ("zebrafinch", "ultramarine")


@tool(effect="read", name="k.much")
def much(text: str) -> list[str]:
    """Gives a text many times."""
    return [f"{number}: {text}" for number in range(2_000)]


@tool(effect="read", name="k.file")
def file(context: ToolContext) -> str:
    """Makes a file."""
    path = context.workspace.out / "list.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("birds")
    context.artifact(path)
    return str(path)


@tool(effect="write", name="k.post", destructive=True)
def post(text: str) -> str:
    """Posts a text."""
    return text


PLANS = {
    "Remember": [
        {"id": "keep", "action": "memory.remember", "parameters": {"facts": [FACT]}},
        {"id": "file", "action": "k.file", "parameters": {}},
        {"answer": "Noted: ${keep[0].text}"},
    ],
    "large": [{"id": "much", "action": "k.much", "parameters": {"text": FACT}}],
    "recall": [
        {"id": "told", "action": "memory.recall", "parameters": {"query": "birds in the aviary"}},
        {"id": "post", "action": "k.post", "parameters": {"text": "${told[0].text}"}},
    ],
}


def brains(body: Body) -> str:
    """A planner that writes the fact into its plans, and a writer that repeats it."""
    if "You are the planner" not in str(body["messages"][0]["content"]):
        return f"You asked, and I know: {FACT.upper()}."
    plan = next(plan for word, plan in PLANS.items() if word in asked(body))
    return "\n".join(map(json.dumps, plan))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        workspace=str(tmp_path),
        state=str(tmp_path / ".planloom"),
        out=str(tmp_path / "out"),
        limits=Limits(requests_per_minute=0, tokens_per_minute=0),
        caches=Caches(response_cache=True),
    )


async def lived(config: Config) -> tuple[str, dict[str, str]]:
    """A few goals that use the fact, in sessions of their own; gives the fact's id and the runs by name."""
    state = Path(config.state)
    with serving(brains) as server:
        used = config.model_copy(update={"models": Models(base_url=server.url, model="scripted")})
        async with Planloom(used, tools=[much, file, post]) as loom:
            runs = {}
            for name, goal in (
                ("remember", f"Remember for me: {FACT}."),
                ("large", "Make a large list of birds in my aviary"),
                ("open", "recall my aviary and post it"),
            ):
                result = await loom.run(goal, session_id=name)
                runs[name] = result.run_id
                assert result.status == ("needs_approval" if name == "open" else "done"), result.to_dict()
            step = Step(id="a", action="k.much", parameters={"text": "other"})
            plain = Plan(goal="nothing of it", steps=(step,), answer="${a[0]}")
            runs["plain"] = (await loom.run(plan=plain, session_id="plain")).run_id
            loom.sessions.open("said").add(MessageAdded("user", f"By the way, I  keep: {json.dumps(FACT)}"))
            facts = await loom.knowledge.facts()
            (known,) = await facts.all("local")
            await facts.add("local", [NewFact(text="Speaks Danish")])
            loom.sessions.index.all()
    compact(state / "sessions" / "remember", SystemClock())
    ResponseCache(state / "responses.sqlite", max_bytes=1 << 20, clock=SystemClock()).put("k", {"text": FACT})
    (state / "sessions" / "large" / "00000001.journal.cut-9").write_bytes(b"torn " + FACT.encode())
    return known.id, runs


async def test_no_byte_of_a_forgotten_fact_is_left(config):
    state = Path(config.state)
    id_, runs = await lived(config)
    before = {path.split("/")[0] for word in WORDS for path in holding(state, word)}
    assert before >= {"memory", "sessions", "sessions.sqlite", "artifacts", "plans", "responses.sqlite", "audit"}
    untouched = list(read(state / "sessions" / "plain"))

    async with Planloom(config, tools=[much, file, post]) as loom:
        done = await loom.knowledge.forget("local", [id_])
        assert (done.facts, done.busy, list(done.problems)) == (1, {}, [])
        assert set(done.sessions) == {"remember", "large", "open", "said"}
        assert [fact.text for fact in await (await loom.knowledge.facts()).all("local")] == ["Speaks Danish"]
        with pytest.raises(UsageError, match="was forgotten; run its goal again"):
            await loom.resume(runs["large"], from_step="much")
        assert (await loom.resume(runs["open"])).status == "cancelled"
        path = Path((await loom.resume(runs["remember"])).steps["file"].value)
        assert path.read_text() == "birds" and path.parent.name == f"forgotten-{runs['remember']}"
        assert len(loom.sessions.index.all()) == 5
    assert [path for word in WORDS for path in holding(Path(config.workspace), word)] == []
    assert list(read(state / "sessions" / "plain")) == untouched
    assert all(verify(folder).ok for folder in (state / "sessions").iterdir())
    audit = verify_audit(state / "audit")
    assert audit.finding is None and audit.emptied > 0


async def test_a_session_that_is_being_written_is_named_and_done_at_the_end_of_the_next_run(config):
    state = Path(config.state)
    id_, _ = await lived(config)
    lock = Lock(state / "sessions" / "large", purpose="another process", now=0.0)
    async with Planloom(config, tools=[much, file, post]) as loom:
        done = await loom.knowledge.forget("local", [id_])
        assert list(done.busy) == ["large"] and "another process" in done.busy["large"]
        assert set(done.sessions) == {"remember", "open", "said"}
        left = {path.split("/")[1] for path in holding(state, "zebrafinch") if path.startswith("sessions/")}
        assert left == {"large"}
        again = await loom.knowledge.forget("local", [id_])
        assert (again.facts, list(again.busy), list(again.sessions)) == (1, ["large"], [])
        lock.release()
        await loom.run(plan=Plan(goal="g", steps=(Step(id="a", action="k.much", parameters={"text": "x"}),)))
        assert (await loom.knowledge.forget("local", [id_])).facts == 0
    assert [path for word in WORDS for path in holding(state, word)] == []


async def test_a_run_that_forgets_is_itself_cleaned_when_it_ends(config):
    state = Path(config.state)
    async with Planloom(config) as loom:
        facts = await loom.knowledge.facts()
        (added,) = await facts.add("local", [NewFact(text=FACT)])
        steps = (
            Step(id="told", action="memory.recall", parameters={"query": "aviary"}),
            Step(id="gone", action="memory.forget", parameters={"ids": ["${told[0].id}"]}),
        )
        plan = Plan(goal="forget it", steps=steps, answer="${gone} of ${told[0].text}")

        async def yes(asked: object) -> bool:
            return True

        result = await loom.run(plan=plan, approve=yes)
    assert result.status == "done" and result.steps["gone"].value == 1
    assert added.fact.text == FACT
    assert [path for word in WORDS for path in holding(state, word)] == []


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from planloom import Config, Planloom
from planloom.clock import SystemClock

class Deadly(SystemClock):
    left = int(sys.argv[3])

    def wall(self):
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().wall()

async def main():
    async with Planloom(Config(state=sys.argv[1]), clock=Deadly()) as loom:
        await loom.knowledge.forget("local", [sys.argv[2]])

asyncio.run(main())
"""


@pytest.mark.parametrize("moment", [0, 2, 4])
async def test_a_kill_in_the_middle_is_made_good_by_forgetting_again(config, moment):
    state = Path(config.state)
    id_, _ = await lived(config)
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, str(state), id_, str(moment))
    assert await asyncio.wait_for(killed.wait(), 60) == -signal.SIGKILL
    assert holding(state, "zebrafinch")
    assert all(verify(folder).ok for folder in (state / "sessions").iterdir())
    async with Planloom(config) as loom:
        done = await loom.knowledge.forget("local", [id_])
    assert done.facts == 1 and done.is_done
    assert [path for word in WORDS for path in holding(state, word)] == []


async def test_nobody_can_have_words_taken_out_of_anothers_sessions(config):
    state = Path(config.state)
    for name, owner in (("hers", "ana"), ("his", "ben")):
        folder = state / "sessions" / name
        folder.mkdir(parents=True)
        (folder / "owner").write_text(owner)
        journal = Journal(folder, name, SystemClock())
        journal.append(MessageAdded("user", "Approved the payment of 300 euros"), "")
        journal.close()
    async with Planloom(config) as loom:
        facts = await loom.knowledge.facts()
        (added,) = await facts.add("ana", [NewFact(text="Approved the payment of 300 euros")])
        assert list((await loom.knowledge.forget("ana", [added.fact.id])).sessions) == ["hers"]
        assert loom.sessions.load("his").messages[0].text == "Approved the payment of 300 euros"
        assert loom.sessions.load("hers").messages[0].text == "[forgotten]"


async def test_facts_of_two_people_on_one_server_never_meet(config):
    sessions = Sessions(Path(config.state), config.sessions, SystemClock())
    for name in ("ana", "ben"):
        (sessions.folder / name).mkdir(parents=True)
        (sessions.folder / name / "owner").write_text(name)
    told = Plan(
        goal="recall",
        steps=(Step(id="told", action="memory.recall", parameters={"query": "which colour is liked"}),),
    )
    async with Planloom(config) as loom:
        for name, colour in (("ana", "red"), ("ben", "green")):
            keep = Step(id="keep", action="memory.remember", parameters={"facts": [f"Likes the colour {colour}"]})
            await loom.run(plan=Plan(goal="remember", steps=(keep,)), session_id=name)
        for name, colour in (("ana", "red"), ("ben", "green")):
            result = await loom.run(plan=told, session_id=name)
            assert [fact["text"] for fact in result.steps["told"].value] == [f"Likes the colour {colour}"]


def test_an_intent_that_was_not_written_whole_is_none(tmp_path):
    intents = Intents(tmp_path / "forgetting")
    intents.add("ana", {"f1": ["a text"]})
    (path,) = (tmp_path / "forgetting").iterdir()
    path.write_bytes(path.read_bytes()[:-3])
    assert intents.all() == []
