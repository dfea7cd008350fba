"""Draws a run as a tree of steps that fits the terminal. Rule: a function of the view, the time and the size.

State is told by shape and by colour, so that it reads without colour too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.text import Text

from .view import ENDED, State, StepView, View, as_seconds, asked_words, first_line

MANY = 8  # a for_each with more children than this is drawn as counts
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
# state -> (shape, shape in ASCII, style, word)
LOOKS: dict[State, tuple[str, str, str, str]] = {
    "waiting": ("○", ".", "dim", "waiting"),
    "running": ("▶", ">", "cyan", "running"),
    "retrying": ("↻", "~", "yellow", "trying again"),
    "asking": ("?", "?", "bold yellow", "asking"),
    "ok": ("✓", "+", "green", "done"),
    "failed": ("✗", "x", "bold red", "failed"),
    "skipped": ("↷", "-", "yellow", "skipped"),
    "cancelled": ("■", "#", "magenta", "cancelled"),
    "in_doubt": ("!", "!", "bold yellow", "in doubt"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the tree: a step, or (step None) a summary of several in `state`."""

    depth: int
    state: State
    step: StepView | None = None
    count: int = 0


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where to draw: Unix time, columns, rows, whether the terminal has more than ASCII."""

    now: float
    width: int
    height: int
    unicode: bool = True
    is_live: bool = True


def draw(view: View, sheet: Sheet) -> list[Text]:
    """The whole picture, at most `sheet.height` lines, each at most `sheet.width` wide."""
    head = _head(view, sheet)
    foot = _foot(view, sheet) if sheet.is_live else []
    room = max(1, sheet.height - len(head) - len(foot))
    rows = fit(view, room)
    lines = [*head, *_tree(view, rows, sheet), *foot][: sheet.height]
    for line in lines if not sheet.unicode else ():
        line.plain = line.plain.replace("…", "~")  # the same width
    return lines


def _head(view: View, sheet: Sheet) -> list[Text]:
    elapsed = as_seconds(view.elapsed(sheet.now))
    goal = Text().append(_cut(first_line(view.goal) or "Planning", sheet.width - len(elapsed) - 3), "bold")
    goal.pad_right(max(1, sheet.width - goal.cell_len - len(elapsed) - 1))
    return [goal.append(elapsed), totals(view, sheet)]


def totals(view: View, sheet: Sheet) -> Text:
    """The bar of the whole run with its counts; in narrow terminals shapes stand for the words."""
    counts = view.counts()
    total = sum(counts.values())
    share = sum(counts[state] for state in ENDED) / total if total else float(view.status == "done")
    line = _counts(view, sheet, with_words=True)
    if line.cell_len > sheet.width - 12:
        line = _counts(view, sheet, with_words=False)
    line.truncate(sheet.width - 1)
    return bar(share, min(24, sheet.width - 1 - line.cell_len), sheet, "green").append_text(line)


def _counts(view: View, sheet: Sheet, *, with_words: bool) -> Text:
    counts = view.counts()
    total = sum(counts.values())
    line = Text(f" {counts['ok']}/{total} done" if total else " ended" if view.status else " looking for a plan")
    dot = " · " if sheet.unicode else " | "
    for state in ("running", "retrying", "asking", "failed", "skipped", "cancelled", "in_doubt"):
        if counts[state]:
            shape, ascii_shape, style, word = LOOKS[state]
            told = (
                f"{counts[state]} {word}"
                if with_words
                else f"{shape if sheet.unicode else ascii_shape} {counts[state]}"
            )
            line.append(dot).append(told, style)
    if view.files:
        line.append(dot).append(f"{len(view.files)} file{'s' * (len(view.files) > 1)}")
    return line


def bar(share: float, width: int, sheet: Sheet, style: str) -> Text:
    """A bar that is `share` (0 to 1) full."""
    full, empty = ("━", "─") if sheet.unicode else ("#", "-")
    filled = round(min(1.0, max(0.0, share)) * width)
    return Text().append(full * filled, style).append(empty * (width - filled), "dim")


def _foot(view: View, sheet: Sheet) -> list[Text]:
    lines = [
        Text().append(_cut(f"{'•' if sheet.unicode else '*'} {notice}", sheet.width - 1), "dim")
        for notice in view.notices[-2:]
    ]
    asked = next(iter(view.asked.values()), None)
    if asked is not None:
        lines.append(
            Text(_cut(f"? {asked.step}: {asked.question or 'it needs approval'}", sheet.width - 1), "bold yellow")
        )
        lines += [Text(f"    {line}") for line in asked_words(asked, width=max(10, sheet.width - 6), lines=4)]
    return lines


def fit(view: View, room: int) -> list[Row]:
    """The rows of the tree, summed up step by step until there are at most `room`."""
    rows = _rows(view, lambda step: step.state != "ok")
    if len(rows) > room:
        rows = _rows(view, lambda step: step.state not in ("ok", "waiting"))
    for states in (("ok",), ("ok", "waiting"), ("ok", "waiting", "skipped", "cancelled")):
        if len(rows) > room:
            rows = _summed(rows, states)
    return rows if len(rows) <= room else _most_important(rows, room)


def _rows(view: View, opened: Callable[[StepView], bool]) -> list[Row]:
    rows = []
    for step in view.top():
        children = view.children(step)
        rows.append(Row(0, _state(step, children), step))
        if len(children) > MANY or not opened(step):
            children = [child for child in children if child.state in ("failed", "asking", "in_doubt")][:3]
        rows += [Row(1, child.state, child) for child in children]
    return rows


def _state(step: StepView, children: Sequence[StepView]) -> State:
    if children and step.state == "waiting" and any(child.state != "waiting" for child in children):
        return "running"
    return step.state


def _summed(rows: Iterable[Row], states: tuple[str, ...]) -> list[Row]:
    """Neighbouring rows of one state become one row with their number."""
    found: list[Row] = []
    for row in rows:
        last = found[-1] if found else None
        if last is not None and row.state in states and row.state == last.state and row.depth == last.depth:
            found[-1] = Row(row.depth, row.state, None, max(1, last.count) + max(1, row.count))
        else:
            found.append(row)
    return found


def _most_important(rows: Sequence[Row], room: int) -> list[Row]:
    order = ("asking", "in_doubt", "failed", "running", "retrying", "waiting", "ok", "skipped", "cancelled")
    ranked = sorted(range(len(rows)), key=lambda number: order.index(rows[number].state))
    kept = [rows[number] for number in sorted(ranked[: room - 1])]
    return [*kept, Row(0, "waiting", None, -(len(rows) - len(kept)))]


@dataclass(frozen=True, slots=True)
class _Columns:
    name: int
    action: int
    time: int
    detail: int


def _tree(view: View, rows: Sequence[Row], sheet: Sheet) -> list[Text]:
    steps = [row.step for row in rows if row.step is not None]
    name = min(max((len(step.id) + 3 * (step.parent is not None) for step in steps), default=4), sheet.width // 3)
    action = min(max((len(step.action) for step in steps), default=4), sheet.width // 4)
    detail = max(0, sheet.width - 1 - 6 - name - action - 12)
    columns = _Columns(name, action, 9, detail)
    lines = []
    for number, row in enumerate(rows):
        rest = rows[number + 1 :]
        is_last = not any(later.depth == 0 for later in rest) if row.depth == 0 else not rest or rest[0].depth == 0
        parent_goes_on = row.depth == 0 or any(later.depth == 0 for later in rest)
        line = _guide(row.depth, is_last, parent_goes_on, sheet)
        line.append_text(_line(view, row, columns, sheet))
        line.truncate(sheet.width - 1)
        lines.append(line)
    return lines


def _guide(depth: int, is_last: bool, parent_goes_on: bool, sheet: Sheet) -> Text:
    branch, end, down = ("├─ ", "└─ ", "│  ") if sheet.unicode else ("|- ", "`- ", "|  ")
    before = "" if depth == 0 else (down if parent_goes_on else "   ")
    return Text().append(before + (end if is_last else branch), "dim")


def _line(view: View, row: Row, columns: _Columns, sheet: Sheet) -> Text:
    shape, ascii_shape, style, word = LOOKS[row.state]
    if row.state == "running" and sheet.is_live and sheet.unicode:
        shape = _SPINNER[int(sheet.now * 10) % len(_SPINNER)]
    if row.step is None:
        more = "…" if sheet.unicode else "..."
        text = f"{more} {-row.count} more" if row.count < 0 else f"{row.count} steps {word}"
        return Text(f"{'' if row.count < 0 else (shape if sheet.unicode else ascii_shape) + ' '}{text}", style)
    step = row.step
    line = Text().append(shape if sheet.unicode else ascii_shape, style)
    line.append(f" {_cut(step.id, columns.name - 3 * row.depth):<{columns.name - 3 * row.depth}}  ", _name_style(row))
    line.append(f"{_cut(step.action, columns.action):<{columns.action}}", "dim")
    time = as_seconds(elapsed) if (elapsed := view.time_of(step, sheet.now)) is not None else ""
    line.append(f"{time:>{columns.time}}  ")
    return line.append_text(_detail(view, row, step, columns.detail, sheet))


def _name_style(row: Row) -> str:
    return {"waiting": "dim", "failed": "bold red", "asking": "bold"}.get(row.state, "")


def _detail(view: View, row: Row, step: StepView, width: int, sheet: Sheet) -> Text:
    """What stands behind the time: progress, what it waits for, why it failed."""
    children = view.children(step)
    if children and row.state not in ("failed", "skipped", "cancelled"):
        return _counted(children, width, sheet)
    match row.state:
        case "running":
            return _progress(step, width, sheet)
        case "waiting":
            return Text(_cut(step.note or _waits_for(view, step), width), "dim")
        case "asking":
            return Text(_cut("wants a yes or no", width), "yellow")
        case "retrying":
            return Text(_cut(step.note, width), "yellow")
        case "skipped":
            return Text(_cut(f"because {step.caused_by} failed" if step.caused_by else step.error, width), "yellow")
        case "failed" | "in_doubt":
            return Text(_cut(_failure(step), width), "red")
        case _:
            return Text(_cut(_result(step), width), "dim")


def _failure(step: StepView) -> str:
    tries = f"{step.attempts} tries: " if step.attempts > 1 else ""
    return tries + first_line(step.error)


def _result(step: StepView) -> str:
    parts = ["kept from before"] if step.reused else []
    if step.started_at is None and not step.reused:  # a for_each over no items
        parts.append("nothing to do")
    if step.attempts > 1:
        parts.append(f"{step.attempts} tries")
    if step.verdict == "fail":
        parts.append(f"not verified: {first_line(step.error)}")
    return ", ".join(parts)


def _waits_for(view: View, step: StepView) -> str:
    if step.limit:
        return f"waits for a place at {step.limit}"
    open_names = [name for name in step.dependencies if (of := view.steps.get(name)) and of.state not in ENDED]
    return f"waits for {', '.join(open_names)}" if open_names else ""


def _progress(step: StepView, width: int, sheet: Sheet) -> Text:
    if step.total and width >= 20:
        share = min(1.0, step.done / step.total)
        line = bar(share, 10, sheet, "cyan").append(f" {share:4.0%} ")
        return line.append(_cut(step.note, width - 16), "dim")
    count = f"{step.done:g} " if step.done and not step.total else ""
    return Text(_cut(count + step.note, width), "dim")


def _counted(children: Sequence[StepView], width: int, sheet: Sheet) -> Text:
    done = sum(child.state == "ok" for child in children)
    ended = sum(child.state in ENDED for child in children)
    failed = sum(child.state == "failed" for child in children)
    line = Text()
    if width >= 24 and ended < len(children):
        line = bar(ended / len(children), 10, sheet, "cyan").append(" ")
    line.append(f"{done}/{len(children)} done")
    if failed:
        line.append(f", {failed} failed", "red")
    line.truncate(max(0, width))
    return line


def _cut(text: str, width: int) -> str:
    """Text on one line, at most `width` cells."""
    text = " ".join(text.split())
    if width <= 0:
        return ""
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"
