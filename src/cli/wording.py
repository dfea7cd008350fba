"""Texts and durations that fit a column of a page. Rule: what comes from others is made safe to print."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from ..printable import printable
from .view import as_seconds


def precise(seconds: float) -> str:
    """A short time in milliseconds, a longer one as everywhere: `8 ms`, `0.85 s`, `12.0 s`, `3 min 05 s`."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.0005 or seconds == 0 else "<1 ms"
    return f"{seconds:.2f} s" if seconds < 9.995 else as_seconds(seconds)


def cut(text: str, width: int) -> str:
    """Text on one line that is safe to print, at most `width` cells."""
    text = " ".join(printable(text).split())
    if width <= 1 or cell_len(text) <= width:
        return text[: max(0, width)] if width <= 1 else text
    return set_cell_size(text, width - 1).rstrip() + "…"


def padded(text: str, width: int) -> str:
    """Text cut or filled up to `width` cells."""
    return set_cell_size(cut(text, width), width)
