"""The batcher: who shares a call, what happens to bad replies, failures and cancelled callers; in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.errors import BudgetError, ContextError, ModelError, TransientError
from planloom.models.batch import Batcher, may_split, own
from planloom.models.scope import Scope, current, entered
from planloom.models.simulate.virtual import run_virtual


def virtual(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Runs an async test without arguments on a virtual clock."""

    def run() -> None:
        run_virtual(test())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


class Doubler:
    """Answers each text twice over; `spoil` changes the answers of a call, or raises."""

    def __init__(self, spoil: Callable[[list[tuple[str, str]]], Iterable[tuple[str, str]]] = lambda told: told) -> None:
        self.calls: list[list[str]] = []
        self.ids: list[str] = []
        self.spoil = spoil

    async def __call__(self, items: Mapping[str, str]) -> Iterable[tuple[str, str]]:
        self.calls.append(list(items.values()))
        self.ids += items
        await asyncio.sleep(1)
        return self.spoil([(name, text * 2) for name, text in items.items()])


async def ask_all(batcher: Batcher[str, str], texts: Iterable[str]) -> list[Any]:
    return await asyncio.gather(*(batcher.ask(text) for text in texts), return_exceptions=True)


@virtual
async def test_questions_that_wait_together_share_one_call() -> None:
    call = Doubler()
    assert await ask_all(Batcher(call), "abc") == ["aa", "bb", "cc"]
    assert call.calls == [["a", "b", "c"]]


@virtual
async def test_the_window_is_counted_from_the_first_question() -> None:
    call = Doubler()
    batcher = Batcher(call, window_s=0.03)
    first = asyncio.create_task(batcher.ask("a"))
    await asyncio.sleep(0.02)
    second = asyncio.create_task(batcher.ask("b"))
    await asyncio.sleep(0.02)
    third = asyncio.create_task(batcher.ask("c"))
    assert await asyncio.gather(first, second, third) == ["aa", "bb", "cc"]
    assert call.calls == [["a", "b"], ["c"]]


@virtual
async def test_a_full_batch_leaves_without_waiting() -> None:
    call = Doubler()
    await ask_all(Batcher(call, window_s=1000, max_items=2), "abcd")
    assert call.calls == [["a", "b"], ["c", "d"]]
    assert asyncio.get_running_loop().time() < 10


@virtual
async def test_size_limits_a_batch_and_a_large_item_goes_alone() -> None:
    call = Doubler()
    batcher = Batcher[str, str](call, max_size=5, size=len)
    await ask_all(batcher, ["aa", "bb", "cc", "d" * 9, "e"])
    assert call.calls == [["aa", "bb"], ["cc"], ["d" * 9], ["e"]]


@virtual
async def test_groups_never_share_a_call() -> None:
    call = Doubler()
    batcher = Batcher(call)
    await asyncio.gather(batcher.ask("a", group="run 1"), batcher.ask("b", group="run 2"), batcher.ask("c", group=""))
    assert sorted(call.calls) == [["a"], ["b"], ["c"]]


@virtual
async def test_ids_are_new_for_every_call() -> None:
    call = Doubler()
    batcher = Batcher(call)
    await ask_all(batcher, "aaa")
    await ask_all(batcher, "aaa")
    assert len(set(call.ids)) == 6


@virtual
async def test_a_call_counts_for_the_scope_of_the_first_who_asked() -> None:
    seen = []

    async def call(items: Mapping[str, str]) -> list[tuple[str, str]]:
        seen.append(current().run)
        return [(name, text) for name, text in items.items()]

    with entered(Scope(run="r1")):
        first = asyncio.create_task(Batcher(call, max_items=2).ask("a"))
        await first
    assert seen == ["r1"]


# ---- bad replies


@pytest.mark.parametrize(
    "spoil",
    [
        lambda told: told[1:] if len(told) > 1 else told,
        lambda told: [*told, told[0]] if len(told) > 1 else told,
        lambda told: [("ffffffff", "neighbour"), *told[1:]] if len(told) > 1 else told,
    ],
    ids=["missing", "duplicate", "invented"],
)
def test_an_answer_that_is_not_clear_is_asked_again_alone(spoil: Any) -> None:
    call = Doubler(spoil)
    assert run_virtual(ask_all(Batcher(call), "abc")) == ["aa", "bb", "cc"]
    assert call.calls == [["a", "b", "c"], ["a"]]


@virtual
async def test_shuffled_answers_reach_their_questions() -> None:
    call = Doubler(lambda told: list(reversed(told)))
    assert await ask_all(Batcher(call), "abcdef") == [c * 2 for c in "abcdef"]
    assert len(call.calls) == 1


@virtual
async def test_a_question_without_an_answer_ends_after_the_second_try_alone() -> None:
    call = Doubler(lambda told: [answer for answer in told if answer[1] != "bb"])
    answers = await ask_all(Batcher(call), "abc")
    assert [answers[0], answers[2]] == ["aa", "cc"]
    assert isinstance(answers[1], ModelError)
    assert answers[1].kind == "reply"
    assert call.calls == [["a", "b", "c"], ["b"]]


@given(
    ids=st.sets(st.text("abc", min_size=1, max_size=2)),
    told=st.lists(st.tuples(st.text("abc", min_size=1, max_size=2), st.integers())),
)
def test_only_asked_ids_with_one_answer_are_trusted(ids: set[str], told: list[tuple[str, int]]) -> None:
    found = own(ids, told)
    for name in ids:
        answers = [answer for key, answer in told if key == name]
        assert found.get(name, "none") == (answers[0] if len(answers) == 1 else "none")
    assert set(found) <= ids


# ---- failures


def fails_together(error: Exception) -> Callable[[list[tuple[str, str]]], list[tuple[str, str]]]:
    def spoil(told: list[tuple[str, str]]) -> list[tuple[str, str]]:
        if len(told) > 1:
            raise error
        return told

    return spoil


@virtual
async def test_a_batch_whose_reply_is_nonsense_falls_back_to_single_calls() -> None:
    call = Doubler(fails_together(ModelError("no JSON", kind="reply")))
    assert await ask_all(Batcher(call), "abc") == ["aa", "bb", "cc"]
    assert call.calls == [["a", "b", "c"], ["a"], ["b"], ["c"]]


@virtual
async def test_a_refused_key_is_told_to_all_without_further_calls() -> None:
    call = Doubler(fails_together(ModelError("refused", kind="key")))
    answers = await ask_all(Batcher(call), "abc")
    assert [str(answer) for answer in answers] == ["refused"] * 3
    assert len(call.calls) == 1


@virtual
async def test_an_error_goes_to_the_one_it_belongs_to() -> None:
    def spoil(told: list[tuple[str, str]]) -> list[tuple[str, str]]:
        if any(text == "bb" for _, text in told):
            raise ModelError("b is no good", kind="reply")
        return told

    answers = await ask_all(Batcher(Doubler(spoil)), "abc")
    assert [answers[0], answers[2]] == ["aa", "cc"]
    assert str(answers[1]) == "b is no good"


@pytest.mark.parametrize(
    ("error", "splits"),
    [
        (ModelError("", kind="reply"), True),
        (ModelError("", kind="schema"), True),
        (ModelError("", kind="key"), False),
        (ModelError("", kind="open"), False),
        (ContextError("", tokens=2, limit=1), True),
        (BudgetError("", budget="usd"), True),
        (TransientError(""), False),
        (RuntimeError(""), False),
    ],
)
def test_only_errors_that_less_may_cure_split_a_batch(error: Exception, splits: bool) -> None:
    assert may_split(error) is splits


# ---- cancelled callers


@virtual
async def test_a_cancelled_question_hurts_no_other() -> None:
    call = Doubler()
    batcher = Batcher(call)
    tasks = [asyncio.create_task(batcher.ask(text)) for text in "abc"]
    await asyncio.sleep(0.5)
    tasks[0].cancel()
    assert (await asyncio.gather(*tasks, return_exceptions=True))[1:] == ["bb", "cc"]
    assert tasks[0].cancelled()


@virtual
async def test_a_question_cancelled_in_the_window_is_not_sent() -> None:
    call = Doubler()
    batcher = Batcher(call)
    tasks = [asyncio.create_task(batcher.ask(text)) for text in "ab"]
    await asyncio.sleep(0.01)
    tasks[0].cancel()
    await tasks[1]
    assert call.calls == [["b"]]


@virtual
async def test_a_call_nobody_waits_for_is_cancelled() -> None:
    ended = []

    async def call(items: Mapping[str, str]) -> list[tuple[str, str]]:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append(asyncio.get_running_loop().time())
        return []

    batcher = Batcher(call)
    tasks = [asyncio.create_task(batcher.ask(text)) for text in "ab"]
    await asyncio.sleep(1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)
    assert ended
    assert ended[0] < 2


@virtual
async def test_close_ends_what_waits_and_may_be_called_again() -> None:
    call = Doubler()
    batcher = Batcher(call)
    task = asyncio.create_task(batcher.ask("a"))
    await asyncio.sleep(0)
    await batcher.close()
    await batcher.close()
    await asyncio.wait([task])
    assert task.cancelled()
    assert call.calls == []
    assert repr(batcher) == "Batcher(waiting={}, running=[])"
