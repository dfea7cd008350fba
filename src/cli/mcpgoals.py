"""What Planloom offers as an MCP server: goals are run, planned, watched and approved.

Rule: a call that starts or watches a run ends when the run does, when a person is needed, or when its time is up; the
run itself goes on until it is done or cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import PlanloomError, ToolError
from ..events import ApprovalAnswered, ApprovalAsked, Event, StepAdded, StepFinished, StepProgress, StepStarted

if TYPE_CHECKING:
    from ..orchestrator.result import Result
    from ..orchestrator.runtime import Planloom

Arguments = Mapping[str, Any]
Progress = Callable[[float, float | None, str], Awaitable[None]]
_KEPT_RUNS = 200
_SHOWN_CHARS = 200
_ANSWER_CHARS = 200_000


@dataclass(slots=True)
class Live:
    """A run that this server started."""

    goal: str
    run_id: str = ""
    task: asyncio.Task[Result] | None = None
    asked: dict[str, ApprovalAsked] = field(default_factory=dict)
    added: int = 0
    ended: int = 0
    note: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def heard(self, event: Event) -> None:
        """Takes an event of the run into account."""
        self.run_id = event.run_id
        match event.payload:
            case StepAdded():
                self.added += 1
            case StepStarted(step=step):
                self.note = step
            case StepProgress(step=step, note=note):
                self.note = f"{step}: {note}"[:_SHOWN_CHARS] if note else step
            case StepFinished(step=step, status=status):
                self.ended += status != "waiting"
                self.note = f"{step}: {status}"
            case ApprovalAsked() as asked:
                self.asked[asked.step] = asked
            case ApprovalAnswered(step=step):
                self.asked.pop(step, None)
        self.changed.set()


class Goals:
    """The calls of one server; one event loop."""

    def __init__(self, loom: Planloom) -> None:
        self._loom = loom
        self._live: dict[str, Live] = {}
        self.calls: dict[str, Callable[[Arguments, Progress], Awaitable[dict[str, Any]]]] = {
            "run": self.run,
            "plan": self.plan,
            "status": self.status,
            "approve": self.approve,
            "cancel": self.cancel,
            "search": self.search,
        }

    async def run(self, arguments: Arguments, progress: Progress) -> dict[str, Any]:
        """Runs a goal. Cancelling this call cancels the run."""
        live = Live(str(arguments["goal"]))
        live.task = asyncio.create_task(
            self._loom.run(
                live.goal,
                inputs=arguments.get("inputs") or {},
                playbook=arguments.get("playbook") or None,
                session_id=arguments.get("session_id") or None,
                on_event=live.heard,
                waits=True,
            )
        )
        live.task.add_done_callback(lambda _: live.changed.set())
        try:
            return await self._watched(live, progress, arguments)
        except asyncio.CancelledError:
            live.task.cancel()
            raise

    async def plan(self, arguments: Arguments, progress: Progress) -> dict[str, Any]:
        """Plans a goal without running it."""
        from ..orchestrator.planning.files import dump

        made = await self._loom.plan(
            str(arguments["goal"]), inputs=arguments.get("inputs") or {}, playbook=arguments.get("playbook") or None
        )
        find = self._loom.registry.find
        asking = [s.id for s in made.steps if s.approval or ((tool := find(s.action)) is not None and tool.destructive)]
        return {"plan": dump(made), "needs_approval": asking}

    async def status(self, arguments: Arguments, progress: Progress) -> dict[str, Any]:
        """How a run stands; the runs of this server without `run_id`."""
        run_id = arguments.get("run_id")
        if not run_id:
            known = self._live.items()
            return {"runs": [{"run_id": name, "goal": one.goal, "status": _state(one)} for name, one in known]}
        live = self._live.get(run_id)
        if live is not None:
            return await self._watched(live, progress, {"wait_s": arguments.get("wait_s", 0.001)})
        from ..orchestrator.result import told

        recovered = self._loom.underway.told(run_id)
        approvals = [_question(asked) for asked in self._loom.open_approvals(run_id).values()]
        return _whole(told(recovered)) | {"approvals": approvals}

    async def approve(self, arguments: Arguments, progress: Progress) -> dict[str, Any]:
        """Answers an open question of a run, and watches it further."""
        run_id, step = str(arguments["run_id"]), str(arguments["step"])
        await self._loom.approve(run_id, step, bool(arguments["granted"]), note=str(arguments.get("note", "")))
        live = self._live.get(run_id)
        if live is None:
            return {"run_id": run_id, "status": "answered", "answer": f"go on with: planloom resume {run_id}"}
        live.asked.pop(step, None)
        return await self._watched(live, progress, arguments)

    async def cancel(self, arguments: Arguments, progress: Progress) -> dict[str, Any]:
        """Cancels a run."""
        run_id = str(arguments["run_id"])
        await self._loom.cancel(run_id, reason="asked for over MCP")
        live = self._live.get(run_id)
        if live is None:
            return {"run_id": run_id, "status": "cancelled", "answer": ""}
        return await self._watched(live, progress, arguments)

    async def search(self, arguments: Arguments, progress: Progress) -> dict[str, Any]:
        """Searches the indexed documents, as a plan of one step, so that policy and audit count as for any other."""
        from ..orchestrator.planning.plan import Plan, Step

        given = {"question": arguments["query"], "limit": arguments.get("limit", 10)}
        step = Step(id="search", action="documents.search", parameters=given)
        result = await self._loom.run(plan=Plan(goal=f"Search for {given['question']}", steps=(step,)))
        done = result.steps["search"]
        if done.status != "ok":
            raise ToolError(done.error or f"the search ended as {done.status}")
        if done.value is None:
            raise ToolError("the passages are too large for one answer; ask for fewer with `limit`")
        return done.value if isinstance(done.value, dict) else {"passages": done.value}

    async def close(self) -> None:
        """Cancels what runs, and waits for it."""
        tasks = [live.task for live in self._live.values() if live.task is not None and not live.task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ---- watching

    async def _watched(self, live: Live, progress: Progress, arguments: Arguments) -> dict[str, Any]:
        """The run's state when it is over, when a person is needed, or when `wait_s` is up (0: no limit)."""
        assert live.task is not None
        until = float(arguments.get("wait_s") or 0.0)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + until if until else None
        shown = (-1, -1, "")
        while not live.task.done() and not live.asked:
            live.changed.clear()
            try:
                async with asyncio.timeout_at(deadline if live.run_id else None):  # its id comes first
                    await live.changed.wait()
            except TimeoutError:
                break
            if live.run_id:
                self._keep(live)
            now = (live.ended, live.added, live.note)
            if now != shown:
                shown = now
                await progress(live.ended, live.added or None, live.note)
        if live.task.done():
            return _whole(await live.task) | {"approvals": []}
        return {
            "run_id": live.run_id,
            "status": _state(live),
            "answer": "",
            "approvals": [_question(asked) for asked in live.asked.values()],
            "steps_ended": live.ended,
            "steps": live.added,
        }

    def _keep(self, live: Live) -> None:
        self._live.setdefault(live.run_id, live)
        over = [name for name, one in self._live.items() if one.task is not None and one.task.done()]
        for name in over[: max(0, len(self._live) - _KEPT_RUNS)]:
            del self._live[name]


def _state(live: Live) -> str:
    if live.task is not None and live.task.done():
        failed = live.task.cancelled() or live.task.exception() is not None
        return "failed" if failed else live.task.result().status
    return "needs_approval" if live.asked else "running"


def _question(asked: ApprovalAsked) -> dict[str, Any]:
    return {"step": asked.step, "kind": asked.kind, "question": asked.question, "arguments": dict(asked.arguments)}


def _whole(result: Result) -> dict[str, Any]:
    data = result.to_dict()
    data["answer"] = data["answer"][:_ANSWER_CHARS]
    return data


def refusal(error: BaseException) -> str:
    """What a client is told of an error."""
    return str(error) if isinstance(error, PlanloomError) else f"unexpected error: {type(error).__name__}: {error}"
