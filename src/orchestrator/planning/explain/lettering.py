"""How wide a text is in a picture, and what of it fits. Rule: one font, the one that comes with matplotlib."""

from __future__ import annotations

from functools import lru_cache

FONT = "DejaVu Sans"


def fitted(text: str, points: float, bold: bool, room: float) -> str:
    """The text in one line, cut to `room` inches."""
    flat = _drawable(" ".join(text.split()))
    if width(flat, points, bold) <= room:
        return flat
    low, high = 0, len(flat)
    while low < high:
        middle = (low + high + 1) // 2
        fits = width(flat[:middle].rstrip() + "…", points, bold) <= room
        low, high = (middle, high) if fits else (low, middle - 1)
    return flat[:low].rstrip() + "…"


def _drawable(text: str) -> str:
    """Letters the font does not have become boxes, as a browser would show them."""
    letters = _letters()
    return "".join(letter if ord(letter) in letters else "\u25a1" for letter in text)


@lru_cache(maxsize=1)
def _letters() -> frozenset[int]:
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont(FONT)).get_charmap())


@lru_cache(maxsize=8192)
def width(text: str, points: float, bold: bool) -> float:
    """How many inches the text takes in so many points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(family=FONT, size=points, weight="bold" if bold else "normal")
    wide, _, _ = TextToPath().get_text_width_height_descent(_drawable(text), font, False)
    return float(wide) / 72
