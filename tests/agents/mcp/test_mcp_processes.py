"""No process of a server outlives us, however we end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from tests.agents.mcp.party import RAW, Gather, raw

from planloom.errors import TransientError

HOLDER = f"""
import os, sys, time
from planloom.agents.mcp.servers import Servers
from planloom.config import Mcp

start = {{"command": sys.executable, "args": ["-S", {RAW!r}, sys.argv[1]]}}
servers = Servers(Mcp.model_validate({{"servers": {{"raw": start}}}}), environ=os.environ)
assert servers.find("raw.echo") is not None
print(servers.server("raw").connection.process_id, flush=True)
if sys.argv[2] == "stay":
    time.sleep(600)
"""


def holder(mode: str, end: str) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """A process that holds a server, and the processes below it."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, mode, end], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    guard = psutil.Process(int(process.stdout.readline()))
    return process, [guard, *guard.children(recursive=True)]


def are_gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=15)
    return not alive


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_killed_program_leaves_no_server(how: signal.Signals):
    process, below = holder("good", "stay")
    assert len(below) == 2
    process.send_signal(how)
    process.communicate(timeout=15)
    assert are_gone(below)


def test_program_that_ends_without_closing_leaves_no_server():
    with suppress(psutil.NoSuchProcess):
        process, below = holder("good", "end")
        process.communicate(timeout=30)
        assert process.returncode == 0
        assert are_gone(below)


async def test_killed_guard_takes_its_server_along(gather: Gather):
    party = gather({"raw": raw()})
    await party.call("raw.echo")
    guard, server = party.processes()
    guard.kill()
    assert are_gone([server])
    with suppress(TransientError):
        await party.call("raw.echo")
    assert (await party.call("raw.echo"))["data"] == {}


async def test_kills_in_mid_call_leave_nothing_unanswered_and_nothing_behind(gather: Gather):
    party = gather({"raw": raw()})
    seen: list[psutil.Process] = []
    for number in range(12):
        calls = [asyncio.ensure_future(party.call("raw.hang")) for _ in range(3)]
        await party.call("raw.echo")
        processes = party.processes()
        seen += processes
        os.kill(processes[0 if number % 4 == 3 else 1].pid, signal.SIGKILL)
        errors = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(error, TransientError) and "'raw' died" in str(error) for error in errors)
        assert (await party.call("raw.echo", n=number))["data"] == {"n": number}
    await party.servers.close()
    assert are_gone(seen)


async def test_child_that_left_the_group_goes_when_the_server_crashes(gather: Gather):
    party = gather({"raw": raw()})
    child = psutil.Process(int((await party.call("raw.spawn"))["text"]))
    with pytest.raises(TransientError):
        await party.call("raw.kill")
    assert are_gone([child])


async def test_server_that_ignores_being_asked_to_end_is_killed(gather: Gather, tmp_path: Path):
    script = tmp_path / "stubborn.py"
    script.write_text(
        "import runpy, signal, threading\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"runpy.run_path({RAW!r})\n"
        "threading.Event().wait()\n"
    )
    party = gather({"raw": {"command": sys.executable, "args": ["-S", str(script)]}})
    await party.call("raw.echo")
    processes = party.processes()
    await party.servers.close()
    assert are_gone(processes)
