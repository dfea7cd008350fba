from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from planloom.agents.tool import ToolContext
from planloom.agents.tools import images
from planloom.agents.workspace import Workspace
from planloom.errors import ToolError


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    return ToolContext(workspace=Workspace(tmp_path, tmp_path / "out"))


def _photo(path: Path, size: tuple[int, int] = (400, 300), *, orientation: int = 1) -> Path:
    notes = Image.Exif()
    notes[0x0112] = orientation
    notes[0x010F], notes[0x0110] = "Maker", "One\x00"
    notes.get_ifd(0x8769)[0x9003] = "2025:01:02 03:04:05"
    notes.get_ifd(0x8825)[1] = "N"
    Image.linear_gradient("L").resize(size).convert("RGB").save(path, exif=notes, dpi=(300, 300))
    return path


def test_info_tells_what_a_photo_is(context: ToolContext, tmp_path: Path) -> None:
    _photo(tmp_path / "a.jpg", orientation=6)
    told = images.info("a.jpg", context)
    images.info.checked(told)
    assert (told["format"], told["width"], told["height"], told["dpi"]) == ("jpeg", 300, 400, 300)
    assert (told["taken"], told["camera"], told["has_place"]) == ("2025:01:02 03:04:05", "Maker One", True)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"width": 100}, (100, 75)),
        ({"height": 30}, (40, 30)),
        ({"width": 100, "height": 100}, (100, 75)),
        ({"width": 100, "height": 100, "fit": "cover"}, (100, 100)),
        ({"width": 100, "height": 100, "fit": "stretch"}, (100, 100)),
        ({"width": 800}, (400, 300)),
        ({"width": 800, "enlarge": True}, (800, 600)),
        ({"width": 800, "height": 800, "fit": "cover"}, (300, 300)),
    ],
)
def test_resized_picture_has_the_size_asked_for(context: ToolContext, tmp_path: Path, options: Any, size: Any) -> None:
    before = _photo(tmp_path / "a.jpg").read_bytes()
    made = images.resize("a.jpg", context, **options)
    with Image.open(made["path"]) as found:
        assert found.size == (made["width"], made["height"]) == size
        assert found.format == "JPEG" and not found.getexif()
    assert (tmp_path / "a.jpg").read_bytes() == before


@pytest.mark.parametrize("form", ["png", "jpeg", "webp", "gif", "bmp", "tiff", "ico"])
@pytest.mark.parametrize("mode", ["RGBA", "P", "1", "CMYK", "I;16", "L", "LA", "F"])
def test_every_mode_becomes_every_format(context: ToolContext, tmp_path: Path, form: Any, mode: str) -> None:
    source = Image.new("RGBA", (40, 20), (200, 30, 30, 0))
    made = Image.new(mode, (40, 20)) if mode in ("I;16", "F") else source.convert(mode)
    path = tmp_path / ("a.tif" if mode in ("CMYK", "F", "I;16") else "a.png")
    made.save(path)
    done = images.convert(path.name, form, context, background="#00ff00")
    with Image.open(done["path"]) as found:
        found.load()
        assert found.format == form.upper() and found.size == (40, 20)
        if form == "jpeg" and mode in ("RGBA", "LA"):
            assert found.convert("RGB").getpixel((5, 5))[1] > 240  # type: ignore[index]
    assert Path(done["path"]).suffix.lstrip(".") == {"jpeg": "jpg", "tiff": "tif"}.get(form, form)


def test_converted_photo_is_upright_and_says_nothing_of_its_place(context: ToolContext, tmp_path: Path) -> None:
    _photo(tmp_path / "a.jpg", orientation=6)
    made = images.convert("a.jpg", "jpeg", context)
    told = images.info(made["path"], context)
    assert (told["width"], told["height"], told["camera"], told["has_place"]) == (300, 400, "", False)


def test_part_is_cut_out_and_turned(context: ToolContext, tmp_path: Path) -> None:
    image = Image.new("RGB", (10, 10), "white")
    image.putpixel((2, 3), (255, 0, 0))
    image.save(tmp_path / "a.png")
    made = images.crop("a.png", context, left=2, top=3, width=4, height=2, turn=90)
    with Image.open(made["path"]) as found:
        assert found.size == (2, 4) and found.getpixel((1, 0)) == (255, 0, 0)
    with pytest.raises(ToolError, match="inside 10 x 10"):
        images.crop("a.png", context, left=8, width=4, height=2)


def test_overview_shows_all_that_open_and_names_the_others(context: ToolContext, tmp_path: Path) -> None:
    for number in range(5):
        _photo(tmp_path / f"{number}-{'long name ' * number}.jpg")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    paths = [*sorted(path.name for path in tmp_path.glob("*.jpg")), "broken.png", "gone.png"]
    made = images.thumbnails(paths, context, side=100)
    assert (made["count"], len(made["failed"])) == (5, 2)
    with Image.open(made["path"]) as found:
        assert found.size == (made["width"], made["height"]) == (3 * 116 + 16, 2 * 142 + 16)
        assert len(set(found.convert("L").tobytes())) > 20
    with pytest.raises(ToolError, match="none that opens"):
        images.thumbnails(["broken.png"], context)


def _png(wide: int, high: int) -> bytes:
    """A PNG that says it is large and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(50_000, 50_000), (2**31 - 1, 1), (12_000, 9_000)])
def test_bomb_is_refused_before_it_is_unpacked(context: ToolContext, tmp_path: Path, size: Any) -> None:
    (tmp_path / "bomb.png").write_bytes(_png(*size))
    for call in (
        lambda: images.info("bomb.png", context),
        lambda: images.resize("bomb.png", context, width=10),
        lambda: images.convert("bomb.png", "jpeg", context),
    ):
        with pytest.raises(ToolError, match="pixels"):
            call()
    assert not list(tmp_path.rglob("out/**/*.*"))


def test_what_is_no_picture_or_half_of_one_is_told(context: ToolContext, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((300, 300), 50).save(buffer, "PNG")
    files = {
        "text.png": b"no picture",
        "half.png": buffer.getvalue()[:20_000],
        "page.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n",
        "empty.jpg": b"",
        "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ToolError, match=r"expected a (whole )?picture"):
            images.convert(name, "jpeg", context)
    with pytest.raises(ToolError, match="a colour"):
        Image.new("RGBA", (4, 4)).save(tmp_path / "clear.png")
        images.convert("clear.png", "jpeg", context, background="nocolour")
    with pytest.raises(ToolError, match="width or a height"):
        images.resize("clear.png", context)
    assert not list(tmp_path.rglob("out/**/*.*"))
