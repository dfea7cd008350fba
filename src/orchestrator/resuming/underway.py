"""The runs under way in this process, and the journals of their sessions. Rule: a run is in here from open to close."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ...clock import Clock
from ...config import Config
from ...errors import UsageError
from ...events import Notice, Payload, RunResumed
from ...memory.inbox import Inbox
from ...memory.journal import Journal, read
from ...memory.journal.redaction import REASON as REDACTED
from ...memory.sessions import Sessions
from ...models.budget import Budget
from ...models.scope import Scope
from ..active import Active, Request
from ..running.run import Approve
from .orders import check, row
from .recovery import Recovered, recover, reopened


class Underway:
    """Opens and closes runs over the sessions of one state folder."""

    def __init__(self, sessions: Sessions, config: Config, clock: Clock) -> None:
        self.sessions = sessions
        self._config = config
        self._clock = clock
        self._active: dict[str, Active] = {}
        self._holds: dict[str, ExitStack] = {}
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
        session = self.sessions.open(session_id).id
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(self._clock.wall()))
        with ExitStack() as hold:
            journal = hold.enter_context(self.held(session))
            return self._add(f"{stamp}-{secrets.token_hex(3)}", session, journal, request, hold.pop_all())

    def resume(self, run_id: str, from_step: str | None, *, approve: Approve | None, waits: bool) -> Active | Recovered:
        """Takes up a run of an earlier process; gives what is known of it when nothing of it is left to do.

        Raises:
            UsageError: no such run or step, or it is under way here.
            JournalError: the journal can't be opened, or another process has it.
        """
        if run_id in self._active:
            raise UsageError(f"expected a run that stands still, got {run_id!r}, which is under way")
        session = self.session_of(run_id)
        with ExitStack() as hold:
            journal = hold.enter_context(self.held(session))
            recovered = _recovered(run_id, session, journal)
            if self._take_in(recovered, journal):
                recovered = _recovered(run_id, session, journal)
            retried, forgotten = reopened(recovered, from_step)
            if recovered.status in ("done", "cancelled") and from_step is None:
                return recovered
            if recovered.is_forgotten:
                raise UsageError(f"expected a run that may go on, got {run_id!r}: {REDACTED}")
            if recovered.is_over and recovered.cancelled is not None:
                raise UsageError(f"expected a run that may go on, got {run_id!r}, cancelled; run its goal again")
            journal.append(RunResumed(recovered.goal, retried, forgotten), run_id)
            journal.commit()
            recovered = _recovered(run_id, session, journal)
            active = self._add(run_id, session, journal, _request(recovered, approve, waits=waits), hold.pop_all())
        active.recovered = recovered
        return active

    def _take_in(self, recovered: Recovered, journal: Journal) -> bool:
        """Writes down what was ordered of a run while the process that held it died; whether there was anything."""
        found = False
        for order, path in Inbox(self.sessions.path(recovered.session_id)).orders():
            if order.get("run") == recovered.run_id:
                with suppress(UsageError):
                    check(recovered, order)
                    journal.append(row(order), recovered.run_id)
                    journal.commit()
                path.unlink(missing_ok=True)
                found = True
        return found

    def _add(self, run_id: str, session: str, journal: Journal, request: Request, hold: ExitStack) -> Active:
        active = Active(
            id=run_id,
            session_id=session,
            request=request,
            journal=journal,
            began=self._clock.now(),
            scope=self._scope(session, run_id, journal),
        )
        self._active[run_id], self._holds[run_id] = active, hold
        if journal.notice is not None:
            active.emit(Notice(journal.notice))
        return active

    def close(self, active: Active) -> None:
        """Forgets a run; its session's journal is closed when nothing else of this process uses it."""
        if self._active.pop(active.id, None) is not None:
            self._holds.pop(active.id).close()

    @contextmanager
    def held(self, session: str) -> Iterator[Journal]:
        """The journal of a session; whoever leaves last closes it, so that other processes can write.

        Raises:
            JournalError: it can't be opened, or another process has it.
        """
        try:
            with self.sessions.open(session).held() as journal:
                yield journal
        finally:
            self.sessions.unload(session)

    @contextmanager
    def recovering(self, run_id: str) -> Iterator[tuple[Recovered, Journal]]:
        """A run as its journal tells it, and the journal to add to.

        Raises:
            UsageError: no session has such a run.
            JournalError: the journal can't be opened, or another process has it.
        """
        session = self.session_of(run_id)
        with self.held(session) as journal:
            yield _recovered(run_id, session, journal), journal

    def told(self, run_id: str) -> Recovered:
        """A run as its journal tells it at this moment, whoever writes it.

        Raises:
            UsageError: no session has such a run.
            JournalError: the journal can't be read.
        """
        session = self.session_of(run_id)
        records = read(self.sessions.path(session))
        found = recover(run_id, session, (event for r in records if (event := r.event(session)) is not None))
        if found is None:  # the session was removed a moment ago
            raise _no_run(run_id)
        return found

    def session_of(self, run_id: str) -> str:
        """The session that a run belongs to.

        Raises:
            UsageError: no session has such a run.
        """
        if run_id in self._active:
            return self._active[run_id].session_id
        found = self.sessions.index.session_of(run_id)
        if found is None:
            raise _no_run(run_id)
        return found

    def close_all(self) -> None:
        """Closes every journal."""
        self._active.clear()
        for hold in self._holds.values():
            hold.close()
        self._holds.clear()
        self.sessions.close()

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


def _recovered(run_id: str, session: str, journal: Journal) -> Recovered:
    found = recover(run_id, session, journal.events())
    if found is None:
        raise _no_run(run_id)
    return found


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


def _no_run(run_id: str) -> UsageError:
    return UsageError(f"expected the id of a run, got {run_id!r}; `planloom runs` lists them")
