"""A sentence-transformers model in this process: a tiny one with weights drawn by chance, saved as real ones are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from planloom.config import Config
from planloom.documents.library import Library
from planloom.errors import ConfigError
from planloom.models.embeddings import embedder_for

sentence_transformers = pytest.importorskip(
    "sentence_transformers", reason="pip install 'planloom[sentence-transformers]' brings what this needs"
)
_TEXT = "the harbour opens at seven a ferry leaves soon boats cost money winter quay"
WORDS = _TEXT.split()


def saved(folder: Path, seed: int) -> Path:
    """A model of two small layers, from its configuration alone."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(seed)
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]))
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=5 + len(WORDS), **sizes)).save_pretrained(folder)
    return folder


def settings(folder: Path | str, **more: object) -> Config:
    return Config.model_validate(
        {"embeddings": {"provider": "sentence-transformers", "model": str(folder), "batch_size": 3, **more}}
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("one") / "model", 1)


async def test_a_model_from_a_folder_embeds_keeps_and_forgets(model, tmp_path):
    texts = [" ".join(WORDS[at : at + 5]) for at in range(8)] + ["the harbour opens"] * 2
    embedder = embedder_for(settings(model), None, tmp_path)
    found = await embedder.embed(texts)
    assert found.vectors.shape == (10, 32) and found.vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-5)
    assert np.array_equal(found.vectors[8], found.vectors[9])
    assert np.allclose(await embedder.embed_query(texts[0]), found.vectors[0], atol=1e-5)
    again = await embedder_for(settings(model), None, tmp_path).embed(texts)
    assert again.cached == 10 and np.array_equal(again.vectors, found.vectors)
    await embedder.forget(texts[:2])
    assert (await embedder.embed(texts)).cached == 8


async def test_prefixes_are_put_before_texts_and_questions(model, tmp_path):
    plain = embedder_for(settings(model), None, tmp_path)
    prefixed = embedder_for(settings(model, text_prefix="boats ", query_prefix="winter "), None, tmp_path)
    assert plain.space.key != prefixed.space.key
    (row,) = (await prefixed.embed(["the quay"])).vectors
    assert np.allclose(row, (await plain.embed(["boats the quay"])).vectors[0], atol=1e-5)
    assert np.allclose(await prefixed.embed_query("the quay"), await plain.embed_query("winter the quay"), atol=1e-5)


async def test_another_model_in_the_same_folder_is_noticed_by_the_index(tmp_path):
    one, other = saved(tmp_path / "1", 1), saved(tmp_path / "2", 2)
    place = tmp_path / "model"
    place.symlink_to(one)
    files = tmp_path / "files"
    files.mkdir()
    (files / "a.txt").write_text("the harbour opens at seven")
    config = settings(place)
    async with Library(config, embedder_for(config, None, tmp_path), tmp_path / "index") as index:
        assert (await index.index([files])).embedded == 1
    place.unlink()
    place.symlink_to(other)
    async with Library(config, embedder_for(config, None, tmp_path), tmp_path / "index") as index:
        assert any("index again" in note for note in (await index.search("harbour")).notes)
        assert (await index.index()).embedded == 1
        assert "vectors" in (await index.search("harbour")).hits[0].by


async def test_a_model_that_is_not_there_is_told_with_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match=r"embeddings\.model"):
        await embedder_for(settings(tmp_path / "nowhere"), None, tmp_path).embed(["a"])
    with pytest.raises(ConfigError, match="by name or folder"):
        embedder_for(settings(Path()).model_copy(update={"embeddings": settings("").embeddings}), None, tmp_path)
