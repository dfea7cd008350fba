"""A run, explained from its events: what every second of wall time went to, step by step, and what would be quicker.

Rule: pure folds over events; nothing is read or written here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from itertools import groupby
from typing import cast

from ...events import Event
from .blame import blame
from .figures import (
    CATEGORIES,
    Analysis,
    Category,
    PathStep,
    Segment,
    Span,
    StepFigures,
    Stretch,
)
from .scale import Scale
from .scenarios import side_by_side, what_if
from .steps import Track, figures, tracks
from .timeline import Timeline, Use

__all__ = ["CATEGORIES", "Analysis", "Category", "PathStep", "Segment", "Span", "StepFigures", "Stretch", "analyze"]


def analyze(told: Iterable[Event], *, now: float | None = None) -> Analysis:
    """The analysis of one run from its events, in order; `now` (Unix seconds) is how far a run under way has come.

    Raises:
        ValueError: there are no events.
    """
    timeline = Timeline.of(told)
    if not timeline.times:
        raise ValueError("expected the events of a run, got none")
    last = timeline.times[-1]
    if now is not None and last.finish is None:
        last.ended = max(last.ended, now)
    scale = Scale(timeline.times)
    scaled = (
        replace(segment, start_s=scale.at(segment.start_s), end_s=scale.at(segment.end_s))
        for segment in blame(timeline)
    )
    segments = tuple(segment for segment in scaled if segment.end_s > segment.start_s)
    steps = _steps(timeline, tracks(timeline, scale), segments)
    return _whole(timeline, scale, segments, steps)


def _steps(
    timeline: Timeline, found: Mapping[str, Track], segments: Sequence[Segment]
) -> dict[str, tuple[StepFigures, Track]]:
    uses: dict[str | None, list[Use]] = {}
    for use in timeline.uses:
        uses.setdefault(use.call.step, []).append(use)
    critical = {segment.step for segment in segments if segment.category not in ("overhead", "planning")}
    levels = _generations(found)
    return {
        name: (figures(track, uses.get(name, []), levels[name], name in critical), track)
        for name, track in found.items()
    }


def _generations(found: Mapping[str, Track]) -> dict[str, int]:
    """How many steps lie before each, along the longest way; a for_each's steps count as beside it."""
    before = {name: _inputs(track, found) for name, track in found.items()}
    levels = dict.fromkeys(found, 0)
    try:
        for name in TopologicalSorter(before).static_order():
            levels[name] = max((levels[source] + 1 for source in before[name]), default=0)
    except CycleError:
        return levels
    return levels


def _inputs(track: Track, found: Mapping[str, Track]) -> list[str]:
    own = [name for name in track.facts.get("dependencies", ()) if name in found]
    parent = found.get(track.facts.get("parent") or "")
    return own + ([n for n in parent.facts.get("dependencies", ()) if n in found] if parent is not None else [])


def _whole(
    timeline: Timeline,
    scale: Scale,
    segments: tuple[Segment, ...],
    steps: Mapping[str, tuple[StepFigures, Track]],
) -> Analysis:
    told = {name: step for name, (step, _) in steps.items()}
    finish, start = timeline.times[-1].finish, timeline.start
    wall_s = scale.total_s
    work_s, peak = side_by_side(told.values())
    sequential_s = sum(track.seconds for _, track in steps.values())
    speed_up = sequential_s / wall_s if wall_s > 0 else 0.0
    prices = [use.call.cost_usd for use in timeline.uses]
    known = [price for price in prices if price is not None]
    paid = sum(track.paid_usd for _, track in steps.values())
    analysis = Analysis(
        run_id=timeline.run_id,
        session_id=timeline.session_id,
        goal=timeline.goal,
        status=finish.status if finish is not None else "",
        reason=finish.reason if finish is not None else "",
        plan_source=start.plan_source if start is not None else "",
        began_at=timeline.times[0].began,
        wall_s=wall_s,
        not_running_s=timeline.times[-1].ended - timeline.times[0].began - wall_s,
        blame=_sums(segments),
        segments=segments,
        stretches=tuple(_stretch(timeline, scale, place) for place in range(len(timeline.times))),
        steps=told,
        critical_path=_path(segments),
        places=int(start.settings.get("max_parallel_steps") or 0) if start is not None else 0,
        schedule=timeline.schedule,
        peak=peak,
        parallel=work_s / wall_s if wall_s > 0 else 0.0,
        sequential_s=sequential_s,
        speed_up=speed_up,
        efficiency=min(1.0, speed_up / peak) if peak else 0.0,
        model_calls=len(timeline.uses),
        tokens=sum(use.call.prompt_tokens + use.call.completion_tokens for use in timeline.uses),
        cost_usd=None if prices and not known else sum(known) + paid,
        largest_call=max((use.call.prompt_tokens + use.call.completion_tokens for use in timeline.uses), default=0),
        cpu_s=finish.cost.get("cpu_s") if finish is not None else None,
        memory_mb=finish.cost.get("memory_mb") if finish is not None else None,
        replans=timeline.replans,
        open_approvals=tuple(name for name, step in told.items() if step.status == "asking"),
        notices=tuple(dict.fromkeys(timeline.notices)),
    )
    is_plain = finish is not None and len(timeline.times) == 1 and not timeline.replans
    return replace(analysis, what_if=what_if(analysis, timeline)) if is_plain and told else analysis


def _sums(segments: Sequence[Segment]) -> dict[Category, float]:
    """Seconds by category, in the order of `CATEGORIES`; those that took nothing are 0."""
    return {
        category: math.fsum(segment.seconds for segment in segments if segment.category == category)
        for category in CATEGORIES
    }


def _stretch(timeline: Timeline, scale: Scale, place: int) -> Stretch:
    time = timeline.times[place]
    start_s, end_s = scale.of(time)
    before = timeline.times[place - 1].ended if place else time.began
    ended = time.finish.status if time.finish is not None else "cut"
    return Stretch(start_s=start_s, end_s=end_s, ended=ended, pause_s=time.began - before)


def _path(segments: Sequence[Segment]) -> tuple[PathStep, ...]:
    """The steps the run waited for, in order; a step that comes again behind another is named again."""
    named = [segment for segment in segments if segment.step is not None]
    groups = groupby(named, key=lambda segment: cast("str", segment.step))
    path = (_path_step(step, list(parts)) for step, parts in groups)
    return tuple(part for part in path if part.seconds > 0)


def _path_step(step: str, parts: Sequence[Segment]) -> PathStep:
    at_work = ("tool", "model", "overhead")
    waited_s = math.fsum(part.seconds for part in parts if part.category not in at_work)
    return PathStep(step=step, seconds=math.fsum(part.seconds for part in parts), waited_s=waited_s)
