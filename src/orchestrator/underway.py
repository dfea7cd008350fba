"""The runs under way in this process, and the journals of their sessions. Rule: a run is in here from open to close."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from ..clock import Clock
from ..config import Config
from ..errors import UsageError
from ..events import Event, Payload, RunResumed
from ..memory.journal import Journal, read
from ..models.budget import Budget
from ..models.scope import Scope
from .active import Active, Request
from .recovery import Recovered, recover, reopened
from .running.run import Approve

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Underway:
    """Opens and closes runs. `state` is the folder of all journals."""

    def __init__(self, state: Path, config: Config, clock: Clock) -> None:
        self.sessions = state / "sessions"
        self._config = config
        self._clock = clock
        self._active: dict[str, Active] = {}
        self._journals: dict[str, Journal] = {}
        self._users: dict[str, int] = {}
        self._session_budgets: dict[str, Budget] = {}

    def __contains__(self, run_id: object) -> bool:
        return run_id in self._active

    def __iter__(self) -> Iterator[Active]:
        return iter(list(self._active.values()))

    def find(self, run_id: str) -> Active:
        """The run under way.

        Raises:
            UsageError: there is none of this id.
        """
        if run_id not in self._active:
            raise UsageError(f"expected a run that is under way, got {run_id!r}; under way: {list(self._active)}")
        return self._active[run_id]

    def open(self, request: Request, session_id: str | None) -> Active:
        """Gives a request an id and a journal.

        Raises:
            UsageError: the session's id is none.
            JournalError: the journal can't be opened, or another process has it.
        """
        session = session_id or secrets.token_hex(16)
        if not _ID.fullmatch(session):
            raise UsageError(f"expected a session id of up to 64 letters, digits, '-' or '_', got {session!r}")
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(self._clock.wall()))
        return self._add(f"{stamp}-{secrets.token_hex(3)}", session, self.journal(session), request)

    def resume(self, run_id: str, from_step: str | None, *, approve: Approve | None, waits: bool) -> Active | Recovered:
        """Takes up a run of an earlier process; gives what is known of it when nothing of it is left to do.

        Raises:
            UsageError: no such run or step, or it is under way here.
            JournalError: the journal can't be opened, or another process has it.
        """
        if run_id in self._active:
            raise UsageError(f"expected a run that stands still, got {run_id!r}, which is under way")
        recovered, journal = self.recover(run_id)
        try:
            retried, forgotten = reopened(recovered, from_step)
            is_settled = recovered.status in ("done", "cancelled") and from_step is None
            if not is_settled and recovered.is_over and recovered.cancelled is not None:
                raise UsageError(f"expected a run that may go on, got {run_id!r}, cancelled; run its goal again")
            if not is_settled:
                journal.append(RunResumed(recovered.goal, retried, forgotten), run_id)
                journal.commit()
                recovered = recover(run_id, recovered.session_id, journal.events()) or recovered
        except BaseException:
            self.release(recovered.session_id)
            raise
        if is_settled:
            self.release(recovered.session_id)
            return recovered
        active = self._add(run_id, recovered.session_id, journal, _request(recovered, approve, waits=waits))
        active.recovered = recovered
        return active

    def _add(self, run_id: str, session: str, journal: Journal, request: Request) -> Active:
        active = Active(
            id=run_id,
            session_id=session,
            request=request,
            journal=journal,
            began=self._clock.now(),
            scope=self._scope(session, run_id, journal),
        )
        self._active[run_id] = active
        return active

    def close(self, active: Active) -> None:
        """Forgets a run; its session's journal is closed when nothing else of this process uses it."""
        if self._active.pop(active.id, None) is not None:
            self.release(active.session_id)

    def journal(self, session: str) -> Journal:
        """The journal of a session, held until `release`.

        Raises:
            JournalError: it can't be opened, or another process has it.
        """
        if session not in self._journals:
            self._journals[session] = Journal(self.sessions / session, session, self._clock, self._config.sessions)
        self._users[session] = self._users.get(session, 0) + 1
        return self._journals[session]

    def release(self, session: str) -> None:
        """Gives a journal back; the last to do so closes it."""
        self._users[session] -= 1
        if not self._users[session]:
            del self._users[session]
            self._journals.pop(session).close()

    def recover(self, run_id: str) -> tuple[Recovered, Journal]:
        """A run as its journal tells it, and the journal, held until `release`.

        Raises:
            UsageError: no session has such a run.
            JournalError: the journal can't be opened, or another process has it.
        """
        session = self.session_of(run_id)
        journal = self.journal(session)
        try:
            found = recover(run_id, session, journal.events())
        except BaseException:
            self.release(session)
            raise
        assert found is not None
        return found, journal

    def told(self, run_id: str) -> Recovered:
        """A run as its journal tells it at this moment, whoever writes it.

        Raises:
            UsageError: no session has such a run.
            JournalError: the journal can't be read.
        """
        session = self.session_of(run_id)
        found = recover(run_id, session, self._events(session))
        assert found is not None
        return found

    def _events(self, session: str) -> Iterator[Event]:
        for record in read(self.sessions / session):
            if (event := record.event(session)) is not None:
                yield event

    def session_of(self, run_id: str) -> str:
        """The session that a run belongs to.

        Raises:
            UsageError: no session has such a run.
        """
        if run_id in self._active:
            return self._active[run_id].session_id
        for folder in self.sessions.iterdir() if self.sessions.is_dir() else ():
            if any(event.run_id == run_id for event in self._events(folder.name)):
                return folder.name
        raise UsageError(f"expected the id of a run, got {run_id!r}; `planloom runs` lists them")

    def close_all(self) -> None:
        """Closes every journal."""
        for journal in self._journals.values():
            journal.close()
        self._journals.clear()
        self._users.clear()
        self._active.clear()

    def _scope(self, session: str, run_id: str, journal: Journal) -> Scope:
        """For whom models are called during a run: its budget, its session's, and the journal that hears of calls."""
        limits = self._config.limits
        own = Budget({"usd": limits.usd, "tokens": limits.tokens, "model_calls": limits.model_calls})
        budgets: tuple[Budget, ...] = (own,)
        if limits.session_usd:
            budgets = (own, self._session_budgets.setdefault(session, Budget({"usd": limits.session_usd})))

        def report(payload: Payload) -> None:
            journal.append(payload, run_id)
            journal.commit()

        return Scope(session=session, run=run_id, budgets=budgets, report=report)


def _request(recovered: Recovered, approve: Approve | None, *, waits: bool) -> Request:
    """What was asked at first, with the answers to approvals as they are given now."""
    return Request(
        goal=recovered.goal,
        inputs=recovered.inputs,
        playbook=recovered.playbook,
        plan=recovered.given,
        approve=approve,
        out=Path(recovered.out) if recovered.out else None,
        waits=waits,
        begun=recovered.plan if not recovered.is_whole else None,
    )
