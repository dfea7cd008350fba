"""What a load is: how many goals of what, how many at once, against what. Rule: frozen; checked when it is made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ..errors import UsageError

Provider = Literal["simulate", "real", "none"]
Answering = Literal["grant", "refuse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What the simulated provider lets in a minute, and the server knows; 0: no limit."""

    requests_per_minute: int = 10_000
    tokens_per_minute: int = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A load.

    `batch_size` 0: no batches, the next goal goes when one is done; else so many together, then `pause_s` seconds.
    `turns` are goals of one session. `timeout_s` is how long a goal may take. `url` empty: a server of its own.
    `latency` is how long a simulated call takes, as for `planloom simulate --ttft`; `faults` as for `--fault`.
    `usd` are dollars for a million tokens in and out, for models that have no price in the settings.
    `approvals` is what the clients answer when a run asks; None: grant on a server of its own, else refuse.

    Raises:
        UsageError: a number does not fit.
    """

    scenario: str = "support"
    requests: int = 100
    concurrency: int = 20
    batch_size: int = 0
    pause_s: float = 0.0
    turns: int = 1
    timeout_s: float = 300.0
    seed: int = 1
    url: str = ""
    provider: Provider = "simulate"
    quota: Quota = Quota()
    latency: str = "lognormal:1.0:0.3"
    faults: tuple[str, ...] = ()
    usd: tuple[float, float] = (0.40, 1.60)
    approvals: Answering | None = None

    def __post_init__(self) -> None:
        _at_least("--requests", self.requests, 1)
        _at_least("--concurrency", self.concurrency, 1)
        _at_least("--turns", self.turns, 1)
        _at_least("--batch-size", self.batch_size, 0)
        _at_least("--pause", self.pause_s, 0)
        if not self.timeout_s > 0:
            raise UsageError(f"--timeout: expected seconds above 0, got {self.timeout_s:g}")
        if self.concurrency > self.requests:
            raise UsageError(
                f"--concurrency: expected at most --requests, {self.requests}, got {self.concurrency}: "
                "so many goals are never under way at once"
            )
        if self.batch_size > self.requests:
            raise UsageError(f"--batch-size: expected at most --requests, {self.requests}, got {self.batch_size}")

    @property
    def answers(self) -> Answering:
        """What the clients say when a run asks."""
        return self.approvals or ("refuse" if self.url else "grant")


def _at_least(flag: str, value: float, least: float) -> None:
    if not value >= least or not math.isfinite(value):
        raise UsageError(f"{flag}: expected at least {least:g}, got {value:g}")
