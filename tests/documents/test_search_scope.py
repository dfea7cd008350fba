"""Conditions on files: read as written, wrong ones named, and applied before the best are chosen."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import pytest
from tests.documents import files

from planloom.config import Config
from planloom.documents.library import Library
from planloom.documents.search.scope import scope
from planloom.errors import UsageError
from planloom.models.embeddings.lexical import LexicalEmbedder

ENGLISH = "The harbour fee is paid by the captain at the office, and it is the same for all of the boats."
GERMAN = "Die Hafengebühr zahlt der Kapitän im Büro, und sie ist für alle Boote gleich hoch, wie es im Gesetz steht."


def day(text: str) -> float:
    return time.mktime(time.strptime(text, "%Y-%m-%d"))


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scope")


@pytest.fixture(scope="module")
def folder(state: Path) -> Path:
    import docx

    made = state / "files"
    (made / "offers" / "2024").mkdir(parents=True)
    (made / "old").mkdir()
    for number in range(30):
        (made / f"fee-{number:02}.txt").write_text(f"{ENGLISH} Number {number} of the harbour fee: harbour fee.")
    (made / "offers" / "2024" / "Angebot.md").write_text(f"---\ntitle: Angebot\nauthor: Ines Duarte\n---\n{GERMAN}")
    document = docx.Document()
    document.core_properties.author, document.core_properties.title = "Rui Pinto", "Fees of the harbour"
    document.add_paragraph(ENGLISH)
    document.save(str(made / "offers" / "fees.docx"))
    files.pdf(made / "old" / "fee.pdf", ["The harbour fee of the pier was lower in former years, as everyone knows."])
    (made / "page.html").write_text(f'<html lang="en"><meta name="author" content="Ana Reis"><p>{ENGLISH}</p></html>')
    dates = {"old/fee.pdf": "2019-05-31", "offers/fees.docx": "2025-03-14", "offers/2024/Angebot.md": "2025-04-01"}
    for name, date in dates.items():
        os.utime(made / name, (day(date) + 3600, day(date) + 3600))
    return made


@pytest.fixture
async def index(state: Path, folder: Path):
    async with Library(Config(), LexicalEmbedder(), state / "index") as made:
        await made.index([folder])
        yield made


@pytest.mark.parametrize(
    ("where", "names"),
    [
        (["kind=pdf"], {"fee.pdf"}),
        (["kind=docx, markdown"], {"fees.docx", "Angebot.md"}),
        (["ext=.DOCX,pdf"], {"fees.docx", "fee.pdf"}),
        (["kind!=text", "kind!=html"], {"fee.pdf", "fees.docx", "Angebot.md"}),
        (["folder=Offers"], {"fees.docx", "Angebot.md"}),
        (["folder=offers/2024"], {"Angebot.md"}),
        (["modified>=2025-01-01", "kind!=text", "kind!=html"], {"fees.docx", "Angebot.md"}),
        (["modified=2025-03"], {"fees.docx"}),
        (["modified=2025-03-14"], {"fees.docx"}),
        (["modified<2025-03-14"], {"fee.pdf"}),
        (["modified<=2025-03-14"], {"fee.pdf", "fees.docx"}),
        (["modified>2025-03-14", "modified<2025-05"], {"Angebot.md"}),
        (["modified=2019"], {"fee.pdf"}),
        (["language=de"], {"Angebot.md"}),
        (["language=German"], {"Angebot.md"}),
        (["author~duarte"], {"Angebot.md"}),
        (["author=RUI PINTO"], {"fees.docx"}),
        (["title~fees of"], {"fees.docx"}),
        (["name~ANGEBOT"], {"Angebot.md"}),
        (["size>10kb"], {"fees.docx"}),
        (["author=nobody"], set()),
    ],
)
async def test_only_files_that_fit_are_found(index, where, names):
    found = await index.search("harbour fee Hafengebühr", count=5, where=where)
    assert {Path(hit.path).name for hit in found.hits} == names


async def test_the_best_of_those_that_fit_are_found_however_many_others_fit_better(index):
    without = await index.search("harbour fee", count=5)
    assert not any(hit.path.endswith(".pdf") for hit in without.hits)
    (hit,) = (await index.search("harbour fee", count=5, where=["kind=pdf"])).hits
    assert hit.by == ("words", "vectors")
    assert (hit.to_dict()["kind"], hit.to_dict()["modified"][:10]) == ("pdf", "2019-05-31")


async def test_a_folder_and_conditions_hold_together(index, folder):
    found = await index.search("harbour fee", under=folder / "offers", where=["kind=word"])
    assert [Path(hit.path).name for hit in found.hits] == ["fees.docx"]
    assert (await index.search("harbour fee", under=folder / "old", where=["kind=word"])).hits == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("pdf", "expected a condition such as"),
        ("kind=", "expected a condition such as"),
        ("knd=pdf", "did you mean 'kind'"),
        ("kind=spreadsheet", "one of pdf, word"),
        ("kind~pdf", "expected kind ="),
        ("language=klingon", "expected language ="),
        ("author>a", "expected = or ~"),
        ("modified>=soon", "expected a date such as"),
        ("modified=2025-02-30", "expected a date such as"),
        ("modified=9999", "expected a date such as"),
        ("modified~2025", "expected =, !=, <"),
        ("size>many", "expected a size such as"),
        ("folder>x", "expected folder=NAME"),
    ],
)
def test_a_wrong_condition_says_what_there_is(text, told):
    with pytest.raises(UsageError, match=told):
        scope("", [text])


async def test_quotes_and_signs_of_sql_are_only_text(index):
    for text in ("name~' OR 1=1 --", 'author=") OR (1=1', "folder=%", "title~_"):
        assert (await index.search("harbour fee", where=[text])).hits == []


async def test_an_index_of_the_version_before_goes_on_and_keeps_its_vectors(tmp_path, folder):
    state = tmp_path / "index"
    async with Library(Config(), LexicalEmbedder(), state) as made:
        before = await made.index([folder])
    with sqlite3.connect(state / "documents.sqlite") as base:
        for column in ("name", "ext", "author", "language", "modified"):
            base.execute(f"ALTER TABLE files DROP COLUMN {column}")
        base.execute("PRAGMA user_version = 1")
    base.close()
    async with Library(Config(), LexicalEmbedder(), state) as made:
        assert (await made.search("harbour fee")).hits
        again = await made.index()
        assert (again.changed, again.embedded, again.chunks) == (before.files, 0, before.chunks)
        assert len((await made.search("harbour fee", where=["kind=pdf", "modified=2019"])).hits) == 1
