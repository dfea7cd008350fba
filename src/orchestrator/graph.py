"""The LangGraph graph around a run: intake, plan, execute, replan, answer.

Rule: one node runs the whole DAG, because a node for each wave would put a barrier behind each wave. The graph's state
holds ids, statuses and the answer; results are in the journal. This module and nothing else imports langgraph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from typing_extensions import TypedDict

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
        self._stream_events(active)
        return {"run_id": active.id, "session_id": active.session_id}

    def _stream_events(self, active: Any) -> None:
        from langgraph.config import get_stream_writer

        writer = get_stream_writer()
        active.journal.listen(lambda event: writer(event.to_dict()) if event.run_id == active.id else None)

    async def plan(self, state: RunState) -> RunState:
        """Finds the plan."""
        await self.loom.stages.plan(self.loom.underway.find(state["run_id"]))
        return {}

    async def execute(self, state: RunState) -> RunState:
        """Runs the whole DAG."""
        active = self.loom.underway.find(state["run_id"])
        await self.loom.stages.execute(active)
        assert active.end is not None
        return {"status": active.end.status, "reason": active.end.reason}

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


def _request(state: RunState) -> Any:
    from .active import Request
    from .planning.files import parse

    plan = state.get("plan")
    return Request(
        goal=state.get("goal", ""),
        inputs=state.get("inputs") or {},
        playbook=state.get("playbook"),
        plan=parse(plan) if plan else None,
    )
