"""An index whose vectors come from an endpoint: what is called, what is kept, what happens when it fails or changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.models.embeddings.servers import Server, refusal, serving, vectors

from planloom.clock import SystemClock
from planloom.config import Config
from planloom.documents.library import Library, library
from planloom.models.governed import governed


@asynccontextmanager
async def opened(server: Server, state: Path, model: str = "embedder") -> AsyncIterator[Library]:
    settings = {"models": {"base_url": server.url, "embeddings": {"model": model}, "max_attempts": 1}}
    config = Config.model_validate(settings)
    models = governed(config, SystemClock())
    async with library(config, models, state) as index:
        yield index
    await models.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    for number in range(30):
        text = f"# Note {number}\n\n" + f"It tells of topic{number} and nothing else. " * 6
        (tmp_path / "files" / f"note{number:02}.md").write_text(text)
    return tmp_path / "files"


async def test_lost_vectors_are_rebuilt_without_a_single_new_call(folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with serving(vectors) as server:
        async with opened(server, state) as index:
            report = await index.index([folder])
            assert (report.calls, report.embedded, report.chunks, report.cached) == (1, 30, 30, 0)
        for path in (state / "index").glob("*.npy"):
            path.unlink()
        server.batches.clear()
        async with opened(server, state) as index:
            report = await index.index([folder])
            assert (report.calls, report.embedded, report.cached, report.pending) == (0, 0, 30, 0)
            assert server.batches == []
            assert "vectors" in (await index.search("topic7")).hits[0].by


async def test_only_new_passages_are_sent(folder: Path, tmp_path: Path) -> None:
    with serving(vectors) as server:
        async with opened(server, tmp_path / "state") as index:
            await index.index([folder])
            server.batches.clear()
            (folder / "note03.md").write_text("# Note 3\n\n" + "It tells of walruses now. " * 9)
            report = await index.index([folder])
            assert (report.changed, report.embedded) == (1, 1)
            assert [len(batch) for batch in server.batches] == [1]
            assert "walruses" in server.batches[0][0]


async def test_a_dead_endpoint_leaves_words_and_the_next_time_goes_on(folder: Path, tmp_path: Path) -> None:
    with serving(lambda texts: refusal(503, "down")) as server:
        async with opened(server, tmp_path / "state") as index:
            report = await index.index([folder])
            assert (report.files, report.chunks, report.pending, list(report.failed)) == (30, 30, 30, [])
            assert any("words alone" in note for note in report.notes)
            found = await index.search("topic7")
            assert (found.hits[0].path.endswith("note07.md"), found.hits[0].by) == (True, ("words",))
            server.script = vectors
            report = await index.index()
            assert (report.unchanged, report.embedded, report.pending) == (30, 30, 0)
            server.script = lambda texts: refusal(500, "down")
            found = await index.search("topic7")
            assert found.hits[0].by == ("words",)
            assert any("no vector of the question" in note for note in found.notes)


async def test_a_passage_the_model_refuses_is_named_and_found_by_words(folder: Path, tmp_path: Path) -> None:
    def script(texts: list[str]) -> Any:
        return refusal(message="not this") if any("topic9 " in text for text in texts) else vectors(texts)

    with serving(script) as server:
        async with opened(server, tmp_path / "state") as index:
            report = await index.index([folder])
            assert (report.embedded, report.pending) == (29, 0)
            (failed,) = report.failed
            assert failed.path.endswith("note09.md")
            assert "not this" in failed.reason
            hits = (await index.search("topic9")).hits
            assert [Path(hit.path).name for hit in hits if "words" in hit.by] == ["note09.md"]
            server.batches.clear()
            await index.index()
            assert server.batches == []  # it is not asked for again and again


def others(texts: list[str]) -> list[list[float]]:
    """Another model, with vectors as long."""
    return [row[::-1] for row in vectors([text[::-1] for text in texts])]


@pytest.mark.parametrize("has_cache", [True, False])
async def test_another_model_of_the_same_name_makes_all_vectors_anew(
    folder: Path, tmp_path: Path, has_cache: bool
) -> None:
    state = tmp_path / "state"
    with serving(vectors) as server:
        async with opened(server, state) as index:
            await index.index([folder])
        if not has_cache:
            (state / "vectors.sqlite").unlink()
        server.script = others
        (folder / "new.md").write_text("# New\n\n" + "It tells of walruses. " * 9)
        async with opened(server, state) as index:
            report = await index.index([folder])
            assert any("another than the one that made the index" in note for note in report.notes)
            assert (report.pending, report.chunks) == (0, 31)
            assert "vectors" in (await index.search("walruses")).hits[0].by
            again = await index.index([folder])
            assert (again.calls, list(again.notes)) == (0, [])
    assert len({text for batch in server.batches[1:] for text in batch}) >= 31


async def test_a_search_that_sees_another_model_uses_words_and_the_next_indexing_begins_anew(
    folder: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    with serving(vectors) as server:
        async with opened(server, state) as index:
            await index.index([folder])
        server.script = others
        async with opened(server, state) as index:
            found = await index.search("topic7")
            assert found.hits[0].by == ("words",)
            assert any("index again" in note for note in found.notes)
            report = await index.index()
            assert (report.embedded, report.pending) == (30, 0)
            assert (await index.search("topic7")).notes == []


async def test_another_model_is_never_asked_about_the_old_vectors(folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with serving(vectors) as server:
        async with opened(server, state) as index:
            await index.index([folder])
        async with opened(server, state, model="another") as index:
            found = await index.search("topic7")
            assert found.hits[0].by == ("words",)
            assert any("built with 'endpoint:embedder'" in note for note in found.notes)
            report = await index.index()
            assert (report.unchanged, report.embedded, report.pending) == (30, 30, 0)
            assert report.embedding == "endpoint:another"
            assert "vectors" in (await index.search("topic7")).hits[0].by
        async with opened(server, state) as index:
            report = await index.index()
            assert (report.cached, report.calls) == (30, 0)
