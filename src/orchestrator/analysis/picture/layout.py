"""The scene of a run: a title, a bar of what the time went to, and the Gantt chart under a time axis.

Rule: what a bar means reads without colour too: full height for what the run waited for, lower beside it, hollow while
a step waited.
"""

from __future__ import annotations

import time

from .. import Analysis, Category, Span, StepFigures
from ..rows import Row, fold, load, ticks
from .shapes import Box, Scene, Stroke, Words, fitted, width

WIDE, MARGIN, ROW = 1180.0, 28.0, 24.0
MOST_ROWS = 150
NAMES: dict[Category, str] = {
    "planning": "planning",
    "limit_wait": "limit wait",
    "model": "model",
    "tool": "tool",
    "verification": "verification",
    "approval": "approval",
    "queue": "queue",
    "back_off": "back-off",
    "overhead": "own overhead",
}
_ENDS = {
    "failed": "✗",
    "retried": "↻",
    "rejected": "↺",
    "invalidated": "↺",
    "cancelled": "■",
    "in_doubt": "!",
    "reused": "·",
    "open": "▸",
}
_ORDER = ("verification", "queue", "limit", "back_off", "approval", "run")
_WAITS = {
    "queue": "ready, no place in the run",
    "limit": "ready, no place at its limit",
    "back_off": "pause before a retry",
    "verification": "being verified",
    "approval": "waited for a person",
}


def scene(analysis: Analysis, *, state: str) -> Scene:
    """The whole picture; more than `MOST_ROWS` steps are folded into groups."""
    made = Scene(analysis.goal or "Run", WIDE)
    y = _title(made, analysis, state)
    y = _blame(made, analysis, y)
    rows = fold(analysis, MOST_ROWS)
    if rows:
        y = _gantt(made, analysis, rows, y + 14)
        y = _legend(made, rows, analysis.wall_s / 900, y + 26)
    made.tall = y + MARGIN
    return made


def seconds(value: float) -> str:
    """A duration as people read it: `8 ms`, `0.85 s`, `12.3 s`, `3:05`, `1:02:05`."""
    if value < 0.0995:
        return f"{value * 1000:.0f} ms"
    if value < 90:
        return f"{value:.2f} s" if value < 9.995 else f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _title(made: Scene, analysis: Analysis, state: str) -> float:
    room = WIDE - 2 * MARGIN
    title = fitted(analysis.goal or "no goal in words", 20, room, bold=True)
    made.add(Words(x=MARGIN, y=MARGIN + 16, text=title, size=20, bold=True))
    ok = sum(step.status == "ok" for step in analysis.leaves)
    parts = [
        f"{state.replace('_', ' ')} in {seconds(analysis.wall_s)}",
        f"{ok} of {len(analysis.leaves)} steps ok",
        f"{analysis.speed_up:.1f} times as fast as one after another",
        f"at most {analysis.peak} side by side",
    ]
    parts += [f"{analysis.model_calls:,} model calls, {analysis.tokens:,} tokens"] if analysis.model_calls else []
    parts += [f"${analysis.cost_usd:.4f}"] if analysis.cost_usd else []
    made.add(Words(x=MARGIN, y=MARGIN + 40, text=fitted(" · ".join(parts), 13, room), size=13))
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(analysis.began_at))
    told = f"run {analysis.run_id} · {began}" + (f" · {analysis.plan_source}" if analysis.plan_source else "")
    made.add(Words(x=MARGIN, y=MARGIN + 60, text=fitted(told, 12, room), size=12, role="muted"))
    return MARGIN + 92


def _blame(made: Scene, analysis: Analysis, y: float) -> float:
    """One bar of all categories, and each named below it."""
    whole, room = analysis.wall_s or 1.0, WIDE - 2 * MARGIN
    made.add(Words(x=MARGIN, y=y, text="What the time went to", size=13, bold=True))
    x, y = MARGIN, y + 10
    shown = sorted(((s, c) for c, s in analysis.blame.items() if s > 0), reverse=True)
    for spent, category in shown:
        note = f"{NAMES[category]}: {seconds(spent)}, {spent / whole:.0%}"
        made.add(Box(x=x, y=y, wide=spent / whole * room, tall=20, role=category, note=note))
        x += spent / whole * room
    x, y = MARGIN, y + 38
    for spent, category in shown:
        text = f"{NAMES[category]} {seconds(spent)} ({spent / whole:.0%})"
        wide = 18 + width(text, 12)
        if x > MARGIN and x + wide > WIDE - MARGIN:
            x, y = MARGIN, y + 20
        made.add(Box(x=x, y=y - 9, wide=11, tall=11, role=category, radius=2))
        made.add(Words(x=x + 16, y=y, text=text, size=12, role="muted"))
        x += wide + 14
    return y + 14


def _gantt(made: Scene, analysis: Analysis, rows: list[Row], y: float) -> float:
    """The rows under their axis; gives where they end."""
    names = min(260.0, max(width(f"◆ {row.label}", 12, bold=row.is_critical) for row in rows) + 18)
    left, right = MARGIN + names, WIDE - MARGIN - 64
    scale = (right - left) / (analysis.wall_s or 1.0)
    top, bottom = y + 24, y + 24 + ROW * len(rows)
    for number in range(0, len(rows), 2):
        made.add(Box(x=MARGIN, y=top + number * ROW, wide=WIDE - 2 * MARGIN, tall=ROW, role="band"))
    for moment in ticks(analysis.wall_s, 10):
        x = left + moment * scale
        made.add(Stroke(x1=x, y1=top - 4, x2=x, y2=bottom))
        made.add(Words(x=x, y=top - 9, text=_moment(moment), size=11, role="muted", anchor="middle"))
    for stretch in analysis.stretches[1:]:
        x = left + stretch.start_s * scale
        made.add(Stroke(x1=x, y1=top - 4, x2=x, y2=bottom, role="muted", thick=1.5, dashed=True))
        told = f"{seconds(stretch.pause_s)} without a process"
        made.add(Words(x=x, y=bottom + 14, text=told, size=11, role="muted", anchor="middle"))
    for number, row in enumerate(rows):
        _row(made, analysis, row, top + number * ROW, (left, scale))
    return bottom + (16 if len(analysis.stretches) > 1 else 0)


def _moment(moment: float) -> str:
    return "0" if moment == 0 else (f"{moment * 1000:g} ms" if moment < 0.1 else _short(moment))


def _short(moment: float) -> str:
    return f"{round(moment, 3):g} s" if moment < 90 else seconds(moment)


def _row(made: Scene, analysis: Analysis, row: Row, y: float, place: tuple[float, float]) -> None:
    left, _ = place
    bad = any(step.status in ("failed", "in_doubt") for step in row.steps)
    mark = "◆ " if row.is_critical else ""
    label = fitted(mark + row.label, 12, left - MARGIN - 8, bold=row.is_critical)
    role = "failed" if bad else ("ink" if row.is_critical or row.step is None else "muted")
    made.add(Words(x=MARGIN + 6, y=y + 16, text=label, size=12, role=role, bold=row.is_critical))
    step = row.step
    if step is None:
        _profile(made, analysis, row, y, place)
    else:
        for kind in _ORDER:
            for span in step.spans:
                if span.kind == kind:
                    _span(made, step, span, y, place)
    spent = sum(step.run_s for step in row.steps)
    if spent or row.start_s < float("inf"):
        text = seconds(spent)
    else:
        text = row.steps[0].status.replace("_", " ") if row.steps[0].status != "ok" else ""
    made.add(Words(x=WIDE - MARGIN - 4, y=y + 16, text=text, size=11, role="muted", anchor="end"))


def _span(made: Scene, step: StepFigures, span: Span, y: float, place: tuple[float, float]) -> None:
    left, scale = place
    x, wide = left + span.start_s * scale, span.seconds * scale
    note = f"{step.id}: {_WAITS.get(span.kind, 'ran')} {seconds(span.seconds)}"
    if span.kind != "run":
        tall = 5.0 if span.kind == "verification" else 10.0
        if wide >= 1:
            hollow = span.kind != "verification"
            shape = Box(x=x, y=y + (ROW - tall) / 2, wide=wide, tall=tall, role=span.kind, hollow=hollow, note=note)
            made.add(shape)
        return
    if span.outcome != "ok":
        note += f", {span.outcome.replace('_', ' ')}" + (f": {step.error}" if span.outcome == "failed" else "")
    tall = 16.0 if step.is_critical else 10.0
    role = "critical" if step.is_critical else "run"
    made.add(Box(x=x, y=y + (ROW - tall) / 2, wide=max(1.5, wide), tall=tall, role=role, radius=2, note=note))
    if span.outcome in _ENDS:
        at = x + max(1.5, wide) + 7
        role = "muted" if span.outcome in ("reused", "open") else "failed"
        made.add(Words(x=at, y=y + 16, text=_ENDS[span.outcome], size=12, role=role, anchor="middle", bold=True))


def _profile(made: Scene, analysis: Analysis, row: Row, y: float, place: tuple[float, float]) -> None:
    """How many of a group ran: the height of its columns."""
    left, scale = place
    count = 160
    step = (analysis.wall_s or 1.0) / count
    running = load(row.steps, [step * number for number in range(count + 1)])
    most = max(running, default=0.0)
    for number, value in enumerate(running):
        if value > 0:
            tall = max(1.0, value / most * (ROW - 6))
            x = left + number * step * scale
            note = f"{row.label}: {value:.1f} ran at {seconds(number * step)}"
            role = "critical" if row.is_critical else "run"
            made.add(Box(x=x, y=y + ROW - 3 - tall, wide=step * scale + 0.3, tall=tall, role=role, note=note))


def _legend(made: Scene, rows: list[Row], least_s: float, y: float) -> float:
    """What the bars and signs mean, of those that occur; waits below `least_s` can't be seen."""
    found = (span for row in rows for step in row.steps for span in step.spans)
    spans = {(span.kind, span.outcome) for span in found if span.kind == "run" or span.seconds >= least_s}
    kinds = {kind for kind, _ in spans}
    entries: list[tuple[str, str, float, bool]] = [
        ("critical", "the run waited for it", 12.0, False),
        ("run", "ran beside it", 8.0, False),
    ]
    entries += [(k, text, 4.0 if k == "verification" else 8.0, k != "verification") for k, text in _WAITS.items()]
    x = MARGIN
    for kind, text, tall, hollow in entries:
        if kind in _WAITS and kind not in kinds:
            continue
        x, y = _entry(made, x, y, text)
        made.add(Box(x=x, y=y - 4 - tall / 2, wide=16, tall=tall, role=kind, hollow=hollow))
        x += 40 + width(text, 11)
    outcomes = {outcome for kind, outcome in spans if kind == "run"}
    told = {"failed": "✗ failed", "retried": "↻ tried again", "rejected": "↺ rejected, done again"}
    told |= {"reused": "· kept from before", "open": "▸ no end known"}
    told |= {"invalidated": "↺ done again, an input changed", "cancelled": "■ cancelled", "in_doubt": "! in doubt"}
    for outcome, text in told.items():
        if outcome in outcomes:
            x, y = _entry(made, x, y, text)
            made.add(Words(x=x + 22, y=y, text=text, size=11, role="muted"))
            x += 40 + width(text, 11)
    return y


def _entry(made: Scene, x: float, y: float, text: str) -> tuple[float, float]:
    """Where an entry stands; its text, where it has a sign, is added."""
    if x > MARGIN and x + 30 + width(text, 11) > WIDE - MARGIN:
        x, y = MARGIN, y + 20
    if not text.startswith(tuple(_ENDS.values())):
        made.add(Words(x=x + 22, y=y, text=text, size=11, role="muted"))
    return x, y
