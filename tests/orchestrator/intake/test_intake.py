"""What is found out about a message before it is planned, and that nothing of it can keep a goal from being planned."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from planloom.orchestrator.intake import Sources, greeting, kind, language, take


@dataclass(frozen=True)
class Known:
    text: str
    id: str = "f1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello!", "greeting"),
        ("hi there", "greeting"),
        ("Guten Morgen zusammen", "greeting"),
        ("Merci beaucoup", "greeting"),
        ("thanks", "greeting"),
        ("Hello world is a program: explain hello.c", "goal"),
        ("What did I ask before?", "session"),
        ("Which files have we found so far in this session?", "session"),
        ("What was my last goal?", "session"),
        ("Summarise our conversation", "session"),
        ("Was habe ich dich vorhin gefragt?", "session"),
        ("and now as PDF", "follow_up"),
        ("And the same for sales.csv", "follow_up"),
        ("now as a bar chart please", "follow_up"),
        ("make it shorter", "follow_up"),
        ("Translate that into German", "follow_up"),
        ("again", "follow_up"),
        ("what about 2024?", "follow_up"),
        ("ok, but only for March", "follow_up"),
        ("und jetzt als PDF", "follow_up"),
        ("Das Gleiche noch mal als Tabelle auf Englisch", "follow_up"),
        ("et maintenant en anglais", "follow_up"),
        ("Report on the folder .", "goal"),
        ("Which commits were made in May?", "goal"),
        ("Compare this folder with ../b", "goal"),
        ("Show me the largest files", "goal"),
        ("What was said about tides in notes.md?", "goal"),
        ("Analyse sales.csv and draw a chart of revenue by month", "goal"),
        ("", "goal"),
    ],
)
def test_what_a_message_is(text: str, expected: str) -> None:
    assert kind(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Which commits were made in May?", "en"),
        ("Zeige mir die größten Dateien in diesem Ordner", "de"),
        ("Quels sont les fichiers les plus grands du dossier ?", "fr"),
        ("Muéstrame los archivos más grandes de la carpeta", "es"),
        ("Mostrami i file più grandi della cartella", "it"),
        ("Mostre os arquivos maiores da pasta para mim", "pt"),
        ("Laat mij de grootste bestanden in deze map zien", "nl"),
        ("Покажи самые большие файлы", "ru"),
        ("显示最大的文件", "zh"),
        ("一番大きいファイルを見せて", "ja"),
        ("가장 큰 파일을 보여줘", "ko"),
        ("sales.csv", ""),
        ("", ""),
        ("./der/die/das.txt", ""),
        ("42", ""),
    ],
)
def test_in_which_language_a_message_is(text: str, expected: str) -> None:
    assert language(text) == expected


def test_greetings_are_answered_in_their_language_with_a_goal_that_works() -> None:
    assert greeting("Hallo!", "G").startswith("Hallo. Nenne mir ein Ziel")
    assert greeting("merci", "G").startswith("Je vous en prie.")
    assert greeting("Ciao", "G").endswith("For example: G")


async def test_all_parts_run_at_the_same_time() -> None:
    arrived = 0
    all_there = asyncio.Event()

    async def meet() -> None:
        nonlocal arrived
        arrived += 1
        if arrived == 3:
            all_there.set()
        await all_there.wait()

    async def recall(text: str) -> Sequence[Known]:
        await meet()
        return [Known("likes PDF")]

    async def choose(text: str) -> Sequence[Any]:
        await meet()
        return ["a tool"]

    async def earlier() -> Sequence[Any]:
        await meet()
        return [{"role": "user", "content": "before"}]

    found = await take("and now as PDF", Sources(recall=recall, choose=choose, earlier=earlier, deadline_s=20))
    assert (found.kind, found.language, found.failed) == ("follow_up", "en", {})
    assert found.facts == ("likes PDF",)
    assert found.tools == ("a tool",)
    assert found.earlier == ({"role": "user", "content": "before"},)


async def test_a_part_that_fails_or_hangs_never_stops_the_others() -> None:
    async def broken(text: str) -> Sequence[Known]:
        raise RuntimeError("the index is damaged")

    async def hanging(text: str) -> Sequence[Any]:
        await asyncio.Event().wait()
        return []

    found = await take("Zeige mir die Dateien", Sources(recall=broken, choose=hanging, deadline_s=0.05))
    assert found.language == "de"
    assert found.failed == {"recall": "the index is damaged", "tools": "no answer within 0.05 s"}
    assert (found.facts, found.tools) == ((), None)


async def test_without_a_session_before_nothing_goes_on_from_it() -> None:
    async def earlier() -> Sequence[Any]:
        return []

    assert (await take("and now as PDF", Sources(earlier=earlier))).kind == "goal"
    assert (await take("what did I ask?", Sources())).kind == "goal"


async def test_the_session_is_read_only_for_messages_that_go_on_from_it() -> None:
    asked: list[str] = []

    async def earlier() -> Sequence[Any]:
        asked.append("read")
        return []

    await take("Report on the folder .", Sources(earlier=earlier))
    assert asked == []


async def test_cancelling_an_intake_cancels_its_parts() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def recall(text: str) -> Sequence[Known]:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return []

    task = asyncio.create_task(take("g", Sources(recall=recall, deadline_s=60)))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
