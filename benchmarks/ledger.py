"""What the ledger makes of a provider's limits: rejections, lost calls, share of the quota used, fairness, money.

Ten sessions send calls of mixed size, far more than a minute's quota, through the real client to a simulated provider
with exact windows, in virtual time; beside it the same calls with plain retry and back-off. Then a hundred runs spend
one budget at once.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from planloom.errors import BudgetError
from planloom.models.budget import Budget
from planloom.models.cost import Prices
from planloom.models.guard import Guard
from planloom.models.ledger import Amounts, Key, Ledger
from planloom.models.quota import Limits
from planloom.models.simulate.app import create_app
from planloom.models.simulate.inprocess import InProcess
from planloom.models.simulate.quota import Limits as Enforced
from planloom.models.simulate.settings import Settings
from planloom.models.simulate.timing import Spread
from planloom.models.simulate.virtual import LoopClock, run_virtual
from planloom.models.usage import Usage

from . import harness
from .harness import Target

MODEL = "simulated-model"
KEY = Key("http://simulated/v1", MODEL)
TPM, RPM = 240_000, 600
SESSIONS = 10
BACKOFF_TRIES = 10  # of plain retry: waits of up to 1, 2, 4 ... 60 seconds, at random
WORDS = ("plan", "step", "result", "table", "month", "total", "north", "because", "however", "value", "region")


@dataclass(frozen=True, slots=True)
class Job:
    """One call to make."""

    session: str
    prompt: str
    max_tokens: int

    @property
    def messages(self) -> list[dict[str, str]]:
        return [{"role": "user", "content": self.prompt}]


@dataclass(slots=True)
class Seen:
    """What became of the calls: when each was sent, by whom, and the tokens charged for it."""

    calls: list[tuple[float, str, int]] = field(default_factory=list)
    rejected: int = 0
    lost: int = 0

    def used_share(self, started_s: float) -> float:
        """Tokens let through in whole minutes, of those allowed in them; the last minute is not whole."""
        minutes = int((max(at for at, _, _ in self.calls) - started_s) // 60)
        inside = sum(tokens for at, _, tokens in self.calls if at < started_s + 60 * minutes)
        return inside / (TPM * minutes) if minutes else 0.0

    def fairness(self) -> float:
        """Slowest by fastest session, in tokens, when the first session is through with its calls."""
        ends = {name: max(at for at, session, _ in self.calls if session == name) for _, name, _ in self.calls}
        first = min(ends.values())
        served = {name: sum(t for at, s, t in self.calls if s == name and at <= first) for name in ends}
        return min(served.values()) / max(served.values())


Call = Callable[[Job, Seen], Awaitable[None]]


def jobs(count: int, seed: int = 7) -> list[Job]:
    """Calls of mixed size, most small and some large; each session has the same sizes in another order."""
    chance = random.Random(seed)
    sizes = [(int(min(4000, chance.lognormvariate(7.2, 0.9))), chance.choice((128, 512, 1024))) for _ in range(count)]
    made = []
    for number in range(SESSIONS):
        chance.shuffle(sizes)
        made.append([Job(f"s{number}", " ".join(chance.choices(WORDS, k=words)), reply) for words, reply in sizes])
    return [job for turn in zip(*made, strict=True) for job in turn]


def client(**settings: Any) -> Any:
    """The real client, connected in process to a provider that enforces its limits."""
    import openai

    enforced = Settings(
        limits=Enforced(rpm=RPM, tpm=TPM),
        latency_s=Spread("lognormal", 0.1, 0.5),
        ttft_s=Spread("lognormal", 0.4, 0.4),
        token_rate=60,
        **settings,
    )
    http = openai.DefaultAsyncHttpx2Client(transport=InProcess(create_app(enforced, LoopClock())))
    return openai.AsyncOpenAI(base_url=KEY.endpoint, api_key="none", http_client=http, max_retries=0, timeout=600)


def with_ledger(api: Any, ledger: Ledger, guard: Guard, *, reserve: bool) -> Call:
    """Calls as the product makes them."""
    import openai

    async def call(job: Job, seen: Seen) -> None:
        size = guard.measure(MODEL, job.messages)
        ticket = await ledger.admit(job.session, KEY, Amounts(tokens=size.most + job.max_tokens))
        with ticket:
            at = asyncio.get_running_loop().time()
            try:
                raw = await _create(api, job)
            except openai.RateLimitError as error:
                ticket.reject(error.response.headers)
                seen.rejected += 1
                seen.lost += 1
                return
            usage = raw.parse().usage
            ticket.settle(Amounts(tokens=usage.total_tokens), raw.headers)
            guard.corrections.learn(MODEL, size.messages, usage.prompt_tokens)
            charged = usage.prompt_tokens + job.max_tokens if reserve else usage.total_tokens
            seen.calls.append((at, job.session, charged))

    return call


def with_retries(api: Any) -> Call:
    """Calls as they are often made: a 429 is tried again after a growing random wait."""
    import openai

    chance = random.Random(1)

    async def call(job: Job, seen: Seen) -> None:
        for attempt in range(BACKOFF_TRIES):
            at = asyncio.get_running_loop().time()
            try:
                raw = await _create(api, job)
            except openai.RateLimitError:
                seen.rejected += 1
                await asyncio.sleep(chance.uniform(0, min(60.0, 2.0**attempt)))
                continue
            seen.calls.append((at, job.session, raw.parse().usage.total_tokens))
            return
        seen.lost += 1

    return call


async def _create(api: Any, job: Job) -> Any:
    return await api.chat.completions.with_raw_response.create(
        model=MODEL, messages=job.messages, max_tokens=job.max_tokens
    )


async def send(work: Sequence[Job], call: Call) -> tuple[Seen, float]:
    """All calls at once; gives what became of them and the virtual seconds it took."""
    seen, started = Seen(), asyncio.get_running_loop().time()
    await asyncio.gather(*(call(job, seen) for job in work))
    return seen, asyncio.get_running_loop().time() - started


async def full_quota(work: Sequence[Job], *, reserve: bool, is_configured: bool) -> tuple[Seen, float]:
    """The ledger against the provider. Not configured: it learns the limits from the responses."""
    limits = Limits(requests_per_minute=RPM, tokens_per_minute=TPM) if is_configured else Limits()
    async with client(reserve=reserve) as api:
        ledger = Ledger(lambda key: limits, LoopClock())
        return await send(work, with_ledger(api, ledger, Guard(), reserve=reserve))


async def plain(work: Sequence[Job]) -> tuple[Seen, float]:
    """Plain retry against the same provider."""
    async with client() as api:
        return await send(work, with_retries(api))


async def spend(runs: int, limit_usd: float) -> tuple[float, int, int]:
    """Runs that spend one budget at once until it refuses; gives US dollars spent, calls made, runs refused."""
    prices = Prices.read({MODEL: {"input": 2.0, "output": 8.0}})
    ledger, budget, chance = Ledger(lambda key: Limits(), LoopClock()), Budget({"usd": limit_usd}), random.Random(3)
    made = refused = 0
    spent = 0.0

    async def run(name: str) -> None:
        nonlocal made, refused, spent
        for _ in range(50):
            prompt, reply = chance.randint(100, 8000), chance.choice((256, 1024, 4096))
            most = Amounts(tokens=prompt + reply, usd=prices.most(MODEL, prompt, reply))
            try:
                ticket = await ledger.admit(name, KEY, most, budgets=[budget])
            except BudgetError:
                refused += 1
                return
            await asyncio.sleep(chance.lognormvariate(0.5, 0.5))
            usage = Usage(prompt=prompt, completion=int(reply * chance.random()))
            cost = prices.cost(MODEL, usage)
            assert cost is not None, "the model has a price"
            ticket.settle(Amounts(tokens=usage.prompt + usage.completion, usd=cost))
            made, spent = made + 1, spent + cost

    await asyncio.gather(*(run(f"run-{number}") for number in range(runs)))
    return spent, made, refused


def measure(args: argparse.Namespace) -> harness.Measured:
    """Everything above, as rows and targets."""
    work = jobs(25 if args.quick else 50)
    seen, seconds = run_virtual(full_quota(work, reserve=False, is_configured=True))
    reserved, _ = run_virtual(full_quota(work, reserve=True, is_configured=True))
    learned, _ = run_virtual(full_quota(work, reserve=False, is_configured=False))
    naive, naive_s = run_virtual(plain(work))
    limit_usd = 5.0
    spent, made, refused = run_virtual(spend(100, limit_usd))
    overshoot = max(0.0, round(spent - limit_usd, 9))
    measured = {
        "calls": len(work),
        "tokens": sum(tokens for _, _, tokens in seen.calls),
        "tpm": TPM,
        "minutes": seconds / 60,
        "rejected": seen.rejected,
        "lost": seen.lost,
        "tpm_used_share": seen.used_share(0),
        "fairness": seen.fairness(),
        "rejected_by_a_provider_that_reserves": reserved.rejected,
        "tpm_used_share_of_what_it_reserves": reserved.used_share(0),
        "rejected_without_configured_limits": learned.rejected,
        "tpm_used_share_without_configured_limits": learned.used_share(0),
        "plain_retry_rejected": naive.rejected,
        "plain_retry_lost": naive.lost,
        "plain_retry_minutes": naive_s / 60,
        "plain_retry_tpm_used_share": naive.used_share(0),
        "budget_usd": limit_usd,
        "budget_spent_usd": spent,
        "budget_calls": made,
        "budget_runs_refused": refused,
    }
    return measured, [
        Target("rejected", seen.rejected, "==", 0),
        Target("lost", seen.lost, "==", 0),
        Target("tpm_used_share", seen.used_share(0), ">=", 0.95),
        Target("budget_overshoot_usd", overshoot, "==", 0),
        Target("fairness", seen.fairness(), ">=", 0.9),
    ]


if __name__ == "__main__":
    harness.main(__doc__ or "", measure)
