"""The LangGraph graph around a run: intake, plan, execute, replan, answer.

Rule: one node runs the whole DAG, because a node for each wave would put a barrier behind each wave. The graph's state
holds ids, statuses and the answer; results are in the journal. This module and nothing else imports langgraph.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from typing_extensions import TypedDict

from ..errors import UsageError
from ..events import ApprovalAsked
from .active import Active, Request
from .running.past import question_key

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from ..config import Config
    from .runtime import Planloom


class RunState(TypedDict, total=False):
    """What goes in: `goal`, and optionally `inputs`, `playbook`, `plan` (as in a plan file), `session_id`.

    What comes out: `run_id`, `status`, `reason`, `answer`, `steps` (status by id), `artifacts` (paths), `seconds`.
    """

    goal: str
    inputs: dict[str, Any]
    playbook: str | None
    plan: dict[str, Any] | None
    session_id: str
    run_id: str
    status: str
    reason: str
    answer: str
    steps: dict[str, str]
    artifacts: list[str]
    seconds: float


def build_graph(
    loom: Planloom | None = None, *, config: Config | None = None, checkpointer: Any = None
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The compiled graph; events come out as LangGraph's custom stream.

    `loom` is the runtime to use; without one, one is made of `config` (None: the settings in force in the
    working folder). `checkpointer` is LangGraph's; None: the graph keeps no checkpoints of its own.

    With a checkpointer, a run on which only people can go on raises one interrupt, whose value has `run_id` and
    `approvals`: a list of `id`, `step`, `kind`, `question`, `arguments`. `Command(resume={id: answer})` goes on with
    those that are answered, in this process or a later one; an answer is True, False, or an object with `granted` and
    optionally `note` and `changes`. Without a checkpointer such a run ends with status needs_approval.
    """
    from langgraph.graph import END, START, StateGraph

    nodes = Nodes(loom, config)
    graph = StateGraph(RunState)
    graph.add_node("intake", nodes.intake)
    graph.add_node("plan", nodes.plan)
    graph.add_node("execute", nodes.execute)
    graph.add_node("replan", nodes.replan)
    graph.add_node("answer", nodes.answer)
    graph.add_edge(START, "intake")
    graph.add_edge("intake", "plan")
    graph.add_edge("plan", "execute")
    graph.add_conditional_edges("execute", nodes.after_execute)
    graph.add_conditional_edges("replan", nodes.after_replan)
    graph.add_edge("answer", END)
    return graph.compile(checkpointer=checkpointer, name="planloom")


class Nodes:
    """The graph's nodes over one runtime."""

    def __init__(self, loom: Planloom | None, config: Config | None) -> None:
        self._loom = loom
        self._config = config

    @property
    def loom(self) -> Planloom:
        """The runtime, made when the first run needs it."""
        if self._loom is None:
            from .runtime import Planloom

            self._loom = Planloom(self._config)
        return self._loom

    async def intake(self, state: RunState) -> RunState:
        """Takes the request; a run that came through the graph itself is opened here."""
        run_id = state.get("run_id", "")
        if run_id in self.loom.underway:
            return {"run_id": run_id}
        active = self.loom.underway.open(_request(state), state.get("session_id"))
        active.is_embedded = True
        self._stream_events(active)
        active.accept()
        return {"run_id": active.id, "session_id": active.session_id}

    def _stream_events(self, active: Active) -> None:
        from langgraph.config import get_stream_writer

        writer = get_stream_writer()
        active.journal.listen(lambda event: writer(event.to_dict()) if event.run_id == active.id else None)

    async def plan(self, state: RunState) -> RunState:
        """Finds the plan."""
        await self.loom.stages.plan(self.loom.underway.find(state["run_id"]))
        return {}

    async def execute(self, state: RunState) -> RunState:
        """Runs the whole DAG, from where it stands. When only people can go on, it is put to them as an interrupt."""
        run_id = state["run_id"]
        active = self.loom.underway.find(run_id) if run_id in self.loom.underway else await self._take_up(run_id)
        await self.loom.stages.execute(active)
        while active.end is not None and active.end.status == "needs_approval" and _may_interrupt(active):
            await self._ask(active)
            active = await self._take_up(run_id)
            await self.loom.stages.execute(active)
        assert active.end is not None
        return {"status": active.end.status, "reason": active.end.reason}

    async def _take_up(self, run_id: str) -> Active:
        """A run of an earlier process, or one that was put aside, planned again from its journal."""
        active = self.loom.underway.resume(run_id, None, approve=None, waits=False)
        if not isinstance(active, Active):
            raise UsageError(f"expected a run that may go on, got {run_id!r}, which is over: {active.status}")
        active.is_embedded = True
        self._stream_events(active)
        await self.loom.stages.plan(active)
        return active

    async def _ask(self, active: Active) -> None:
        """Puts a run aside and asks, for all its open approvals at once; the answers are kept when this returns.

        LangGraph runs the node again from its start once there are answers, and then gives those of earlier questions
        again too: so an answer counts only for the very question it was given to.
        """
        from langgraph.types import interrupt

        asked = active.asked
        self.loom.stages.pause(active)
        self.loom.underway.close(active)
        questions = [{"id": _id_of(q), **q.to_dict()} for q in asked.values()]
        answers = interrupt({"run_id": active.id, "approvals": questions})
        if not isinstance(answers, Mapping):
            raise UsageError("expected Command(resume={id: answer}) with ids of the interrupt's approvals, got another")
        for question in asked.values():
            answer = answers.get(_id_of(question))
            if answer is not None:
                given: dict[str, Any] = dict(answer) if isinstance(answer, Mapping) else {"granted": bool(answer)}
                await self.loom.approve(active.id, question.step, **given)

    def after_execute(self, state: RunState) -> Literal["replan", "answer"]:
        """Replans only what failed and may be changed."""
        return "replan" if self.loom.stages.may_replan(self.loom.underway.find(state["run_id"])) else "answer"

    async def replan(self, state: RunState) -> RunState:
        """Asks the planners for a change."""
        changed = await self.loom.stages.replan(self.loom.underway.find(state["run_id"]))
        return {"status": "replanned" if changed else state["status"]}

    def after_replan(self, state: RunState) -> Literal["execute", "answer"]:
        """Runs the changed plan, or answers with what there is."""
        return "execute" if state["status"] == "replanned" else "answer"

    async def answer(self, state: RunState) -> RunState:
        """Writes the answer."""
        active = self.loom.underway.find(state["run_id"])
        await self.loom.stages.answer(active)
        result = active.result
        assert result is not None
        self.loom.underway.close(active)
        return {
            "status": result.status,
            "reason": result.reason,
            "answer": result.answer,
            "steps": {name: step.status for name, step in result.steps.items()},
            "artifacts": [artifact.path for artifact in result.artifacts],
            "seconds": result.seconds,
        }


def _may_interrupt(active: Active) -> bool:
    """Whether the graph was entered from outside, with a checkpointer that can keep an interrupt."""
    from langgraph.config import get_config

    return active.is_embedded and get_config()["configurable"].get("__pregel_checkpointer") is not None


def _id_of(asked: ApprovalAsked) -> str:
    return ":".join(question_key(asked))


def _request(state: RunState) -> Any:
    from .planning.files import parse

    plan = state.get("plan")
    return Request(
        goal=state.get("goal", ""),
        inputs=state.get("inputs") or {},
        playbook=state.get("playbook"),
        plan=parse(plan) if plan else None,
    )
