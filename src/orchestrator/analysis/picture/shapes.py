"""What a scene is made of. Rule: pixels from the upper left corner, colours by role, so that light and dark differ."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Literal

Anchor = Literal["start", "middle", "end"]

# role -> colour on light paper, colour on dark; categories and outcomes after Okabe and Ito's palette
COLOURS: dict[str, tuple[str, str]] = {
    "paper": ("#FFFFFF", "#14181F"),
    "band": ("#F6F8FA", "#1B212B"),
    "ink": ("#1F2933", "#E6EDF3"),
    "muted": ("#52606D", "#9DA9B5"),
    "grid": ("#E1E5EA", "#2C3440"),
    "critical": ("#0072B2", "#4AA8E8"),
    "run": ("#9CC9E5", "#2D5F80"),
    "tool": ("#0072B2", "#4AA8E8"),
    "model": ("#009E73", "#2BC79B"),
    "planning": ("#7B61A8", "#A58BD6"),
    "queue": ("#E69F00", "#E8B03A"),
    "limit": ("#C97B00", "#D99A2B"),
    "limit_wait": ("#C97B00", "#D99A2B"),
    "back_off": ("#B5A642", "#CDBE5A"),
    "verification": ("#CC79A7", "#DB93BC"),
    "approval": ("#D55E00", "#F08A3C"),
    "overhead": ("#9AA5B1", "#6B7785"),
    "failed": ("#B3261E", "#FF7B72"),
    "ok": ("#1B7F4B", "#56D08E"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle. `hollow`: outline only, in dashes; `note` is shown when one points at it."""

    x: float
    y: float
    wide: float
    tall: float
    role: str
    radius: float = 0.0
    hollow: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One line of text, `y` its baseline."""

    x: float
    y: float
    text: str
    size: float = 12.0
    role: str = "ink"
    anchor: Anchor = "start"
    bold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stroke:
    """A straight line."""

    x1: float
    y1: float
    x2: float
    y2: float
    role: str = "grid"
    thick: float = 1.0
    dashed: bool = False


@dataclass(slots=True)
class Scene:
    """Shapes, later ones over earlier ones."""

    title: str
    wide: float
    tall: float = 0.0
    shapes: list[Box | Words | Stroke] = field(default_factory=list)

    def add(self, *shapes: Box | Words | Stroke) -> None:
        self.shapes.extend(shapes)


def width(text: str, size: float, *, bold: bool = False) -> float:
    """About how wide a text is in any common sans-serif font, rather too much than too little."""
    letters = sum(1.05 if unicodedata.east_asian_width(letter) in "WF" else 0.6 for letter in text)
    return letters * size * (1.08 if bold else 1.0)


def fitted(text: str, size: float, room: float, *, bold: bool = False) -> str:
    """The text in one line, cut to `room`."""
    flat = " ".join(text.split())
    if width(flat, size, bold=bold) <= room:
        return flat
    while flat and width(flat + "…", size, bold=bold) > room:
        flat = flat[:-1]
    return flat.rstrip() + "…"
