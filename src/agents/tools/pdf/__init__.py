"""PDF: merge, split and take out pages, text and pictures. The file itself stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from ....errors import ToolError
from ...tool import ToolContext, tool
from .opening import MOST_PAGES, chosen, opened

if TYPE_CHECKING:
    from pypdf import PdfWriter

_MEDIA_TYPE = "application/pdf"
_MOST_PARTS = 1_000
_SMALLEST_SIDE = 16


class Info(TypedDict):
    """`width` and `height` of the first page in millimetres. `title` and `author` empty: it does not say."""

    path: str
    pages: int
    width: float
    height: float
    title: str
    author: str
    bytes: int
    encrypted: bool
    fields: list[str]
    outline: list[str]


class Page(TypedDict):
    """`page` counts from 1."""

    page: int
    text: str


class Texts(TypedDict):
    """`cut`: there is more text than `max_chars`. `empty` are pages without text, such as scanned ones."""

    pages: list[Page]
    cut: bool
    empty: list[int]


class Made(TypedDict):
    path: str
    pages: int
    bytes: int


class Parts(TypedDict):
    paths: list[str]
    pages: list[int]


class Picture(TypedDict):
    """`page` counts from 1; sizes in pixels."""

    path: str
    page: int
    width: int
    height: int


class Pictures(TypedDict):
    """`failed` are pictures that could not be taken out, with the reason."""

    pictures: list[Picture]
    failed: list[str]


@tool(effect="read", process=True, timeout_s=120)
def info(path: str, context: ToolContext) -> Info:
    """Tells a PDF's number of pages, paper size, title, author, form fields and headings."""
    source = context.workspace.readable(path)
    with opened(source) as reader:
        box = reader.pages[0].mediabox if reader.pages else None
        about = reader.metadata
        return {
            "path": str(source),
            "pages": len(reader.pages),
            "width": round(float(box.width) / 72 * 25.4, 1) if box else 0.0,
            "height": round(float(box.height) / 72 * 25.4, 1) if box else 0.0,
            "title": str(about.title or "") if about else "",
            "author": str(about.author or "") if about else "",
            "bytes": source.stat().st_size,
            "encrypted": reader.is_encrypted,
            "fields": sorted(reader.get_fields() or {})[:200],
            "outline": _headings(reader.outline)[:200],
        }


@tool(effect="read", process=True, timeout_s=300)
def text(path: str, context: ToolContext, pages: str = "", max_chars: Annotated[int, Field(ge=1)] = 200_000) -> Texts:
    """Returns the text of a PDF's pages, such as `1-3, 7, 9-`; all if none are named."""
    made: list[Page] = []
    empty: list[int] = []
    left, cut = max_chars, False
    with opened(context.workspace.readable(path)) as reader:
        for number in chosen(pages, len(reader.pages)):
            found = reader.pages[number].extract_text().encode("utf-8", "replace").decode("utf-8").strip()
            if not found:
                empty.append(number + 1)
                continue
            cut = len(found) > left
            made.append({"page": number + 1, "text": found[:left]})
            left -= len(found)
            if left <= 0:
                cut = cut or number + 1 < len(reader.pages)
                break
    return {"pages": made, "cut": cut, "empty": empty}


@tool(effect="read", process=True, timeout_s=600)
def merge(
    paths: Annotated[list[str], Field(min_length=1, max_length=1000)], context: ToolContext, *, name: str = "merged"
) -> Made:
    """Puts PDF files one after another into a new one; each gets a heading with its name."""
    from pypdf import PdfWriter

    writer = PdfWriter()
    for number, path in enumerate(paths):
        source = context.workspace.readable(path)
        context.progress(number, len(paths), source.name)
        with opened(source) as reader:
            first = len(writer.pages)
            writer.append(reader, import_outline=False)
            writer.add_outline_item(title=source.stem, page_number=first)
        if len(writer.pages) > MOST_PAGES:
            raise ToolError(f"expected at most {MOST_PAGES:,} pages, got more")
    return _saved(writer, name, context)


@tool(effect="read", process=True, timeout_s=300)
def extract(path: str, pages: str, context: ToolContext, *, turn: Literal[0, 90, 180, 270] = 0, name: str = "") -> Made:
    """Makes a new PDF of some pages, such as `1-3, 7, 9-`, in this order, turned clockwise by `turn` degrees."""
    source = context.workspace.readable(path)
    with opened(source) as reader:
        writer = _writer_of(reader, chosen(pages, len(reader.pages)), turn)
        return _saved(writer, name or f"{source.stem}-pages", context)


@tool(effect="read", process=True, timeout_s=600)
def split(
    path: str, context: ToolContext, *, every: Annotated[int, Field(ge=1)] = 1, ranges: list[str] | None = None
) -> Parts:
    """Cuts a PDF into several: one for every `every` pages, or one for each of `ranges` such as `1-3` and `4-`."""
    source = context.workspace.readable(path)
    made: list[Made] = []
    with opened(source) as reader:
        count = len(reader.pages)
        groups = (
            [chosen(part, count) for part in ranges]
            if ranges
            else [list(range(start, min(start + every, count))) for start in range(0, count, every)]
        )
        if not 1 <= len(groups) <= _MOST_PARTS:
            raise ToolError(f"expected 1 to {_MOST_PARTS:,} parts, got {len(groups):,}; raise `every`")
        try:
            for number, group in enumerate(groups, 1):
                context.progress(number, len(groups))
                made.append(_saved(_writer_of(reader, group, 0), f"{source.stem}-{number:03d}", context))
        except BaseException:
            for one in made:
                Path(one["path"]).unlink(missing_ok=True)
            raise
    return {"paths": [one["path"] for one in made], "pages": [one["pages"] for one in made]}


@tool(effect="read", process=True, timeout_s=600)
def pictures(
    path: str, context: ToolContext, pages: str = "", limit: Annotated[int, Field(ge=1, le=1000)] = 200
) -> Pictures:
    """Takes the pictures out of a PDF's pages as files; tiny ones, which are lines and dots, are left out."""
    source = context.workspace.readable(path)
    made: list[Picture] = []
    failed: list[str] = []
    with opened(source) as reader:
        for number in chosen(pages, len(reader.pages)):
            context.progress(number, len(reader.pages))
            for key in reader.pages[number].images.keys():  # noqa: SIM118  # iterating would unpack them
                if len(made) >= limit:
                    failed.append(f"only the first {limit} pictures were taken out")
                    return {"pictures": made, "failed": failed}
                try:
                    found = _picture(reader.pages[number], key, f"{source.stem}-{number + 1}", context)
                except Exception as error:  # noqa: BLE001  # one odd picture does not stop the others
                    failed.append(f"page {number + 1}: {str(error)[:200] or type(error).__name__}")
                    continue
                if found is not None:
                    made.append({**found, "page": number + 1})
    return {"pictures": made, "failed": failed}


def _picture(page: Any, key: Any, name: str, context: ToolContext) -> Picture | None:
    from ..images.opening import MOST_PIXELS

    _check_size(page, key, MOST_PIXELS)
    file = page.images[key]
    image = file.image
    if image is None or min(image.size) < _SMALLEST_SIDE:
        return None
    suffix = "jpg" if file.name.lower().endswith((".jpg", ".jpeg")) else "png"
    target = context.workspace.output(f"pictures/{name}.{suffix}")
    try:
        if suffix == "jpg":
            target.write_bytes(file.data)
        else:
            (image if image.mode in ("RGB", "RGBA", "L", "1", "P") else image.convert("RGB")).save(target, "PNG")
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    context.artifact(target, f"image/{'jpeg' if suffix == 'jpg' else 'png'}")
    return {"path": str(target), "page": 0, "width": image.width, "height": image.height}


def _check_size(page: Any, key: Any, most: int) -> None:
    """Judges a picture by what it says of its size, before it is unpacked."""
    place = page["/Resources"]["/XObject"]
    for part in key if isinstance(key, list) else [key]:
        if isinstance(part, str) and part in place:
            found = place[part]
            if (wide := int(found.get("/Width", 0))) * (high := int(found.get("/Height", 0))) > most:
                raise ToolError(f"expected a picture of at most {most:,} pixels, got {wide:,} x {high:,}")
            place = found.get("/Resources", {}).get("/XObject", {})


def _writer_of(reader: Any, numbers: list[int], turn: int) -> PdfWriter:
    from pypdf import PdfWriter

    writer = PdfWriter()
    for number in numbers:
        page = writer.add_page(reader.pages[number])
        if turn:
            page.rotate(turn)
    return writer


def _saved(writer: PdfWriter, name: str, context: ToolContext) -> Made:
    target = context.workspace.output(f"{name}.pdf")
    try:
        with target.open("wb") as file:
            writer.write(file)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    context.artifact(target, _MEDIA_TYPE)
    return {"path": str(target), "pages": len(writer.pages), "bytes": target.stat().st_size}


def _headings(outline: Any, depth: int = 0) -> list[str]:
    made: list[str] = []
    for item in outline:
        if isinstance(item, list):
            made += _headings(item, depth + 1) if depth < 10 else []
        else:
            made.append(str(item.title)[:200])
    return made
