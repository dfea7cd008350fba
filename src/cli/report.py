"""What stands at the end of a run: how it went, the answer, the files, and what to do next.

Rule: everything is made as lines of text first; colour is added for terminals only.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, TypeVar

from ..events import ApprovalAsked
from ..printable import printable
from .view import as_seconds, as_size, asked_words

if TYPE_CHECKING:
    from rich.console import Console

    from ..orchestrator.result import Result

EXIT = {"done": 0, "failed": 1, "needs_approval": 3, "budget": 4, "cancelled": 130}
_LOOKS = {
    "done": ("✓", "done", "green"),
    "failed": ("✗", "failed", "bold red"),
    "cancelled": ("■", "cancelled", "magenta"),
    "budget": ("!", "ended by its budget", "bold yellow"),
    "needs_approval": ("?", "waiting for approval", "bold yellow"),
}
_FILES_SHOWN = 20
# what people open first comes first
_RANKS = (".html", ".pdf", ".pptx", ".docx", ".md", ".xlsx", ".csv", ".json", ".svg", ".png")


class File(Protocol):
    """A file of a run, of a result or as an event tells it."""

    @property
    def path(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def media_type(self) -> str: ...


F = TypeVar("F", bound=File)


def write(result: Result, out: IO[str], *, workspace: Path, quiet: bool = False) -> None:
    """The end of a run as plain text."""
    parts = [] if quiet else ["\n".join(filter(None, [summary(result), speed(result)]))]
    parts += [result.answer] if result.answer.strip() else []
    if files := list(files_of(result.artifacts, result.answer, workspace)):
        parts.append("\n".join([f"Files ({len(result.artifacts)}):", *(f"  {line}" for line in files)]))
    out.write("\n\n".join(parts) + "\n")
    out.flush()


def show(result: Result, console: Console, *, workspace: Path, quiet: bool = False) -> None:
    """The end of a run on a terminal."""
    from rich.markdown import Markdown
    from rich.text import Text

    if not quiet:
        console.print()
        show_status(result.status, summary(result), console)
        if told := speed(result):
            console.print(Text(f"  {told}", "dim"), highlight=False)
    if result.answer.strip():
        console.print()
        console.print(Markdown(result.answer))
    show_files(result.artifacts, result.answer, console, workspace=workspace)


def show_status(status: str, told: str, console: Console) -> None:
    """One line with the shape and colour of a status."""
    from rich.text import Text

    shape, _, style = _LOOKS[status]
    takes_unicode = console.encoding.lower().startswith("utf")
    console.print(Text(f"{shape} " if takes_unicode else "", style).append(told), highlight=False)


def show_files(artifacts: Sequence[File], answer: str, console: Console, *, workspace: Path) -> None:
    """The files on a terminal: the folder that all are in once, then each by its name there; nothing without files."""
    from rich.table import Table
    from rich.text import Text

    if not artifacts:
        return
    ranked = in_order(artifacts, answer)
    paths = [_path(file.path, workspace) for file in ranked[:_FILES_SHOWN]]
    parents = [str(Path(path).parent) for path in paths]
    folder = os.path.commonpath(parents) if len(paths) > 1 and "." not in parents else ""
    console.print()
    heading = Text(f"Files ({len(ranked)})", "bold").append(f" in {folder}{os.sep}" if folder else "", "not bold dim")
    console.print(heading, highlight=False, soft_wrap=True)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(overflow="fold")
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(style="dim", no_wrap=True, overflow="ellipsis")
    for number, (path, file) in enumerate(zip(paths, ranked, strict=False)):
        name = Text("  ").append(os.path.relpath(path, folder or "."), "bold cyan" if number == 0 else "cyan")
        table.add_row(name, as_size(file.size_bytes), file.media_type)
    console.print(table, highlight=False)
    if len(ranked) > len(paths):
        console.print(Text(f"  and {len(ranked) - len(paths)} more", "dim"), highlight=False)


def summary(result: Result) -> str:
    """One line: how it ended, and why."""
    _, word, _ = _LOOKS[result.status]
    unfolded = {name.rpartition("[")[0] for name in result.steps}
    steps = [step for name, step in result.steps.items() if name not in unfolded]
    ok = sum(step.status == "ok" for step in steps)
    reason = f": {printable(result.reason)}" if result.reason and result.status != "done" else ""
    kept = ", planned from a kept plan" if result.plan_source.startswith("cache:") else ""
    counted = f", {ok} of {len(steps)} steps ok" if steps else ""
    return f"{word} in {as_seconds(result.seconds)}{counted}{kept}{reason}"


def ending(status: str, seconds: float) -> str:
    """How a run ended, of which no more than its last event is known."""
    return f"{_LOOKS[status][1]} in {as_seconds(seconds)}"


def speed(result: Result) -> str:
    """One line: against one step after another where that was slower, and the cost; empty when there is neither."""
    parts = []
    if len(result.steps) > 1 and result.sequential_seconds >= 1.05 * result.seconds > 0:
        parts.append(f"sequential {as_seconds(result.sequential_seconds)}")
        parts.append(f"{result.sequential_seconds / result.seconds:.1f} times as fast")
        parts.append(f"critical path {as_seconds(result.critical_path_seconds)}")
    return ", ".join(parts + _cost(result.cost))


def _cost(cost: Mapping[str, float]) -> list[str]:
    calls, tokens, usd = (cost.get(name, 0) for name in ("model_calls", "tokens", "usd"))
    told = [f"{calls:g} model call{'s' * (calls != 1)}"] if calls else []
    told += [f"{tokens:,.0f} tokens"] if tokens else []
    return told + ([f"${usd:.4f}"] if usd else [])


def files_of(artifacts: Sequence[File], answer: str, workspace: Path) -> Iterator[str]:
    """The files, the main one first: `path  size  type`, with columns of equal width."""
    ranked = in_order(artifacts, answer)
    shown = [(_path(a.path, workspace), as_size(a.size_bytes), a.media_type) for a in ranked[:_FILES_SHOWN]]
    path_width = max((len(path) for path, _, _ in shown), default=0)
    size_width = max((len(size) for _, size, _ in shown), default=0)
    for path, size, media_type in shown:
        yield f"{path:<{path_width}}  {size:>{size_width}}  {media_type}"
    if len(ranked) > len(shown):
        yield f"and {len(ranked) - len(shown)} more"


def in_order(artifacts: Sequence[F], answer: str) -> list[F]:
    """Files as people want them: those the answer names, then by kind (pages, documents, tables, pictures)."""

    def rank(numbered: tuple[int, F]) -> tuple[bool, int, int]:
        number, artifact = numbered
        suffix = Path(artifact.path).suffix.lower()
        kind = _RANKS.index(suffix) if suffix in _RANKS else len(_RANKS)
        return (Path(artifact.path).name not in answer, kind, number)

    return [artifact for _, artifact in sorted(enumerate(artifacts), key=rank)]


def _path(path: str, workspace: Path) -> str:
    """A file's path from the working folder when it is inside it, else in full."""
    whole = Path(os.path.normpath(workspace / path))
    here = Path.cwd()
    absolute = whole if whole.is_absolute() else here / whole
    told = str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)
    return printable(told).replace("\n", " ")


def to_answer(asked: Mapping[str, ApprovalAsked], run_id: str) -> str:
    """What a person has to do when a run waits for approval."""
    lines = []
    for question in asked.values():
        lines.append(f"{question.step}: {question.question}")
        lines += [f"    {line}" for line in asked_words(question)]
    lines.append("To answer:")
    lines += [f"    planloom approve {run_id} {shlex.quote(step)} yes|no" for step in asked]
    return "\n".join([*lines, "Then go on with:", f"    planloom resume {run_id}"])
