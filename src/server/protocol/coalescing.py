"""Fewer events for a reader that is behind. Rule: only what a later event replaces goes; order and facts stay."""

from __future__ import annotations

from collections.abc import Sequence

from ...events import Event, StepFinished, StepProgress


def coalesced(waiting: Sequence[Event]) -> list[Event]:
    """The events without progress that a later one of the same step, or its end, makes useless. O(n)."""
    kept: list[Event] = []
    told: set[tuple[str, str]] = set()
    for event in reversed(waiting):
        payload = event.payload
        if isinstance(payload, StepProgress):
            place = (event.run_id, payload.step)
            if place in told:
                continue
            told.add(place)
        elif isinstance(payload, StepFinished):
            told.add((event.run_id, payload.step))
        kept.append(event)
    kept.reverse()
    return kept
