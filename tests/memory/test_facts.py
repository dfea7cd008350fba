"""Facts about people: merged, recalled, forgotten for good, and never mixed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planloom.clock import ManualClock
from planloom.errors import SearchIndexError, TransientError, UsageError
from planloom.memory.facts import Facts, NewFact
from planloom.memory.facts.fact import says_the_same
from planloom.memory.facts.store import FactStore
from planloom.models.embeddings import Embedded, Space
from planloom.models.embeddings.lexical import LexicalEmbedder


def facts_in(folder: Path, embedder: object | None = None) -> Facts:
    return Facts(folder, embedder or LexicalEmbedder(), ManualClock())  # type: ignore[arg-type]


class Model:
    """An embedding that knows what its table says; everything else has a direction of its own."""

    def __init__(self, name: str = "model", table: dict[str, int] | None = None) -> None:
        self.space = Space(provider="endpoint", model=name)
        self.table = table or {}
        self.calls: list[list[str]] = []
        self.forgotten: list[str] = []
        self.is_down = False
        self.probe: np.ndarray | None = None

    async def embed(self, texts: list[str], *, on_done: object = None) -> Embedded:
        if self.is_down:
            raise TransientError("no connection")
        self.calls.append(list(texts))
        return Embedded(vectors=np.stack([self.vector(text) for text in texts]), calls=1)

    async def embed_query(self, text: str) -> np.ndarray:
        if self.is_down:
            raise TransientError("no connection")
        return self.vector(text)

    async def forget(self, texts: list[str]) -> None:
        self.forgotten += texts

    def vector(self, text: str) -> np.ndarray:
        row = np.zeros(64, dtype=np.float32)
        row[self.table.get(text, 8 + sum(text.encode()) % 56)] = 1
        return row


async def test_a_batch_is_added_with_one_call_and_recalled_by_meaning(tmp_path: Path) -> None:
    model = Model(table={"Owns a vessel": 1, "boats": 1, "Has two dogs": 2})
    facts = facts_in(tmp_path, model)
    added = await facts.add("ana", [NewFact(text="Owns a vessel", source="chat"), NewFact(text="Has two dogs")])
    assert [len(texts) for texts in model.calls] == [2]
    assert [one.merged for one in added] == [False, False]
    (found,) = await facts.recall("ana", "boats")
    assert (found.text, found.source, found.score) == ("Owns a vessel", "chat", 1.0)
    assert await facts.recall("ben", "boats") == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Likes dark blue charts", "likes dark blue chart."),
        ("I am a doctor", "The user is a doctor"),
        ("Lives in Lisbon", "Lives in Lisbon!"),
    ],
)
def test_the_same_in_other_words_is_one_fact(one: str, other: str) -> None:
    assert says_the_same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Lives in Berlin", "Lives in Bern"),
        ("Has 2 children", "Has 3 children"),
        ("Eats meat", "Does not eat meat"),
        ("Likes tea", "Never likes tea"),
        ("Anna pays Ben", "Ben pays Anna"),
        ("Works with Martin", "Works with Martina"),
        ("Pays to the office", "Pays from the office"),
    ],
)
def test_facts_that_differ_in_what_matters_stay_two(one: str, other: str) -> None:
    assert not says_the_same(one, other)
    if any(char.isdigit() for char in one) or "not" in other or "Never" in other or "Ber" in one:
        assert not says_the_same(one, other, likeness=0.99)


async def test_a_merged_fact_keeps_newer_words_all_sources_and_the_higher_confidence(tmp_path: Path) -> None:
    facts = facts_in(tmp_path)
    await facts.add("ana", [NewFact(text="Likes dark blue charts", source="chat", confidence=0.9)])
    (again,) = await facts.add("ana", [NewFact(text="likes dark blue chart", source="mail", confidence=0.5)])
    assert again.merged
    (kept,) = await facts.all("ana")
    assert (kept.text, kept.source, kept.confidence) == ("likes dark blue chart", "chat; mail", 0.9)
    await facts.add("ana", [NewFact(text="likes dark blue chart", category="work")])
    assert len(await facts.all("ana")) == 2
    assert len(await facts.all("ana", category="work")) == 1


async def test_forgetting_leaves_nothing_on_disk_and_tells_the_cache(tmp_path: Path) -> None:
    model = Model()
    facts = facts_in(tmp_path, model)
    added = await facts.add("ana", [NewFact(text=f"Secret number {n} is {n * 7919}") for n in range(50)])
    gone = [one.fact.id for one in added if one.fact.text.startswith("Secret number 4")]
    assert await facts.forget("ana", [*gone, "unknown"]) == 11
    assert await facts.forget("ana", gone) == 0
    assert sorted(model.forgotten) == sorted(one.fact.text for one in added if one.fact.id in gone)
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"Secret number 4" not in left
    assert b"Secret number 5" in left
    assert all("number 4" not in fact.text for fact in await facts.recall("ana", "Secret number 4", count=100))


async def test_another_model_gives_new_vectors_and_a_dead_one_leaves_words(tmp_path: Path) -> None:
    await facts_in(tmp_path, Model("old")).add("ana", [NewFact(text="Owns a vessel"), NewFact(text="Has two dogs")])
    new = Model("new", {"Owns a vessel": 1, "boats": 1, "Has two dogs": 2})
    facts = facts_in(tmp_path, new)
    assert [fact.text for fact in await facts.recall("ana", "boats")] == ["Owns a vessel"]
    assert len(new.calls) == 1
    await facts.recall("ana", "boats")
    assert len(new.calls) == 1  # they are kept
    new.is_down = True
    assert [fact.text for fact in await facts.recall("ana", "which dogs")] == ["Has two dogs"]
    (added,) = await facts.add("ana", [NewFact(text="Speaks Dutch")])  # its vector follows
    new.is_down = False
    assert added.fact.text in {fact.text for fact in await facts.recall("ana", "Speaks Dutch")}


async def test_another_model_behind_the_same_name_gives_new_vectors(tmp_path: Path) -> None:
    old = Model()
    old.probe = old.vector("probe")
    await facts_in(tmp_path, old).add("ana", [NewFact(text="Owns a vessel"), NewFact(text="Has two dogs")])
    new = Model(table={"Owns a vessel": 1, "boats": 1, "Has two dogs": 2})
    new.probe = new.vector("another")
    facts = facts_in(tmp_path, new)
    assert [fact.text for fact in await facts.recall("ana", "boats")] == ["Owns a vessel"]
    await facts.recall("ana", "boats")
    assert len(new.calls) == 1  # they are kept


users = st.sampled_from(["ana", "ben", "Ana", "", "ana/../ben", "ana\x00", "ánà"])
steps = st.lists(st.tuples(users, st.sampled_from(["add", "forget"]), st.integers(0, 5)), min_size=1, max_size=14)


@settings(max_examples=30, deadline=None)
@given(steps)
def test_nobody_ever_sees_anothers_facts(
    tmp_path_factory: pytest.TempPathFactory, work: list[tuple[str, str, int]]
) -> None:
    async def run() -> None:
        facts = facts_in(tmp_path_factory.mktemp("facts"), Model())
        plain: dict[str, set[str]] = {}
        for user, what, number in work:
            text = f"Number {number} belongs to {user!r}"
            if what == "add":
                await facts.add(user, [NewFact(text=text)])
                plain.setdefault(user, set()).add(" ".join(text.split()))
            else:
                ids = [one.id for other in plain for one in await facts.all(other) if f"Number {number} " in one.text]
                await facts.forget(user, ids)  # ids of others too
                plain[user] = {one for one in plain.get(user, set()) if f"Number {number} " not in one}
            for each, expected in plain.items():
                assert {one.text for one in await facts.all(each)} == expected
                recalled = await facts.recall(each, f"Number {number} belongs to {user!r}", count=100)
                assert {one.text for one in recalled} <= expected

    asyncio.run(run())


async def test_a_swapped_file_is_refused(tmp_path: Path) -> None:
    facts = facts_in(tmp_path)
    await facts.add("ana", [NewFact(text="Owns a vessel")])
    other = FactStore(tmp_path, "ben").path
    other.parent.mkdir(parents=True)
    other.write_bytes(FactStore(tmp_path, "ana").path.read_bytes())
    with pytest.raises(SearchIndexError, match="another's"):
        await facts.all("ben")


async def test_bad_facts_and_a_damaged_file_are_told(tmp_path: Path) -> None:
    facts = facts_in(tmp_path)
    for bad in (NewFact(text="  "), NewFact(text="x" * 5000), NewFact(text="a", confidence=0)):
        with pytest.raises(UsageError):
            await facts.add("ana", [bad])
    await facts.add("ana", [NewFact(text="Owns a vessel")])
    FactStore(tmp_path, "ana").path.write_bytes(b"not a database, but long enough to be taken for one" * 40)
    with pytest.raises(SearchIndexError, match="not usable"):
        await facts.all("ana")
