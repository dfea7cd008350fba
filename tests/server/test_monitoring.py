from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.server.collector import Collector
from tests.server.talking import calling, settings

from planloom.config import Monitoring
from planloom.events import Event, ModelCall, Notice, RunFinished, RunStarted, StepAdded, StepFinished, StepStarted
from planloom.metrics import Metrics
from planloom.server.logs import EventLog, log_of

SECRETS = [f"planted-secret-number-{n:02}-x7Kq" for n in range(20)]


def _event(payload: Any, seq: int = 1) -> Event:
    return Event(seq, 100.0 + seq, "session", "run", payload)


def _call(**facts: Any) -> ModelCall:
    given = {"step": None, "role": "planner", "model": "m", "prompt_tokens": 7, "completion_tokens": 3}
    given |= {"cached_tokens": 2, "cost_usd": 0.5, "seconds": 1.0, "waited_s": 0.2, "outcome": "ok"}
    return ModelCall(**{**given, **facts})


def test_metrics_add_up_what_events_tell() -> None:
    metrics = Metrics()
    told = [
        RunStarted("g", {}, "plan", {}),
        StepAdded("a", "maths.calculate", (), "pure"),
        StepStarted("a", 1, 0),
        StepFinished("a", "ok", 0, 1, 2.0),
        StepAdded("b", "files.read", (), "read"),
        StepStarted("b", 1, 0),
        StepFinished("b", "failed", 0, 1, 1.0, error="ToolError: no"),
        _call(),
        RunFinished("failed", "b", "", 4.0, {}),
    ]
    for seq, payload in enumerate(told, 1):
        metrics.take(_event(payload, seq))
    text = metrics.text().decode()
    for line in (
        'planloom_runs_total{status="failed"} 1.0',
        'planloom_steps_total{action="maths.calculate",status="ok"} 1.0',
        'planloom_errors_total{kind="ToolError"} 1.0',
        'planloom_tokens_total{kind="prompt"} 7.0',
        'planloom_model_calls_total{model="m",outcome="ok",role="planner"} 1.0',
        "planloom_cost_usd_total 0.5",
        "planloom_runs_active 0.0",
        "planloom_run_parallel_efficiency_sum 0.5",
    ):
        assert line in text, line


def test_labels_of_metrics_are_bounded() -> None:
    metrics = Metrics()
    for n in range(1_000):
        metrics.take(_event(_call(model=f"m{n}")))
    assert metrics.text().decode().count("planloom_model_calls_total{") == 201


def test_every_metric_is_named_in_the_guide() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "chat.md").read_text(encoding="utf-8")
    names = {family.name for family in Metrics().registry.collect() if family.name.startswith("planloom_")}
    assert {name for name in names if f"`{name}`" not in guide} == set()


@pytest.mark.parametrize("form", ["text", "json"])
def test_log_lines_have_ids_and_no_secrets(form: str) -> None:
    out = io.StringIO()
    log = log_of(Monitoring(log_format=form, log_level="debug"), secrets=SECRETS, stream=out)
    watching = EventLog(log)
    for secret in SECRETS:
        watching.take(_event(StepFinished("step1", "failed", 0, 1, 1.0, error=f"ToolError: refused {secret}")))
        log.info("said", api_key="sk-abcdefghijklmnop", text=f"password={secret}")
        try:
            raise ValueError(secret)
        except ValueError:
            log.error("broke", exc_info=True)
    text = out.getvalue()
    assert "step1" in text
    assert "session" in text
    assert "ValueError" in text
    assert "sk-abcdefghijklmnop" not in text
    assert [secret for secret in SECRETS if secret in text] == []
    if form == "json":
        assert json.loads(text.splitlines()[0])["run_id"] == "run"


async def test_a_collector_gets_the_run_its_steps_and_calls_of_models(tmp_path: Path) -> None:
    from planloom.server.tracing import tracer

    collector = Collector()
    async with await asyncio.start_server(collector.take, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        made = tracer(Monitoring(otlp_endpoint=f"http://127.0.0.1:{port}"), secrets=SECRETS)
        assert made is not None
        told = [
            RunStarted(SECRETS[0], {"key": SECRETS[1]}, "model", {}),
            StepAdded("a", "files.read", (), "read", parameters={"path": SECRETS[2]}),
            StepStarted("a", 1, 0),
            _call(step="a", role="worker"),
            StepFinished("a", "failed", 0, 1, 2.0, error=f"ToolError: {SECRETS[3]}", value=SECRETS[4]),
            Notice(SECRETS[5]),
            RunFinished("failed", SECRETS[6], SECRETS[7], 4.0, {}),
        ]
        for seq, payload in enumerate(told, 1):
            made.take(_event(payload, seq))
        await asyncio.to_thread(made.close)
    spans = {span.name: span for span in collector.spans}
    assert set(spans) == {"run", "files.read", "chat m"}
    assert spans["files.read"].parent_span_id == spans["run"].span_id
    assert spans["chat m"].parent_span_id == spans["files.read"].span_id
    known = {a.key: a.value for a in spans["chat m"].attributes}
    assert known["gen_ai.request.model"].string_value == "m"
    assert known["gen_ai.usage.input_tokens"].int_value == 7
    assert len({span.trace_id for span in collector.spans}) == 1
    sent = b"".join(collector.bodies)
    assert [secret for secret in SECRETS if secret.encode() in sent] == []


async def test_with_monitoring_off_nothing_is_measured(tmp_path: Path) -> None:
    config = settings(tmp_path, monitoring={"enabled": False, "otlp_endpoint": "http://127.0.0.1:1"})
    from planloom.server.serving import running

    async with running(config, port=0) as found, calling(found) as client:
        assert found.server.metrics is None
        assert found.server.tracer is None
        assert (await client.get("/metrics")).status_code == 404


def test_settings_hold_tokens_as_secrets() -> None:
    from planloom.config import Server

    assert SECRETS[0] not in repr(Server(token=SecretStr(SECRETS[0])))
