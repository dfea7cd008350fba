from __future__ import annotations

from pathlib import Path

import openai
import pytest
from tests.server.talking import calling, served, settings, talking, writing

from planloom.server.openai_api.wire import ChatBody, yes_or_no


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


async def test_a_question_of_a_run_is_answered_with_yes(tmp_path: Path) -> None:
    from planloom.server.serving import running

    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "note.yaml").write_text(
        "playbook: 1\nname: note\npurpose: Writes a note\nexamples: [Write me the note]\n"
        "steps:\n  - id: write\n    action: files.write\n    approval: true\n"
        "    parameters: {path: note.txt, text: Hello}\nanswer: Written.\n"
    )
    config = settings(tmp_path, playbooks={"folders": [str(tmp_path / "books")]})
    async with running(config, port=0) as found, _client(found) as client:
        asked = await client.chat.completions.create(model="planloom", messages=_user("Write me the note"))
        question = asked.choices[0].message.content
        said = [*_user("Write me the note"), {"role": "assistant", "content": question}]
        done = await client.chat.completions.create(model="planloom", messages=[*said, *_user("yes")])
    assert "yes or no" in question
    assert done.choices[0].message.content == "Written."
    assert (tmp_path / "note.txt").read_text() == "Hello"


async def test_a_client_that_goes_away_while_it_streams_cancels_its_run(tmp_path: Path) -> None:
    async with served(tmp_path) as found, talking(found) as talk, _client(found) as client, calling(found) as http:
        await talk.say("message", plan=writing(), session_id="other")  # somebody else's run goes on
        await talk.until("approval.asked")
        stream = await client.chat.completions.create(
            model="planloom", messages=_user("Report on the folder ."), stream=True
        )
        async for chunk in stream:
            if getattr(chunk.choices[0].delta, "reasoning_content", None):
                break
        await stream.close()
        runs = []
        for _ in range(200):
            runs = (await http.get("/api/runs")).json()["runs"]
            if {run["status"] for run in runs} != {"running"}:
                break
    assert sorted(run["status"] for run in runs) in (["cancelled", "running"], ["done", "running"])


async def test_a_wrong_key_and_an_empty_message_are_refused(tmp_path: Path) -> None:
    key = "a-token-" * 3
    async with served(tmp_path, server={"token": key}) as found:
        async with _client(found, "wrong") as client:
            with pytest.raises(openai.AuthenticationError):
                await client.chat.completions.create(model="planloom", messages=_user("hello"))
        async with _client(found, key) as client:
            with pytest.raises(openai.BadRequestError):
                await client.chat.completions.create(model="planloom", messages=_user(" "))
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
