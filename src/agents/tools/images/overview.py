"""One picture of many, in rows, each with its name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....errors import ToolError
from .opening import opened, upright
from .saving import flat

if TYPE_CHECKING:
    from PIL.Image import Image

_GAP, _LABEL = 16, 26
_INK = "#1F2933"


def overview(
    places: Sequence[tuple[str, Callable[[str], Path]]], side: int, progress: Any
) -> tuple[Image, int, list[str]]:
    """The picture, how many are in it, and those that could not be opened.

    Raises:
        ToolError: none could be opened.
    """
    shown: list[tuple[Image, str]] = []
    failed: list[str] = []
    for number, (path, find) in enumerate(places):
        progress(number, len(places), path[-60:])
        try:
            found = find(path)
            with opened(found) as image:
                image.draft("RGB", (side * 2, side * 2))
                shown.append((_small(upright(image), side), found.name))
        except ToolError as error:
            failed.append(f"{path}: {error}")
    if not shown:
        raise ToolError(f"expected at least one picture, got none that opens: {'; '.join(failed)[:500]}")
    return _drawn(shown, side), len(shown), failed


def _small(image: Image, side: int) -> Image:
    made = image.convert("RGBA") if image.mode in ("P", "PA", "LA") else image.copy()
    made.thumbnail((side, side))
    return flat(made, "white")


def _drawn(shown: Sequence[tuple[Image, str]], side: int) -> Image:
    from PIL import Image as Images
    from PIL import ImageDraw

    columns = min(len(shown), max(1, min(6, math.ceil(math.sqrt(len(shown))))))
    rows = math.ceil(len(shown) / columns)
    page = Images.new("RGB", (columns * (side + _GAP) + _GAP, rows * (side + _LABEL + _GAP) + _GAP), (255, 255, 255))
    pen = ImageDraw.Draw(page)
    for number, (image, name) in enumerate(shown):
        left = _GAP + number % columns * (side + _GAP)
        top = _GAP + number // columns * (side + _LABEL + _GAP)
        page.paste(image, (left + (side - image.width) // 2, top + side - image.height))
        pen.text((left + side / 2, top + side + 6), _short(name, side), fill=_INK, font=_font(), anchor="ma")
    return page


def _short(name: str, room: int) -> str:
    """A name that fits: the middle left out."""
    if _font().getlength(name) <= room:
        return name
    for kept in range(len(name) - 1, 2, -1):
        head = kept * 2 // 3
        text = f"{name[:head]}…{name[-(kept - head) :]}"
        if _font().getlength(text) <= room:
            return text
    return "…"


@lru_cache(maxsize=1)
def _font() -> Any:
    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), 13)
