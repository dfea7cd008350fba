"""Lists and JSON on stdout. Rule: the same text for a terminal and a pipe; colour and wrapping on terminals only."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def print_json(data: Any) -> None:
    """One JSON value, readable by people too; escaped where stdout can't take every character."""
    is_utf = (sys.stdout.encoding or "").lower().startswith("utf")
    text = json.dumps(data, ensure_ascii=not is_utf, indent=2, default=str)
    sys.stdout.write(text.encode("utf-8", "replace").decode("utf-8") + "\n")


def terminal() -> Console | None:
    """The terminal behind stdout, None when it is a file or a pipe."""
    if not sys.stdout.isatty():
        return None
    from rich.console import Console

    return Console()


def print_table(rows: Iterable[Sequence[str]], styles: Sequence[str]) -> None:
    """Rows in columns; the last column wraps below itself on a terminal, and is whole in a pipe."""
    rows = [tuple(row) for row in rows]
    console = terminal()
    if console is None:
        widths = [max((len(row[i]) for row in rows), default=0) for i in range(len(styles) - 1)]
        for row in rows:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            sys.stdout.write("  ".join([*cells, row[-1]]).rstrip() + "\n")
        return
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    for number, style in enumerate(styles):
        is_last = number == len(styles) - 1
        table.add_column(style=style, no_wrap=number == 0, overflow="fold", ratio=1 if is_last else None)
    for row in rows:
        table.add_row(*(_plain(cell) for cell in row))
    console.print(table, highlight=False)


def print_heading(text: str) -> None:
    """A heading above a list."""
    console = terminal()
    if console is None:
        sys.stdout.write(text + "\n")
    else:
        console.print(_plain(text), style="bold", highlight=False)


def print_text(text: str, style: str = "") -> None:
    """Text as it is, folded at words on a terminal."""
    console = terminal()
    if console is None:
        sys.stdout.write(text + "\n")
    else:
        console.print(_plain(text), style=style, highlight=False)


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text(text)
