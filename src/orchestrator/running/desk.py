"""Whether a call may be made, by the run's policy, and the audit log of what was. Rule: decided before, written after.

A write is in the audit log before it has an effect; when the log can't be written, the write is not made.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ...agents.hub import Hub
from ...agents.policy import Decision, Wish, decide, role_of
from ...agents.tool import Tool
from ...agents.workspace import Workspace
from ...errors import AccessError
from ...events import AgentMessage, ApprovalAnswered, ApprovalAsked
from ..planning.plan import references
from . import ticks
from .core import Core

_AGENT = "agent:"


class Desk:
    """What all calls of one run pass: policy, audit, places at limits, the agents' hub."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.role = role_of(core.services.config.policy)
        self.audit = core.services.audit
        self._hub: Hub | None = None
        self._outside: dict[str, tuple[Path, ...]] = {}
        self._share = core.services.limits.share(self._freed)
        self._waiting: dict[str, deque[asyncio.Future[None]]] = defaultdict(deque)

    # ---- policy

    def admits(self, call: ticks.Call, tool: Tool, arguments: Mapping[str, Any]) -> bool:
        """Whether a step's call may be made now; False: a person is asked first.

        Raises:
            AccessError: the policy denies it.
        """
        decision = self.decision(call.step, Wish(tool=tool.name, effect=tool.effect, arguments=arguments))
        if decision.verdict == "allow" or self.core.state.cells[call.step].approval == "granted":
            self._outside[call.step] = decision.outside
            self.begun(call.step, tool, arguments)
            return True
        self.core.tell(ticks.Parked(call.step, call.epoch, decision.reason))
        return False

    def decision(self, step: str, wish: Wish) -> Decision:
        """What the policy says; anything but yes is in the audit log.

        Raises:
            AccessError: it denies.
        """
        space = self.core.run.workspace
        folders = (space.root, space.out, *space.also_writable)
        decision = decide(self.role, _in(wish, folders))
        if decision.verdict != "allow":
            self.note("decision", step, tool=wish.tool, verdict=decision.verdict, reason=decision.reason)
        if decision.verdict == "deny":
            raise AccessError(f"{wish.tool} is not allowed here: {decision.reason}")
        return decision

    def workspace(self, step: str) -> Workspace:
        """Where a call may write: where the role may, and where a person allowed this call to."""
        space = self.core.run.workspace
        more = (*(Path(folder).expanduser() for folder in self.role.paths), *self._outside.get(step, ()))
        return Workspace(space.root, space.out, also_writable=(*space.also_writable, *more)) if more else space

    def allow_outside(self, call: str, paths: tuple[Path, ...]) -> None:
        """Lets one call write to paths that a person allowed."""
        self._outside[call] = paths

    # ---- audit

    def note(self, kind: str, step: str, *, tool: str = "", status: str = "", **told: Any) -> None:
        """An entry of the audit log."""
        if self.audit is not None:
            run, session = self.core.run.id, self.core.run.journal.session_id
            names = {"run": run, "session": session, "step": step, "tool": tool, "status": status}
            self.audit.add(kind, names, **told)

    def begun(self, step: str, tool: Tool, arguments: Mapping[str, Any]) -> None:
        """A write is about to be made: in the log when this returns."""
        if tool.effect == "write" and self.audit is not None and not tool.name.startswith(_AGENT):
            self.note("begun", step, tool=tool.name, arguments=dict(arguments))
            self.audit.flush()

    def ended(self, step: str, tool: Tool, arguments: Mapping[str, Any], error: object = None) -> None:
        """A call ended. What a pure one was given is not told: it neither looked at the world nor changed it."""
        more: dict[str, Any] = {} if tool.effect == "pure" else {"arguments": dict(arguments)}
        if error is not None:
            more["error"] = str(error)
        self.note("call", step, tool=tool.name, status="failed" if error is not None else "ok", **more)

    def answered(self, asked: ApprovalAsked, answered: ApprovalAnswered) -> None:
        """A person answered."""
        self.note(
            "approval",
            asked.step,
            question=asked.question,
            granted=answered.granted,
            note=answered.note,
            changes=dict(answered.changes),
        )

    # ---- agents

    @property
    def hub(self) -> Hub:
        """The mailboxes of the run's agents."""
        if self._hub is None:
            self._hub = Hub(self._agents, self._sent)
            self._hub.restore(self.core.run.past.messages)
        return self._hub

    def is_tainted(self, step: str) -> bool:
        """Whether a step was handed what others wrote: results or inputs."""
        cell = self.core.state.cells[step]
        return bool(cell.edges) or any(references(dict(cell.step.parameters)))

    def _agents(self) -> list[str]:
        return [name for name, step in self.core.run.steps.items() if step.action.startswith(_AGENT)]

    def _sent(self, message: AgentMessage) -> None:
        self.core.emit(message)
        self.core.run.journal.commit()

    # ---- limits

    @asynccontextmanager
    async def place(self, tool: Tool) -> AsyncIterator[None]:
        """A place at the tool's limit, if it has one; waited for in turn with all other runs."""
        limits = self.core.services.limits
        if limits.declare(tool.name, tool.concurrency) is None:
            yield
            return
        while not self._share.take(tool.name):
            await self._turn(tool.name)
        try:
            yield
        finally:
            limits.release(tool.name)

    async def _turn(self, limit: str) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiting[limit].append(waiter)
        self._share.wait(limit)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._share.decline(limit)
            raise
        finally:
            if waiter in self._waiting[limit]:
                self._waiting[limit].remove(waiter)

    def _freed(self, limit: str) -> None:
        while self._waiting[limit]:
            waiter = self._waiting[limit].popleft()
            if not waiter.done():
                waiter.set_result(None)
                if self._waiting[limit]:
                    self._share.wait(limit)
                return
        self._share.decline(limit)

    def close(self) -> None:
        """Gives back what was reserved at limits, and writes what the audit log still has to be told."""
        self._share.leave()
        if self.audit is not None:
            self.audit.flush()


def _in(wish: Wish, folders: tuple[Path, ...]) -> Wish:
    from dataclasses import replace

    return replace(wish, workspace=folders)
