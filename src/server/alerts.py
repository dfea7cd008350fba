"""Warns when memory, failures or the use of a quota pass what the settings allow. Rule: it tells and changes nothing.

What is told: an event `alert.changed` in each session in which something runs, the metrics `planloom_alert` and
`planloom_alerts_total`, and a line of the log. An alert ends once the value is a tenth below its limit, so that one
that swings around it is not told again and again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .. import config, events
from ..errors import JournalError
from ..events import AlertChanged, Event
from ..models.ledger import Key, configured

if TYPE_CHECKING:
    from ..clock import Clock
    from ..metrics import Metrics
    from .logs import Log
    from .rooms import Rooms

NAMES = ("memory", "errors", "quota")
MINUTE_S = 60.0
_OVER = 0.9  # of the limit, below which an alert ends
_MB = 2**20
_MODELS = 200


@dataclass(slots=True)
class Seen:
    """What events told lately: how runs ended within `window_s`, and calls of the last minute by model."""

    window_s: float
    _ended: deque[tuple[float, bool]] = field(default_factory=deque)
    _calls: dict[str, deque[tuple[float, int]]] = field(default_factory=dict)

    def take(self, event: Event, now: float) -> None:
        """Takes one event in."""
        match event.payload:
            case events.RunFinished(status=status) if status != "cancelled":
                self._ended.append((now, status == "failed"))
            case events.ModelCall() as said if said.model in self._calls or len(self._calls) < _MODELS:
                tokens = said.prompt_tokens + said.completion_tokens
                self._calls.setdefault(said.model, deque()).append((now, tokens))

    def failed_share(self, now: float, least: int) -> float:
        """The share of runs that failed; 0.0 when fewer than `least` ended."""
        while self._ended and self._ended[0][0] < now - self.window_s:
            self._ended.popleft()
        if len(self._ended) < max(1, least):
            return 0.0
        return sum(failed for _, failed in self._ended) / len(self._ended)

    def quota_share(self, now: float, limits: Callable[[str], Mapping[str, float]]) -> float:
        """The fullest limit of any model, as the share that the last minute used of it."""
        fullest = 0.0
        for model, calls in self._calls.items():
            while calls and calls[0][0] < now - MINUTE_S:
                calls.popleft()
            used = {"requests_per_minute": len(calls), "tokens_per_minute": sum(tokens for _, tokens in calls)}
            for name, limit in limits(model).items():
                if limit and name in used:
                    fullest = max(fullest, used[name] / limit)
        return fullest


class Alerts:
    """Decides what to tell. Pure: the values and the time are arguments."""

    def __init__(self, settings: config.Alerts) -> None:
        self._limits = {
            "memory": settings.memory_mb,
            "errors": settings.failed_share,
            "quota": settings.quota_share,
        }
        self.raised: dict[str, bool] = dict.fromkeys(NAMES, False)

    def look(self, values: Mapping[str, float]) -> list[AlertChanged]:
        """What began or ended with these values, by name."""
        changed = []
        for name, value in values.items():
            limit, was = self._limits[name], self.raised[name]
            is_raised = limit > 0 and value >= (limit * _OVER if was else limit)
            if is_raised != was:
                self.raised[name] = is_raised
                changed.append(
                    AlertChanged(name, is_raised, round(value, 4), limit, _told(name, value, limit, is_raised))
                )
        return changed


class Watch:
    """Looks now and then, and tells what changed."""

    def __init__(self, settings: config.Config, rooms: Rooms, metrics: Metrics | None, log: Log, clock: Clock) -> None:
        self._settings = settings.alerts
        self._limits = configured(settings.limits)
        self._rooms = rooms
        self._metrics = metrics
        self._log = log
        self._clock = clock
        self._alerts = Alerts(settings.alerts)
        self._seen = Seen(settings.alerts.window_s)

    def take(self, event: Event) -> None:
        """Hears an event of the server."""
        self._seen.take(event, self._clock.now())

    async def run(self) -> None:
        """Looks every `alerts.check_s` seconds, until it is cancelled."""
        while True:
            await asyncio.sleep(self._settings.check_s)
            self.look()

    def look(self) -> None:
        """Looks once."""
        import psutil

        now = self._clock.now()
        values = {
            "memory": psutil.Process().memory_info().rss / _MB,
            "errors": self._seen.failed_share(now, self._settings.least_runs),
            "quota": self._seen.quota_share(now, self._limits_of),
        }
        for said in self._alerts.look(values):
            self._tell(said)

    def _limits_of(self, model: str) -> Mapping[str, float]:
        found = self._limits(Key("", model))
        return {"requests_per_minute": found.requests_per_minute, "tokens_per_minute": found.tokens_per_minute}

    def _tell(self, said: AlertChanged) -> None:
        if self._metrics is not None:
            self._metrics.alert(said)
        tell = self._log.warning if said.is_raised else self._log.info
        tell("alert" if said.is_raised else "alert over", alert=said.alert, value=said.value, limit=said.limit)
        for room in self._rooms:
            try:
                room.tell(said)
            except JournalError as error:
                self._log.error("journal not written", session_id=room.id, error=str(error))


def _told(name: str, value: float, limit: float, is_raised: bool) -> str:
    shown = {
        "memory": f"the server takes {value:,.0f} MB of memory; alerts.memory_mb is {limit:,.0f}",
        "errors": f"{value:.1%} of the runs failed lately; alerts.failed_share is {limit:.1%}",
        "quota": f"the last minute used {value:.0%} of a model's limit; alerts.quota_share is {limit:.0%}",
    }[name]
    return shown if is_raised else f"over: {shown}"
