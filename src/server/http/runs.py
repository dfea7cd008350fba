"""Runs over HTTP: begin, look at, answer, cancel."""

from __future__ import annotations

import asyncio
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints
from starlette.responses import Response

from ...printable import printable
from ..access import Access
from ..desk import Ask, Begun, Desk
from ..protocol.incoming import Note, SessionId, StepId, Text
from ..shelf import Shelf, artifact_view, files_of
from .endpoint import Body, Call, Endpoint, Query, as_json, refused
from .sessions import EventsQuery

if TYPE_CHECKING:
    from ...orchestrator.runtime import Planloom

_ONE = "/api/runs/{run_id}"
_PICTURES = {"svg": "image/svg+xml", "png": "image/png"}


class RunsQuery(Query):
    session_id: SessionId | None = Field(None, description="Only those of this session.")
    status: Annotated[str, StringConstraints(max_length=40)] | None = Field(
        None, description="Only those that stand like this: running, done, failed, cancelled, budget, needs_approval."
    )
    limit: int = Field(100, ge=1, le=1_000, description="Runs at most.")


class GoalBody(Body):
    message: Text = ""
    session_id: SessionId | None = None
    inputs: dict[str, Any] = Field(default_factory=dict)
    playbook: Annotated[str, StringConstraints(max_length=200)] | None = None
    plan: dict[str, Any] | None = None


class CancelBody(Body):
    step: StepId | None = None
    reason: Note = ""


class AnswerBody(Body):
    granted: bool
    note: Note = ""
    changes: dict[str, Any] = Field(default_factory=dict)


class GoOnBody(Body):
    from_step: StepId | None = None


class RunPages:
    """Everything about runs but their files."""

    def __init__(self, loom: Planloom, shelf: Shelf, desk: Desk, access: Access) -> None:
        self._loom = loom
        self._shelf = shelf
        self._desk = desk
        self._access = access

    def endpoints(self) -> list[Endpoint]:
        """What is offered."""
        return [*self._looks(), *self._orders()]

    def _looks(self) -> list[Endpoint]:
        get = partial(Endpoint, method="GET")
        return [
            get(path="/api/runs", handler=self._list, summary="Your runs, the newest first.", query=RunsQuery),
            get(path=_ONE, handler=self._show, summary="A run: goal, status, answer, steps, files, open approvals."),
            get(path=f"{_ONE}/events", handler=self._events, summary="Events of a run.", query=EventsQuery),
            get(path=f"{_ONE}/analysis", handler=self._analysis, summary="What the time of a run went to."),
            get(path=f"{_ONE}/plan", handler=self._plan, summary="The plan, as in a plan file."),
            get(
                path=f"{_ONE}/plan.mermaid",
                handler=self._mermaid,
                summary="The plan as a Mermaid diagram.",
                answer="text/plain",
            ),
            *(
                get(
                    path=f"{_ONE}/plan.{form}",
                    handler=partial(self._picture, form=form),
                    summary=f"A picture of the plan, {form.upper()}.",
                    answer=media_type,
                )
                for form, media_type in _PICTURES.items()
            ),
            get(path=f"{_ONE}/steps/{{step}}", handler=self._step, summary="One step, with its whole result."),
            get(path=f"{_ONE}/artifacts", handler=self._artifacts, summary="Files that the run made."),
        ]

    def _orders(self) -> list[Endpoint]:
        post = partial(Endpoint, method="POST")
        return [
            post(path="/api/runs", handler=self._start, summary="Takes a goal on; gives its ids.", body=GoalBody),
            post(path=f"{_ONE}/cancel", handler=self._cancel, summary="Cancels a run or a step.", body=CancelBody),
            post(
                path=f"{_ONE}/approvals/{{step}}",
                handler=self._answer,
                summary="Answers an open approval; `plan` stands for the plan itself.",
                body=AnswerBody,
            ),
            post(path=f"{_ONE}/resume", handler=self._go_on, summary="Goes on with a run.", body=GoOnBody),
        ]

    # ---- looking

    async def _list(self, call: Call) -> Response:
        query = call.query
        return as_json({"runs": await self._shelf.runs(call.owner, query.session_id, query.status, query.limit)})

    async def _show(self, call: Call) -> Response:
        return as_json(await self._shelf.run(await self._checked(call)))

    async def _events(self, call: Call) -> Response:
        run_id = await self._checked(call)
        session_id = await self._desk.session_of(run_id, call.owner)
        return as_json({"events": await self._shelf.events(session_id, call.query.after, call.query.limit, run_id)})

    async def _analysis(self, call: Call) -> Response:
        return as_json((await self._shelf.analysis(await self._checked(call))).to_dict())

    async def _plan(self, call: Call) -> Response:
        return as_json(await self._shelf.plan_data(await self._checked(call)))

    async def _mermaid(self, call: Call) -> Response:
        from ...orchestrator.planning.explain.outlines import mermaid

        plan = await self._shelf.plan(await self._checked(call))
        return Response(printable(mermaid(plan)), media_type="text/plain")

    async def _picture(self, call: Call, *, form: str) -> Response:
        plan = await self._shelf.plan(await self._checked(call))
        drawn = await asyncio.to_thread(self._drawn, plan, form)
        return Response(drawn, media_type=_PICTURES[form], headers={"Cache-Control": "no-store"})

    def _drawn(self, plan: Any, form: str) -> bytes:
        from ...orchestrator.planning.explain import explain
        from ...orchestrator.planning.explain.pictures import draw

        told = explain(plan, self._loom.registry.find, self._loom.history.estimate)
        with tempfile.TemporaryDirectory(prefix="planloom-") as folder:
            return draw(told, Path(folder) / f"plan.{form}").read_bytes()

    async def _step(self, call: Call) -> Response:
        return as_json(await self._shelf.step(await self._checked(call), call.path("step")))

    async def _artifacts(self, call: Call) -> Response:
        run_id = await self._checked(call)
        told = await self._shelf.told(run_id)
        return as_json({"artifacts": [artifact_view(run_id, made) for made in files_of(told)]})

    # ---- orders

    async def _start(self, call: Call) -> Response:
        wait_s = self._access.may_ask(call.client)
        if wait_s:
            return refused("rate", "expected fewer goals a minute, got one more", retry_after_s=wait_s)
        said: GoalBody = call.body
        ask = Ask(
            message=said.message,
            session_id=said.session_id,
            inputs=said.inputs,
            playbook=said.playbook,
            plan=said.plan,
        )
        return _begun(await self._desk.start(ask, call.owner))

    async def _cancel(self, call: Call) -> Response:
        run_id = call.path("run_id")
        session_id = await self._desk.cancel(run_id, call.body.step, call.owner, call.body.reason)
        return as_json({"run_id": run_id, "session_id": session_id})

    async def _answer(self, call: Call) -> Response:
        run_id, said = call.path("run_id"), call.body
        session_id = await self._desk.answer(
            run_id, call.path("step"), call.owner, granted=said.granted, note=said.note, changes=said.changes
        )
        return as_json({"run_id": run_id, "session_id": session_id})

    async def _go_on(self, call: Call) -> Response:
        return _begun(await self._desk.go_on(call.path("run_id"), call.owner, call.body.from_step))

    async def _checked(self, call: Call) -> str:
        """The run of the address.

        Raises:
            UsageError: it is not there, or somebody else's.
        """
        run_id = call.path("run_id")
        await self._desk.session_of(run_id, call.owner)
        return run_id


def _begun(begun: Begun) -> Response:
    return as_json({"run_id": begun.run_id, "session_id": begun.session_id}, 202)
