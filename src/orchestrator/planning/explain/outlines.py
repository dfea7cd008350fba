"""A plan in text: a tree for the terminal, and Mermaid for documents. Rule: functions of an explanation alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..plan import Plan

if TYPE_CHECKING:
    from rich.text import Text

    from . import Explained, Explanation

UNKNOWN = "unknown"
APPROVAL = "needs approval"
# effect -> Mermaid's brackets: shape and colour say the same thing
_SHAPES = {"pure": ('(["', '"])'), "read": ('[/"', '"/]'), "write": ('[["', '"]]'), None: ('["', '"]')}
_CLASSES = (
    "classDef pure fill:#E1EEF7,stroke:#0072B2,color:#1F2933",
    "classDef read fill:#DFF3EB,stroke:#009E73,color:#1F2933",
    "classDef write fill:#FDF0D5,stroke:#B87A00,color:#1F2933",
    "classDef critical stroke-width:3px",
)
_STYLES = {"pure": "blue", "read": "green", "write": "yellow", None: "dim"}


def mermaid(plan: Explanation | Plan) -> str:
    """A Mermaid flowchart, left to right. The critical path has thick arrows, optional inputs dotted ones.

    A bare plan is drawn without estimates, effects and critical path.
    """
    if isinstance(plan, Plan):
        from . import explain

        steps = explain(plan, lambda _: None, lambda _: None).steps
        critical: set[tuple[str, str]] = set()
    else:
        steps = plan.steps
        critical = set(zip(plan.critical_path, plan.critical_path[1:], strict=False))
    names = {step.id: f"n{number}" for number, step in enumerate(steps)}
    optional = {step.id for step in steps if step.optional}
    lines = ["flowchart LR"]
    for step in steps:
        before, behind = _SHAPES[step.effect]
        lines.append(f"    {names[step.id]}{before}{'<br/>'.join(map(_escaped, _label(step)))}{behind}")
    for step in steps:
        for source in step.after:
            arrow = "==>" if (source, step.id) in critical else "-.->" if source in optional else "-->"
            lines.append(f"    {names[source]} {arrow} {names[step.id]}")
    return "\n".join([*lines, *_classes(plan, names)]) + "\n"


def _label(step: Explained) -> list[str]:
    lines = [step.id, step.action]
    if step.each is not None:
        lines.append(f"one for {step.each}")
    cost = costs(step)
    if step.samples:
        lines.append(cost)
    if step.needs_approval:
        lines.append(APPROVAL)
    return lines


def _classes(plan: Explanation | Plan, names: dict[str, str]) -> list[str]:
    if isinstance(plan, Plan):
        return []
    lines = [f"    {line}" for line in _CLASSES]
    for effect in ("pure", "read", "write"):
        members = [names[step.id] for step in plan.steps if step.effect == effect]
        if members:
            lines.append(f"    class {','.join(members)} {effect}")
    if plan.critical_path:
        lines.append(f"    class {','.join(names[name] for name in plan.critical_path)} critical")
    return lines


def _escaped(text: str) -> str:
    """Text that Mermaid shows as it is: its own entities for what would end a label or be read as markup."""
    for sign, entity in (("#", "#35;"), ("&", "#amp;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("`", "#96;")):
        text = text.replace(sign, entity)
    return " ".join(text.split())


def tree(explanation: Explanation, *, width: int | None = None, unicode: bool = True) -> Text:
    """The plan as a tree of waves; `str()` of it is the plain text. Lines are cut to `width` columns, None: never."""
    from rich.text import Text

    whole = Text(no_wrap=True, overflow="ignore")
    for number, line in enumerate(_lines(explanation, width, unicode)):
        if width is not None:
            line.truncate(max(1, width), overflow="ellipsis" if unicode else "crop")
        line.rstrip()
        whole.append("\n" * (number > 0)).append_text(line)
    return whole


def _lines(explanation: Explanation, width: int | None, unicode: bool) -> list[Text]:
    from rich.text import Text

    branch, last, beam = ("├─ ", "└─ ", "│  ") if unicode else ("|- ", "`- ", "|  ")
    by_id = {step.id: step for step in explanation.steps}
    cells = _columns(explanation, unicode)
    lines = [Text(" ".join(explanation.goal.split()) or "Plan", "bold")]
    for number, wave in enumerate(explanation.waves, 1):
        is_last = number == len(explanation.waves)
        title = f"wave {number}" + (f" · {len(wave)} side by side" if len(wave) > 1 and unicode else "")
        lines.append(Text().append(last if is_last else branch, "dim").append(title, "dim"))
        for place, name in enumerate(wave, 1):
            line = Text().append("   " if is_last else beam, "dim")
            line.append(last if place == len(wave) else branch, "dim")
            lines.append(line.append_text(_row(by_id[name], cells, unicode)))
    return [*lines, Text(), *_sums(explanation, width, unicode)]


def _columns(explanation: Explanation, unicode: bool) -> list[tuple[Callable[[Explained], str], int]]:
    """What the columns show and how wide each is."""
    shown: list[Callable[[Explained], str]] = [
        lambda step: step.id,
        lambda step: step.action,
        lambda step: step.effect or f"effect {UNKNOWN}",
        costs,
    ]
    return [(show, max((len(show(step)) for step in explanation.steps), default=0)) for show in shown]


def _row(step: Explained, columns: list[tuple[Callable[[Explained], str], int]], unicode: bool) -> Text:
    from rich.text import Text

    mark = ("●" if unicode else "*") if step.is_critical else ("○" if unicode else "o")
    styles = ("bold" if step.is_critical else "", "", _STYLES[step.effect], "dim" if step.seconds is None else "")
    line = Text().append(mark + " ", "bold" if step.is_critical else "dim")
    for (show, wide), style in zip(columns, styles, strict=True):
        line.append(show(step).ljust(wide), style).append("  ")
    notes = _notes(step, unicode)
    if step.needs_approval:
        line.append(APPROVAL, "bold yellow").append("  " * bool(notes))
    return line.append((" · " if unicode else "; ").join(notes), "dim")


def _notes(step: Explained, unicode: bool) -> list[str]:
    notes = []
    if step.each is not None:
        notes.append(f"one for {step.each}")
    if step.optional:
        notes.append("optional")
    if step.after:
        few = 4
        more = f" and {len(step.after) - few} more" if len(step.after) > few else ""
        notes.append(f"after {', '.join(step.after[:few])}{more}")
    return notes


def _sums(explanation: Explanation, width: int | None, unicode: bool) -> list[Text]:
    """The last lines: the critical path, the time in all, tokens and dollars, approvals, what is missing."""
    from textwrap import wrap

    from rich.text import Text

    rows = _facts(explanation, " → " if unicode else " -> ")
    indent = max(len(name) for name, _ in rows) + 2
    lines = []
    for name, value in rows:
        room = max(20, len(value) if width is None else width - indent)
        for number, part in enumerate(wrap(value, room, break_long_words=False, break_on_hyphens=False)):
            lines.append(Text().append(("" if number else name).ljust(indent), "dim").append(part))
    return lines


def _facts(explanation: Explanation, arrow: str) -> list[tuple[str, str]]:
    totals = explanation.totals
    bound = "at least " if totals.is_lower_bound else ""
    rows = [("steps", f"{totals.steps} in {totals.waves} wave{'s' * (totals.waves != 1)}")]
    if totals.steps:
        rows.append(("critical path", arrow.join(explanation.critical_path)))
    if totals.critical_path_s is not None:
        rows.append(("time, side by side", f"{bound}{as_seconds(totals.critical_path_s)}"))
    if totals.sequential_s is not None:
        rows.append(("time, one by one", f"{bound}{as_seconds(totals.sequential_s)}"))
    elif totals.steps:
        rows.append(("time", f"{UNKNOWN}; no earlier run has used these actions"))
    if totals.tokens is not None:
        rows.append(("tokens", bound + _number(totals.tokens)))
    if totals.usd is not None:
        rows.append(("cost", bound + as_usd(totals.usd)))
    if explanation.approvals:
        rows.append((APPROVAL, ", ".join(explanation.approvals)))
    if totals.unmeasured and totals.sequential_s is not None:
        rows.append(("never timed", ", ".join(totals.unmeasured)))
    return rows


def costs(step: Explained) -> str:
    """`1.2 s`, `0.3 s each, 1,200 tokens, $0.01`; `time unknown` where no earlier call was timed."""
    parts = [f"time {UNKNOWN}" if step.seconds is None else as_seconds(step.seconds)]
    if step.tokens is not None:
        parts.append(f"{_number(step.tokens)} tokens")
    if step.usd is not None:
        parts.append(as_usd(step.usd))
    if step.each is not None and step.samples:
        parts[0] += " each"
    return ", ".join(parts)


def as_seconds(seconds: float) -> str:
    """A duration as people read it: `40 ms`, `0.4 s`, `12.0 s`, `3 min 05 s`, `1 h 02 min`."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def as_usd(usd: float) -> str:
    """Dollars: `$0.0004`, `$0.02`, `$1.20`."""
    return f"${usd:.2f}" if usd >= 0.01 or usd == 0 else f"${usd:.2g}"


def _number(value: float) -> str:
    return f"{value:,.0f}"
