from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.server.talking import calling, served, talking, writing

from planloom import config
from planloom.events import Event, ModelCall, RunFinished
from planloom.server.alerts import Alerts, Seen

LIMITS = {"requests_per_minute": 10.0, "tokens_per_minute": 1000.0}


def ended(status: Any, seq: int = 1) -> Event:
    return Event(seq, 0.0, "s", "r", RunFinished(status, "", "", 1.0, {}))


def call(tokens: int, model: str = "m") -> Event:
    return Event(1, 0.0, "s", "r", ModelCall(None, "worker", model, tokens, 0, 0, None, 1.0, 0.0, "ok"))


def test_an_alert_is_told_once_when_it_begins_and_once_when_it_ends() -> None:
    alerts = Alerts(config.Alerts(memory_mb=100))
    told = [alerts.look({"memory": value}) for value in (50, 100, 120, 95, 89, 89)]
    assert [[said.is_raised for said in one] for one in told] == [[], [True], [], [], [False], []]
    assert told[1][0].value == 100
    assert told[1][0].limit == 100
    assert "alerts.memory_mb" in told[1][0].text


@pytest.mark.parametrize("name", ["memory", "errors", "quota"])
def test_a_limit_of_0_never_warns(name: str) -> None:
    alerts = Alerts(config.Alerts(memory_mb=0, failed_share=0, quota_share=0))
    assert alerts.look({name: 1e9}) == []


def test_failures_count_within_the_window_and_from_enough_runs() -> None:
    seen = Seen(window_s=60.0)
    for number, status in enumerate(["failed", "done", "done", "cancelled", "failed"]):
        seen.take(ended(status), float(number))
    assert seen.failed_share(5.0, least=4) == 0.5
    assert seen.failed_share(5.0, least=5) == 0.0, "what a person cancelled is no run that ended by itself"
    assert seen.failed_share(60.5, least=3) == pytest.approx(1 / 3), "the first one is too old"
    assert seen.failed_share(1000.0, least=1) == 0.0


def test_the_fullest_limit_of_any_model_counts_and_a_minute_later_nothing() -> None:
    seen = Seen(window_s=60.0)
    for _ in range(4):
        seen.take(call(10, "busy"), 0.0)
    seen.take(call(900, "wordy"), 10.0)
    assert seen.quota_share(20.0, lambda _: LIMITS) == 0.9
    assert seen.quota_share(20.0, lambda _: {"requests_per_minute": 0.0, "tokens_per_minute": 0.0}) == 0.0
    assert seen.quota_share(61.0, lambda _: LIMITS) == 0.9
    assert seen.quota_share(100.0, lambda _: LIMITS) == 0.0


async def test_sessions_at_work_hear_of_it_and_the_metrics_show_it(tmp_path: Path) -> None:
    alerts = {"memory_mb": 1.0, "check_s": 3600.0}
    async with served(tmp_path, alerts=alerts) as found, talking(found) as talk, calling(found) as http:
        await talk.say("message", plan=writing())
        await talk.until("approval.asked")
        found.server.alerts.look()
        said = await talk.until("alert.changed")
        assert (said["alert"], said["is_raised"], said["limit"]) == ("memory", True, 1.0)
        text = (await http.get("/metrics")).text
        assert 'planloom_alert{alert="memory"} 1.0' in text
        assert 'planloom_alerts_total{alert="memory"} 1.0' in text
        await talk.say("approve", run_id=talk.events[0]["run_id"], step="write")
        assert (await talk.until("run.finished"))["status"] == "done"
