from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.server.talking import served, sums, talking, writing

from planloom.clock import ManualClock
from planloom.config import Sessions as SessionSettings
from planloom.dashboard import charts, reports
from planloom.dashboard.choosing import Choice, chosen
from planloom.dashboard.live import Look, Poller, last_answer, parsed, quantile, rates
from planloom.dashboard.recorded import Recorded
from planloom.dashboard.runs import Call, Run, arrangement
from planloom.dashboard.source import Source
from planloom.events import ModelCall, RunFinished, RunStarted, StepAdded, StepFinished, StepStarted
from planloom.memory.sessions import Sessions

BUCKETS = """\
# TYPE planloom_run_seconds histogram
planloom_run_seconds_bucket{le="1.0",status="done"} %d
planloom_run_seconds_bucket{le="2.0",status="done"} %d
planloom_run_seconds_bucket{le="+Inf",status="done"} %d
planloom_run_seconds_count{status="done"} %d
planloom_run_seconds_sum{status="done"} 1.0
# TYPE other_things counter
other_things_total 5.0
"""


def look(at: float, text: str) -> Look:
    return Look(at, parsed(text))


def counter(at: float, **values: float) -> Look:
    lines = [f'planloom_runs_total{{status="{status}"}} {value}' for status, value in values.items()]
    return look(at, "# TYPE planloom_runs counter\n" + "\n".join(lines) + "\n")


def run(number: int, **facts: Any) -> Run:
    given = {"began": 1000.0 + number, "goal": f"Goal {number}", "status": "done", "seconds": 1.0 + number}
    return Run(session=f"s{number % 2}", id=f"r{number}", **{**given, **facts})


# ---- live


def test_a_quantile_is_linear_within_its_bucket_as_prometheus_has_it() -> None:
    one = look(0, BUCKETS % (10, 20, 20, 20))
    assert quantile(0.5, None, one, "planloom_run_seconds") == 1.0
    assert quantile(0.75, None, one, "planloom_run_seconds") == 1.5
    assert quantile(0.25, None, one, "planloom_run_seconds") == 0.5
    assert quantile(1.0, None, look(0, BUCKETS % (0, 0, 4, 4)), "planloom_run_seconds") == 2.0


def test_a_quantile_between_two_looks_counts_only_what_came_between() -> None:
    before, after = look(0, BUCKETS % (10, 10, 10, 10)), look(1, BUCKETS % (10, 20, 20, 20))
    assert quantile(0.5, before, after, "planloom_run_seconds") == 1.5
    assert quantile(0.5, before, before, "planloom_run_seconds") is None
    assert quantile(0.5, None, Look(0, {}), "planloom_run_seconds") is None


def test_a_server_that_began_anew_gives_no_negative_rate() -> None:
    looks = [counter(0, done=10), counter(2, done=14), Look(3, None, "gone"), counter(4, done=3), counter(6, done=5)]
    assert rates(looks, "planloom_runs_total", per_s=60) == [(2, 120.0), (6, 60.0)]
    assert rates([counter(0, done=10), counter(2, done=4)], "planloom_runs_total") == [(2, 2.0)]


def test_labels_are_summed_or_chosen() -> None:
    one = counter(0, done=3, failed=1)
    assert one.total("planloom_runs_total") == 4
    assert one.total("planloom_runs_total", status="failed") == 1
    assert one.total("planloom_nothing") == 0
    assert one.by("planloom_runs_total", "status") == {"done": 3.0, "failed": 1.0}
    assert "other_things_total" not in parsed(BUCKETS % (1, 1, 1, 1))


async def test_a_poller_reads_a_real_server_and_says_why_it_can_not(tmp_path: Path) -> None:
    import asyncio

    def look_at(url: str, token: str = "") -> Look:
        with httpx.Client(timeout=10) as http:
            return Poller(url, token).look(http)

    token = "a-token-of-this-server"  # noqa: S105
    async with served(tmp_path, monitoring={"enabled": False}) as found:
        silent = await asyncio.to_thread(look_at, found.url)
    assert "monitoring.enabled" in silent.problem
    async with served(tmp_path, server={"token": token}) as found:
        seen = await asyncio.to_thread(look_at, found.url, token)
        refused = await asyncio.to_thread(look_at, found.url)
    gone = await asyncio.to_thread(look_at, found.url, token)
    assert seen.total("process_resident_memory_bytes") > 1e7
    assert refused.values is None
    assert "PLANLOOM_SERVER__TOKEN" in refused.problem
    assert gone.values is None
    assert gone.problem
    assert last_answer([seen, refused, gone]) is seen
    assert token not in repr(Poller(found.url, token))


# ---- recorded


def write(folder: Path, name: str, *, failed: bool = False) -> None:
    """A session with one run of two steps and a call."""
    sessions = Sessions(folder, SessionSettings(), ManualClock(wall_s=time.time()))
    error = "ToolError: no such file" if failed else None
    sessions.open(name).add(
        RunStarted(f"Goal of {name}", {"arrangement": "parallel"}, "playbook:desk", {"schedule": "dataflow"}),
        StepAdded("a", "files.read", (), "read"),
        StepStarted("a", 1, 0),
        ModelCall("a", "worker", "m", 100, 10, 0, 0.5, 1.0, 0.25, "ok"),
        StepFinished("a", "failed" if failed else "ok", 0, 1, 1.0, error=error),
        RunFinished("failed" if failed else "done", "a" if failed else "", "", 2.0, {}),
        run_id=f"run-{name}",
    )
    sessions.close()


def test_runs_come_from_the_journals_and_only_what_changed_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, "one")
    write(tmp_path, "two", failed=True)
    recorded = Recorded(tmp_path)
    runs = {run.session: run for run in recorded.runs()}
    assert runs["one"].status == "done"
    assert (runs["two"].status, runs["two"].kind) == ("failed", "ToolError")
    assert runs["one"].arrangement == "playbook:desk, parallel"
    assert (runs["one"].tokens, runs["one"].usd, len(runs["one"].steps)) == (110, 0.5, 1)
    assert runs["one"].steps["a"].action == "files.read"
    again = {run.session: run for run in recorded.runs()}
    assert all(again[name] is runs[name] for name in runs)
    write(tmp_path, "three")
    assert {run.session for run in recorded.runs()} == {"one", "two", "three"}


def test_a_damaged_journal_is_named_and_the_others_are_shown(tmp_path: Path) -> None:
    write(tmp_path, "good")
    write(tmp_path, "bad")
    for path in (tmp_path / "sessions" / "bad").iterdir():
        if path.suffix != ".lock" and path.stat().st_size > 40:
            data = bytearray(path.read_bytes())
            data[30:40] = b"\xff" * 10
            path.write_bytes(data)
    recorded = Recorded(tmp_path)
    assert [run.session for run in recorded.runs()] == ["good"]
    assert set(recorded.problems) == {"bad"}


def test_a_folder_without_journals_has_no_runs(tmp_path: Path) -> None:
    assert Recorded(tmp_path / "nowhere").runs() == []


async def test_a_run_that_waits_for_a_person_is_under_way(tmp_path: Path) -> None:
    async with served(tmp_path) as found, talking(found) as talk:
        await talk.say("message", plan=writing())
        await talk.until("approval.asked")
        (waiting,) = Recorded(tmp_path / ".planloom").runs()
        assert (waiting.status, waiting.seconds, waiting.approvals) == ("running", None, 1)
        await talk.say("refuse", run_id=waiting.id, step="write")
        await talk.until("run.finished")
        await talk.say("message", plan=sums(2))
        await talk.until("run.finished")
    runs = Recorded(tmp_path / ".planloom").runs()
    assert [run.status for run in runs] == ["failed", "done"]


def test_how_a_run_was_arranged_is_its_plan_its_inputs_and_its_schedule() -> None:
    assert arrangement("model", {}, {"schedule": "dataflow"}) == "model"
    assert arrangement("model", {}, {"schedule": "sequential"}) == "model, sequential"
    assert arrangement("playbook:x", {"arrangement": "one agent"}, {}) == "playbook:x, one agent"
    assert arrangement("playbook:x", {"arrangement": 5}, {}) == "playbook:x"


@pytest.mark.parametrize(
    ("choice", "left"),
    [
        (Choice(), 6),
        (Choice(within_s=2.5), 2),
        (Choice(sessions=frozenset({"s0"})), 3),
        (Choice(statuses=frozenset({"failed"})), 1),
        (Choice(arrangements=frozenset({"model"})), 0),
        (Choice(words="goal 3"), 1),
        (Choice(words="R5"), 1),
        (Choice(sessions=frozenset({"s0"}), words="goal 3"), 0),
    ],
)
def test_filters_are_all_met_and_an_empty_one_is_everything(choice: Choice, left: int) -> None:
    runs = [run(n, status="failed" if n == 2 else "done") for n in range(6)]
    assert len(chosen(runs, choice, now=1006.0)) == left


# ---- plots


def test_every_plot_of_nothing_is_empty_and_of_something_is_not() -> None:
    call = Call(1010.0, "worker", "m", 500, 0.1, 1.0, 0.0, "ok")
    runs = [
        run(n, calls=[call], arrangement="model", kind="x", status="failed" if n == 1 else "done") for n in range(5)
    ]
    views = {
        "timeline": charts.timeline, "per_minute": charts.per_minute, "latencies": charts.latencies,
        "failures": charts.failures, "arrangements": charts.arrangements, "spent": charts.spent,
        "by_role": charts.by_role,
    }  # fmt: skip
    for name, view in views.items():
        assert view([])["data"] == [], name
        assert view(runs)["data"], name
        json.dumps(view(runs))
    looks = [counter(time.time() + n, done=n) for n in range(5)]
    for live in (
        charts.pace,
        charts.latency,
        charts.memory,
        charts.processor,
        charts.active,
        charts.tokens,
        charts.calls,
    ):
        assert isinstance(live([])["data"], list)
        json.dumps(live(looks))
    assert charts.distribution(None)["data"] == []
    assert sum(charts.distribution(look(0, BUCKETS % (10, 20, 20, 20)))["data"][0]["y"]) == 20


def test_the_limit_is_drawn_when_use_comes_near_it() -> None:
    calls = [Call(1010.0, "worker", "m", 500, None, 1.0, 0.0, "ok")] * 30
    near = charts.use([run(1, calls=calls)], of="calls", limit=60)
    assert near["data"][0]["y"] == [30]
    assert near["layout"]["shapes"][0]["y0"] == 60
    assert "shapes" not in charts.use([run(1, calls=calls)], of="calls", limit=10_000)
    assert charts.use([run(1, calls=calls)], of="tokens", limit=0)["data"][0]["y"] == [15_000]


def test_steps_that_are_under_way_have_no_length() -> None:
    from planloom.dashboard.runs import Step

    one = run(1, steps={"a": Step("a", "x.y", 1001.0, 1003.0, "ok"), "b": Step("b", "x.z", 1002.0)})
    bars = {bar["name"]: bar for bar in charts.steps(one)["data"]}
    assert bars["ok"]["x"] == [2.0]
    assert bars["running"]["x"] == [0.0]
    assert math.isclose(bars["running"]["base"][0], 1.0)


def test_reports_are_found_and_broken_ones_named(tmp_path: Path) -> None:
    from tests.loadtest.test_load_report import made

    (tmp_path / "load-1").mkdir()
    (tmp_path / "load-2").mkdir()
    (tmp_path / "load-1" / "report.json").write_text(json.dumps(made()))
    (tmp_path / "load-2" / "report.json").write_text("{")
    (tmp_path / "other.json").write_text("{}")
    found = reports.found(tmp_path)
    assert [Path(name).parent.name for name in found.good] == ["load-1"]
    assert [Path(name).parent.name for name in found.broken] == ["load-2"]
    (name,) = found.good
    assert "6 x support" in found.title(name)
    rows = reports.comparison(found.good[name], found.good[name])
    assert {row["verdict"] for row in rows} == {"same"}
    assert reports.found(tmp_path / "nowhere").good == {}


def test_what_is_looked_at_travels_without_loss() -> None:
    source = Source(url="http://127.0.0.1:1", state="/a b", reports="x", requests_per_minute=5)
    assert Source.read(source.text()) == source


def test_a_port_that_is_taken_is_told_before_anything_starts() -> None:
    import socket

    from planloom.dashboard.serving import serve
    from planloom.errors import UsageError

    source = Source(url="http://127.0.0.1:1", state="x", reports="y")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="choose another --port"):
            serve(source, taken.getsockname()[1], print)
