"""A run as plain lines, for logs and pipes: one for each step that starts or ends. Rule: no colour, nothing redrawn."""

from __future__ import annotations

from collections.abc import Iterator

from .. import events
from ..events import Event
from .view import View, as_seconds, as_size, asked_words, first_line, told


def lines(event: Event, view: View) -> Iterator[str]:
    """What to print for an event, which `view` has taken in already."""
    at = f"[{max(0.0, event.at - (view.started_at or event.at)):7.1f} s]"
    match event.payload:
        case events.RunStarted() | events.RunResumed() as begun:
            source = "goes on" if isinstance(begun, events.RunResumed) else begun.plan_source
            yield f"run {event.run_id}: {first_line(begun.goal) or 'no goal in words'} ({source})"
        case events.StepStarted(step=step, attempt=attempt):
            again = f", try {attempt}" if attempt > 1 else ""
            yield f"{at} started    {step} ({view.steps[step].action}{again})"
        case events.StepRetrying(step=step, delay_s=delay_s, error=error):
            yield f"{at} retrying   {step} in {delay_s:.1f} s: {first_line(error)}"
        case events.StepFinished() as end:
            yield f"{at} {_ended(end)}"
        case events.StepVerified(step=step, verdict="fail", reason=reason):
            yield f"{at} rejected   {step}: {first_line(reason)}"
        case events.StepInvalidated(step=step, because=because):
            yield f"{at} again      {step}, because {because} changed"
        case events.ApprovalAsked() as asked:
            yield f"{at} asking     {asked.step}: {asked.question}"
            yield from (f"{'':12}           {line}" for line in asked_words(asked))
        case events.ApprovalAnswered(step=step, granted=granted):
            yield f"{at} {'granted' if granted else 'refused':<10} {step}"
        case events.ArtifactCreated() as made:
            yield f"{at} file       {made.path} ({made.media_type}, {as_size(made.size_bytes)})"
        case events.CancelRequested(step=step):
            yield f"{at} cancelling {step or 'the run'}"
        case events.Notice() | events.BudgetWarning() | events.LimitChanged() as said:
            yield f"{at} note       {first_line(told(said))}"
        case _:
            return


def _ended(end: events.StepFinished) -> str:
    match end.status:
        case "ok":
            return f"done       {end.step} in {as_seconds(end.seconds)}" + (", kept from before" if end.reused else "")
        case "skipped":
            return f"skipped    {end.step}" + (f", because {end.caused_by} failed" if end.caused_by else "")
        case "failed":
            tries = f" after {end.attempts} tries" if end.attempts > 1 else ""
            return f"failed     {end.step}{tries}: {first_line(end.error or 'no reason given')}"
        case status:
            word = status.replace("_", " ")
            return f"{word:<10} {end.step}" + (f": {first_line(end.error)}" if end.error else "")
