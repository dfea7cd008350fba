"""What is written down while a load runs. Rule: plain data, a few hundred bytes a goal."""

from __future__ import annotations

from dataclasses import dataclass, field

OK = "ok"


@dataclass(slots=True, kw_only=True)
class Served:
    """One goal, as its client saw it. Times are seconds; `sent_s` counts from the start of the load.

    `outcome` is `ok` or the kind of failure, `reason` says more. `first_s` None: no event came. `waited_s` is what its
    calls waited at the limits, `model_s` what they took, `tool_s` what steps took besides, `queued_s` what ready steps
    waited for a place. `usd` None: a price is unknown.
    """

    number: int
    batch: int = 0
    client: int = 0
    turn: int = 1
    session_id: str = ""
    run_id: str = ""
    sent_s: float = 0.0
    first_s: float | None = None
    seconds: float = 0.0
    outcome: str = ""
    reason: str = ""
    plan: str = ""
    steps: int = 0
    approvals: int = 0
    calls: int = 0
    rejected: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    largest_prompt: int = 0
    usd: float | None = 0.0
    model_s: float = 0.0
    waited_s: float = 0.0
    tool_s: float = 0.0
    queued_s: float = 0.0

    @property
    def is_ok(self) -> bool:
        """Whether the run ended as done."""
        return self.outcome == OK

    @property
    def ended_s(self) -> float:
        """When it ended, from the start of the load."""
        return self.sent_s + self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The server at a moment: megabytes of it and of its workers; processor time used a second (1.0: one core).

    `machine` is the share of all cores that everything on the machine uses, None: not known. `done` goals were over.
    `minute_calls` and `minute_tokens` are what the simulated provider let in within the last 60 seconds.
    """

    at_s: float
    rss_mb: float
    workers_mb: float = 0.0
    cores: float = 0.0
    workers_cores: float = 0.0
    machine: float | None = None
    done: int = 0
    under_way: int = 0
    minute_calls: int = 0
    minute_tokens: int = 0


@dataclass(slots=True, kw_only=True)
class Record:
    """A load as it was. `ended` is empty when it went to its end, else what ended it: interrupted or died."""

    served: list[Served] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    sent: int = 0
    seconds: float = 0.0
    ended: str = ""
    epitaph: str = ""
    provider: dict[str, float] = field(default_factory=dict)
