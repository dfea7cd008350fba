"""A report of an inbox for people: a line a ticket, then each ticket with its reply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ...agents.tool import ToolContext
from .shapes import Closed, Inbox, Report

_WIDTHS = (18, 12, 9, 12)
_LONGEST = 90


def report(inbox: Inbox, closed: Sequence[Closed | None], title: str, context: ToolContext) -> Report:
    """What became of the tickets, also as a Markdown file; no file and no text when there are none."""
    known = [one for one in closed if one is not None]
    outcomes = Counter(_state(one) for one in known)
    failed = len(closed) - len(known)
    told = Report(tickets=len(closed), handled=len(known), failed=failed, outcomes=dict(outcomes), text="", path="")
    if not closed:
        return told
    path = context.workspace.output(f"{title.lower()}.md")
    path.write_text(_page(title, inbox, known), encoding="utf-8")
    context.artifact(path, "text/markdown")
    head = ", ".join(f"{n} {name}" for name, n in outcomes.most_common()) + (f", {failed} failed" if failed else "")
    lines = [f"{title}: {len(closed)} ({inbox['source']}): {head}", ""]
    lines += [_row(("ticket", "about", "priority", "outcome")) + "what was done, or why", *map(_line, known)]
    lines += [f"not a ticket: {one}" for one in inbox["broken"][:20]]
    told["text"], told["path"] = "\n".join(lines), str(path)
    return told


def _state(one: Closed) -> str:
    if one["status"].startswith("waiting for a"):
        return "approval" if one["status"].endswith("approval") else "person"
    return one["outcome"]


def _line(one: Closed) -> str:
    about = f"{one['category']} {one['language']}".strip()
    return _row((one["ticket"], about, one["priority"], _state(one))) + _said(one)


def _said(one: Closed) -> str:
    """What was done, or why nothing was; on one line."""
    why = next((line.removeprefix("Why: ") for line in one["text"].splitlines() if line.startswith("Why: ")), "")
    said = "; ".join(one["actions"]) or why
    return said if len(said) <= _LONGEST else said[: _LONGEST - 1] + "…"


def _row(cells: Sequence[str]) -> str:
    return "".join(f"{cell:<{width}} " for cell, width in zip(cells, _WIDTHS, strict=True))


def _page(title: str, inbox: Inbox, known: Sequence[Closed]) -> str:
    parts = [f"# {title}\n\nFrom {inbox['source']}."]
    for one in known:
        quoted = "\n".join(f"> {line}".rstrip() for line in one["reply"].splitlines())
        head = one["text"].split("\n\n", 1)[0].splitlines()
        parts.append(f"## {head[0]}\n\n" + "\n".join(f"- {line}" for line in head[1:]) + f"\n\n{quoted}".rstrip())
    return "\n\n".join(parts) + "\n"
