"""A folder is indexed, followed, searched and forgotten, through real processes and a real index."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest
from tests.documents import files

from planloom.config import Config, Documents
from planloom.documents.index.lock import locked
from planloom.documents.library import Library, library
from planloom.errors import SearchIndexError, UsageError


def opened(state: Path, **settings: object) -> Library:
    return library(Config(documents=Documents(**settings)), None, state)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return files.everything(tmp_path / "files")


def write(path: Path, text: str) -> None:
    """Writes a file that looks old, so that its date can be trusted."""
    path.write_text(text, encoding="utf-8")
    old = path.stat().st_mtime - 100 - len(text)
    os.utime(path, (old, old))


async def test_mixed_files_are_found_with_path_place_and_score(folder: Path, tmp_path: Path) -> None:
    async with opened(tmp_path / "state") as index:
        report = await index.index([folder])
        assert (report.files, report.added, list(report.failed)) == (9, 9, [])
        assert report.chunks == report.embedded == 16
        for question, name, place in (
            ("What does a mooring cost in winter?", "rules.md", "lines 4-10"),
            ("When is the pool closed?", "hours.html", "lines 3-6"),
            ("how many months notice in writing", "lease.docx", "paragraphs 1-4"),
            ("alarm when the bilge is full", "manual.pdf", "page 2"),
            ("where will the second shop be", "talk.pptx", "slide 2"),
            ("who is the captain of the ferry", "costs.xlsx", "sheet People, row 2"),
            ("owner of the Albatroz", "boats.csv", "lines 2-3"),
            ("overtime hours", "payroll.py", "lines 4-8"),
        ):
            best = (await index.search(question)).hits[0]
            assert (Path(best.path).name, str(best.place).startswith(place)) == (name, True), question
            assert 0 < best.score <= 1
            assert best.by == ("words", "vectors")
        assert {Path(hit.path).name for hit in (await index.search("the flat, the ferry", under=folder)).hits} >= {
            "lease.docx",
            "costs.xlsx",
        }
        assert {hit.path for hit in (await index.search("the flat, the ferry", under=folder / "lease.docx")).hits} == {
            str(folder / "lease.docx")
        }
        assert (await index.search("zzzz qqqq xxxx")).hits == []
        assert (await index.search("...")).hits == []


async def test_what_a_passage_says_counts_more_than_the_heading_it_stands_under(folder: Path, tmp_path: Path) -> None:
    async with opened(tmp_path / "state") as index:
        await index.index([folder])
        assert "three months" in (await index.search("notice period lease")).hits[0].text  # not the rooms, below Notice


async def test_only_what_changed_is_read_again_and_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(20):
        write(folder / f"note{number}.txt", f"Note {number} is about the number {number * 17}.")
    async with opened(tmp_path / "state") as index:
        first = await index.index([folder])
        assert (first.added, first.embedded) == (20, 20)
        again = await index.index()
        assert (again.unchanged, again.added, again.changed, again.embedded) == (20, 0, 0, 0)
        write(folder / "note3.txt", "Note 3 tells of walruses now, and of nothing else.")
        (folder / "note4.txt").unlink()
        write(folder / "new.txt", "Narwhals have one long tooth.")
        shutil.copy2(folder / "note5.txt", folder / "copy.txt")
        os.utime(folder / "note6.txt")  # a new date, the same content
        third = await index.index([folder])
        assert (third.added, third.changed, third.removed, third.unchanged) == (2, 1, 1, 17 + 1)
        assert (await index.search("walruses")).hits[0].path.endswith("note3.txt")
        assert (await index.search("narwhals")).hits[0].path.endswith("new.txt")
        assert not any(hit.path.endswith("note4.txt") for hit in (await index.search("number 68", count=50)).hits)
        assert third.files == 21


async def test_unchanged_passages_of_a_changed_file_keep_their_vectors(tmp_path: Path) -> None:
    parts = [f"## Part {n}\n\n" + f"Part {n} tells of {n * 31}. " * 20 for n in range(10)]
    write(tmp_path / "long.md", "\n\n".join(parts))
    async with opened(tmp_path / "state") as index:
        first = await index.index([tmp_path / "long.md"])
        parts[4] = "## Part 4\n\n" + "Part 4 tells of cormorants. " * 20
        write(tmp_path / "long.md", "\n\n".join(parts))
        second = await index.index()
        assert first.embedded == 10
        assert (second.changed, second.embedded) == (1, 1)
        assert str((await index.search("cormorants")).hits[0].place) == "lines 17-19 (Part 4)"


async def test_broken_files_are_named_and_do_not_stop_the_others(folder: Path, tmp_path: Path) -> None:
    files.pdf(folder / "locked.pdf", ["secret"], password="x")  # noqa: S106
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\n" + bytes(1000))
    (folder / "fake.docx").write_bytes(b"not a document")
    (folder / "empty.txt").write_text("")
    (folder / "noise.txt").write_bytes(bytes(range(256)) * 10)
    with (folder / "huge.txt").open("wb") as huge:
        huge.truncate(2**30)
    os.mkfifo(folder / "pipe.txt")
    (folder / "loop").symlink_to(folder)
    (folder / "dangling.txt").symlink_to(folder / "nowhere")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    async with opened(tmp_path / "state") as index:
        report = await index.index([folder])
        told = {Path(one.path).name: one.reason for one in report.failed}
        assert report.files == 9
        assert "encrypted" in told["locked.pdf"]
        assert "damaged" in told["broken.pdf"]
        assert "expected a .docx" in told["fake.docx"]
        assert told["empty.txt"] == "it is empty"
        assert "binary" in told["noise.txt"]
        assert "max_file_bytes" in told["huge.txt"]
        assert set(told) == {"locked.pdf", "broken.pdf", "fake.docx", "empty.txt", "noise.txt", "huge.txt"}
        status = await index.status()
        assert {Path(one.path).name for one in status.failed} == set(told)
        (folder / "fake.docx").unlink()
        files.word(folder / "fake.docx")
        assert "fake.docx" not in {Path(one.path).name for one in (await index.index()).failed}


async def test_a_parser_that_hangs_or_eats_memory_costs_its_file_alone(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    files.bomb(folder / "bomb.docx", 300 * 2**20)
    (folder / "good.txt").write_text("Good text about otters.")
    async with opened(tmp_path / "state", parse_memory_bytes=250 * 2**20, processes=1) as index:
        report = await index.index([folder])
        assert [Path(one.path).name for one in report.failed] == ["bomb.docx"]
        assert (await index.search("otters")).hits
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    async with opened(tmp_path / "state2", parse_timeout_s=0.3, processes=1) as index:
        with pytest.raises(Exception, match=r"longer than 0\.3 s"):
            await index.read(pipe)
        assert (await index.read(folder / "good.txt")).passages[0].text == "Good text about otters."


async def test_forgotten_files_leave_nothing_on_disk(folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with opened(state) as index:
        await index.index([folder])
        assert await index.forget([folder / "lease.docx"]) == 1
        assert await index.forget([folder / "lease.docx"]) == 0
        assert not any(hit.path.endswith("lease.docx") for hit in (await index.search("notice lease", count=50)).hits)
    left = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())
    assert b"three months" not in left
    assert b"mooring costs" in left


@pytest.mark.parametrize("harm", ["manifest", "vectors", "missing", "foreign"])
async def test_lost_vectors_are_named_and_put_together_again(folder: Path, tmp_path: Path, harm: str) -> None:
    state = tmp_path / "state"
    async with opened(state) as index:
        await index.index([folder])
    (vectors,) = (state / "index").glob("vectors-*.npy")
    manifest = state / "index" / "vectors.json"
    match harm:
        case "manifest":
            manifest.write_text(manifest.read_text()[:-20])
        case "vectors":
            data = bytearray(vectors.read_bytes())
            data[-7] ^= 0xFF
            vectors.write_bytes(data)
        case "missing":
            vectors.unlink()
        case "foreign":
            manifest.write_text(manifest.read_text().replace("lexical:", "other:"))
    async with opened(state) as index:
        found = await index.search("mooring winter")
        assert found.hits[0].by == ("words",)
        assert any("words only" in note for note in found.notes)
        report = await index.index()
        assert any("together again" in note for note in report.notes)
        assert (report.unchanged, report.pending) == (9, 0)
        found = await index.search("mooring winter")
        assert (found.hits[0].by, list(found.notes)) == (("words", "vectors"), [])


async def test_a_second_process_is_told_who_is_indexing(folder: Path, tmp_path: Path) -> None:
    async with opened(tmp_path / "state") as index:
        with (
            locked(tmp_path / "state" / "index"),
            pytest.raises(SearchIndexError, match=f"pid {os.getpid()}") as caught,
        ):
            await index.index([folder])
        assert caught.value.kind == "busy"
        assert (await index.index([folder])).files == 9


async def test_stopping_keeps_what_is_done_and_the_next_time_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(60):
        write(folder / f"note{number:02}.txt", f"Note {number} is about the number {number * 17}.")
    stop = asyncio.Event()
    async with opened(tmp_path / "state") as index:
        report = await index.index(
            [folder], on_progress=lambda progress: stop.set() if progress.done == 10 else None, stop=stop
        )
        assert report.stopped
        assert report.files == 10
        assert len((await index.search("note number", count=50)).hits) == 10
        rest = await index.index()
        assert (rest.added, rest.unchanged, rest.files, rest.pending) == (50, 10, 60, 0)


async def test_a_cancelled_indexing_keeps_what_is_done(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(60):
        write(folder / f"note{number:02}.txt", f"Note {number} is about the number {number * 17}.")
    reached = asyncio.Event()
    async with opened(tmp_path / "state") as index:
        task = asyncio.create_task(
            index.index([folder], on_progress=lambda progress: reached.set() if progress.done == 10 else None)
        )
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        rest = await index.index()
        assert rest.unchanged >= 10
        assert (rest.files, rest.pending) == (60, 0)


async def test_a_watched_folder_is_followed(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    write(folder / "a.txt", "About otters.")
    stop = asyncio.Event()
    async with opened(tmp_path / "state") as index, asyncio.timeout(30):
        reports = index.watch([folder], stop=stop)
        assert (await anext(reports)).added == 1
        following = asyncio.ensure_future(anext(reports))
        while not following.done():  # the watcher may begin after the first write
            write(folder / "b.txt", "About beavers.")
            await asyncio.wait([following], timeout=1)
        assert (await following).added == 1
        assert (await index.search("beavers")).hits
        stop.set()
        assert [report async for report in reports] == []


async def test_bad_paths_and_no_index_are_told(tmp_path: Path) -> None:
    async with opened(tmp_path / "state") as index:
        with pytest.raises(UsageError, match="planloom index FOLDER"):
            await index.search("anything")
        with pytest.raises(UsageError, match="nowhere"):
            await index.index([tmp_path / "nowhere"])
        with pytest.raises(UsageError, match="planloom index FOLDER"):
            await index.index()


async def test_a_reader_sees_what_another_process_has_indexed(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    write(folder / "a.txt", "About otters.")
    async with opened(tmp_path / "state") as writer, opened(tmp_path / "state") as reader:
        await writer.index([folder])
        assert (await reader.search("otters")).hits[0].by == ("words", "vectors")
        write(folder / "b.txt", "About beavers.")
        (folder / "a.txt").unlink()
        await writer.index()
        status = await reader.status()
        assert (status.files, status.pending) == (1, 0)
        assert (await reader.search("beavers")).hits[0].by == ("words", "vectors")
        assert not any(hit.path.endswith("a.txt") for hit in (await reader.search("otters")).hits)


async def test_searches_answer_while_a_folder_is_being_indexed(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    write(folder / "first.txt", "About otters.")
    async with opened(tmp_path / "state") as index:
        await index.index([folder])
        for number in range(40):
            write(folder / f"note{number:02}.txt", f"Note {number} is about the number {number * 17}.")
        indexing = asyncio.create_task(index.index())
        answered = 0
        while not indexing.done():
            assert (await index.search("otters")).hits[0].path.endswith("first.txt")
            answered += 1
        assert (await indexing).added == 40
        assert answered > 0
