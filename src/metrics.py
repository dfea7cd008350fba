"""What runs and the server add up to, as Prometheus metrics. Rule: it hears events and decides nothing.

docs/chat.md names every metric. Labels are bounded: a value beyond the first 200 of a label is counted as `other`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from . import events
from .events import Event

_MOST = 200
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_RUN_S = (0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 7.5, 10, 15, 20, 30, 45, 60, 90, 120, 300, 600, 1800, 3600)
_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(slots=True)
class _Run:
    """What has to be remembered of a run until it ends."""

    actions: dict[str, str] = field(default_factory=dict)
    busy_s: float = 0.0
    running: int = 0
    peak: int = 0


class Metrics:
    """All metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._labels: dict[str, set[str]] = defaultdict(set)
        self._runs: dict[str, _Run] = {}

        def counter(name: str, told: str, *labels: str) -> Counter:
            return Counter(f"planloom_{name}", told, labels, registry=registry)

        def histogram(name: str, told: str, *labels: str, buckets: tuple[float, ...] = _SECONDS) -> Histogram:
            return Histogram(f"planloom_{name}", told, labels, registry=registry, buckets=buckets)

        def gauge(name: str, told: str) -> Gauge:
            return Gauge(f"planloom_{name}", told, registry=registry)

        self._runs_ended = counter("runs", "Runs that ended.", "status")
        self._run_s = histogram("run_seconds", "Wall time of runs.", "status", buckets=_RUN_S)
        self._efficiency = histogram("run_parallel_efficiency", "Step time over wall time and places.", buckets=_SHARES)
        self._active = gauge("runs_active", "Runs under way.")
        self._steps = counter("steps", "Steps that ended.", "action", "status")
        self._step_s = histogram("step_seconds", "Time of steps that were ok.", "action")
        self._queue_s = histogram("step_queue_seconds", "Time ready steps waited for a place.", buckets=_QUICK)
        self._reused = counter("steps_reused", "Steps whose result was there already.")
        self._retries = counter("step_retries", "Tries that failed and were repeated.", "action")
        self._errors = counter("errors", "Errors of steps, by the type their text names.", "kind")
        self._verdicts = counter("verdicts", "Verdicts.", "verdict")
        self._asked = counter("approvals_asked", "Approvals asked for.", "kind")
        self._limited = counter("limit_waits", "Steps that waited at a limit.", "limit")
        self._calls = counter("model_calls", "Requests to models.", "role", "model", "outcome")
        self._call_s = histogram("model_seconds", "Time of requests to models.", "role")
        self._wait_s = histogram("model_wait_seconds", "Time requests waited at the ledger.", "role", buckets=_QUICK)
        self._tokens = counter("tokens", "Tokens: prompt (cached ones among them), completion, cached.", "kind")
        self._usd = counter("cost_usd", "Dollars, where prices are known.")
        self._files = counter("artifacts", "Files that runs made.")
        self._bytes = counter("artifact_bytes", "Their bytes.")
        self._alert = Gauge("planloom_alert", "1 while the server warns.", ["alert"], registry=registry)
        self._alerts = counter("alerts", "Warnings that began.", "alert")
        self.connections = gauge("connections", "Sockets open.")
        self.frames_in = counter("frames_in", "Frames that clients sent.")
        self.frames_out = counter("frames_out", "Frames that were sent to clients.")
        self._requests = counter("http_requests", "HTTP requests.", "method", "path", "status")
        self._request_s = histogram("http_seconds", "Time of HTTP requests.", "path", buckets=_QUICK)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        """Counts an HTTP request; `path` is the pattern of its address, not the address."""
        self._requests.labels(method, path, str(status)).inc()
        self._request_s.labels(path).observe(seconds)

    def alert(self, said: events.AlertChanged) -> None:
        """Counts an alert that began or ended."""
        self._alert.labels(said.alert).set(said.is_raised)
        if said.is_raised:
            self._alerts.labels(said.alert).inc()

    def take(self, event: Event) -> None:
        """Counts what an event tells."""
        match event.payload:
            case events.RunStarted() | events.RunAccepted() | events.RunResumed():
                self._run(event.run_id)
            case events.RunFinished() as said:
                self._finish(event.run_id, said)
            case events.StepAdded() as said:
                self._run(event.run_id).actions[said.step] = self._bounded("action", said.action)
            case events.StepStarted() as said:
                self._start(self._run(event.run_id), said)
            case events.StepFinished() as said:
                self._end(self._run(event.run_id), said)
            case events.StepRetrying() as said:
                self._retries.labels(self._run(event.run_id).actions.get(said.step, "")).inc()
            case events.StepVerified() as said:
                self._verdicts.labels(said.verdict).inc()
            case events.ApprovalAsked() as said:
                self._asked.labels(said.kind).inc()
            case events.LimitWaiting() as said:
                self._limited.labels(self._bounded("limit", said.limit)).inc()
            case events.ModelCall() as said:
                self._call(said)
            case events.ArtifactCreated() as said:
                self._files.inc()
                self._bytes.inc(said.size_bytes)
            case _:
                return

    def _run(self, run_id: str) -> _Run:
        run = self._runs.get(run_id)
        if run is None:
            run = self._runs[run_id] = _Run()
            self._active.set(len(self._runs))
        return run

    def _finish(self, run_id: str, said: events.RunFinished) -> None:
        run = self._runs.pop(run_id, None) or _Run()
        self._active.set(len(self._runs))
        self._runs_ended.labels(said.status).inc()
        self._run_s.labels(said.status).observe(said.seconds)
        if run.peak and said.seconds > 0:
            self._efficiency.observe(min(1.0, run.busy_s / (said.seconds * run.peak)))

    def _start(self, run: _Run, said: events.StepStarted) -> None:
        run.running += 1
        run.peak = max(run.peak, run.running)
        self._queue_s.observe(said.queued_s + said.limited_s)

    def _end(self, run: _Run, said: events.StepFinished) -> None:
        action = run.actions.get(said.step, "")
        self._steps.labels(action, said.status).inc()
        if said.attempts and not said.reused:
            run.running = max(0, run.running - 1)
        if said.reused:
            self._reused.inc()
        elif said.status == "ok":
            run.busy_s += said.seconds
            self._step_s.labels(action).observe(said.seconds)
        if said.status == "failed":
            self._errors.labels(self._bounded("error", _kind(said.error))).inc()
        if said.cost_usd:
            self._usd.inc(said.cost_usd)

    def _call(self, said: events.ModelCall) -> None:
        self._calls.labels(said.role, self._bounded("model", said.model), said.outcome[:40]).inc()
        self._call_s.labels(said.role).observe(said.seconds)
        self._wait_s.labels(said.role).observe(max(0.0, said.waited_s))
        self._tokens.labels("prompt").inc(said.prompt_tokens)
        self._tokens.labels("completion").inc(said.completion_tokens)
        self._tokens.labels("cached").inc(said.cached_tokens)
        if said.cost_usd:
            self._usd.inc(said.cost_usd)

    def _bounded(self, label: str, value: str) -> str:
        known = self._labels[label]
        if value in known:
            return value
        if len(known) >= _MOST:
            return "other"
        known.add(value)
        return value


def _kind(error: str | None) -> str:
    """The type that an error's text begins with; `other` when it does not."""
    head = (error or "").partition(":")[0]
    return head if head.isidentifier() and len(head) <= 60 else "other"
