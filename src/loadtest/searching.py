"""The best concurrency and batch size, found by short loads. Rule: what to try next is pure; trying it is not ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from .load import Load

_GAIN = 0.05  # more throughput than this makes more at once worth it
_NEAR = 0.95  # of the best throughput is as good as the best, when it needs fewer at once
_LEAST_GOALS, _ROUNDS = 12, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One short load. `throughput` are goals a second, never more than what the quota carries for ever."""

    concurrency: int
    batch_size: int
    throughput: float
    p95: float | None
    success_share: float
    bottleneck: str

    def is_good(self, most_p95_s: float) -> bool:
        """Whether nearly all succeeded, in time; `most_p95_s` 0: any time will do."""
        in_time = not most_p95_s or (self.p95 is not None and self.p95 <= most_p95_s)
        return self.success_share >= _NEAR and in_time


Try = Callable[[Load], Awaitable[Mapping[str, Any]]]


def steps(most: int) -> list[int]:
    """Concurrencies to try: 1, then doubled, and `most`."""
    found = [1]
    while found[-1] * 2 < most:
        found.append(found[-1] * 2)
    return [*found, most] if most > 1 else found


def is_worth_more(trials: Sequence[Trial], most_p95_s: float) -> bool:
    """Whether more at once may still help: the last trial was good, and better than the one before."""
    if not trials[-1].is_good(most_p95_s):
        return False
    return len(trials) < 2 or trials[-1].throughput > trials[-2].throughput * (1 + _GAIN)


def best(trials: Sequence[Trial], most_p95_s: float) -> Trial | None:
    """The good trial with the fewest goals at once that is near the most throughput; None: none was good."""
    good = [trial for trial in trials if trial.is_good(most_p95_s)]
    if not good:
        return None
    most = max(trial.throughput for trial in good)
    near = [trial for trial in good if trial.throughput >= _NEAR * most]
    return min(near, key=lambda trial: (trial.concurrency, -trial.throughput))


async def search(load: Load, attempt: Try, most_p95_s: float, stop: asyncio.Event) -> dict[str, Any]:
    """Tries concurrencies up to `load.concurrency`, then batch sizes at the best; gives the trials and the answer."""
    trials: list[Trial] = []
    for concurrency in steps(load.concurrency):
        trials.append(await _tried(load, concurrency, 0, attempt))
        if stop.is_set() or not is_worth_more(trials, most_p95_s):
            break
    chosen = best(trials, most_p95_s)
    if chosen is not None and not stop.is_set():
        for batch in (chosen.concurrency, 2 * chosen.concurrency):
            trials.append(await _tried(load, chosen.concurrency, batch, attempt))
            if stop.is_set():
                break
        chosen = best([trial for trial in trials if trial.concurrency == chosen.concurrency], most_p95_s)
    return {
        "trials": [asdict(trial) for trial in trials],
        "best": None if chosen is None else asdict(chosen),
        "told": told(chosen, trials, most_p95_s),
    }


def told(chosen: Trial | None, trials: Sequence[Trial], most_p95_s: float) -> str:
    """The answer in words."""
    within = f" with a p95 of at most {most_p95_s:g} s" if most_p95_s else ""
    if chosen is None:
        return f"No trial had at least {_NEAR:.0%} of its goals succeed{within}: begin with the failures."
    batch = f"batches of {chosen.batch_size}" if chosen.batch_size else "no batches"
    held = trials[-1].bottleneck if trials else ""
    return (
        f"Best: {chosen.concurrency} at once, {batch}: {chosen.throughput:.3g} goals a second, "
        f"p95 {chosen.p95 or 0:.2f} s{within}. What holds it: {held}."
    )


async def _tried(load: Load, concurrency: int, batch: int, attempt: Try) -> Trial:
    count = max(_LEAST_GOALS, _ROUNDS * concurrency, 2 * batch)
    report = await attempt(replace(load, requests=count, concurrency=min(concurrency, count), batch_size=batch))
    reached, ceiling = report["throughput"] or 0.0, report["quota"].get("ceiling")
    return Trial(
        concurrency=concurrency,
        batch_size=batch,
        throughput=round(min(reached, ceiling) if ceiling else reached, 3),
        p95=report["p95"],
        success_share=report["success_share"] or 0.0,
        bottleneck=report["bottleneck"]["kind"],
    )
