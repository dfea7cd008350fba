from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import openai
import pytest
from tests.page.typist import typing
from tests.server.talking import calling, served, talking, writing

from planloom import tool
from planloom.server.openai_api.chores import chore_of
from planloom.server.openai_api.wire import ChatBody, conversation_key, yes_or_no


def _client(found, key: str = "none") -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{found.url}/v1", api_key=key, max_retries=0, timeout=30)


def _user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


async def test_the_official_client_lists_the_model_and_gets_an_answer(tmp_path: Path) -> None:
    async with served(tmp_path) as found, _client(found) as client:
        models = [model.id async for model in client.models.list()]
        one = await client.models.retrieve("planloom")
        reply = await client.chat.completions.create(model="planloom", messages=_user("hello"))
    assert models == ["planloom"] == [one.id]
    assert "goal" in reply.choices[0].message.content
    assert reply.choices[0].finish_reason == "stop"


async def test_the_official_client_streams_what_a_run_answers_and_does(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    async with served(tmp_path) as found, _client(found) as client:
        stream = await client.chat.completions.create(
            model="planloom",
            messages=_user("Report on the folder ."),
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    steps = "".join(getattr(c.choices[0].delta, "reasoning_content", "") or "" for c in chunks if c.choices)
    assert "holds 1 file" in text
    assert "scan" in steps
    assert chunks[-1].usage is not None
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"


async def test_a_conversation_goes_on_in_one_session(tmp_path: Path) -> None:
    async with served(tmp_path) as found, _client(found) as client, calling(found) as http:
        first = await client.chat.completions.create(model="planloom", messages=_user("hello"))
        said = [*_user("hello"), {"role": "assistant", "content": first.choices[0].message.content}]
        second = await client.chat.completions.create(
            model="planloom", messages=[*said, *_user("what did I ask before?")]
        )
        sessions = (await http.get("/api/sessions")).json()
    assert "hello" in second.choices[0].message.content
    assert sessions["total"] == 1
    assert len(sessions["sessions"][0]["runs"]) == 2


async def test_a_conversation_begun_elsewhere_is_known(tmp_path: Path) -> None:
    earlier = [{"role": "user", "content": "Tell me of otters"}, {"role": "assistant", "content": "They swim."}]
    async with served(tmp_path) as found, _client(found) as client:
        reply = await client.chat.completions.create(
            model="planloom", messages=[*earlier, *_user("what did I ask before?")]
        )
    assert "otters" in reply.choices[0].message.content


NOTES = {
    "note": """
steps:
  - {id: write, action: files.write, approval: true, parameters: {path: note.txt, text: Hello}}
answer: Written.
""",
    "pair": """
steps:
  - {id: one, action: files.write, approval: true, parameters: {path: one.txt, text: First}}
  - {id: two, action: files.write, approval: true, parameters: {path: two.txt, text: Second}}
answer: Both written.
""",
    "talk": """
steps:
  - {id: sum, action: maths.calculate, parameters: {expression: 1 + 1}}
""",
    "wait": """
steps:
  - {id: held, action: trial.held, parameters: {}}
answer: Let through.
""",
}


def _books(folder: Path) -> dict[str, object]:
    books = folder / "books"
    books.mkdir()
    for name, steps in NOTES.items():
        head = f"playbook: 1\nname: {name}\npurpose: Does the {name}\nexamples: [Do me the {name}]\nkeywords: [{name}]"
        (books / f"{name}.yaml").write_text(head + steps)
    return {"playbooks": {"folders": [str(books)]}}


class _Gate:
    """A step that waits until it is cancelled or let through."""

    def __init__(self, found) -> None:
        self.reached, self.opens = asyncio.Event(), asyncio.Event()

        @tool(effect="read", name="trial.held")
        async def held() -> int:
            """Waits."""
            self.reached.set()
            await self.opens.wait()
            return 1

        found.server.loom.registry.add(held)


async def test_a_question_of_a_run_is_answered_with_yes_and_its_file_can_be_fetched(tmp_path: Path) -> None:
    async with served(tmp_path, **_books(tmp_path)) as found, _client(found) as client, calling(found) as http:
        asked = await client.chat.completions.create(model="planloom", messages=_user("Do me the note"))
        question = asked.choices[0].message.content
        said = [*_user("Do me the note"), {"role": "assistant", "content": question}]
        done = await client.chat.completions.create(model="planloom", messages=[*said, *_user("yes")])
        text = done.choices[0].message.content
        file = await http.get(re.search(r"\[note\.txt\]\((.*)\)", text)[1])
    assert "yes or no" in question
    assert '"path": "note.txt"' in question
    assert text.startswith("Written.")
    assert (tmp_path / "note.txt").read_text() == "Hello" == file.text


async def test_two_open_questions_are_answered_one_after_the_other(tmp_path: Path) -> None:
    said = _user("Do me the pair")
    async with served(tmp_path, **_books(tmp_path)) as found, _client(found) as client:
        for answer in ("yes", "no"):
            asked = await client.chat.completions.create(model="planloom", messages=said)
            said += [{"role": "assistant", "content": asked.choices[0].message.content}, *_user(answer)]
        end = await client.chat.completions.create(model="planloom", messages=said)
    assert ["one.txt" in said[1]["content"], "two.txt" in said[3]["content"]] == [True, True]
    assert "failed" in end.choices[0].message.content
    assert (tmp_path / "one.txt").exists()
    assert not (tmp_path / "two.txt").exists()


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_goes_away_cancels_its_run(tmp_path: Path, stream: bool) -> None:
    async with served(tmp_path, **_books(tmp_path)) as found, talking(found) as talk, _client(found) as client:
        gate = _Gate(found)
        await talk.say("message", plan=writing(), session_id="other")  # somebody else's run goes on
        await talk.until("approval.asked")
        asking = asyncio.create_task(_taken(client, stream))
        await asyncio.wait_for(gate.reached.wait(), 20)
        run = next(run for run in await _runs(found) if run["goal"] == "Do me the wait")
        await talk.ask("resume", "replayed", session_id=run["session_id"])
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        end = await talk.until("run.finished")
        assert (end["run_id"], end["status"]) == (run["run_id"], "cancelled")
        assert [one["status"] for one in await _runs(found) if one["run_id"] != run["run_id"]] == ["running"]


async def test_a_stream_that_is_closed_while_the_answer_is_written_stops_the_writer(tmp_path: Path) -> None:
    async with typing() as typist:
        models = {"base_url": typist.base_url, "model": "m"}
        async with (
            served(tmp_path, models=models, **_books(tmp_path)) as found,
            _client(found) as client,
            talking(found) as talk,
        ):
            stream = await client.chat.completions.create(
                model="planloom", messages=_user("Do me the talk"), stream=True
            )
            await typist.pieces.put("The first line.\n\n")
            async for chunk in stream:
                if chunk.choices[0].delta.content:
                    break
            run = (await _runs(found))[0]
            await talk.ask("resume", "replayed", session_id=run["session_id"])
            await stream.close()
            end = await talk.until("run.finished")
    assert (end["status"], end["answer"].strip()) == ("cancelled", "The first line.")


async def _taken(client, stream: bool) -> None:
    reply = await client.chat.completions.create(model="planloom", messages=_user("Do me the wait"), stream=stream)
    async for _ in reply:
        continue


async def _runs(found) -> list[dict[str, str]]:
    async with calling(found) as http:
        return (await http.get("/api/runs")).json()["runs"]


async def test_tools_of_the_client_are_not_used_and_it_is_told(tmp_path: Path) -> None:
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]
    async with served(tmp_path) as found, _client(found) as client:
        ask = {"model": "planloom", "messages": _user("hello"), "tools": tools}
        whole = await client.chat.completions.create(**ask)
        stream = await client.chat.completions.create(**ask, stream=True)
        notes = [getattr(c.choices[0].delta, "reasoning_content", None) async for c in stream]
        with pytest.raises(openai.BadRequestError, match="none of the client"):
            await client.chat.completions.create(**ask, tool_choice="required")
    assert "tools are not used" in whole.choices[0].message.reasoning_content
    assert "tools are not used" in "".join(filter(None, notes))
    assert whole.choices[0].message.content


@pytest.mark.parametrize(
    ("asked", "error", "told"),
    [
        ({"model": "gpt-4"}, openai.NotFoundError, "expected the model 'planloom', got 'gpt-4'"),
        ({"n": 2}, openai.BadRequestError, "expected one choice, got 2"),
        ({"response_format": {"type": "json_object"}}, openai.BadRequestError, "expected answers as text"),
        ({"content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}, openai.BadRequestError, "image_url"),
        ({"content": [{"type": "text", "text": "Do"}, {"type": "file"}]}, openai.BadRequestError, "got file"),
        ({"content": " "}, openai.BadRequestError, "a goal in words"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_what_was_expected(tmp_path: Path, asked, error, told: str) -> None:
    messages = [{"role": "user", "content": asked.pop("content", "hello")}]
    async with served(tmp_path) as found, _client(found) as client:
        with pytest.raises(error) as refused:
            await client.chat.completions.create(**{"model": "planloom", "messages": messages, **asked})
        assert await _runs(found) == []
    assert told in refused.value.body["message"]
    assert refused.value.param == next(iter(asked), "messages")


HISTORY = (
    "### Chat History:\n<chat_history>\nUSER: Report on the folder .\nASSISTANT: It holds 1 file.\n</chat_history>"
)
CHORES = {
    "title": (
        '### Task:\nA title.\n### Output:\nJSON format: { "title": "a title" }\n',
        "Report on the folder .",
    ),
    "tags": ('### Task:\nWrite tags.\n### Output:\nJSON format: { "tags": ["tag1", "tag2"] }\n', []),
    "follow_ups": ('### Task:\nWhat is asked next?\n### Output:\nJSON format: { "follow_ups": ["Why?"] }\n', []),
    "text": ('### Task:\nComplete the text.\n### Output:\nJSON format: { "text": "more" }\n', ""),
}


@pytest.mark.parametrize("field", CHORES)
@pytest.mark.parametrize("stream", [True, False])
async def test_titles_and_suggestions_are_no_goals(tmp_path: Path, field: str, stream: bool) -> None:
    prompt, expected = CHORES[field]
    async with served(tmp_path) as found, _client(found) as client:
        ask = {"model": "planloom", "messages": _user(prompt + HISTORY)}
        if stream:
            pieces = [
                c.choices[0].delta.content async for c in await client.chat.completions.create(**ask, stream=True)
            ]
            text = "".join(filter(None, pieces))
        else:
            text = (await client.chat.completions.create(**ask)).choices[0].message.content
        assert await _runs(found) == []
    assert json.loads(text) == {field: expected}


async def test_titles_come_from_the_model_where_there_is_one(tmp_path: Path) -> None:
    from planloom.models.simulate.serving import running as simulated

    async with simulated() as provider:
        models = {"base_url": provider.base_url, "model": "simulated", "api_key": "none"}
        async with served(tmp_path, models=models) as found, _client(found) as client:
            ask = _user("### Task:\nWrite a title.\n" + HISTORY)
            reply = await client.chat.completions.create(model="planloom", messages=ask)
            assert await _runs(found) == []
        assert provider.provider.stats.requests == 1
    assert reply.choices[0].message.content


@pytest.mark.parametrize("text", ["<think>" * 60_000, "<chat_history>" * 30_000, '<details type="reasoning"' * 20_000])
def test_marks_without_an_end_are_read_at_once(text: str) -> None:
    body = ChatBody.model_validate({"messages": [{"role": "user", "content": text}]})
    assert chore_of(body) is None
    assert conversation_key("", [("user", text)]) != conversation_key("", [("user", text[1:])])


def test_a_conversation_is_known_again_however_a_client_kept_it() -> None:
    said = [("user", "Do it"), ("assistant", "A question.\n\nAnswer yes or no.")]
    kept = [
        ("user", "Do it "),
        ("assistant", '<details type="reasoning" done="true">\nscan: ok\n</details>\nA question.'),
        ("assistant", "<think>write: ok</think>Answer yes or no."),
    ]
    assert conversation_key("a", said) == conversation_key("a", kept)
    assert conversation_key("a", said) != conversation_key("b", said)
    assert conversation_key("a", said) != conversation_key("a", said[:1])


async def test_a_wrong_key_is_refused(tmp_path: Path) -> None:
    key = "a-token-" * 3
    async with served(tmp_path, server={"token": key}) as found:
        async with _client(found, "wrong") as client:
            with pytest.raises(openai.AuthenticationError):
                await client.chat.completions.create(model="planloom", messages=_user("hello"))
        async with _client(found, key) as client:
            with pytest.raises(openai.NotFoundError):
                await client.models.retrieve("gpt-4")
            reply = await client.chat.completions.create(model="planloom", messages=_user("hello"))
    assert reply.choices[0].message.content


def test_parts_of_a_message_are_one_text() -> None:
    parts = [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "x"}},
        {"type": "text", "text": "b"},
    ]
    body = ChatBody.model_validate(
        {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": parts}]}
    )
    assert body.goal == "a\nb"
    assert body.earlier == []


@pytest.mark.parametrize(
    ("text", "meant"), [("Yes.", True), (" ok ", True), ("NO", False), ("yes, but later", None), ("", None)]
)
def test_only_a_plain_yes_or_no_answers_a_question(text: str, meant: bool | None) -> None:
    assert yes_or_no(text) is meant
