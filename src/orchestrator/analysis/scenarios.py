"""Would the run have been quicker without a limit? Rule: nodes are made from what the analysis found, nothing else."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from . import whatif
from .figures import Analysis, StepFigures, WhatIf
from .timeline import Timeline


def what_if(analysis: Analysis, timeline: Timeline) -> tuple[WhatIf, ...]:
    """How much less the wall time would have been without each limit."""
    nodes = _nodes(analysis, timeline)
    places = 1 if analysis.schedule == "sequential" else analysis.places
    world = whatif.World(places=places, caps=_caps(analysis))
    present = whatif.seconds(nodes, world)
    if present is None:
        return ()
    ends = [step.end_s for step in analysis.steps.values() if step.end_s is not None]
    behind = analysis.wall_s - max(ends, default=analysis.wall_s)
    found = []
    for name, other in whatif.without(world).items():
        least = whatif.seconds(nodes, other) or 0.0
        wall_s = least + behind if name == "everything" else analysis.wall_s - max(0.0, present - least)
        wall_s = min(analysis.wall_s, max(0.0, wall_s))
        found.append(WhatIf(name=name, wall_s=wall_s, gain_s=analysis.wall_s - wall_s))  # type: ignore[arg-type]
    return tuple(found)


def _caps(analysis: Analysis) -> dict[str, int]:
    """The places of actions whose steps waited for one: as many as ran side by side."""
    limited = {s.action for s in analysis.steps.values() if any(span.kind == "limit" for span in s.spans)}
    return {
        action: max(1, side_by_side(s for s in analysis.steps.values() if s.action == action)[1]) for action in limited
    }


def _nodes(analysis: Analysis, timeline: Timeline) -> list[whatif.Node]:
    turn = timeline.times[-1].rounds[-1]
    heads: set[tuple[str, float]] = set()
    nodes = []
    for step in analysis.steps.values():
        kids = turn.kids.get(step.id, [])
        head = (step.action, step.start_s or 0.0)
        nodes.append(
            whatif.Node(
                id=step.id,
                inputs=tuple(dict.fromkeys([*(() if kids else turn.inputs(step.id)), *kids])),
                added_s=step.added_s if step.parent is None else 0.0,
                run_s=0.0 if kids else step.run_s + step.back_off_s,
                ledger_s=step.ledger_s,
                verification_s=step.verification_s,
                approval_s=step.approval_s,
                is_blocking=timeline.verify_of(turn, step.id) == "blocking",
                needs_settled=step.effect == "write" or step.approval_s > 0,
                takes_place=not kids and not (step.batch > 1 and head in heads),
                action=step.action,
            )
        )
        heads.add(head)
    return nodes


def side_by_side(steps: Iterable[StepFigures]) -> tuple[float, int]:
    """Seconds in which calls ran, merged ones once, and the most that ran side by side."""
    calls: set[tuple[float, float, str]] = set()
    for step in steps:
        for span in step.spans:
            if span.kind == "run" and span.outcome != "reused":
                group = step.action if step.batch > 1 else step.id
                calls.add((span.start_s, span.end_s, group))
    edges = Counter[tuple[float, int]]()
    for left, right, _ in calls:
        if right > left:
            edges[(left, 1)] += 1
            edges[(right, -1)] += 1
    running = peak = 0
    for (_, change), count in sorted(edges.items()):
        running += change * count
        peak = max(peak, running)
    return math.fsum(right - left for left, right, _ in calls), peak or int(bool(calls))
