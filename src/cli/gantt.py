"""The Gantt picture of a run in characters. Rule: what a cell means reads without colour too; colour only helps.

A row is a step or a group of steps. Later kinds of spans are drawn over earlier ones, so that a run is never hidden.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from ..orchestrator.analysis import Analysis, Span, StepFigures
from ..orchestrator.analysis.rows import Row, fold, load, ticks
from ..printable import printable
from .draw import LOOKS
from .wording import precise

# kind -> (character, in ASCII, style)
CELLS = {
    "queue": ("░", ".", "yellow"),
    "limit": ("░", ":", "bright_yellow"),
    "back_off": ("~", "~", "yellow"),
    "verification": ("┄", "-", "magenta"),
    "approval": ("?", "?", "bold yellow"),
    "critical": ("█", "#", "bold bright_blue"),
    "run": ("▅", "=", "cyan"),
}
_DRAWN = ("verification", "queue", "limit", "back_off", "approval", "run")
# outcome of a try -> (character at its end, in ASCII, style)
ENDS = {
    "failed": ("✗", "x", "bold red"),
    "in_doubt": ("!", "!", "bold yellow"),
    "retried": ("↻", "@", "yellow"),
    "rejected": ("↺", "@", "bold red"),
    "invalidated": ("↺", "@", "yellow"),
    "cancelled": ("■", "%", "magenta"),
    "open": ("▸", ">", "bold cyan"),
    "reused": ("·", ",", "cyan"),
}
_LEVELS = "▁▂▃▄▅▆▇█"
_MARK = ("◆", "*")


@dataclass(frozen=True, slots=True)
class Canvas:
    """Where to draw: columns, rows for steps (0: as many as there are), more than ASCII or not."""

    width: int
    rows: int
    unicode: bool = True


class _Pen:
    """Draws into the cells of one row; `used` is what was ever drawn."""

    def __init__(self, whole_s: float, plot: int, unicode: bool) -> None:
        self.whole_s = whole_s
        self.plot = plot
        self.unicode = unicode
        self.used: set[str] = set()
        self.cells: list[tuple[str, str, str]] = []

    def clear(self) -> None:
        """Begins a row."""
        self.cells = [(" ", "", "")] * self.plot

    def put(self, left: int, right: int, kind: str) -> None:
        """Fills cells with what stands for this kind."""
        character, ascii_character, style = CELLS.get(kind) or ENDS[kind]
        for place in range(left, right):
            self.cells[place] = (character if self.unicode else ascii_character, style, kind)

    def span(self, span: Span, *, is_critical: bool) -> None:
        """Draws a span; one that ran has at least a cell, and its last one says how it ended."""
        left = min(self.plot - 1, int(span.start_s / self.whole_s * self.plot))
        right = min(self.plot, round(span.end_s / self.whole_s * self.plot))
        if span.kind != "run":
            self.put(left, right, span.kind)
            return
        right = max(left + 1, right)
        self.put(left, right, "critical" if is_critical else "run")
        if span.outcome in ENDS:
            self.put(right - 1, right, span.outcome)

    def profile(self, row: Row) -> None:
        """Draws how many of a group ran: the highest block is the most of them."""
        running = load(row.steps, [self.whole_s * place / self.plot for place in range(self.plot + 1)])
        most = max(running, default=0.0)
        if most <= 0:
            return
        style = CELLS["critical" if row.is_critical else "run"][2]
        for place, count in enumerate(running):
            if count > 0:
                level = min(7, int(count / most * 8))
                self.cells[place] = (_LEVELS[level] if self.unicode else str(level + 1), style, "group")


def chart(analysis: Analysis, canvas: Canvas) -> list[Text]:
    """The picture with its axis and its legend; empty when no step is known."""
    rows = fold(analysis, canvas.rows)
    if not rows:
        return []
    labels = [_label(row, canvas) for row in rows]
    name = min(max(map(cell_len, labels)), max(16, canvas.width // 3))
    plot = max(10, canvas.width - name - 4 - 9)
    lines = [_axis(analysis, name, plot, canvas)]
    pen = _Pen(analysis.wall_s or 1.0, plot, canvas.unicode)
    for row, label in zip(rows, labels, strict=True):
        line = _head(row, label, name, canvas)
        line.append_text(_cells(row, pen))
        lines.append(line.append(f"{_time(row):>8}", "" if row.is_critical else "dim"))
    return [*lines, Text(), *_legend(pen.used, canvas)]


def _label(row: Row, canvas: Canvas) -> str:
    label = printable(row.label).replace("\n", " ")
    return label if canvas.unicode else label.replace("…", "..").replace(" · ", ", ")


def _head(row: Row, label: str, width: int, canvas: Canvas) -> Text:
    states = {_state(step) for step in row.steps}
    state = next((s for s in ("failed", "in_doubt", "asking", "running", "cancelled", "skipped") if s in states), "ok")
    if states <= {"waiting"}:
        state = "waiting"
    shape, ascii_shape, style, _ = LOOKS[state]  # type: ignore[index]  # the states of the live tree
    line = Text().append(f"{shape if canvas.unicode else ascii_shape} ", style)
    critical = _MARK[0 if canvas.unicode else 1] if row.is_critical else " "
    line.append(critical, "bold bright_blue")
    if cell_len(label) > width:
        label = set_cell_size(label, width - 1) + ("…" if canvas.unicode else "~")
    return line.append(set_cell_size(label, width), "bold" if row.is_critical else "").append(" ")


def _state(step: StepFigures) -> str:
    return step.status if step.status in LOOKS else "waiting"


def _time(row: Row) -> str:
    seconds = sum(step.run_s for step in row.steps)
    return precise(seconds) if seconds or row.start_s < float("inf") else ""


def _cells(row: Row, pen: _Pen) -> Text:
    pen.clear()
    step = row.step
    if step is None:
        pen.profile(row)
    else:
        for kind in _DRAWN:
            for span in step.spans:
                if span.kind == kind:
                    pen.span(span, is_critical=step.is_critical)
    line = Text()
    for character, style, kind in pen.cells:
        line.append(character, style)
        pen.used.add(kind)
    return line


def _axis(analysis: Analysis, name: int, plot: int, canvas: Canvas) -> Text:
    """The moments above the rows; a mark where no process ran the run."""
    whole = analysis.wall_s
    line = [" "] * (plot + 9)
    for moment in ticks(whole, max(3, plot // 12)):
        place = int(moment / whole * plot) if whole else 0
        label = ("╷" if canvas.unicode else "|") + _moment(moment, whole)
        if place + len(label) <= len(line) and "".join(line[max(0, place - 1) : place + len(label)]).isspace():
            line[place : place + len(label)] = label
    for stretch in analysis.stretches[1:]:
        place = min(plot - 1, int(stretch.start_s / whole * plot)) if whole else 0
        line[place] = "┊" if canvas.unicode else "!"
    return Text(" " * (name + 4) + "".join(line).rstrip(), "dim")


def _moment(moment: float, whole: float) -> str:
    if whole < 1:
        return f"{moment * 1000:.0f} ms" if moment else "0"
    if whole < 90:
        return f"{moment:g} s" if moment else "0"
    minutes, seconds = divmod(round(moment), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


_MEANINGS = {
    "critical": "ran, the run waited for it",
    "run": "ran beside it",
    "queue": "ready, no place in the run",
    "limit": "ready, no place at its limit",
    "back_off": "pause before a retry",
    "verification": "being verified",
    "approval": "waited for a person",
    "failed": "failed",
    "retried": "tried again",
    "rejected": "rejected or invalidated, done again",
    "cancelled": "cancelled",
    "in_doubt": "in doubt",
    "open": "no end known",
    "reused": "kept from before",
    "group": "several steps: how many ran",
}


def _legend(used: set[str], canvas: Canvas) -> list[Text]:
    """What the characters mean, of those that occur."""
    if "invalidated" in used:
        used = (used - {"invalidated"}) | {"rejected"}
    lines, line = [], Text("  ")
    for kind, meaning in _MEANINGS.items():
        if kind not in used:
            continue
        character, ascii_character, style = CELLS.get(kind) or ENDS.get(kind) or ("▂▅█", "258", CELLS["run"][2])
        entry = Text().append(character if canvas.unicode else ascii_character, style).append(f" {meaning}   ", "dim")
        if line.cell_len + entry.cell_len > canvas.width and line.cell_len > 2:
            lines.append(line)
            line = Text("  ")
        line.append_text(entry)
    return [*lines, line]
