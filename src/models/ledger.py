"""One ledger for all model calls of a process: requests and tokens per minute, requests per day, and money.

A call is admitted with an estimate, settled with what it really used, and the difference is free at once. Rule: the
decisions are pure (`book`, `quota`, `windows`, `budget`); here is only the waiting. One event loop, whose time counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import TracebackType
from typing import NamedTuple, Self

from .. import config
from ..clock import Clock
from ..errors import BudgetError, ConfigError, ContextError, TransientError
from . import ratelimits
from .book import Book, Request
from .budget import Budget
from .money import Purse, Spend
from .patterns import best
from .quota import Limits, Quota

_SURE = ("pause", "requests_per_minute", "requests_per_day")  # nothing that calls give back ends these waits earlier
_TICK_S = 0.001  # a timer never fires for the very moment it was set in: time must move between two looks


class Key(NamedTuple):
    """What has limits of its own: a model at an endpoint (its base URL)."""

    endpoint: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """What one call takes. `usd` None: the price is unknown. As an estimate, the most it can take."""

    tokens: int
    usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A call began to wait: for `limit`, for about `for_s` seconds; None: until another call ends.

    Limits: requests_per_minute, tokens_per_minute, requests_per_day, pause (after a rejection), first_response (the
    first calls to a model tell its limits), turn (other sessions go first), budget.
    """

    session: str
    key: Key
    limit: str
    for_s: float | None


OnWait = Callable[[Waiting], None]


@dataclass(slots=True)
class _Desk:
    """The book of one key, who waits at it, and the timer for the next look."""

    book: Book
    waiters: dict[Request, asyncio.Future[None]] = field(default_factory=dict)
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class Ticket:
    """Leave to make one call. End it with `settle`, `reject` or `cancel`; further endings do nothing.

    As a context manager it is settled at the end with its estimate, unless it was ended before.
    """

    key: Key
    estimate: Amounts
    waited_s: float
    waited_for: str  # as in `Waiting`, "" when it did not wait
    _ledger: Ledger
    _desk: _Desk
    _request: Request
    _budgets: Sequence[Budget]
    _reserved: Spend
    is_open: bool = True

    def heard(self, headers: Mapping[str, str]) -> None:
        """Learns from response headers before the call has ended (streams)."""
        self._ledger._learn(self, headers)

    def settle(self, real: Amounts | None, headers: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """Ends the call with what it really used; None: unknown, the estimate stands.

        Gives the names of the budgets that passed 80 % by it.
        """
        used = self.estimate if real is None else real
        if real is not None and real.usd is None:
            used = Amounts(tokens=real.tokens, usd=self.estimate.usd)
        return self._ledger._settle(self, used, headers)

    def reject(self, headers: Mapping[str, str]) -> None:
        """Ends a call that the provider refused as too many (429): the model pauses, nothing was used."""
        self._ledger._reject(self, headers)

    def cancel(self) -> None:
        """Ends a call that was never sent: it counts nowhere."""
        self._ledger._cancel(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.settle(None)


def configured(limits: config.Limits) -> Callable[[Key], Limits]:
    """The limits of each key by the configuration.

    Raises:
        ConfigError: `limits.per_model` has an unknown key or a negative number.
    """
    names = tuple(field.name for field in fields(Limits))
    common = {name: float(getattr(limits, name)) for name in names}
    for model, given in limits.per_model.items():
        for name, value in given.items():
            if name not in names or value < 0:
                raise ConfigError(
                    f"limits.per_model: {model!r}: expected {', '.join(names)}, each 0 or more, got {name}: {value!r}"
                )

    def of(key: Key) -> Limits:
        own = best(limits.per_model, key.model) or {}
        return Limits(**{**common, **own})

    return of


class Ledger:
    """Admits calls. `limits` gives the configured limits of a key; `clock` reads dates in headers."""

    def __init__(self, limits: Callable[[Key], Limits], clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._desks: dict[Key, _Desk] = {}
        self._purse = Purse()

    async def admit(
        self,
        session: str,
        key: Key,
        estimate: Amounts,
        *,
        budgets: Sequence[Budget] = (),
        deadline_s: float | None = None,
        on_wait: OnWait | None = None,
    ) -> Ticket:
        """Waits until the call may go. Cancelled while waiting, it leaves no trace.

        `budgets` (of the run, of the session) hold what the call may cost at most from now on; `deadline_s` is the
        longest wait in seconds, None: no limit; `on_wait` is called when it begins to wait.

        Raises:
            BudgetError: a budget can't take the estimate, or holds money and the price of the model is unknown.
            ContextError: the call is above the tokens per minute all by itself.
            TransientError: the deadline passed, or is sure to.
        """
        desk, began, call = self._desk(key), _now(), _Call(session, key, estimate, on_wait)
        _check_size(desk.book, key, estimate.tokens)
        reserved = _spend(key, estimate, budgets)
        try:
            async with asyncio.timeout(deadline_s):
                await self._purse.reserve(budgets, reserved, lambda: call.waits("budget", None))
                try:
                    request = await self._queue(desk, call, deadline_s)
                except BaseException:
                    self._purse.settle(budgets, reserved, {})
                    raise
        except TimeoutError:
            raise _too_late(call, desk, deadline_s) from None
        return Ticket(key, estimate, _now() - began, call.waited_for, self, desk, request, tuple(budgets), reserved)

    def statistics(self) -> Mapping[Key, str]:
        """The state of each model's limits and queue, for people."""
        return {key: repr(desk.book) for key, desk in self._desks.items()}

    def _desk(self, key: Key) -> _Desk:
        desk = self._desks.get(key)
        if desk is None:
            desk = self._desks[key] = _Desk(Book(Quota(self._limits(key))))
        return desk

    async def _queue(self, desk: _Desk, call: _Call, deadline_s: float | None) -> Request:
        """Waits for the call's turn and room."""
        request = desk.book.ask(call.session, call.estimate.tokens, _now())
        self._look(desk)
        if request.hold is not None:
            return request
        waiter = desk.waiters[request] = asyncio.get_running_loop().create_future()
        try:
            _announce(desk.book, request, call, deadline_s)
            await waiter
        except BaseException:
            desk.waiters.pop(request, None)
            if request.hold is not None:
                desk.book.undo(request, _now())
            elif not request.is_impossible:
                desk.book.withdraw(request)
            self._look(desk)
            raise
        return request

    def _look(self, desk: _Desk) -> None:
        """Lets go whoever may go, and sets the timer for the next look."""
        now = _now()
        for request in desk.book.grant(now):
            waiter = desk.waiters.pop(request, None)
            if waiter is None or waiter.done():
                continue
            if request.is_impossible:
                waiter.set_exception(_too_large(desk.book, request.tokens))
            else:
                waiter.set_result(None)
        at, _ = desk.book.opens_at(now)
        if desk.timer is not None:
            desk.timer.cancel()
            desk.timer = None
        if at < float("inf"):
            loop = asyncio.get_running_loop()
            desk.timer = loop.call_at(max(at, now + _TICK_S), self._look, desk)

    def _settle(self, ticket: Ticket, used: Amounts, headers: Mapping[str, str] | None) -> tuple[str, ...]:
        if not ticket.is_open:
            return ()
        ticket.is_open = False
        now = _now()
        ticket._desk.book.settle(ticket._request, used.tokens, now)
        ticket._desk.book.quota.accepted()
        self._learn(ticket, headers or {})
        self._look(ticket._desk)
        spent = {name: amount for name, amount in _amounts(used).items() if name in ticket._reserved}
        return self._purse.settle(ticket._budgets, ticket._reserved, spent)

    def _reject(self, ticket: Ticket, headers: Mapping[str, str]) -> None:
        if not ticket.is_open:
            return
        ticket.is_open = False
        now, book, hold = _now(), ticket._desk.book, ticket._request.hold
        assert hold is not None, "expected an admitted call"
        book.settle(ticket._request, 0, now)
        told = ratelimits.read(headers, self._clock.wall())
        book.quota.learn(told, hold, now)
        book.quota.rejected(told, ticket.estimate.tokens, hold.at, now)
        self._look(ticket._desk)
        self._purse.settle(ticket._budgets, ticket._reserved, {})

    def _cancel(self, ticket: Ticket) -> None:
        if not ticket.is_open:
            return
        ticket.is_open = False
        ticket._desk.book.undo(ticket._request, _now())
        self._look(ticket._desk)
        self._purse.settle(ticket._budgets, ticket._reserved, {})

    def _learn(self, ticket: Ticket, headers: Mapping[str, str]) -> None:
        hold = ticket._request.hold
        assert hold is not None, "expected an admitted call"
        told = ratelimits.read(headers, self._clock.wall())
        ticket._desk.book.quota.learn(told, hold, _now())
        if ticket.is_open:
            self._look(ticket._desk)


@dataclass(slots=True)
class _Call:
    """Who asks, and what it first waited for."""

    session: str
    key: Key
    estimate: Amounts
    on_wait: OnWait | None
    waited_for: str = ""

    def waits(self, limit: str, for_s: float | None) -> None:
        self.waited_for = self.waited_for or limit
        if self.on_wait is not None:
            self.on_wait(Waiting(session=self.session, key=self.key, limit=limit, for_s=for_s))


def _now() -> float:
    return asyncio.get_running_loop().time()


def _announce(book: Book, request: Request, call: _Call, deadline_s: float | None) -> None:
    """Tells what the call waits for; refuses it when that can't end before its deadline."""
    now = _now()
    at, limit = book.quota.opens_at(request.tokens, now)
    call.waits(limit or "turn", at - now if now < at < float("inf") else None)
    if deadline_s is not None and limit in _SURE and now + deadline_s < at < float("inf"):
        raise TimeoutError


def _check_size(book: Book, key: Key, tokens: int) -> None:
    if book.quota.impossible(tokens) is not None:
        raise _too_large(book, tokens)


def _too_large(book: Book, tokens: float) -> ContextError:
    limit = int(book.quota.tokens.most())
    return ContextError(
        f"expected a call of at most {limit} tokens, the tokens per minute of this model, got {tokens:g}; "
        "send less, ask for a shorter reply, or raise limits.tokens_per_minute if the provider allows more",
        tokens=int(tokens),
        limit=limit,
    )


def _too_late(call: _Call, desk: _Desk, deadline_s: float | None) -> TransientError:
    now = _now()
    at, limit = desk.book.quota.opens_at(call.estimate.tokens, now)
    return TransientError(
        f"expected to call {call.key.model!r} within {deadline_s:g} s, got no leave: waited for {call.waited_for}; "
        "try later, or raise the limit it waited for",
        retry_after_s=at - now if limit and at < float("inf") else None,
    )


def _amounts(amounts: Amounts) -> dict[str, float]:
    known = {} if amounts.usd is None else {"usd": amounts.usd}
    return {"tokens": amounts.tokens, "model_calls": 1, **known}


def _spend(key: Key, estimate: Amounts, budgets: Sequence[Budget]) -> Spend:
    if estimate.usd is None and any(budget.limits.get("usd") for budget in budgets):
        raise BudgetError(
            f"expected a price for {key.model!r}, as a budget in US dollars is set, got none; "
            "add it to models.prices, or set limits.usd to 0",
            budget="usd",
        )
    return _amounts(estimate)
