"""Files of every kind become passages with their places."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.documents import files

from planloom.documents.blocks import Block
from planloom.documents.kinds import kind_of
from planloom.documents.parsing.formats import parse
from planloom.documents.passages import Passage, passages
from planloom.documents.places import Place, place_from
from planloom.errors import ToolError


def read(path: Path, limit: int = 1200) -> list[Passage]:
    return list(passages(parse(path.name, path.read_bytes()).blocks, limit=limit))


def where(found: list[Passage], words: str) -> str:
    """The place of the only passage with these words."""
    (hit,) = [passage for passage in found if words in " ".join(passage.text.split())]
    return str(hit.place)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return files.everything(tmp_path_factory.mktemp("documents"))


@pytest.mark.parametrize(
    ("name", "words", "place"),
    [
        ("rules.md", "14 euros a night", "lines 4-10 (Harbour rules)"),
        ("hours.html", "closed for cleaning", "lines 3-6 (Opening hours)"),
        ("payroll.py", "hours - 40", "lines 4-8 (Payroll)"),
        ("boats.csv", "Rui Pinto", "lines 2-3"),
        ("letter.txt", "new pump", "lines 1-3"),
        ("lease.docx", "three months' notice", "paragraphs 1-4 (Lease)"),
        ("talk.pptx", "second shop opens", "slide 2 (What comes next)"),
        ("costs.xlsx", "January", "sheet Costs, rows 2-3"),
        ("costs.xlsx", "captain of the ferry", "sheet People, row 2"),
    ],
)
def test_a_passage_says_where_it_stands(folder: Path, name: str, words: str, place: str) -> None:
    assert where(read(folder / name), words).startswith(place)


def test_each_page_of_a_long_pdf_is_cited_by_its_number(tmp_path: Path) -> None:
    lines = [f"Chapter {number} tells of the harbour. " + "It is long. " * 5 for number in range(1, 6)]
    path = files.pdf(tmp_path / "long.pdf", lines)
    found = read(path, limit=200)
    assert where(found, "Chapter 4 tells") == "page 4"


def test_rows_name_their_columns_and_every_passage_begins_with_them(tmp_path: Path) -> None:
    rows = "\n".join(f"Boat {number},{number},Owner {number}" for number in range(200))
    (tmp_path / "boats.csv").write_text(f"Name,Length,Owner\n{rows}\n")
    found = read(tmp_path / "boats.csv", limit=500)
    assert len(found) > 10
    assert all(passage.text.startswith("Name, Length, Owner\n") for passage in found)
    assert "Name: Boat 7; Length: 7; Owner: Owner 7" in found[0].text
    assert found[-1].place.last == 201


def test_scripts_styles_and_navigation_are_no_text(folder: Path) -> None:
    text = " ".join(passage.text for passage in read(folder / "hours.html"))
    assert "nine to eight" in text
    assert "alert" not in text
    assert "red" not in text
    assert "Contact" not in text


def test_speaker_notes_and_titles_are_found(folder: Path) -> None:
    assert where(read(folder / "talk.pptx"), "Mention the lease") == "slide 2 (What comes next)"
    assert parse("talk.pptx", (folder / "talk.pptx").read_bytes()).kind == "slides"


def test_a_wrong_ending_does_not_mislead(folder: Path, tmp_path: Path) -> None:
    for name, wrong in (("manual.pdf", "a.txt"), ("lease.docx", "a.pdf"), ("costs.xlsx", "a.md")):
        (tmp_path / wrong).write_bytes((folder / name).read_bytes())
        assert read(tmp_path / wrong) == read(folder / name)
    assert kind_of("formats.md", b"A PDF begins with %PDF-1.7").kind == "markdown"
    assert kind_of("late.pdf", b"junk before\n%PDF-1.7").kind == "pdf"
    assert kind_of("x.xlsx", b"a,b\n1,2\n").reason.startswith("expected a .xlsx file, got something else")
    assert "binary" in kind_of("x.txt", b"\x89PNG\r\n\x1a\n\0\0").reason


@pytest.mark.parametrize("name", ["manual.pdf", "lease.docx", "talk.pptx", "costs.xlsx"])
@pytest.mark.parametrize("keep", [0.02, 0.5, 0.9, 0.999])
def test_a_cut_off_file_is_refused_or_read_never_a_crash(folder: Path, name: str, keep: float) -> None:
    data = (folder / name).read_bytes()
    try:
        parse(name, data[: int(len(data) * keep)])
    except ToolError as error:
        assert str(error)


def test_an_encrypted_file_says_so(tmp_path: Path) -> None:
    locked = files.pdf(tmp_path / "locked.pdf", ["secret"], password="open sesame")  # noqa: S106
    with pytest.raises(ToolError, match="encrypted"):
        parse(locked.name, locked.read_bytes())
    office = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500) + "EncryptedPackage".encode("utf-16-le") + bytes(500)
    with pytest.raises(ToolError, match="encrypted"):
        parse("plan.xlsx", office)
    with pytest.raises(ToolError, match="old binary"):
        parse("plan.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500))


def test_a_pdf_without_text_asks_for_text_recognition(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="OCR"):
        parse("scan.pdf", files.pdf(tmp_path / "scan.pdf", [""]).read_bytes())


def test_windows_text_and_utf_16_are_read() -> None:
    assert parse("a.txt", "größer\r\nals".encode("cp1252")).blocks[0].text == "größer\nals"
    assert parse("a.txt", "größer".encode("utf-16")).blocks[0].text == "größer"
    assert parse("a.txt", "größer".encode()[:-1]).blocks[0].text == "größe"


def test_deeply_nested_html_is_read() -> None:
    page = "<div>" * 5000 + "deep down" + "</div>" * 5000
    text = " ".join(block.text for block in parse("a.html", page.encode()).blocks)
    assert text == "" or "deep down" in text


blocks = st.lists(
    st.builds(
        Block,
        text=st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=900),
        place=st.builds(lambda n: Place(unit="line", first=n, last=n), st.integers(1, 500)),
        role=st.sampled_from(["heading", "text", "row", "code"]),
        level=st.integers(1, 4),
    ),
    max_size=20,
)


@given(blocks)
def test_no_character_is_lost_and_no_passage_is_too_long(given_blocks: list[Block]) -> None:
    found = list(passages(given_blocks, limit=200))
    assert all(0 < len(passage.text) <= 200 for passage in found)
    told = "".join("".join(block.text.split()) for block in given_blocks)
    assert "".join("".join(passage.text.split()) for passage in found) == told
    for passage in found:
        assert passage.place.first <= passage.place.last
        assert place_from(passage.place.to_dict()) == passage.place


def test_long_paragraphs_are_cut_behind_sentences_and_keep_their_lines() -> None:
    text = "\n".join(f"Sentence number {n} stands on its own line." for n in range(1, 31))
    found = list(passages([Block(text=text, place=Place(unit="line", first=101, last=130))], limit=200))
    assert all(passage.text.endswith("line.") for passage in found)
    assert str(found[1].place) == "lines 105-108"
    assert found[-1].place.last == 130
