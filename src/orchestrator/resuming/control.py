"""What people say about runs, from any process: answers to approvals, cancels. Rule: durable before it is acknowledged.

A run under way here hears it at once. One that no process works on gets it as rows of its journal. One that another
process works on gets it through the session's inbox, which that process reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ...errors import BusyError, UsageError
from ...events import ApprovalAsked, Notice
from ...memory.inbox import Inbox
from ..active import Active
from .orders import check, row
from .underway import Underway

_LOOK_S = 0.2


class Control:
    """Answers and cancels of the runs below one folder of sessions."""

    def __init__(self, underway: Underway) -> None:
        self._underway = underway

    def approve(self, run_id: str, step: str, granted: bool, note: str, changes: Mapping[str, Any]) -> None:
        """Answers an approval.

        Raises:
            UsageError: no such run, or nothing is asked of this step.
        """
        order = {"do": "approve", "run": run_id, "step": step, "granted": granted, "note": note}
        self._do({**order, "changes": dict(changes)})

    def cancel(self, run_id: str, step: str | None, reason: str) -> None:
        """Cancels a run, or one of its steps.

        Raises:
            UsageError: no such run or step, or the run is over.
        """
        self._do({"do": "cancel", "run": run_id, "step": step, "reason": reason})

    def open_approvals(self, run_id: str) -> Mapping[str, ApprovalAsked]:
        """The approvals of a run that wait for an answer, by step.

        Raises:
            UsageError: no such run.
        """
        if run_id in self._underway:
            return self._underway.find(run_id).approvals
        return self._underway.told(run_id).open

    def take_in(self, active: Active) -> None:
        """Carries out what other processes left for the session of a run that is under way here."""
        for order, path in Inbox(self._underway.sessions.path(active.session_id)).orders():
            if self._is_too_early(order):
                continue
            try:
                self._do(order)
            except (UsageError, KeyError, TypeError) as error:
                active.emit(Notice(f"an order from another process was not carried out: {error}"))
            path.unlink(missing_ok=True)

    def _is_too_early(self, order: Mapping[str, Any]) -> bool:
        """Whether an answer is to a run that is here and has not asked yet: it stays in the inbox until then."""
        run_id = order.get("run")
        if order.get("do") != "approve" or run_id not in self._underway:
            return False
        active = self._underway.find(str(run_id))
        return active.executor is None and active.review is None

    async def listen(self, active: Active) -> None:
        """Takes in orders until it is cancelled; within a fifth of a second of their coming."""
        while True:
            self.take_in(active)
            await asyncio.sleep(_LOOK_S)

    def _do(self, order: Mapping[str, Any]) -> None:
        run_id = order["run"]
        if run_id in self._underway:
            _tell(self._underway.find(run_id), order)
            return
        try:
            with self._underway.recovering(run_id) as (recovered, journal):
                check(recovered, order)
                journal.append(row(order), run_id)
                journal.commit()
        except BusyError:
            check(self._underway.told(run_id), order)
            Inbox(self._underway.sessions.path(self._underway.session_of(run_id))).post(order)


def _tell(active: Active, order: Mapping[str, Any]) -> None:
    if order["do"] == "approve":
        active.answer(order["step"], granted=order["granted"], note=order["note"], changes=order["changes"])
    else:
        active.cancel(order["step"], order["reason"])
