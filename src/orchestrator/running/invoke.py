"""Tool calls of an agent's step, under the same rules as steps: checked, allowed or asked for, within limits, recorded.

Rule: a call is on record before it begins when it writes, and after it ended always; one that is on record is never
made again. What a write did whose end is not on record, only a person can say.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...agents.hub.tools import TOOLS
from ...agents.loop.thread import Call, Outcome, Returned, Thread
from ...agents.policy import Decision, Wish, may_ever
from ...agents.tool import Tool, ToolContext
from ...errors import AccessError, BudgetError, JournalError, PlanloomError, ToolError, TransientError
from ...events import AgentCalled, AgentReturned, AgentTurn, ApprovalAnswered, ApprovalAsked, Payload
from ...memory.codec import digest, pack
from .desk import Desk
from .files import Files
from .handles import Handles
from .people import People
from .values import is_large

_WHOLE_BYTES = 16_000  # of a result that an agent is shown whole
_HAPPENED = "a person says that this took effect"
Paid = Callable[[Tool, Callable[[], Awaitable[Any]]], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """A call that is to be made, as far as the policy goes. `began`: it is on record as begun and not as ended."""

    call: Call
    key: str
    tool: Tool
    arguments: dict[str, Any]
    decision: Decision
    began: bool

    @property
    def is_write_once(self) -> bool:
        """Whether making it twice would do it twice."""
        return self.tool.effect == "write" and not self.tool.idempotent


class Invoker:
    """What one call of an agent's step is lent (`agents.loop.thread.Invoke`)."""

    def __init__(self, desk: Desk, people: People, paid: Paid, context: ToolContext, files: Files) -> None:
        self._desk = desk
        self._people = people
        self._paid = paid
        self._context = context
        self._files = files
        self._core = desk.core
        self._texts = _Texts(Handles(desk.core, context.step_id))
        width = desk.core.services.config.performance.max_parallel_steps
        self._width = asyncio.Semaphore(width or 1_000)

    # ---- the record

    @property
    def is_tainted(self) -> bool:
        """Whether the step was handed data that others wrote."""
        return self._desk.is_tainted(self._context.step_id)

    def thread(self, key: str) -> Thread:
        """The conversation that was begun with this content."""
        return self._core.run.past.threads.of(self._context.step_id, key)

    def record(self, turn: AgentTurn) -> None:
        """Keeps a reply of the model, durably."""
        self._kept(turn)

    def allows(self, tool: Tool) -> bool:
        """Whether this run's role may use a tool at all."""
        return may_ever(self._desk.role, tool.name, tool.effect)

    def keep(self, text: str) -> str:
        """Keeps a text for `results.read`, as long as the agent works."""
        return self._texts.add(text)

    def _kept(self, payload: Payload) -> None:
        self._core.run.past.threads.apply(payload)
        self._core.emit(payload)
        self._core.run.journal.commit()

    # ---- calls

    async def __call__(self, thread: Thread, call: Call) -> Returned:
        """Calls a tool.

        Raises:
            BudgetError, JournalError: the run can't go on.
        """
        key = digest(pack([self._core.run.id, thread.key, call.id, call.tool, call.arguments]))
        before = thread.returned.get(key)
        if before is not None:
            return self._replayed(call, before)
        tool = self._core.services.registry.find(call.tool) or TOOLS.get(call.tool)
        if tool is None:
            return self._ended(call, key, "failed", error=f"there is no tool {call.tool!r} any more")
        arguments = {**call.arguments, **self._core.run.overrides.get(call.id, {})}
        try:
            tool.validated(arguments)
            decision = self._decision(call, tool, arguments)
        except AccessError as error:
            return self._ended(call, key, "denied", error=str(error))
        except ToolError as error:
            return self._ended(call, key, "failed", error=str(error))
        due = _Due(call=call, key=key, tool=tool, arguments=arguments, decision=decision, began=key in thread.called)
        answer = self._asked(due)
        if answer is not None:
            return answer
        async with self._width:
            return await self._made(due)

    def _decision(self, call: Call, tool: Tool, arguments: Mapping[str, Any]) -> Decision:
        wish = Wish(tool=tool.name, effect=tool.effect, arguments=arguments, agent=call.agent, tainted=call.tainted)
        decision = self._desk.decision(call.id, wish)
        if decision.verdict == "allow" and tool.destructive:
            return replace(decision, verdict="ask", reason="the tool is marked destructive")
        return decision

    def _asked(self, due: _Due) -> Returned | None:
        """None: the call may be made now. Else what came of asking: waiting, refused, or done already."""
        call, tool = due.call, due.tool
        if due.began and due.is_write_once:
            question = f"{tool.name}, called by agent:{call.agent}, may or may not have taken effect. Did it happen?"
            answer = self._ask(ApprovalAsked(call.id, "in_doubt", question, due.arguments))
            if answer is not None and answer.granted:
                return self._ended(call, due.key, "ok", value={"note": _HAPPENED})
            return Returned(status="waiting") if answer is None else None
        if due.decision.verdict != "ask" or due.began:
            return None
        question = f"Run {tool.name} for agent:{call.agent} ({due.decision.reason})?"
        answer = self._ask(ApprovalAsked(call.id, "step", question, due.arguments))
        if answer is None:
            return Returned(status="waiting")
        if answer.granted:
            return None
        return self._ended(call, due.key, "refused", error=answer.note or "a person refused this call")

    def _ask(self, asked: ApprovalAsked) -> ApprovalAnswered | None:
        return self._people.ask_inside(self._context.step_id, asked)

    async def _made(self, due: _Due) -> Returned:
        """Makes the call, again where its error may pass; its outcome is on record when this returns."""
        call, tool, clock = due.call, due.tool, self._core.services.clock
        self._desk.begun(call.id, tool, due.arguments)
        self._desk.allow_outside(call.id, due.decision.outside)
        step = self._context.step_id
        self._kept(AgentCalled(step, call.id, tool.name, due.arguments, tool.effect, due.key))
        self._context.progress(int(call.id.rpartition("/")[2]), None, tool.name)
        began, files = clock.now(), Files()
        try:
            value = await self._tried(due, files)
        except (BudgetError, JournalError):
            raise
        except PlanloomError as error:
            self._desk.ended(call.id, tool, due.arguments, error)
            if isinstance(error, TransientError) and error.outcome_unknown and due.is_write_once:
                doubtful = self._asked(replace(due, began=True))
                if doubtful is not None:
                    return doubtful
            return self._ended(call, due.key, "failed", error=str(error), seconds=clock.now() - began)
        self._desk.ended(call.id, tool, due.arguments)
        for path in files.paths:
            self._files.add(path)
        return await self._stored(call, due.key, value, files, seconds=clock.now() - began)

    async def _tried(self, due: _Due, files: Files) -> Any:
        """The result of a call, after as many tries as it takes and may take."""
        execution = self._core.services.config.execution
        context = self._context_of(due, files)
        for attempt in range(1, execution.max_attempts + 1):
            try:
                return await self._once(due, context)
            except TransientError as error:
                repeatable = not due.is_write_once or not error.outcome_unknown
                if not repeatable or attempt == execution.max_attempts:
                    raise
                ceiling = min(execution.backoff_cap_s, execution.backoff_base_s * 2 ** (attempt - 1))
                jitter = random.Random(f"{execution.seed}/{due.key}/{attempt}")  # noqa: S311  # not a secret
                await asyncio.sleep(max(jitter.uniform(0, ceiling), error.retry_after_s or 0.0))
        raise AssertionError("unreachable")

    async def _once(self, due: _Due, context: ToolContext) -> Any:
        caller, tool = self._core.services.caller, due.tool
        seconds = tool.timeout_s or self._core.services.config.execution.step_timeout_s
        try:
            async with self._desk.place(tool), asyncio.timeout(seconds or None):
                return await self._paid(tool, lambda: caller.call(tool, due.arguments, context))
        except TimeoutError as error:
            told = f"{tool.name}: expected a result within {seconds:g} s, got none"
            raise TransientError(told, outcome_unknown=True) from error

    def _context_of(self, due: _Due, files: Files) -> ToolContext:
        return replace(
            self._context,
            step_id=due.call.id,
            idempotency_key=f"{self._core.run.id}/{due.key}",
            workspace=self._desk.workspace(due.call.id),
            artifact=files.add,
            results=self._texts,
            invoke=None,
            hub=self._desk.hub if due.tool.name in TOOLS else None,
        )

    # ---- outcomes

    async def _stored(self, call: Call, key: str, value: Any, files: Files, *, seconds: float) -> Returned:
        try:
            stored = await self._core.encoded(value)
        except PlanloomError as error:
            return self._ended(call, key, "failed", error=str(error), seconds=seconds)
        paths = tuple(str(path) for path in files.paths)
        event = AgentReturned(
            self._context.step_id, call.id, key, "ok", seconds, stored.value, stored.stored, files=paths
        )
        self._kept(event)
        return self._shown(event)

    def _ended(
        self, call: Call, key: str, status: Outcome, *, value: Any = None, error: str = "", seconds: float = 0.0
    ) -> Returned:
        assert status != "waiting"
        event = AgentReturned(self._context.step_id, call.id, key, status, seconds, value, error=error or None)
        self._kept(event)
        return self._shown(event)

    def _replayed(self, call: Call, event: AgentReturned) -> Returned:
        """An outcome of an earlier stretch, with what followed from it."""
        for path in event.files:
            if Path(path).is_file():
                self._files.add(Path(path))
        if call.tool == "hub.receive" and isinstance(event.value, dict):
            self._desk.hub.drop(self._context.step_id, [m["id"] for m in event.value.get("messages", ())])
        return self._shown(event)

    def _shown(self, event: AgentReturned) -> Returned:
        value = event.value
        handle = ""
        if event.stored is not None:
            value = self._core.run.values.unpacked(event.stored)
            self._texts.allow(event.stored, value)
            handle = event.stored
        elif is_large(value) or len(str(value)) > _WHOLE_BYTES:
            handle = self._texts.add(value)
        return Returned(status=event.status, value=value, error=event.error or "", handle=handle)


class _Texts:
    """Results by handle as an agent sees them: those of its step, its own calls', and what was shortened for it."""

    def __init__(self, handles: Handles) -> None:
        self._handles = handles
        self._own: dict[str, Any] = {}

    def add(self, value: Any) -> str:
        handle = hashlib.sha256(pack(value)).hexdigest()
        self._own[handle] = value
        return handle

    def allow(self, handle: str, value: Any) -> None:
        self._own[handle] = value

    def is_handle(self, text: str) -> bool:
        return text in self._own or self._handles.is_handle(text)

    def value(self, handle: str) -> Any:
        return self._own[handle] if handle in self._own else self._handles.value(handle)
