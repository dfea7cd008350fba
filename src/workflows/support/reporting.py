"""A report of an inbox for people: a line a ticket, then each ticket with its reply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ...agents.tool import ToolContext
from .shapes import Closed, Inbox, Report

_WIDTHS = (18, 10, 9, 13)


def report(
    inbox: Inbox, closed: Sequence[Closed | None], approved: Sequence[Closed | None], context: ToolContext
) -> Report:
    """What became of the tickets, also as a Markdown file. `approved` are those a person decided about."""
    later = {one["ticket"]: one for one in approved if one is not None}
    known = [later.get(one["ticket"], one) for one in closed if one is not None]
    outcomes = Counter(one["outcome"] for one in known)
    path = context.workspace.output("tickets.md")
    path.write_text(_page(inbox, known), encoding="utf-8")
    context.artifact(path, "text/markdown")
    failed = len(closed) - len(known)
    head = f"{len(closed)} tickets ({inbox['source']}): " + ", ".join(
        f"{n} {name}" for name, n in outcomes.most_common()
    )
    if failed:
        head += f", {failed} failed"
    lines = [head, "", _row(("ticket", "about", "priority", "outcome")) + "what was done", *map(_line, known)]
    lines += [f"not a ticket: {one}" for one in inbox["broken"][:20]]
    return Report(
        tickets=len(closed),
        handled=len(known),
        failed=failed,
        outcomes=dict(outcomes),
        text="\n".join(lines),
        path=str(path),
    )


def _line(one: Closed) -> str:
    about = f"{one['category']} {one['language']}".strip()
    return _row((one["ticket"], about, one["priority"], one["outcome"])) + _said(one)


def _said(one: Closed) -> str:
    if one["actions"]:
        return "; ".join(one["actions"])
    why = next((line for line in one["text"].splitlines() if line.startswith("Why: ")), "")
    return why.removeprefix("Why: ")


def _row(cells: Sequence[str]) -> str:
    return "".join(f"{cell:<{width}} " for cell, width in zip(cells, _WIDTHS, strict=True))


def _page(inbox: Inbox, known: Sequence[Closed]) -> str:
    parts = [f"# Tickets\n\nFrom {inbox['source']}."]
    for one in known:
        quoted = "\n".join(f"> {line}".rstrip() for line in one["reply"].splitlines())
        head = one["text"].split("\n\n", 1)[0].splitlines()
        parts.append(f"## {head[0]}\n\n" + "\n".join(f"- {line}" for line in head[1:]) + f"\n\n{quoted}")
    return "\n\n".join(parts) + "\n"
