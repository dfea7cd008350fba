"""Texts become vectors: batches, the cache, servers that misbehave, words alone."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.embeddings.servers import Server, refusal, serving, vector, vectors

from planloom.config import Config, Embeddings
from planloom.errors import ConfigError, ModelError, TransientError
from planloom.models.embeddings import embedder_for
from planloom.models.embeddings.batches import batches
from planloom.models.embeddings.cache import VectorCache
from planloom.models.embeddings.endpoint import EndpointEmbedder
from planloom.models.embeddings.lexical import LexicalEmbedder
from planloom.models.embeddings.probe import TEXT
from planloom.models.embeddings.space import Embedded

TEXTS = [f"text number {n}" for n in range(250)]


def cached(folder: Path) -> VectorCache:
    return VectorCache(folder / "vectors.sqlite", max_bytes=10**7)


async def made(server: Server, texts: list[str], cache: VectorCache | None = None, **settings: Any) -> Embedded:
    models = server.models()
    try:
        return await EndpointEmbedder(models, Embeddings(**settings), cache=cache).embed(texts)
    finally:
        await models.close()


def right(found: Embedded, texts: list[str]) -> bool:
    """Whether each text that did not fail has its own vector."""
    good = [n for n in range(len(texts)) if n not in found.failed]
    rows = np.array([vector(texts[n]) for n in good])
    return np.allclose(found.vectors[good], rows / np.linalg.norm(rows, axis=1, keepdims=True), atol=1e-5)


async def test_texts_are_sent_a_hundred_a_call_and_never_twice(tmp_path: Path) -> None:
    with serving(vectors) as server:
        first = await made(server, [*TEXTS, *TEXTS[:50]], cached(tmp_path))
        assert sorted(map(len, server.batches)) == [51, 100, 100]  # the last one carries the probe along
        assert (first.calls, first.cached, first.failed) == (3, 0, {})
        assert right(first, [*TEXTS, *TEXTS[:50]])
        again = await made(server, [*TEXTS, "a new one"], cached(tmp_path))
        assert server.batches[3:] == [["a new one", TEXT]]
        assert (again.calls, again.cached) == (1, 250)
        assert right(again, [*TEXTS, "a new one"])


async def test_one_bad_text_is_named_and_the_others_get_their_vectors() -> None:
    def script(texts: list[str]) -> Any:
        return refusal(message="text 137 is bad") if TEXTS[137] in texts else vectors(texts)

    with serving(script) as server:
        found = await made(server, TEXTS)
        assert list(found.failed) == [137]
        assert "text 137 is bad" in found.failed[137]
        assert right(found, TEXTS)
        assert len(server.batches) <= 3 + 2 * 8  # halves, not one by one


async def test_a_server_that_fails_for_one_text_is_not_taken_for_dead() -> None:
    def script(texts: list[str]) -> Any:
        return refusal(500, "input is too large to process") if TEXTS[3] in texts else vectors(texts)

    with serving(script) as server:
        found = await made(server, TEXTS[:8])
        assert list(found.failed) == [3]
        assert right(found, TEXTS[:8])


async def test_a_dead_server_is_told_at_once_and_what_was_done_is_kept(tmp_path: Path) -> None:
    def script(texts: list[str]) -> Any:
        return vectors(texts) if texts[0] == TEXTS[0] else refusal(503, "down")

    with serving(script) as server:
        with pytest.raises(TransientError):
            await made(server, TEXTS, cached(tmp_path), parallel_calls=1)
        assert len(server.batches) <= 4
        server.script = vectors
        again = await made(server, TEXTS, cached(tmp_path))
        assert (again.cached, right(again, TEXTS)) == (100, True)


async def test_a_refused_key_ends_it_at_once() -> None:
    with serving(lambda texts: refusal(401, "no")) as server:
        with pytest.raises(ModelError) as caught:
            await made(server, TEXTS, parallel_calls=1)
        assert caught.value.kind == "key"
        assert len(server.batches) == 1


async def test_a_server_that_embeds_only_the_first_text_is_asked_one_by_one() -> None:
    with serving(lambda texts: vectors(texts[:1])) as server:
        found = await made(server, TEXTS[:40])
        assert (found.failed, right(found, TEXTS[:40])) == ({}, True)
        sent = len(server.batches)
        models = server.models()
        embedder = EndpointEmbedder(models, Embeddings())
        await embedder.embed(TEXTS[:8])
        before = len(server.batches)
        await embedder.embed(TEXTS[100:116])
        assert len(server.batches) - before == 16  # it has learned
        assert sent < 40 * 2
        await models.close()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ([float("nan")] * 8, "finite"),
        ([0.0] * 8, "not 0"),
        ([1.0] * 5, "5"),
        ([], "0"),
        (["x"] * 8, "numbers"),
    ],
)
async def test_vectors_that_are_none_name_their_text(row: list[Any], told: str) -> None:
    import json

    from starlette.responses import Response

    def script(texts: list[str]) -> Any:
        rows = [row if text == TEXTS[5] else vector(text) for text in texts]
        data = [{"object": "embedding", "index": at, "embedding": one} for at, one in enumerate(rows)]
        return Response(json.dumps({"object": "list", "data": data, "model": "m"}), media_type="application/json")

    with serving(script) as server:
        found = await made(server, TEXTS[:9])
        assert list(found.failed) == [5]
        assert told in found.failed[5]
        assert right(found, TEXTS[:9])


async def test_another_model_behind_the_name_is_noticed(tmp_path: Path) -> None:
    with serving(vectors) as server:
        await made(server, TEXTS[:10], cached(tmp_path))
        server.script = lambda texts: [vector(text, 12) for text in texts]
        with pytest.raises(ModelError, match="has changed") as caught:
            await made(server, TEXTS[:20], cached(tmp_path))
        assert caught.value.kind == "model"


def turned(texts: list[str]) -> list[list[float]]:
    """Another model, with vectors as long."""
    return [vector(text[::-1])[::-1] for text in texts]


async def test_vectors_of_another_model_of_the_same_name_and_length_are_not_used(tmp_path: Path) -> None:
    with serving(vectors) as server:
        await made(server, TEXTS[:10], cached(tmp_path))
        server.script = turned
        found = await made(server, TEXTS[:20], cached(tmp_path))
        wanted = np.array(turned(TEXTS[:20]))
        assert np.allclose(found.vectors, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-5)
        server.batches.clear()
        again = await made(server, TEXTS[:20], cached(tmp_path))
        assert (again.cached, server.batches) == (20, [])


async def test_a_slightly_different_reply_is_the_same_model(tmp_path: Path) -> None:
    with serving(vectors) as server:
        await made(server, TEXTS[:10], cached(tmp_path))
        server.script = lambda texts: [[number * 1.004 + 0.02 for number in vector(text)] for text in texts]
        assert (await made(server, TEXTS[:20], cached(tmp_path))).cached == 10


async def test_empty_texts_and_halves_of_characters_do_no_harm() -> None:
    with serving(vectors) as server:
        found = await made(server, ["", "  ", "good", "half \ud83d"])
        assert found.failed == {0: "it is empty", 1: "it is empty"}
        assert server.batches == [["good", "half ?", TEXT]]


async def test_forgotten_texts_are_gone_from_the_cache(tmp_path: Path) -> None:
    with serving(vectors) as server:
        models = server.models()
        embedder = EndpointEmbedder(models, Embeddings(), cache=cached(tmp_path))
        await embedder.embed(TEXTS[:10])
        await embedder.forget(TEXTS[:4])
        again = await embedder.embed(TEXTS[:10])
        assert (again.cached, sorted(server.batches[-1])) == (6, sorted(TEXTS[:4]))
        await models.close()


def test_the_cache_stays_within_its_size_and_a_damaged_one_is_begun_anew(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "vectors.sqlite", max_bytes=100 * 32)
    row = np.ones(8, dtype=np.float32)
    for start in range(0, 400, 20):
        cache.put({f"key{n:04}".encode(): row for n in range(start, start + 20)})
    kept = cache.get([f"key{n:04}".encode() for n in range(400)])
    assert 50 <= len(kept) <= 100
    assert b"key0399" in kept
    (tmp_path / "vectors.sqlite").write_bytes(b"damaged" * 1000)
    assert cache.get([b"key0399"]) == {}
    assert "damaged" in (cache.notice or "")
    cache.put({b"a": row})
    assert list(cache.get([b"a"])) == [b"a"]


@given(st.lists(st.text(max_size=200), max_size=60), st.integers(1, 20), st.integers(1, 100))
def test_batches_hold_every_text_once_and_keep_both_limits(texts: list[str], most: int, tokens: int) -> None:
    from planloom.models.tokens import estimate

    found = list(batches(texts, most_texts=most, most_tokens=tokens))
    assert [number for batch in found for number in batch] == list(range(len(texts)))
    for batch in found:
        assert len(batch) <= most
        assert len(batch) == 1 or sum(estimate(texts[number]) for number in batch) <= tokens


# ---- without an endpoint


async def test_words_alone_find_parts_of_words_and_say_what_they_are() -> None:
    embedder = LexicalEmbedder()
    found = await embedder.embed(["The harbours are closed", "Ein Kuchen mit Äpfeln", "closeHarbour()", "..."])
    query = await embedder.embed_query("harbour closing")
    scores = found.vectors @ query
    assert scores[0] > 0.3
    assert scores[2] > 0.3
    assert scores[1] < 0.1
    assert list(found.failed) == [3]
    assert found.vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(found.vectors[:3], axis=1), 1, atol=1e-5)
    assert "dimensions=1024" in embedder.space.key


@given(st.text(max_size=300))
def test_the_same_text_has_the_same_vector_everywhere(text: str) -> None:
    one, other = LexicalEmbedder().vectors([text, "x"]), LexicalEmbedder().vectors(["y", text])
    assert np.array_equal(one[0], other[1])
    assert np.isfinite(one).all()


def test_the_settings_choose_and_a_missing_one_says_what_to_do(tmp_path: Path) -> None:
    assert isinstance(embedder_for(Config(), None, tmp_path), LexicalEmbedder)
    chat_only = Config.model_validate({"models": {"base_url": "http://127.0.0.1:9/v1", "model": "chat"}})
    with serving(vectors) as server:
        assert isinstance(embedder_for(chat_only, server.models(), tmp_path), LexicalEmbedder)
        settings = Config.model_validate({"models": {"embeddings": {"model": "e", "base_url": server.url}}})
        chosen = embedder_for(settings, server.models(), tmp_path)
        assert chosen.space.key == "endpoint:embedder"
    with pytest.raises(ConfigError, match=r"models\.embeddings\.model"):
        embedder_for(Config.model_validate({"embeddings": {"provider": "endpoint"}}), None, tmp_path)


@pytest.mark.skipif(find_spec("sentence_transformers") is not None, reason="the optional package is there")
def test_a_missing_optional_package_is_named_with_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"planloom\[sentence-transformers\]"):
        embedder_for(Config.model_validate({"embeddings": {"provider": "sentence-transformers"}}), None, tmp_path)


async def test_one_by_one_when_batches_are_switched_off(tmp_path: Path) -> None:
    with serving(vectors) as server:
        models = server.models()
        settings = {"models": {"embeddings": {"model": "embedder"}}, "features": {"batch_embeddings": False}}
        found = await embedder_for(Config.model_validate(settings), models, tmp_path).embed(TEXTS[:5])
        assert [len(batch) for batch in server.batches] == [1] * 5
        assert found.calls == 5
        await models.close()
