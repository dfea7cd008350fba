"""Files and disks at their worst: each is named, the rest is indexed, and what is done is kept."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest
from tests.documents import files

from planloom.config import Config
from planloom.documents.library import Library
from planloom.documents.parsing.process import read
from planloom.errors import ToolError
from planloom.models.embeddings.lexical import LexicalEmbedder

FULL = """
import asyncio, json, resource, signal, sys
from pathlib import Path
from planloom.config import Config
from planloom.documents.library import Library
from planloom.errors import SearchIndexError
from planloom.models.embeddings.lexical import LexicalEmbedder

async def main():
    async with Library(Config(), LexicalEmbedder(), Path(sys.argv[1])) as index:
        try:
            await index.index([sys.argv[2]])
        except SearchIndexError as error:
            return {"kind": error.kind, "told": str(error)}
        return {"kind": "none"}

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
print(json.dumps(asyncio.run(main())))
"""


def opened(state: Path, **settings: object) -> Library:
    return Library(Config.model_validate({"documents": settings}), LexicalEmbedder(), state / "index")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc has files that are never as long as they say")
def test_a_file_that_changes_while_it_is_read_is_refused() -> None:
    with pytest.raises(ToolError, match="changed while it was read"):
        read({"path": "/proc/self/status", "max_bytes": 0, "chunk_chars": 1200})


async def test_a_text_too_large_for_memory_costs_itself_alone(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    with (folder / "huge.txt").open("wb") as huge:
        for _ in range(120):
            huge.write(b"word and word\n" * 75_000)
    (folder / "small.txt").write_text("A small text about otters.")
    async with opened(tmp_path, max_file_bytes=0, parse_memory_bytes=200 * 2**20, processes=1) as index:
        report = await index.index([folder])
        assert [(Path(one.path).name, one.reason) for one in report.failed] == [
            ("huge.txt", "it takes more memory than documents.parse_memory_bytes allows")
        ]
        assert (await index.search("otters")).hits


@pytest.mark.parametrize("limit", [40_000, 150_000, 260_000])
async def test_a_disk_that_fills_up_ends_the_indexing_and_what_is_done_is_kept(tmp_path: Path, limit: int) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(60):
        (folder / f"note{number:02}.txt").write_text(f"Otter number {number}. " + "It swims and dives all day. " * 80)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", FULL, str(tmp_path / "index"), str(folder), str(limit)), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    told = json.loads(out)
    assert told["kind"] == "disk", told
    async with opened(tmp_path) as index:
        report = await index.index([folder])
        assert (report.files, list(report.failed), report.pending) == (60, [], 0)
        assert (await index.search("otter 31")).hits[0].by == ("words", "vectors")


async def test_a_folder_of_strange_names_and_kinds_is_told_file_by_file(tmp_path: Path) -> None:
    folder = files.everything(tmp_path / "files")
    (folder / "zip.docx").write_bytes(b"PK\x05\x06" + bytes(18))
    (folder / "old.doc").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    (folder / "a very long name with spaces, ümlauts and (signs) & quotes'.txt").write_text("Found by its words.")
    (folder / "no ending").write_text("A file without an ending tells of walruses.")
    async with opened(tmp_path) as index:
        report = await index.index([folder, folder / "old.doc"])
        told = {Path(one.path).name: one.reason for one in report.failed}
        assert "expected a .docx file" in told["zip.docx"]
        assert (await index.search("walruses")).hits[0].path.endswith("no ending")
        assert (await index.search("found by its words")).hits
