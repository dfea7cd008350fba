from __future__ import annotations

import pytest
from pydantic import SecretStr

from planloom import tool
from planloom.agents.call import Caller
from planloom.agents.secrecy import Concealment, secrets_of
from planloom.agents.tool import ToolContext
from planloom.agents.workspace import Workspace
from planloom.config import Config
from planloom.errors import ToolError

KEY = "aB3dE5gH7jK9mN1p"


def _config(**tools: object) -> Config:
    return Config.model_validate({"tools": tools})


def test_variables_are_filled_in_and_addresses_taken_apart() -> None:
    config = _config(
        sql={"databases": {"a": "postgresql://me:${ENV:PW}@db/x", "b": "shop.db"}},
        notify={"webhooks": {"w": f"https://chat.example.org/hooks/{KEY}?token=tokenvalue1"}},
    )
    found = secrets_of(config, {"PW": "password-of-db"}, is_sure=True)
    assert set(found) >= {"password-of-db", KEY, "tokenvalue1"}
    assert not {"shop.db", "me", "db", "chat.example.org"} & set(found)


def test_what_only_may_be_a_secret_is_hidden_in_logs_and_stays_in_results() -> None:
    env = {"MODE": "production", "API_KEY": "short-key-1", "OTHER": KEY}
    config = Config.model_validate({"mcp": {"servers": {"x": {"command": "y", "env": env}}}})
    assert "production" in secrets_of(config, {})
    sure = secrets_of(config, {}, is_sure=True)
    assert set(sure) == {"short-key-1", KEY}


def test_the_word_behind_bearer_is_the_secret() -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Accept": "application/json"}
    config = Config.model_validate({"mcp": {"servers": {"x": {"url": "http://h/mcp", "headers": headers}}}})
    assert set(secrets_of(config, {}, is_sure=True)) == {KEY, f"Bearer {KEY}"}


def test_a_key_of_the_settings_is_a_secret() -> None:
    tokens = {"anna": "correct-horse-battery"}
    config = Config.model_validate({"models": {"api_key": SecretStr("plain-key")}, "server": {"tokens": tokens}})
    assert secrets_of(config, {}, is_sure=True) == ["correct-horse-battery", "plain-key"]


def test_texts_lose_secrets_at_any_depth_and_the_rest_stays_as_it_is() -> None:
    conceal = Concealment([KEY, "x"])
    told = {"a": [f"key {KEY}.", 7, None], KEY: {"b": "x"}, "c": b"bytes"}
    assert conceal(told) == {"a": ["key [secret].", 7, None], "[secret]": {"b": "x"}, "c": b"bytes"}
    assert conceal("nothing here") == "nothing here"


async def test_results_errors_and_progress_of_tools_hold_no_secret(tmp_path) -> None:
    @tool(effect="read", name="say.it")
    def say(context: ToolContext, fail: bool) -> str:
        """Says it."""
        context.progress(1, 2, KEY)
        if fail:
            raise ValueError(f"header {KEY}")
        return f"header {KEY}"

    said: list[object] = []
    context = ToolContext(workspace=Workspace(tmp_path, tmp_path), progress=lambda *told: said.extend(told))
    caller = Caller(lambda: None, Concealment([KEY]))
    assert await caller.call(say, {"fail": False}, context) == "header [secret]"
    with pytest.raises(ToolError) as refused:
        await caller.call(say, {"fail": True}, context)
    assert str(refused.value) == "say.it raised ValueError: header [secret]"
    assert KEY not in said
    assert "[secret]" in said
