"""What a simulated provider is told. Rule: frozen data; 0 switches a limit, a delay or a fault off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...errors import UsageError
from .gold import GoldPlans
from .quota import Limits
from .scenario import Scenario
from .timing import Spread

MARK = "simulated"
ABILITIES = ("json_schema", "json_object", "tools", "streaming", "embeddings")
FAULTS: Mapping[str, str] = {
    "429": "429 with retry-after, whatever the limits say",
    "500": "500 server_error",
    "503": "503 service_unavailable",
    "529": "529 overloaded_error",
    "stall": "no answer at all; a stream stops in the middle and stays open",
    "truncated_json": "the model's text (or a tool call's arguments) ends in the middle, finish_reason length",
    "truncated_body": "status 200, and a body that ends in the middle",
    "cut_stream": "the connection is closed in the middle of the reply",
    "html": "status 200 with an HTML page instead of JSON",
    "empty": "a reply with empty content and no tool call",
    "slow": "the first token comes `slow_s` later",
    "wrong_schema": "valid JSON that breaks the schema asked for; prose where lines were asked for",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the provider behaves.

    `limits` are for each API key and model. `reserve`: the tokens-per-minute limit counts prompt and `max_tokens`, as
    real providers do; False: prompt and reply as `usage` reports them. `latency_s` passes before anything, `ttft_s`
    then until the first token, and more for a long prompt: `prefill_rate` tokens a second for what no cache knows (0:
    at once). `token_rate` is tokens a second of the reply (0: at once), `seconds_per_step` the time each line of a
    plan takes instead. `faults` are shares of requests, 0 to 1. `models` empty: any name is taken. `api_keys` empty:
    any key, or none. `context_tokens` 0: prompts of any length. `without` names abilities it lacks (`ABILITIES`).
    `stall_s` is how long a stalled request is held, `keep_requests` how many bodies are remembered for tests.
    """

    seed: int = 0
    limits: Limits = field(default_factory=Limits)
    reserve: bool = False
    count_rejected: bool = False
    latency_s: Spread = field(default_factory=Spread)
    ttft_s: Spread = field(default_factory=Spread)
    token_rate: float = 0.0
    prefill_rate: float = 0.0
    seconds_per_step: float = 0.0
    faults: Mapping[str, float] = field(default_factory=dict)
    judge_failure_rate: float = 0.0
    plans: GoldPlans | None = None
    scenario: Scenario | None = None
    models: tuple[str, ...] = ()
    api_keys: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    context_tokens: int = 0
    embedding_dimensions: int = 384
    stall_s: float = 600.0
    slow_s: float = 10.0
    max_body_bytes: int = 16 * 2**20
    keep_requests: int = 0

    def __post_init__(self) -> None:
        for kind, rate in self.faults.items():
            _check(kind in FAULTS, "faults", f"one of {', '.join(FAULTS)}", kind)
            _check(0 <= rate <= 1, f"faults.{kind}", "a share from 0 to 1", rate)
        total = sum(self.faults.values())
        _check(total <= 1 + 1e-9, "faults", "shares of at most 1 in all", total)
        _check(0 <= self.judge_failure_rate <= 1, "judge_failure_rate", "a share from 0 to 1", self.judge_failure_rate)
        for ability in self.without:
            _check(ability in ABILITIES, "without", f"one of {', '.join(ABILITIES)}", ability)
        for name in ("token_rate", "prefill_rate", "seconds_per_step", "stall_s", "slow_s", "keep_requests"):
            _check(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))
        for name in ("embedding_dimensions", "max_body_bytes"):
            _check(getattr(self, name) >= 1, name, "1 or more", getattr(self, name))
        for name in ("rpm", "tpm", "rpd"):
            _check(getattr(self.limits, name) >= 0, name, "0 (no limit) or more", getattr(self.limits, name))


def _check(is_fine: bool, name: str, expected: str, got: object) -> None:
    if not is_fine:
        raise UsageError(f"{name}: expected {expected}, got {got!r}")


def reply_name(model: str) -> str:
    """The model's name in a reply, which always says that it is simulated."""
    return model if MARK in model.lower() else f"{MARK}-{model}"


def fault_rate(text: str) -> tuple[str, float]:
    """`500=0.1` or `500=10%` as kind and share.

    Raises:
        UsageError: it is not written so, or there is no such fault.
    """
    kind, _, rate = text.partition("=")
    try:
        share = float(rate[:-1]) / 100 if rate.endswith("%") else float(rate)
    except ValueError:
        share = -1.0
    if kind not in FAULTS or not 0 <= share <= 1:
        raise UsageError(f"fault: expected KIND=RATE with KIND one of {', '.join(FAULTS)}, RATE 0 to 1, got {text!r}")
    return kind, share
