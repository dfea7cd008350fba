"""Images: what a picture is, and pictures of another size, format or cut. The picture itself stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from ....errors import ToolError
from ...tool import ToolContext, tool
from .saving import MOST_SIDE, SUFFIXES, Form, form_of, save

if TYPE_CHECKING:
    from PIL.Image import Image

Side = Annotated[int, Field(ge=0, le=MOST_SIDE)]
Quality = Annotated[int, Field(ge=1, le=100)]


class Info(TypedDict):
    """`width` and `height` in pixels, as it is shown upright. `dpi` 0: it does not say. `taken` and `camera` are
    what the camera says, empty if nothing. `has_place`: it holds where it was taken.
    """

    path: str
    format: str
    width: int
    height: int
    mode: str
    frames: int
    bytes: int
    dpi: int
    taken: str
    camera: str
    has_place: bool


class Made(TypedDict):
    """A new picture. `bytes` is its size."""

    path: str
    format: str
    width: int
    height: int
    bytes: int


class Sheet(TypedDict):
    """`failed` are pictures that could not be opened, with the reason."""

    path: str
    width: int
    height: int
    count: int
    failed: list[str]


@tool(effect="read", process=True, timeout_s=60)
def info(path: str, context: ToolContext) -> Info:
    """Tells a picture's format, size, colours, frames, and when and with what it was taken."""
    from .opening import opened

    source = context.workspace.readable(path)
    with opened(source) as image:
        notes = image.getexif()
        wide, high = image.size if notes.get(0x0112, 1) < 5 else image.size[::-1]
        found = image.info.get("dpi", (0, 0))[0]
        return {
            "path": str(source),
            "format": (image.format or "").lower(),
            "width": wide,
            "height": high,
            "mode": image.mode,
            "frames": getattr(image, "n_frames", 1),
            "bytes": source.stat().st_size,
            "dpi": round(float(found)) if 0 < float(found) < 1e6 else 0,
            "taken": _text(notes.get_ifd(0x8769).get(0x9003) or notes.get(0x0132)),
            "camera": " ".join(filter(None, (_text(notes.get(0x010F)), _text(notes.get(0x0110))))),
            "has_place": bool(notes.get_ifd(0x8825)),
        }


@tool(effect="read", process=True, timeout_s=300)
def resize(
    path: str,
    context: ToolContext,
    *,
    width: Side = 0,
    height: Side = 0,
    fit: Literal["inside", "cover", "stretch"] = "inside",
    enlarge: bool = False,
    form: Form | None = None,
    quality: Quality = 85,
    name: str = "",
) -> Made:
    """Makes a picture of another size, in pixels; 0 follows from the other side.

    `fit`: inside keeps the whole picture, cover fills the size and cuts what is over, stretch does not keep the shape.
    Only smaller ones are made unless `enlarge`.
    """
    if not width and not height:
        raise ToolError("expected a width or a height in pixels, got none")

    def change(image: Image) -> Image:
        size = _size(image.size, width, height)
        if not enlarge and fit != "cover" and size[0] >= image.width and size[1] >= image.height:
            return image
        return _resized(image, size, fit, enlarge=enlarge)

    return _changed(path, context, change, form=form, quality=quality, name=name, ending="small")


@tool(effect="read", process=True, timeout_s=300)
def convert(
    path: str, form: Form, context: ToolContext, *, quality: Quality = 85, background: str = "white", name: str = ""
) -> Made:
    """Makes a picture in another format, upright and without what a camera wrote about place and owner.

    `background` is what shows through where the new format has no transparency.
    """
    return _changed(
        path, context, lambda image: image, form=form, quality=quality, background=background, name=name, ending=""
    )


@tool(effect="read", process=True, timeout_s=300)
def crop(
    path: str,
    context: ToolContext,
    *,
    left: Side = 0,
    top: Side = 0,
    width: Annotated[int, Field(ge=1, le=MOST_SIDE)],
    height: Annotated[int, Field(ge=1, le=MOST_SIDE)],
    turn: Literal[0, 90, 180, 270] = 0,
    form: Form | None = None,
    name: str = "",
) -> Made:
    """Cuts a part out of a picture, in pixels from the left and top, and turns it clockwise."""

    def change(image: Image) -> Image:
        if left + width > image.width or top + height > image.height:
            raise ToolError(
                f"expected a part inside {image.width} x {image.height}, got {width} x {height} from {left}, {top}"
            )
        made = image.crop((left, top, left + width, top + height))
        return made.rotate(-turn, expand=True) if turn else made

    return _changed(path, context, change, form=form, quality=90, name=name, ending="part")


@tool(effect="read", process=True, timeout_s=600)
def thumbnails(
    paths: Annotated[list[str], Field(min_length=1, max_length=400)],
    context: ToolContext,
    *,
    side: Annotated[int, Field(ge=16, le=1000)] = 240,
    name: str = "overview",
) -> Sheet:
    """Makes one picture of many: an overview in rows, each at most `side` pixels wide and high, with its name."""
    from .overview import overview

    made, count, failed = overview([(path, context.workspace.readable) for path in paths], side, context.progress)
    target = context.workspace.output(f"images/{name}.png")
    save(made, target, "png", quality=90, background="white")
    context.artifact(target, "image/png")
    return {"path": str(target), "width": made.width, "height": made.height, "count": count, "failed": failed}


def _changed(
    path: str,
    context: ToolContext,
    change: Callable[[Image], Image],
    *,
    form: Form | None,
    quality: int,
    name: str,
    ending: str,
    background: str = "white",
) -> Made:
    from .opening import opened, upright

    source = context.workspace.readable(path)
    wanted = form or form_of(source)
    with opened(source) as image:
        made = change(upright(image))
        made.info.update({key: image.info[key] for key in ("icc_profile", "transparency") if key in image.info})
        stem = name or "-".join(filter(None, (source.stem, ending)))
        target: Path = context.workspace.output(f"images/{stem}.{SUFFIXES.get(wanted, wanted)}")
        try:
            save(made, target, wanted, quality=quality, background=background)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    context.artifact(target, f"image/{'x-icon' if wanted == 'ico' else wanted}")
    wide, high = made.size if wanted != "ico" else (min(256, made.width), min(256, made.height))
    return {"path": str(target), "format": wanted, "width": wide, "height": high, "bytes": target.stat().st_size}


def _size(now: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    return width or max(1, round(now[0] * height / now[1])), height or max(1, round(now[1] * width / now[0]))


def _resized(image: Image, size: tuple[int, int], fit: str, *, enlarge: bool) -> Image:
    from PIL import Image as Images
    from PIL import ImageOps

    if image.mode in ("P", "1"):
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    match fit:
        case "cover":
            if not enlarge:
                share = min(1.0, image.width / size[0], image.height / size[1])
                size = max(1, int(size[0] * share)), max(1, int(size[1] * share))
            return ImageOps.fit(image, size, Images.Resampling.LANCZOS)
        case "stretch":
            return image.resize(size, Images.Resampling.LANCZOS)
        case _:
            return ImageOps.contain(image, size, Images.Resampling.LANCZOS)


def _text(value: Any) -> str:
    return " ".join(str(value).replace("\x00", " ").split())[:200] if isinstance(value, str) else ""
