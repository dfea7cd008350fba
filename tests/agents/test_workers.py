from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import worker_tools as tools

from planloom.agents.registry import load_module
from planloom.agents.tool import ToolContext
from planloom.agents.workers import Workers
from planloom.agents.workspace import Workspace
from planloom.config import Config, Execution, Limits
from planloom.errors import AccessError, BudgetError, ResultError, ToolError, TransientError


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    pool = Workers(2)
    yield pool
    await pool.close()


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    return ToolContext(workspace=Workspace(tmp_path, tmp_path / "out"))


async def test_result_comes_back_and_process_is_reused(workers: Workers, context: ToolContext) -> None:
    first = await workers.call(tools.add, {"first": 2, "second": 3}, context)
    second = await workers.call(tools.add, {"first": 2}, context)
    assert (first["sum"], second["sum"]) == (5, 3)
    assert first["pid"] == second["pid"] != os.getpid()


async def test_errors_keep_class_and_attributes(workers: Workers, context: ToolContext) -> None:
    with pytest.raises(TransientError, match="later") as transient:
        await workers.call(tools.fail, {"kind": "transient"}, context)
    assert (transient.value.retry_after_s, transient.value.overloaded) == (3.5, True)
    with pytest.raises(BudgetError, match="empty") as budget:
        await workers.call(tools.fail, {"kind": "budget"}, context)
    assert budget.value.budget == "usd"
    with pytest.raises(AccessError, match="not there"):
        await workers.call(tools.fail, {"kind": "access"}, context)


@pytest.mark.parametrize(("kind", "text"), [("other", "KeyError: 'lost'"), ("exit", "SystemExit: 4")])
async def test_foreign_exception_becomes_tool_error(
    workers: Workers, context: ToolContext, kind: str, text: str
) -> None:
    with pytest.raises(ToolError, match=text) as raised:
        await workers.call(tools.fail, {"kind": kind}, context)
    assert "worker_tools.py" in raised.value.__notes__[0]


@pytest.mark.parametrize(("how", "text"), [("exit", "exit code 7.*the last words"), ("signal", "SIGSEGV")])
async def test_crash_is_named_and_next_call_gets_a_fresh_process(
    workers: Workers, context: ToolContext, how: str, text: str
) -> None:
    with pytest.raises(ToolError, match=text):
        await workers.call(tools.die, {"how": how}, context)
    assert (await workers.call(tools.add, {"first": 1}, context))["sum"] == 2


async def test_prints_do_not_disturb_the_protocol(workers: Workers, context: ToolContext) -> None:
    assert await workers.call(tools.noisy, {}, context) == "done"


async def test_context_progress_and_artifacts_cross_the_border(workers: Workers, tmp_path: Path) -> None:
    seen: list[tuple[float, float | None, str]] = []
    made: list[tuple[Path, str | None]] = []
    context = ToolContext(
        workspace=Workspace(tmp_path, tmp_path / "out"),
        config=Config(limits=Limits(wall_s=12.5)),
        run_id="r",
        step_id="s",
        attempt=2,
        feedback="again",
        idempotency_key="k",
        progress=lambda done, total=None, note="": seen.append((done, total, note)),
        artifact=lambda path, media_type=None: made.append((path, media_type)),
    )
    result = await workers.call(tools.report, {}, context)
    assert result == {
        "run_id": "r",
        "step_id": "s",
        "attempt": 2,
        "feedback": "again",
        "idempotency_key": "k",
        "root": str(tmp_path.resolve()),
        "wall_s": 12.5,
    }
    assert seen[0] == (1, 3, "first")
    assert seen[-1] == (3, 3, "last")
    assert len(seen) < 500
    assert [(path.read_text(encoding="utf-8"), kind) for path, kind in made] == [("made", "text/plain")]


async def test_cancel_kills_the_process_and_its_children(workers: Workers, context: ToolContext) -> None:
    call, pids = await _hanging(workers, context)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await _all_end(pids)
    assert (await workers.call(tools.add, {"first": 1}, context))["sum"] == 2


async def test_calls_run_side_by_side_up_to_the_count(workers: Workers, context: ToolContext, tmp_path: Path) -> None:
    pairs = [("a", "b"), ("b", "a")]
    calls = [workers.call(tools.meet, {"folder": str(tmp_path), "me": m, "other": o}, context) for m, o in pairs]
    assert await asyncio.gather(*calls) == ["a", "b"]
    more = await asyncio.gather(*(workers.call(tools.add, {"first": n}, context) for n in range(8)))
    assert [r["sum"] for r in more] == list(range(1, 9))
    assert len({r["pid"] for r in more}) <= 2


async def test_close_ends_calls_under_way_and_leaves_no_process(context: ToolContext) -> None:
    before = set(psutil.Process().children(recursive=True))
    pool = Workers(2)
    await pool.call(tools.add, {"first": 1}, context)
    call, pids = await _hanging(pool, context)
    await pool.close()
    with pytest.raises(ToolError, match="closed"):
        await call
    await pool.close()
    assert await _all_end(pids)
    assert set(psutil.Process().children(recursive=True)) <= before
    with pytest.raises(ToolError, match="closed"):
        await pool.call(tools.add, {"first": 1}, context)


async def test_idle_process_that_died_is_replaced(workers: Workers, context: ToolContext) -> None:
    pid = (await workers.call(tools.add, {"first": 1}, context))["pid"]
    dead = psutil.Process(pid)
    dead.kill()
    await asyncio.to_thread(dead.wait)
    after = await workers.call(tools.add, {"first": 1}, context)
    assert (after["sum"], after["pid"] != pid) == (2, True)


def test_worker_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio, sys\n"
        f"sys.path.append({str(Path(__file__).parent)!r})\n"
        "import worker_tools as tools\n"
        "from pathlib import Path\n"
        "from planloom.agents.tool import ToolContext\n"
        "from planloom.agents.workers import Workers\n"
        "from planloom.agents.workspace import Workspace\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "show = lambda done, total, note: print(note, flush=True)\n"
        "context = ToolContext(workspace=Workspace(folder, folder), progress=show)\n"
        "asyncio.run(Workers(1).call(tools.hang, {}, context))\n",
        encoding="utf-8",
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        worker, child = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        parent.kill()
    _, alive = psutil.wait_procs([worker], 20)
    with contextlib.suppress(psutil.NoSuchProcess):
        child.kill()  # on Linux the kernel kills the worker at once, so that it can't end its children
    assert not alive


async def test_result_above_the_limit_is_refused(workers: Workers, tmp_path: Path) -> None:
    config = Config(execution=Execution(max_result_bytes=1000))
    context = ToolContext(workspace=Workspace(tmp_path, tmp_path), config=config)
    assert len(await workers.call(tools.large, {"size": 900}, context)) == 900
    with pytest.raises(ResultError, match="at most 1000 bytes"):
        await workers.call(tools.large, {"size": 1001}, context)


async def test_large_result_arrives_whole(workers: Workers, context: ToolContext) -> None:
    assert len(await workers.call(tools.large, {"size": 20_000_000}, context)) == 20_000_000


async def test_result_that_is_not_data_is_refused(workers: Workers, context: ToolContext) -> None:
    with pytest.raises(ResultError, match="got object"):
        await workers.call(tools.not_data, {}, context)


async def test_memory_limit_fails_the_call_only(context: ToolContext) -> None:
    pool = Workers(1, memory_bytes=300 * 2**20)
    try:
        assert await pool.call(tools.hoard, {"size": 2**20}, context) == 2**20
        with pytest.raises(ToolError, match="MemoryError"):
            await pool.call(tools.hoard, {"size": 2**30}, context)
        assert await pool.call(tools.hoard, {"size": 1}, context) == 1
    finally:
        await pool.close()


async def test_batch_gives_results_and_errors_in_order(workers: Workers, context: ToolContext) -> None:
    results = await workers.call(tools.add, [{"first": 1}, {"first": 101}, {"first": 3}], context, batch=True)
    assert results[0] == {"sum": 2}
    assert isinstance(results[1], ToolError)
    assert results[2] == {"sum": 4}
    with pytest.raises(ToolError, match="batch form"):
        await workers.call(tools.large, [{"size": 1}], context, batch=True)


async def test_tool_of_a_python_file_is_found(workers: Workers, context: ToolContext, tmp_path: Path) -> None:
    file = tmp_path / "json.py"  # named like a module that exists already
    file.write_text(
        "from planloom.agents.tool import tool\n"
        "@tool(effect='pure', process=True)\n"
        "def double(n: int) -> int:\n"
        "    'Doubles.'\n"
        "    return 2 * n\n",
        encoding="utf-8",
    )
    assert await workers.call(load_module(str(file)).double, {"n": 21}, context) == 42


async def test_progress_that_fails_here_ends_the_call(workers: Workers, tmp_path: Path) -> None:
    def refuse(done: float, total: float | None = None, note: str = "") -> None:
        raise BudgetError("stop", budget="wall_s")

    context = ToolContext(workspace=Workspace(tmp_path, tmp_path), progress=refuse)
    with pytest.raises(BudgetError):
        await workers.call(tools.report, {}, context)
    assert (await workers.call(tools.add, {"first": 1}, context))["sum"] == 2


async def _hanging(pool: Workers, context: ToolContext) -> tuple[asyncio.Task[None], list[int]]:
    """A call that never ends, and the ids of its process and of that one's child."""
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    listening = replace(context, progress=lambda done, total=None, note="": told.set_result(note))
    call = asyncio.create_task(pool.call(tools.hang, {}, listening))
    return call, [int(pid) for pid in (await told).split()]


async def _all_end(pids: list[int]) -> bool:
    """Whether the kernel is done with killed processes within ten seconds; a killed child is not gone at once."""
    async with asyncio.timeout(10):
        while any(_runs(pid) for pid in pids):
            await asyncio.sleep(0)
    return True


def _runs(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
