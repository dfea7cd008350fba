"""`planloom doctor` with models: what it says of the simulated provider, and what it never says."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

KEY = "sk-never-to-be-seen"
MODEL = "PLANLOOM_MODELS__MODEL"


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[str]:
    options = ["--key", KEY, "--model", "small", "--without", "json_schema", "--without", "embeddings"]
    command = [sys.executable, "-m", "planloom", "simulate", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        yield found[0]
        process.terminate()


def told(place: Any, base_url: str, *options: str, key: str = KEY, model: str = "small") -> tuple[int, dict[str, Any]]:
    environment = {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": key, MODEL: model}
    done = place.run("doctor", "--json", *options, **environment)
    assert KEY not in done.stdout + done.stderr
    checks = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
    return done.returncode, {name: one for name, one in checks.items() if name.startswith("model")}


def test_doctor_says_what_each_role_can_and_what_the_server_lacks(place: Any, provider: str) -> None:
    code, found = told(place, provider)
    assert code == 0
    assert {name: one["state"] for name, one in found.items()} == {
        "model planner": "ok",
        "model worker": "ok",
        "model worker tools": "ok",
        "model verifier": "note",
        "model writer": "ok",
        "model embeddings": "note",
    }
    assert "json_object" in found["model verifier"]["told"]


def test_doctor_says_that_the_key_or_the_model_is_wrong(place: Any, provider: str) -> None:
    code, found = told(place, provider, key="sk-wrong")
    assert (code, "the key was refused" in found["model planner"]["told"]) == (1, True)
    code, found = told(place, provider, model="large")
    assert (code, "no model of this name" in found["model planner"]["told"]) == (1, True)


def test_doctor_says_that_no_server_runs_and_calls_nobody_when_offline(place: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        code, found = told(place, dead)
        assert (code, "is the server running" in found["model planner"]["told"]) == (1, True)
        code, found = told(place, dead, "--offline")
    assert (code, list(found)) == (0, ["models"])


def test_doctor_prints_no_key_in_its_table(place: Any, provider: str) -> None:
    done = place.run("doctor", OPENAI_BASE_URL=provider, OPENAI_API_KEY=KEY, PLANLOOM_MODELS__MODEL="small")
    assert done.returncode == 0
    assert "model planner" in done.stdout
    assert KEY not in done.stdout + done.stderr
