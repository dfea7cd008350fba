"""`planloom simulate` as a process."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import httpx
from click.testing import CliRunner

from planloom.cli.simulate import command, settings


async def _start(*arguments: str) -> tuple[asyncio.subprocess.Process, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "planloom", "simulate", *arguments), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode()


async def test_it_says_where_it_listens_and_ends_cleanly_on_a_signal(tmp_path: Path) -> None:
    (tmp_path / "script.yaml").write_text("- when: {contains: ping}\n  reply: pong")
    process, line = await _start("--scenario", str(tmp_path / "script.yaml"), "--rpm", "2")
    try:
        assert "simulated provider" in line
        url = next(word for word in line.split() if word.startswith("http://127.0.0.1:"))
        async with httpx.AsyncClient() as client:
            body = {"model": "m", "messages": [{"role": "user", "content": "ping"}]}
            reply = await client.post(f"{url}/chat/completions", json=body)
            stats = await client.get(url.removesuffix("/v1") + "/simulate/stats")
        assert reply.json()["choices"][0]["message"]["content"] == "pong"
        assert reply.headers["x-ratelimit-remaining-requests"] == "1"
        assert stats.json()["by_brain"] == {"scenario": 1}
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()
    assert process.returncode == 0


def test_every_option_reaches_the_settings(tmp_path: Path) -> None:
    plans = tmp_path / "plans.json"
    plans.write_text(json.dumps({"plans": [{"goal": "g", "steps": [{"id": "a"}]}]}))
    made = {}

    def kept(**given: object) -> None:
        made.update(given)

    context = command.make_context(
        "simulate",
        [
            *("--seed", "4", "--tpm", "9", "--rpd", "8", "--fault", "500=0.1", "--fault", "html=5%", "--ttft", "0.5"),
            *("--latency", "lognormal:0.2:0.4", "--token-rate", "50", "--seconds-per-step", "1", "--plans", str(plans)),
            *("--judge-failures", "0.2", "--without", "tools", "--model", "a", "--model", "b", "--context", "1000"),
        ],
    )
    kept(**{name: value for name, value in context.params.items() if name not in ("host", "port", "config_file")})
    found = settings(**made)
    assert (found.seed, found.limits.tpm, found.limits.rpd) == (4, 9, 8)
    assert found.faults == {"500": 0.1, "html": 0.05}
    assert (found.latency_s.kind, found.ttft_s.low, found.token_rate) == ("lognormal", 0.5, 50)
    assert found.plans is not None
    assert (len(found.plans), found.seconds_per_step) == (1, 1)
    assert (found.judge_failure_rate, found.without) == (0.2, {"tools"})
    assert (found.models, found.context_tokens) == (("a", "b"), 1000)


def test_an_option_that_does_not_fit_is_told_with_exit_code_2() -> None:
    from planloom.cli.app import root

    for arguments in (["--fault", "fire=1"], ["--latency", "soon"], ["--scenario", "none.yaml"], ["--without", "x"]):
        result = CliRunner().invoke(root, ["simulate", *arguments])
        assert result.exit_code == 2, result.output
        assert "expected" in result.output
