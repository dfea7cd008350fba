"""A run on one page: how it went, what the time went to, the Gantt picture, the path, what was slow and what failed.

Rule: everything is lines of text that fit the width; colour is added by style only.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator

from rich.cells import cell_len
from rich.text import Text

from ..orchestrator.analysis import Analysis, Category, PathStep, StepFigures
from ..printable import printable
from .gantt import Canvas, chart
from .view import as_seconds
from .wording import cut, padded, precise

WORDS: dict[Category, tuple[str, str, str]] = {  # name, what it means, style
    "planning": ("planning", "until the step was planned", "magenta"),
    "limit_wait": ("limit wait", "no place at a limit of a model or an action", "yellow"),
    "model": ("model", "model calls", "green"),
    "tool": ("tool", "tools at work", "cyan"),
    "verification": ("verification", "nothing could go on without a verdict", "bright_magenta"),
    "approval": ("approval", "nothing could go on without a person", "bold yellow"),
    "queue": ("queue", "ready, but all places of the run were taken", "yellow"),
    "back_off": ("back-off", "pause before a retry", "yellow"),
    "overhead": ("own overhead", "Planloom itself", "dim"),
}
STATUS = {
    "done": ("✓", "done", "green"),
    "failed": ("✗", "failed", "bold red"),
    "cancelled": ("■", "cancelled", "magenta"),
    "budget": ("!", "ended by its budget", "bold yellow"),
    "needs_approval": ("?", "waiting for approval", "bold yellow"),
    "running": ("▶", "under way", "bold cyan"),
    "cut": ("…", "cut off: its process ended in the middle", "bold yellow"),
}
_IF = {
    "places": "without the limit of {places} steps side by side",
    "action_limits": "without the limits of single actions",
    "model_limits": "without the limits of models",
    "approvals": "if people answered at once",
    "verification": "if no step waited for verdicts",
    "everything": "if nothing but the steps' own time counted, at least",
}
_SLOW, _FAULTS = 5, 10


def page(analysis: Analysis, canvas: Canvas, *, state: str) -> Iterator[Text]:
    """The lines; `state` is the status, or running or cut while there is none."""
    wide = canvas.width
    yield from _header(analysis, state, canvas)
    yield Text()
    yield from _blame(analysis, canvas)
    yield from _side_by_side(analysis, wide)
    if lines := chart(analysis, canvas):
        yield Text()
        yield from lines
    yield from _path(analysis, wide)
    yield from _slow(analysis, wide)
    yield from _faults(analysis, wide)
    yield from _next(analysis, state, wide)


def _header(analysis: Analysis, state: str, canvas: Canvas) -> Iterator[Text]:
    shape, word, style = STATUS.get(state, STATUS["cut"])
    line = Text().append(f"{shape} " if canvas.unicode else "", style)
    yield line.append(cut(analysis.goal or "no goal in words", canvas.width - 2), "bold")
    reason = analysis.reason if state != "done" else ""
    leaves = analysis.leaves
    ok = sum(step.status == "ok" for step in leaves)
    so_far = "so far" if state in ("running", "cut") else "in"
    parts = [f"{word} {so_far} {precise(analysis.wall_s)}", f"{ok} of {len(leaves)} steps ok", *cost(analysis)]
    yield Text("  ").append(cut(" · ".join(parts), canvas.width - 2), style)
    if reason:
        yield Text("  ").append(cut(reason, canvas.width - 2), style)
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(analysis.began_at))
    source = f" · {analysis.plan_source}" if analysis.plan_source else ""
    yield Text("  " + cut(f"{analysis.run_id} · {began}{source}", canvas.width - 2), "dim")
    for stretch in analysis.stretches[1:]:
        at, paused = as_seconds(stretch.start_s), as_seconds(stretch.pause_s)
        yield Text("  " + cut(f"taken up again at {at}, after {paused} without a process", canvas.width - 2), "dim")


def cost(analysis: Analysis) -> list[str]:
    """Model calls, tokens and dollars, those that are not 0."""
    calls = analysis.model_calls
    told = [f"{calls:,} model call{'s' * (calls != 1)}"] if calls else []
    told += [f"{analysis.tokens:,} tokens"] if analysis.tokens else []
    if analysis.cost_usd is None:
        return [*told, "cost unknown"]
    return told + ([f"${analysis.cost_usd:.4f}"] if analysis.cost_usd else [])


def _blame(analysis: Analysis, canvas: Canvas) -> Iterator[Text]:
    whole = analysis.wall_s or 1.0
    yield Text("What the time went to", "bold")
    bar = max(8, min(30, canvas.width - 62))
    full = "━" if canvas.unicode else "#"
    for category, seconds in sorted(analysis.blame.items(), key=lambda item: -item[1]):
        if seconds <= 0:
            continue
        name, meaning, style = WORDS[category]
        filled = max(1, round(seconds / whole * bar))
        line = Text("  ").append(f"{name:<13}{precise(seconds):>10} {seconds / whole:5.0%}  ")
        line.append(full * filled, style).append(" " * (bar - filled + 2))
        yield line.append(cut(_most(analysis, category) or meaning, canvas.width - line.cell_len), "dim")
    total = Text("  ").append(f"{'together':<13}{precise(analysis.wall_s):>10}", "bold")
    yield total


def _most(analysis: Analysis, category: Category) -> str:
    """For whom or what most of it was, where that is not everything there is to say."""
    found: dict[str, float] = defaultdict(float)
    for segment in analysis.segments:
        if segment.category == category:
            name = segment.step or segment.detail
            found[segment.detail or "between steps" if category == "overhead" else name] += segment.seconds
    named = sorted(((seconds, name) for name, seconds in found.items() if name), reverse=True)[:3]
    if not named:
        return ""
    return "mostly " + ", ".join(f"{printable(name)} {precise(seconds)}" for seconds, name in named)


def _side_by_side(analysis: Analysis, wide: int) -> Iterator[Text]:
    if analysis.peak < 1 or len(analysis.leaves) < 2 or not analysis.status:
        return
    yield Text()
    yield Text("Side by side", "bold")
    limit = f"limit {analysis.places}" if analysis.places else "no limit"
    told = [
        f"{analysis.parallel:.1f} steps in the mean",
        f"{analysis.peak} at most ({limit})",
        f"{analysis.speed_up:.1f} times as fast as one after another",
        f"efficiency {analysis.efficiency:.0%}",
    ]
    yield from _wrapped(told, ", ", wide)
    worth = [w for w in analysis.what_if if w.gain_s >= max(0.01 * analysis.wall_s, 0.001) or w.name == "everything"]
    for number, found in enumerate(sorted(worth, key=lambda w: (w.name == "everything", -w.gain_s))):
        what = _IF[found.name].format(places=analysis.places)
        hurts = " (hurts most)" if number == 0 and found.name != "everything" else ""
        line = Text("  ").append(f"{precise(found.wall_s):>8}", "bold")
        gain = f", {precise(found.gain_s)} less" if found.gain_s > 0 else ""
        yield line.append("  " + cut(f"{what}{gain}{hurts}", wide - 12))


def _path(analysis: Analysis, wide: int) -> Iterator[Text]:
    if not analysis.critical_path:
        return
    yield Text()
    yield Text("Critical path", "bold").append("  what the run waited for, in order", "dim")
    least = max(0.0005, 0.002 * analysis.wall_s)
    parts = [_told(part) for part in analysis.critical_path if part.seconds >= least] or ["nothing took time"]
    if len(parts) > 24:
        parts = [*parts[:12], f"({len(parts) - 23} more)", *parts[-11:]]
    yield from _wrapped(parts, " > ", wide)


def _told(part: PathStep) -> str:
    waited = f" ({precise(part.waited_s)} of it waiting)" if part.waited_s >= 0.1 * part.seconds else ""
    return f"{printable(part.step)} {precise(part.seconds)}{waited}"


def _wrapped(parts: list[str], between: str, wide: int) -> Iterator[Text]:
    line = ""
    for number, part in enumerate(parts):
        piece = part + (between if number < len(parts) - 1 else "")
        if line and cell_len(line + piece) > wide - 2:
            yield Text("  " + line.rstrip())
            line = ""
        line += piece
    yield Text("  " + line.rstrip())


def _slow(analysis: Analysis, wide: int) -> Iterator[Text]:
    slow = sorted((step for step in analysis.leaves if step.run_s > 0), key=lambda step: -step.run_s)[:_SLOW]
    if len(slow) < 2:
        return
    yield Text()
    yield Text("Slowest steps", "bold")
    name = min(max(cell_len(step.id) for step in slow), wide // 3)
    action = min(max(cell_len(step.action) for step in slow), wide // 4)
    for step in slow:
        line = Text("  ").append(f"{padded(step.id, name)}  ", "bold" if step.is_critical else "")
        line.append(f"{padded(step.action, action)}  ", "dim").append(f"{precise(step.run_s):>8}  ")
        yield line.append(cut(", ".join(_facts(step)), wide - line.cell_len), "dim")


def _facts(step: StepFigures) -> Iterator[str]:
    if step.wait_s >= 0.001:
        yield f"waited {precise(step.wait_s)}"
    if step.attempts > 1:
        yield f"{step.attempts} tries"
    if step.rejected:
        yield f"rejected {step.rejected} time{'s' * (step.rejected > 1)}"
    if step.wasted_s >= 0.001:
        yield f"{precise(step.wasted_s)} for nothing"
    if step.model_calls:
        yield f"{step.model_calls} model call{'s' * (step.model_calls > 1)}, {step.tokens:,} tokens"
    if step.ledger_s >= 0.001:
        yield f"{precise(step.ledger_s)} at model limits"
    if step.batch > 1:
        yield f"one call for {step.batch} steps"
    if step.reused:
        yield "kept from before"


def _faults(analysis: Analysis, wide: int) -> Iterator[Text]:
    """What failed with its reason, and what was skipped because of it."""
    failed = [step for step in analysis.leaves if step.status in ("failed", "in_doubt")]
    if not failed:
        return
    skipped: dict[str, int] = defaultdict(int)
    for step in analysis.leaves:
        if step.status == "skipped" and step.caused_by:
            skipped[step.caused_by] += 1
    yield Text()
    yield Text("What failed", "bold red")
    for step in failed[:_FAULTS]:
        behind = f" ({skipped[step.id]} skipped behind it)" if skipped[step.id] else ""
        line = Text("  ").append(cut(step.id, wide // 3), "bold").append(f"{behind}: ")
        first, *more = (printable(step.error).strip() or "no reason given").splitlines()
        yield line.append(cut(first, max(20, wide - line.cell_len)), "red")
        for text in more[:3]:
            yield Text("    " + cut(text, wide - 4), "red")
    if len(failed) > _FAULTS:
        yield Text(f"  and {len(failed) - _FAULTS} more")


def _next(analysis: Analysis, state: str, wide: int) -> Iterator[Text]:
    """What a person can do now."""
    lines = [f"planloom approve {analysis.run_id} {step} yes|no" for step in analysis.open_approvals]
    if state in ("cut", "needs_approval", "budget", "failed"):
        lines.append(f"planloom resume {analysis.run_id}")
    if lines:
        yield Text()
        yield Text("To go on", "bold")
        yield from (Text("  " + printable(line)) for line in lines[:_FAULTS])
