"""Saves pictures. Rule: what a camera wrote about place and owner is not taken along."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ....errors import ToolError

if TYPE_CHECKING:
    from PIL.Image import Image

Form = Literal["png", "jpeg", "webp", "gif", "bmp", "tiff", "ico"]
SUFFIXES: dict[Form, str] = {"jpeg": "jpg", "tiff": "tif"}
_BY_SUFFIX: dict[str, Form] = {"jpg": "jpeg", "tif": "tiff"}
_FORMS = ("png", "jpeg", "webp", "gif", "bmp", "tiff", "ico")
MOST_SIDE = 20_000


def form_of(path: Path) -> Form:
    """The format to save in by a file's name; PNG for those that are only read."""
    suffix = path.suffix.lower().lstrip(".")
    found = _BY_SUFFIX.get(suffix, suffix)
    return found if found in _FORMS else "png"  # type: ignore[return-value]


def save(image: Image, path: Path, form: Form, *, quality: int, background: str) -> None:
    """Saves one frame; where a format has no transparency, on the background.

    Raises:
        ToolError: the format can't hold the picture.
    """
    made = _fitting(image, form, background)
    options: dict[str, Any] = {"quality": quality} if form in ("jpeg", "webp") else {}
    if form in ("png", "jpeg", "gif"):
        options["optimize"] = True
    if form == "tiff":
        options["compression"] = "tiff_deflate"
    if form == "ico":
        options["sizes"] = [made.size]
    if profile := image.info.get("icc_profile"):
        options["icc_profile"] = profile
    try:
        made.save(path, form.upper(), **options)
    except (OSError, ValueError, KeyError) as error:
        raise ToolError(f"the picture can't be saved as {form}: {error}") from error


def _fitting(image: Image, form: Form, background: str) -> Image:
    is_clear = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    if form in ("jpeg", "bmp"):
        return flat(image, background) if is_clear else _plain(image, ("RGB", "L"))
    if form == "gif":
        return image if image.mode == "L" or (image.mode == "P" and not is_clear) else _converted(image, clear=is_clear)
    if form == "ico":
        side = min(256, max(image.size))  # what the format holds
        copy = image.convert("RGBA")
        copy.thumbnail((side, side))
        return copy
    if is_clear:
        return image.convert("RGBA") if image.mode != "RGBA" else image
    return _plain(image, ("RGB", "L", "1", "I;16") if form in ("png", "tiff") else ("RGB", "L"))


def _converted(image: Image, *, clear: bool) -> Image:
    return image.convert("RGBA" if clear else "RGB")


def _plain(image: Image, modes: tuple[str, ...]) -> Image:
    return image if image.mode in modes else image.convert("RGB")


def flat(image: Image, background: str) -> Image:
    """The picture on a colour.

    Raises:
        ToolError: there is no such colour.
    """
    from PIL import Image as Images
    from PIL import ImageColor

    try:
        colour = ImageColor.getrgb(background)[:3]
    except ValueError as error:
        raise ToolError(f"expected a colour such as white or #ffcc00, got {background!r}") from error
    clear = image.convert("RGBA")
    made = Images.new("RGB", clear.size, colour)
    made.paste(clear, mask=clear.getchannel("A"))
    return made
