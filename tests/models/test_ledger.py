"""The shared ledger: waiting, cancelling, deadlines, money, fairness, in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planloom import config
from planloom.errors import BudgetError, ConfigError, ContextError, TransientError
from planloom.models.budget import Budget
from planloom.models.ledger import Amounts, Key, Ledger, Ticket, Waiting, configured
from planloom.models.quota import Limits
from planloom.models.simulate.quota import Limits as Enforced
from planloom.models.simulate.quota import Quota as Provider
from planloom.models.simulate.virtual import LoopClock, run_virtual

KEY = Key("http://127.0.0.1/v1", "m")


def ledger(**limits: float) -> Ledger:
    return Ledger(lambda key: Limits(**limits), LoopClock())


def now() -> float:
    return asyncio.get_running_loop().time()


def virtual(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Runs an async test without arguments on a virtual clock."""

    def run() -> None:
        run_virtual(test())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


async def told(made: Ledger, headers: dict[str, str] | None = None) -> None:
    """Ends the cautious start: one call with these headers."""
    (await made.admit("first", KEY, Amounts(tokens=1))).settle(Amounts(tokens=0), headers or {})


@virtual
async def test_a_call_with_room_does_not_wait() -> None:
    ticket = await ledger(requests_per_minute=1).admit("a", KEY, Amounts(tokens=5))
    assert (ticket.waited_s, ticket.waited_for, now()) == (0, "", 0)


@virtual
async def test_a_waiting_call_says_for_what_and_how_long() -> None:
    made, heard = ledger(tokens_per_minute=100), []
    (await made.admit("a", KEY, Amounts(tokens=80))).settle(None)
    ticket = await made.admit("b", KEY, Amounts(tokens=50), on_wait=heard.append)
    assert heard == [Waiting(session="b", key=KEY, limit="tokens_per_minute", for_s=60.0)]
    assert ticket.waited_for == "tokens_per_minute"
    assert ticket.waited_s == pytest.approx(60)


@virtual
async def test_settling_lets_the_next_one_go_at_once() -> None:
    made = ledger(tokens_per_minute=100)
    first = await made.admit("a", KEY, Amounts(tokens=100))
    waiting = asyncio.create_task(made.admit("a", KEY, Amounts(tokens=60)))
    await asyncio.sleep(3)
    assert not waiting.done()
    first.settle(Amounts(tokens=40))
    assert (await waiting).waited_s == pytest.approx(3)


@virtual
async def test_a_cancelled_waiter_leaves_no_trace() -> None:
    made, budget = ledger(tokens_per_minute=100), Budget({"tokens": 1000})
    await told(made)
    first = await made.admit("a", KEY, Amounts(tokens=100), budgets=[budget])
    before = made.statistics(), dict(budget.reserved)
    waiting = asyncio.create_task(made.admit("b", KEY, Amounts(tokens=100), budgets=[budget]))
    await asyncio.sleep(1)
    assert "waiting {'b': 1}" in made.statistics()[KEY]
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (made.statistics(), dict(budget.reserved)) == before
    first.settle(None)


@virtual
async def test_a_call_cancelled_in_the_moment_it_may_go_gives_its_place_back() -> None:
    made = ledger(tokens_per_minute=100)
    first = await made.admit("a", KEY, Amounts(tokens=100))
    second = asyncio.create_task(made.admit("a", KEY, Amounts(tokens=100)))
    third = asyncio.create_task(made.admit("a", KEY, Amounts(tokens=100)))
    await asyncio.sleep(1)
    first.settle(Amounts(tokens=0))  # second is told now, and cancelled before it can run
    second.cancel()
    ticket = await third
    assert second.cancelled() and ticket.waited_s == pytest.approx(1)


@virtual
async def test_the_deadline_ends_the_wait_and_says_what_it_was_for() -> None:
    made = ledger(tokens_per_minute=100)
    first = await made.admit("a", KEY, Amounts(tokens=100))
    with pytest.raises(TransientError, match=r"within 5 s.*tokens_per_minute") as caught:
        await made.admit("b", KEY, Amounts(tokens=100), deadline_s=5)
    assert now() == pytest.approx(5)
    assert caught.value.retry_after_s == pytest.approx(58)
    first.settle(Amounts(tokens=0))
    assert (await made.admit("b", KEY, Amounts(tokens=100))).waited_s == 0


@virtual
async def test_a_wait_that_is_sure_to_be_too_long_is_refused_at_once() -> None:
    made = ledger(requests_per_day=1)
    (await made.admit("a", KEY, Amounts(tokens=1))).settle(None)
    with pytest.raises(TransientError, match="requests_per_day"):
        await made.admit("a", KEY, Amounts(tokens=1), deadline_s=600)
    assert now() == 0
    assert "waiting {}" in made.statistics()[KEY]


@virtual
async def test_a_call_above_the_limit_is_refused_also_when_the_limit_is_told_later() -> None:
    made = ledger(tokens_per_minute=100)
    with pytest.raises(ContextError, match="at most 100 tokens"):
        await made.admit("a", KEY, Amounts(tokens=101))
    first = await made.admit("a", KEY, Amounts(tokens=90))
    waiting = asyncio.create_task(made.admit("a", KEY, Amounts(tokens=90)))
    await asyncio.sleep(0)
    first.settle(None, {"x-ratelimit-limit-tokens": "80"})
    with pytest.raises(ContextError, match="at most 80 tokens"):
        await waiting


@virtual
async def test_a_rejected_call_pauses_its_model_and_no_other() -> None:
    made = ledger()
    await told(made)
    (await made.admit("a", KEY, Amounts(tokens=1))).reject({"retry-after-ms": "7500"})
    other = await made.admit("a", Key(KEY.endpoint, "other"), Amounts(tokens=1))
    ticket = await made.admit("a", KEY, Amounts(tokens=1))
    assert (other.waited_s, ticket.waited_s, ticket.waited_for) == (0, pytest.approx(7.5), "pause")


@virtual
async def test_the_first_calls_wait_for_a_word_and_headers_of_a_stream_are_enough() -> None:
    made = ledger()
    tickets = [asyncio.create_task(made.admit("a", KEY, Amounts(tokens=1))) for _ in range(30)]
    await asyncio.sleep(1)
    went = [task for task in tickets if task.done()]
    assert len(went) == 8
    went[-1].result().heard({"x-ratelimit-limit-requests": "20", "x-ratelimit-remaining-requests": "12"})
    await asyncio.sleep(1)
    assert sum(task.done() for task in tickets) == 20
    for task in tickets:
        task.cancel()


@virtual
async def test_a_ticket_left_open_is_settled_with_its_estimate_and_only_once() -> None:
    made, budget = ledger(tokens_per_minute=100), Budget({"tokens": 1000, "model_calls": 10})
    with await made.admit("a", KEY, Amounts(tokens=70), budgets=[budget]) as ticket:
        pass
    assert ticket.settle(Amounts(tokens=5)) == ()
    ticket.cancel()
    ticket.reject({})
    assert budget.used == {"tokens": 70, "model_calls": 1}
    assert "tokens_per_minute 70/100" in made.statistics()[KEY]


@virtual
async def test_a_call_that_was_never_sent_costs_nothing() -> None:
    made, budget = ledger(requests_per_minute=1), Budget({"usd": 1})
    (await made.admit("a", KEY, Amounts(tokens=70, usd=0.5), budgets=[budget])).cancel()
    assert (await made.admit("a", KEY, Amounts(tokens=70, usd=1.0), budgets=[budget])).waited_s == 0
    assert budget.used == {}


@virtual
async def test_an_unknown_price_is_refused_where_money_is_limited_and_only_there() -> None:
    made = ledger()
    with pytest.raises(BudgetError, match=r"models\.prices"):
        await made.admit("a", KEY, Amounts(tokens=1), budgets=[Budget({"usd": 1})])
    free = Budget({"tokens": 100})
    (await made.admit("a", KEY, Amounts(tokens=1), budgets=[free])).settle(Amounts(tokens=1))
    assert free.used == {"tokens": 1, "model_calls": 1}


@virtual
async def test_passing_four_fifths_of_a_budget_is_told_once() -> None:
    made, budget = ledger(), Budget({"tokens": 100})
    tickets = [await made.admit("a", KEY, Amounts(tokens=30), budgets=[budget]) for _ in range(3)]
    assert [ticket.settle(None) for ticket in tickets] == [(), (), ("tokens",)]


@virtual
async def test_a_call_waits_for_money_that_calls_in_flight_may_give_back() -> None:
    made, budget, heard = ledger(), Budget({"usd": 1.0}), []
    first = await made.admit("a", KEY, Amounts(tokens=1, usd=0.9), budgets=[budget])
    waiting = asyncio.create_task(
        made.admit("a", KEY, Amounts(tokens=1, usd=0.5), budgets=[budget], on_wait=heard.append)
    )
    await asyncio.sleep(2)
    assert not waiting.done() and heard[0].limit == "budget"
    first.settle(Amounts(tokens=1, usd=0.1))
    assert (await waiting).waited_for == "budget"
    with pytest.raises(BudgetError, match="usd"):
        await made.admit("a", KEY, Amounts(tokens=1, usd=0.95), budgets=[budget])


@virtual
async def test_several_budgets_take_a_call_all_or_none() -> None:
    made, run, session = ledger(), Budget({"usd": 1.0}), Budget({"usd": 0.1})
    with pytest.raises(BudgetError):
        await made.admit("a", KEY, Amounts(tokens=1, usd=0.5), budgets=[run, session])
    assert run.reserved.get("usd", 0) == 0


Calls = list[tuple[float, float, float]]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 1), st.floats(0, 20)), min_size=100, max_size=100),
    st.floats(0.05, 5),
)
def test_a_hundred_runs_on_one_budget_never_overshoot(calls: Calls, limit: float) -> None:
    budget = Budget({"usd": limit})

    async def one(made: Ledger, estimate: float, share: float, seconds: float) -> bool:
        try:
            ticket = await made.admit("a", KEY, Amounts(tokens=10, usd=estimate), budgets=[budget])
        except BudgetError:
            return False
        await asyncio.sleep(seconds)
        ticket.settle(Amounts(tokens=5, usd=estimate * share))
        assert budget.used["usd"] <= limit * (1 + 1e-9)
        return True

    async def all_of_them() -> list[bool]:
        made = ledger()
        return await asyncio.gather(*(one(made, *call) for call in calls))

    went = run_virtual(all_of_them())
    refused = [estimate for (estimate, _, _), ok in zip(calls, went, strict=True) if not ok]
    assert budget.used.get("usd", 0) <= limit * (1 + 1e-9)
    assert budget.reserved.get("usd", 0) == pytest.approx(0, abs=1e-9)
    assert all(estimate > 0 for estimate in refused)


async def _session(made: Ledger, name: str, stop_s: float, sizes: random.Random, done: dict[str, float]) -> None:
    async def one() -> None:
        estimate = sizes.randint(200, 2000)
        ticket = await made.admit(name, KEY, Amounts(tokens=estimate))
        await asyncio.sleep(sizes.uniform(0.5, 3))
        real = int(estimate * sizes.uniform(0.5, 1))
        ticket.settle(Amounts(tokens=real))
        done[name] += real

    async def worker() -> None:
        while now() < stop_s:
            await one()

    await asyncio.gather(*(worker() for _ in range(3)))


def test_ten_equal_sessions_get_equal_tokens_and_use_the_limit() -> None:
    done = {str(i): 0.0 for i in range(10)}

    async def all_of_them() -> None:
        made = ledger(tokens_per_minute=60_000)
        await told(made)
        tasks = [asyncio.create_task(_session(made, name, 600, random.Random(int(name)), done)) for name in done]
        await asyncio.sleep(600)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run_virtual(all_of_them())
    assert min(done.values()) >= 0.9 * max(done.values()), done
    assert 0.95 <= sum(done.values()) / (60_000 * 10) <= 1.1


@pytest.mark.parametrize("gives_back", [True, False], ids=["gives back", "reserves for good"])
@pytest.mark.parametrize("is_configured", [True, False], ids=["configured", "learned"])
def test_at_full_quota_an_exact_provider_never_rejects(gives_back: bool, is_configured: bool) -> None:
    provider, chance = Provider(Enforced(rpm=300, tpm=100_000)), random.Random(5)
    charged: list[tuple[float, int]] = []

    async def call(made: Ledger, session: str) -> None:
        reserved = chance.choice((200, 800, 1600, 4000))
        real = int(reserved * chance.uniform(0.2, 0.9))
        ticket = await made.admit(session, KEY, Amounts(tokens=reserved))
        await asyncio.sleep(chance.uniform(0, 0.05) if gives_back else 0)  # calls overtake each other on their way
        amount = real if gives_back else reserved
        refusal = provider.admit(("key", "m"), amount, now())
        assert refusal is None, (refusal, made.statistics())
        charged.append((now(), amount))
        headers = provider.headers(("key", "m"), now())
        await asyncio.sleep(chance.lognormvariate(1, 0.7))
        ticket.settle(Amounts(tokens=real), headers)

    async def everything() -> None:
        limits = {"requests_per_minute": 300.0, "tokens_per_minute": 100_000.0} if is_configured else {}
        made = ledger(**limits)
        await asyncio.gather(*(call(made, str(i % 7)) for i in range(900)))

    run_virtual(everything())
    minutes = int(charged[-1][0] // 60)
    assert minutes >= 5
    assert sum(amount for at, amount in charged if at < 60 * minutes) >= 0.95 * 100_000 * minutes


def test_tickets_end_on_every_path() -> None:
    async def use(ticket: Ticket, fails: bool) -> None:
        with ticket:
            if fails:
                raise ConnectionError("cut")

    async def body() -> None:
        made = ledger(tokens_per_minute=100)
        uses: list[Awaitable[None]] = [
            use(await made.admit("a", KEY, Amounts(tokens=5)), fail) for fail in (True, False)
        ]
        assert [type(r) for r in await asyncio.gather(*uses, return_exceptions=True)] == [ConnectionError, type(None)]
        assert "in flight 0" in made.statistics()[KEY]

    run_virtual(body())


def test_configured_limits_are_those_of_the_best_fitting_name() -> None:
    limits = configured(
        config.Limits(tokens_per_minute=1000, per_model={"m*": {"tokens_per_minute": 5}, "m": {"requests_per_day": 7}})
    )
    assert limits(KEY) == Limits(requests_per_minute=10_000, tokens_per_minute=1000, requests_per_day=7)
    assert limits(Key("e", "mini")).tokens_per_minute == 5
    assert limits(Key("e", "other")).tokens_per_minute == 1000
    with pytest.raises(ConfigError, match=r"limits\.per_model: 'm'.*got token_per_minute: 5"):
        configured(config.Limits(per_model={"m": {"token_per_minute": 5}}))
