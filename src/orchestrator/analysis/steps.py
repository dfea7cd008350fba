"""What each step did, when, and what became of it. Rule: a fold over the step's own events, round by round."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ... import events
from ...events import Payload
from .figures import Outcome, Span, SpanKind, StepFigures
from .scale import Scale
from .timeline import Mark, Round, Time, Timeline, Use

_ENDS: dict[str, Outcome] = {"ok": "ok", "failed": "failed", "cancelled": "cancelled", "in_doubt": "in_doubt"}


@dataclass(slots=True)
class Track:
    """A step while its events are read. `running`, `backing_off` and `asked` are what has not ended yet."""

    id: str
    scale: Scale
    facts: dict[str, Any] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    running: Mark | None = None
    backing_off: Mark | None = None
    asked: Mark | None = None
    result: Mark | None = None
    seconds: float = 0.0
    paid_usd: float = 0.0

    def count(self, name: str, by: int = 1) -> None:
        self.facts[name] = self.facts.get(name, 0) + by

    def span(self, start: float, end: float, kind: SpanKind, outcome: Outcome = "ok") -> None:
        """Keeps a span; times are Unix seconds."""
        left, right = self.scale.at(start), self.scale.at(end)
        if right > left or kind == "run":
            self.spans.append(Span(start_s=left, end_s=right, kind=kind, outcome=outcome))

    def stop(self, at: float, outcome: Outcome) -> None:
        """What was under way has ended."""
        if self.running is not None:
            self.span(self.running.at, at, "run", outcome)
        if self.backing_off is not None:
            self.span(self.backing_off.at, at, "back_off")
        if self.asked is not None:
            self.span(self.asked.at, at, "approval")
        self.running = self.backing_off = self.asked = None

    def judge_last_run(self, outcome: Outcome) -> None:
        """The result of the last try does not count any more."""
        for place in range(len(self.spans) - 1, -1, -1):
            if self.spans[place].kind == "run":
                if self.spans[place].outcome in ("ok", "reused"):
                    self.spans[place] = replace(self.spans[place], outcome=outcome)
                return


def tracks(timeline: Timeline, scale: Scale) -> dict[str, Track]:
    """Every step of the plan as it is now, in the order they joined; steps that a replan removed are left out."""
    found: dict[str, Track] = {}
    for time in timeline.times:
        for turn in time.rounds:
            if turn.is_replan:
                found = {name: track for name, track in found.items() if name in turn.added}
            for name, marks in turn.marks.items():
                track = found.setdefault(name, Track(name, scale))
                for mark in marks:
                    _read(track, mark, mark.payload)
                track.stop(_end_of(turn, time), "open")
    return {name: track for name, track in found.items() if "action" in track.facts}  # questions have names too


def _end_of(turn: Round, time: Time) -> float:
    place = time.rounds.index(turn) + 1
    return time.rounds[place].began if place < len(time.rounds) else time.ended


def _read(track: Track, mark: Mark, said: Payload) -> None:
    facts = track.facts
    match said:
        case events.StepAdded():
            facts.update(action=said.action, effect=said.effect, parent=said.parent)
            facts.update(dependencies=tuple(said.dependencies), added_s=track.scale.at(mark.at), status="waiting")
        case events.StepStarted():
            refused = mark.at - said.limited_s
            track.stop(refused - said.queued_s, "retried")
            track.span(refused - said.queued_s, refused, "queue")
            track.span(refused, mark.at, "limit")
            track.running, facts["status"], facts["batch"] = mark, "running", max(1, len(said.batch))
            track.count("attempts")
        case events.StepRetrying():
            track.stop(mark.at, "retried")
            track.backing_off, facts["status"] = mark, "waiting"
            track.count("retries")
        case events.StepFinished():
            _finish(track, mark, said)
        case events.StepVerified():
            _verify(track, mark, said)
        case events.StepInvalidated():
            track.stop(mark.at, "invalidated")
            track.judge_last_run("invalidated")
            facts.update(status="waiting", verdict="off")
            track.count("invalidated")
        case events.ApprovalAsked():
            track.stop(mark.at, "in_doubt")
            track.asked, facts["status"] = mark, "asking"
        case events.ApprovalAnswered():
            track.stop(mark.at, "ok")
            facts["status"] = "waiting"


def _finish(track: Track, mark: Mark, said: events.StepFinished) -> None:
    track.stop(mark.at, "reused" if said.reused else _ENDS.get(said.status, "cancelled"))
    track.facts.update(status=said.status, error=said.error or "", caused_by=said.caused_by)
    if said.reused:
        track.count("attempts", -1)
        track.facts["reused"] = True
    elif said.status == "ok":
        track.facts["reused"] = False
        track.seconds = said.seconds
    track.paid_usd += said.cost_usd
    track.result = mark


def _verify(track: Track, mark: Mark, said: events.StepVerified) -> None:
    if track.result is not None:
        track.span(track.result.at, mark.at, "verification")
    track.facts["verdict"] = said.verdict
    if said.verdict == "fail":
        track.judge_last_run("rejected")
        track.count("rejected")
        track.facts.update(status="waiting", error=said.reason)


def figures(track: Track, uses: list[Use], generation: int, is_critical: bool) -> StepFigures:
    """What the track says in numbers; `uses` are the model calls of the step, those of its judge too."""
    spans = tuple(sorted(track.spans, key=lambda span: (span.start_s, span.end_s)))
    runs = [span for span in spans if span.kind == "run"]
    counted = [span for span in runs if span.outcome in ("ok", "open", "reused")]
    run_s = sum(span.seconds for span in runs)
    working = [use for use in uses if use.call.role != "verifier"]
    prices = [use.call.cost_usd for use in uses]
    known = [price for price in prices if price is not None]
    return StepFigures(
        id=track.id,
        start_s=min((span.start_s for span in runs), default=None),
        end_s=max((span.end_s for span in runs), default=None),
        run_s=run_s,
        wasted_s=run_s - sum(span.seconds for span in counted),
        wait_s=_sum(spans, "queue") + _sum(spans, "limit"),
        back_off_s=_sum(spans, "back_off"),
        verification_s=_sum(spans, "verification"),
        approval_s=_sum(spans, "approval"),
        ledger_s=sum(use.sent - use.asked for use in working),
        model_s=sum(use.ended - use.sent for use in working),
        model_calls=len(uses),
        tokens=sum(use.call.prompt_tokens + use.call.completion_tokens for use in uses),
        cost_usd=None if prices and not known else sum(known) + track.paid_usd,
        is_critical=is_critical,
        generation=generation,
        spans=spans,
        **track.facts,
    )


def _sum(spans: tuple[Span, ...], kind: SpanKind) -> float:
    return sum(span.seconds for span in spans if span.kind == kind)
