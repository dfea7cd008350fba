"""The models put together: what is kept is not asked twice, and says so."""

from pathlib import Path

from pydantic import SecretStr

from planloom.clock import SystemClock
from planloom.config import Caches, Config, Models, Role
from planloom.models.client import endpoint_of
from planloom.models.governed import governed
from planloom.models.scope import Scope, entered
from planloom.models.simulate.serving import running
from planloom.models.simulate.settings import Settings


def test_shared_key_never_goes_to_a_roles_own_server():
    planner = Role(base_url="http://other.example/v1")
    settings = Models(base_url="http://one.example/v1", api_key=SecretStr("k"), model="m", planner=planner)
    assert endpoint_of(settings, "planner").api_key == ""
    assert endpoint_of(settings, "writer").api_key == "k"
    assert "k'" not in repr(endpoint_of(settings, "writer"))


async def test_kept_reply_costs_no_second_call_and_is_the_same(tmp_path: Path):
    heard = []
    async with running(Settings()) as provider:
        settings = Models(base_url=provider.base_url, model="simulated-small")
        config = Config(state=str(tmp_path), models=settings, caches=Caches(response_cache=True))
        replies = []
        for _ in range(2):  # two processes, as far as the cache can tell
            models = governed(config, SystemClock())
            with entered(Scope(session="s", report=heard.append)):
                replies.append(await models.complete("worker", [{"role": "user", "content": "What is a tide?"}]))
            await models.close()
    assert replies[0] == replies[1]
    assert [event.outcome for event in heard] == ["ok", "cached"]
    assert heard[0].prompt_tokens > 0 and heard[1].prompt_tokens == 0


async def test_without_the_switch_every_call_is_made(tmp_path: Path):
    heard = []
    async with running(Settings()) as provider:
        config = Config(state=str(tmp_path), models=Models(base_url=provider.base_url, model="simulated-small"))
        models = governed(config, SystemClock())
        with entered(Scope(session="s", report=heard.append)):
            for _ in range(2):
                await models.complete("worker", [{"role": "user", "content": "What is a tide?"}])
        await models.close()
    assert [event.outcome for event in heard] == ["ok", "ok"]
    assert not (tmp_path / "responses.sqlite").exists()
