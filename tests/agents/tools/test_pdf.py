from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pypdf import PdfReader, PdfWriter
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from planloom.agents.tool import ToolContext
from planloom.agents.tools import pdf
from planloom.agents.tools.pdf.opening import chosen
from planloom.agents.workspace import Workspace
from planloom.errors import ToolError


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    return ToolContext(workspace=Workspace(tmp_path, tmp_path / "out"))


def _file(path: Path, pages: int, word: str = "page", *, picture: Image.Image | None = None) -> Path:
    canvas = Canvas(str(path), pagesize=(595.3, 841.9))
    canvas.setTitle("A title")
    canvas.setAuthor("Someone")
    for number in range(1, pages + 1):
        if number != 3:
            canvas.drawString(72, 700, f"{word} {number}")
        if picture is not None:
            canvas.drawImage(ImageReader(picture), 72, 300, 100, 100)
        canvas.bookmarkPage(f"p{number}")
        canvas.addOutlineEntry(f"Part {number}", f"p{number}", 0)
        canvas.showPage()
    canvas.save()
    return path


def _words(path: str) -> list[str]:
    return [page.extract_text().strip() for page in PdfReader(path).pages]


def test_info_and_text_tell_what_is_in_it(context: ToolContext, tmp_path: Path) -> None:
    _file(tmp_path / "a.pdf", 4)
    told = pdf.info("a.pdf", context)
    pdf.info.checked(told)
    assert (told["pages"], told["width"], told["height"]) == (4, 210.0, 297.0)
    assert (told["title"], told["author"], told["encrypted"]) == ("A title", "Someone", False)
    assert told["outline"] == ["Part 1", "Part 2", "Part 3", "Part 4"]
    found = pdf.text("a.pdf", context, pages="2-")
    assert found == {
        "pages": [{"page": 2, "text": "page 2"}, {"page": 4, "text": "page 4"}], "cut": False, "empty": [3],
    }  # fmt: skip
    assert pdf.text("a.pdf", context, max_chars=8) == {
        "pages": [{"page": 1, "text": "page 1"}, {"page": 2, "text": "pa"}], "cut": True, "empty": [],
    }  # fmt: skip


def test_merged_split_and_taken_out_pages_are_the_same_pages(context: ToolContext, tmp_path: Path) -> None:
    before = _file(tmp_path / "a.pdf", 2, "first").read_bytes()
    _file(tmp_path / "b.pdf", 5, "second")
    made = pdf.merge(["a.pdf", "b.pdf", "a.pdf"], context, name="all")
    assert made["pages"] == 9
    assert _words(made["path"])[:4] == ["first 1", "first 2", "second 1", "second 2"]
    assert pdf.info(made["path"], context)["outline"] == ["a", "b", "a"]
    some = pdf.extract(made["path"], "4, 1-2", context, turn=90)
    assert _words(some["path"]) == ["second 2", "first 1", "first 2"]
    assert [page.rotation for page in PdfReader(some["path"]).pages] == [90, 90, 90]
    parts = pdf.split(made["path"], context, every=4)
    assert parts["pages"] == [4, 4, 1] and _words(parts["paths"][2]) == ["first 2"]
    ranges = pdf.split("b.pdf", context, ranges=["1-2", "4-"])
    assert [_words(path) for path in ranges["paths"]] == [["second 1", "second 2"], ["second 4", "second 5"]]
    assert (tmp_path / "a.pdf").read_bytes() == before


@pytest.mark.parametrize(("pages", "numbers"), [("", [0, 1, 2]), ("2", [1]), ("2-", [1, 2]), ("3,1-2", [2, 0, 1])])
def test_pages_are_named_as_people_write_them(pages: str, numbers: list[int]) -> None:
    assert chosen(pages, 3) == numbers


@pytest.mark.parametrize("pages", ["0", "4", "2-1", "a", "1;2", "-1", "1-9", ","])
def test_pages_that_are_not_there_are_told(context: ToolContext, tmp_path: Path, pages: str) -> None:
    _file(tmp_path / "a.pdf", 3)
    with pytest.raises(ToolError, match="expected pages"):
        pdf.extract("a.pdf", pages, context)
    assert not list(tmp_path.rglob("out/**/*.pdf"))


def test_pictures_are_taken_out(context: ToolContext, tmp_path: Path) -> None:
    jpeg = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((90, 60)).save(jpeg, "JPEG")
    _file(tmp_path / "a.pdf", 2, picture=Image.open(jpeg))
    _file(tmp_path / "b.pdf", 1, picture=Image.new("RGB", (4, 4)))
    made = pdf.pictures("a.pdf", context)
    assert [(p["page"], p["width"], p["height"]) for p in made["pictures"]] == [(1, 90, 60), (2, 90, 60)]
    with Image.open(made["pictures"][0]["path"]) as found:
        assert found.size == (90, 60)
    assert pdf.pictures("a.pdf", context, limit=1)["failed"] == ["only the first 1 pictures were taken out"]
    assert pdf.pictures("b.pdf", context) == {"pictures": [], "failed": []}


def test_picture_that_says_it_is_huge_is_not_unpacked(context: ToolContext, tmp_path: Path) -> None:
    _file(tmp_path / "a.pdf", 1, picture=Image.new("RGB", (40, 40)))
    writer = PdfWriter(clone_from=tmp_path / "a.pdf")
    place: Any = writer.pages[0]["/Resources"]["/XObject"]  # type: ignore[index]
    for picture in place.values():
        picture.get_object().update({k: type(picture.get_object()["/Width"])(60_000) for k in ("/Width", "/Height")})
    writer.write(tmp_path / "bomb.pdf")
    made = pdf.pictures("bomb.pdf", context)
    assert made["pictures"] == [] and "60,000 x 60,000" in made["failed"][0]


def test_passwords_and_damage_are_told(context: ToolContext, tmp_path: Path) -> None:
    whole = _file(tmp_path / "a.pdf", 3).read_bytes()
    for name, password in (("open.pdf", ""), ("closed.pdf", "hunter22")):
        writer = PdfWriter(clone_from=tmp_path / "a.pdf")
        writer.encrypt(password, "owner", algorithm="AES-256")
        writer.write(tmp_path / name)
    assert pdf.text("open.pdf", context, pages="1")["pages"][0]["text"] == "page 1"
    with pytest.raises(ToolError, match="without a password"):
        pdf.info("closed.pdf", context)
    broken = {"no.pdf": b"text", "empty.pdf": b"", "half.pdf": whole[:200], "zero.pdf": b"%PDF-1.7\n%%EOF"}
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        for call in (pdf.info, pdf.text, pdf.split, pdf.pictures):
            with pytest.raises(ToolError, match=f"whole PDF file, got '{name}'"):
                call(name, context)
        with pytest.raises(ToolError, match="whole PDF"):
            pdf.merge(["a.pdf", name], context)
    with pytest.raises(ToolError, match="no file"):
        pdf.info(".", context)
    assert not list(tmp_path.rglob("out/**/*.pdf"))


def test_pages_that_go_in_circles_end(context: ToolContext, tmp_path: Path) -> None:
    (tmp_path / "loop.pdf").write_bytes(
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Count 2/Kids[2 0 R 2 0 R]>>endobj\n"
        b"xref\n0 3\n0000000000 65535 f \n0000000009 00000 n \n0000000055 00000 n \n"
        b"trailer<</Size 3/Root 1 0 R>>\nstartxref\n125\n%%EOF"
    )
    with pytest.raises(ToolError):
        pdf.text("loop.pdf", context)


def test_too_many_parts_are_refused_before_one_is_written(context: ToolContext, tmp_path: Path) -> None:
    writer = PdfWriter()
    for _ in range(1001):
        writer.add_blank_page(10, 10)
    writer.write(tmp_path / "many.pdf")
    with pytest.raises(ToolError, match="raise `every`"):
        pdf.split("many.pdf", context)
    assert len(pdf.split("many.pdf", context, every=500)["paths"]) == 3
