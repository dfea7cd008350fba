"""Spans of runs, steps and calls of models, made of events. Rule: a trace is a run; nothing of its texts is in it.

What steps were given and gave is not sent: a collector is often somebody else's. Names are: `run`, the action of a
step, and what `genai` says for calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context

from .. import events
from ..agents.audit.redaction import Redaction
from ..events import Event
from . import genai

if TYPE_CHECKING:
    from ..config import Monitoring

_NS = 1_000_000_000
_MOST = 10_000  # steps of a run that are remembered


@dataclass(slots=True)
class _Trace:
    """A run whose end has not come yet."""

    run: Span
    actions: dict[str, str] = field(default_factory=dict)
    steps: dict[str, Span] = field(default_factory=dict)


class Tracer:
    """Hears events and sends spans in the background."""

    def __init__(
        self, settings: Monitoring, *, secrets: Iterable[str] = (), exporter: SpanExporter | None = None
    ) -> None:
        """`exporter` None: over HTTP to `monitoring.otlp_endpoint`."""
        from importlib.metadata import version

        resource = Resource.create({"service.name": "planloom", "service.version": version("planloom")})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        target = exporter or OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/traces")
        delay_ms = min(5_000.0, settings.export_interval_s * 1000)
        self._provider.add_span_processor(BatchSpanProcessor(target, schedule_delay_millis=delay_ms))
        self._tracer = self._provider.get_tracer("planloom")
        self._redact = Redaction(secrets)
        self._traces: dict[str, _Trace] = {}

    def close(self) -> None:
        """Sends what is there, and ends; may be called again."""
        self._provider.shutdown()

    def take(self, event: Event) -> None:
        """Begins and ends spans as an event says."""
        payload = event.payload
        if isinstance(payload, (events.RunAccepted, events.RunStarted, events.RunResumed)):
            self._begin(event)
            return
        trace = self._traces.get(event.run_id)
        if trace is None:
            return
        match payload:
            case events.StepAdded() if len(trace.actions) < _MOST:
                trace.actions[payload.step] = payload.action
            case events.StepStarted():
                self._start(trace, event, payload)
            case events.StepFinished():
                self._finish(trace, event, payload)
            case events.ModelCall():
                self._call(trace, event, payload)
            case events.RunFinished():
                self._end(trace, event, payload)
            case _:
                return

    def _begin(self, event: Event) -> None:
        if event.run_id not in self._traces:
            ids = {"planloom.run.id": event.run_id, "planloom.session.id": event.session_id}
            span = self._tracer.start_span("run", kind=SpanKind.SERVER, start_time=_ns(event.at), attributes=ids)
            self._traces[event.run_id] = _Trace(span)
        if isinstance(event.payload, events.RunStarted):
            self._traces[event.run_id].run.set_attribute("planloom.plan.source", event.payload.plan_source)

    def _start(self, trace: _Trace, event: Event, said: events.StepStarted) -> None:
        known: dict[str, Any] = {
            "planloom.step.id": said.step,
            "planloom.step.attempt": said.attempt,
            "planloom.step.queue_s": said.queued_s + said.limited_s,
            "planloom.run.id": event.run_id,
            "planloom.session.id": event.session_id,
        }
        action = trace.actions.get(said.step, "step")
        known |= genai.tool(action)
        old = trace.steps.pop(said.step, None)
        if old is not None:
            old.end(_ns(event.at))
        context = set_span_in_context(trace.run)
        trace.steps[said.step] = self._tracer.start_span(
            action, context=context, start_time=_ns(event.at), attributes=known
        )

    def _finish(self, trace: _Trace, event: Event, said: events.StepFinished) -> None:
        span = trace.steps.pop(said.step, None)
        if span is None:
            return
        span.set_attribute("planloom.step.status", said.status)
        if said.status == "failed":
            span.set_status(Status(StatusCode.ERROR, str(self._redact(said.error or ""))))
        span.end(_ns(event.at))

    def _call(self, trace: _Trace, event: Event, said: events.ModelCall) -> None:
        parent = trace.steps.get(said.step or "", trace.run)
        span = self._tracer.start_span(
            genai.span_name(said),
            context=set_span_in_context(parent),
            kind=SpanKind.CLIENT,
            start_time=_ns(event.at - said.seconds),
            attributes=genai.call(said),
        )
        if said.outcome not in genai.GOOD:
            span.set_status(Status(StatusCode.ERROR, said.outcome[:100]))
        span.end(_ns(event.at))

    def _end(self, trace: _Trace, event: Event, said: events.RunFinished) -> None:
        for span in trace.steps.values():
            span.end(_ns(event.at))
        trace.run.set_attribute("planloom.run.status", said.status)
        if said.status == "failed":
            trace.run.set_status(Status(StatusCode.ERROR, str(self._redact(said.reason))))
        trace.run.end(_ns(event.at))
        del self._traces[event.run_id]


def _ns(at: float) -> int:
    return int(at * _NS)
