"""Approval of a whole plan before it runs. Rule: the answer is durable, and bound to the very plan that was shown."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ..errors import UsageError
from ..events import ApprovalAnswered, ApprovalAsked, Payload
from ..memory.journal import Journal
from .planning.files import dump
from .planning.plan import Plan
from .running.past import Past
from .running.run import Approve

STEP = "plan"


class Review:
    """The question whether a plan may run, from asking to answer."""

    def __init__(self, plan: Plan, question: str, journal: Journal, run_id: str) -> None:
        self.asked = ApprovalAsked(STEP, "plan", question, dump(plan))
        self._journal = journal
        self._run_id = run_id
        self._answer: asyncio.Future[ApprovalAnswered | None] = asyncio.get_running_loop().create_future()

    async def answered(self, past: Past, approve: Approve | None, *, waits: bool) -> ApprovalAnswered | None:
        """The answer: an earlier one to the same plan, else a person's; None: nobody answers here."""
        before = past.answer(self.asked)
        if before is not None:
            return before
        self._emit(self.asked)
        asking = asyncio.create_task(self._put_to_person(approve, waits=waits))
        try:
            return await self._answer
        finally:
            asking.cancel()

    def answer(self, *, granted: bool, note: str = "", changes: Mapping[str, Any] | None = None) -> None:
        """A person's answer; in the journal when this returns.

        Raises:
            UsageError: it is answered already, or changes are given: another plan is another goal.
        """
        if changes:
            raise UsageError("expected yes or no to a plan, got changes; refuse it and run the changed plan file")
        if self._answer.done():
            raise UsageError("expected an open approval, got one that is answered")
        answered = ApprovalAnswered(STEP, granted, note, {})
        self._emit(answered)
        self._answer.set_result(answered)

    def withdraw(self) -> None:
        """Nobody needs an answer any more."""
        if not self._answer.done():
            self._answer.set_result(None)

    async def _put_to_person(self, approve: Approve | None, *, waits: bool) -> None:
        granted = await approve(self.asked) if approve is not None else None
        if self._answer.done():
            return
        if granted is not None:
            self.answer(granted=granted)
        elif not waits:
            self.withdraw()

    def _emit(self, payload: Payload) -> None:
        self._journal.append(payload, self._run_id)
        self._journal.commit()
